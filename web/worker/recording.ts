// What a followed stream tells is recorded here: in the order it came, as many events in one
// statement as wait, and the cursor in the same statement. Money first: what comes beyond a hole is
// recorded at once, and only the cursor waits.
import { setTimeout as pause } from 'node:timers/promises';
import type { Observation } from '../core/invoice.ts';
import type { Clock, SettleStream } from '../core/ports.ts';
import type { StreamLease } from '../db/nodes.ts';
import { count } from '../db/counted.ts';
import { beginStreamEpoch, settledOf, streamIsWhole } from '../db/nodes.ts';
import type { Deps } from '../flows/flow.ts';
import { lookAtAll, lookAtLapsed } from '../flows/look-at-all.ts';
import { recordStream } from '../flows/observe-invoice.ts';
import type { SettleCursor } from './settle-cursor.ts';
import { settleCursor } from './settle-cursor.ts';
import { isDatabaseBusy } from '../db/database.ts';

export type FollowOptions = {
  /** The first wait before a stream is opened again; doubles to `reopenAtMostMs`. */
  reopenMs: number;
  reopenAtMostMs: number;
  /** A stream that was open for this long begins again with the first wait. */
  steadyMs: number;
  /** How long a hole may stay before the stream is opened again, so that it is replayed. */
  holeMs: number;
  /** Events of one statement, and events that may wait. */
  batchAtMost: number;
  waitingAtMost: number;
};

export type Via = 'live' | 'replay';
type Event =
  | { is: 'settle'; via: Via; seen: Observation }
  /** The replay of this connection is complete, and went up to this index. */
  | { is: 'replayed'; of: Connection; to: bigint; looked?: boolean };

/** One opening of the stream, from connecting to its end. */
export type Connection = {
  stream: SettleStream | undefined;
  openedAt: Date | undefined;
  /** A lookup that found a settle after this moment shows that the stream is silent. */
  trustedFrom: Date | undefined;
  replayedTo: bigint;
  replayed: boolean;
  whole: boolean;
  over: boolean;
  ended: PromiseWithResolvers<unknown>;
};

export type Follow = {
  readonly deps: Deps;
  readonly now: Clock;
  readonly options: FollowOptions;
  /** Waits for a place among the statements of this process. */
  readonly inTurn: <T>(work: () => Promise<T>) => Promise<T>;
  readonly closing: AbortController;
  lease: StreamLease;
  cursor: SettleCursor;
  waiting: Event[];
  recording: boolean;
  connection: Connection | undefined;
  /** Since when the lowest hole is there. */
  hole: { at: bigint; since: number } | undefined;
  holeReopenings: number;
  holeReopenedAt: number;
  /** When the stream last told a settle. */
  heardAt: Date | undefined;
  /** How often in a row too many events waited while the cursor stood here. */
  crowded: { at: bigint; times: number };
};

/** All invoices are being looked at: what these looks find says nothing of the stream. */
export const afterLooks = (since: Date): Date => new Date(since.getTime() + 60_000);

/** Why a stream was closed that told more than may wait. */
export const tooMany = 'too_many_waiting';

/** A replay may begin with what is far above the cursor: then more of it is needed to go on. */
export const mayWait = ({ options, crowded }: Follow): number =>
  options.waitingAtMost * 2 ** Math.min(crowded.times, 4);

/** More came than may wait. What waits is recorded first; the next replay begins above it. */
export async function recordWhatWaits(follow: Follow): Promise<void> {
  const { signal } = follow.closing;
  while (follow.waiting.length > 0 && !signal.aborted) {
    await pause(20, undefined, { signal }).catch(() => undefined);
  }
  const at = follow.cursor.at();
  follow.crowded = { at, times: at === follow.crowded.at ? follow.crowded.times + 1 : 0 };
}

/** One statement in flight; when it is back, the next takes all that waits. */
export async function record(follow: Follow): Promise<void> {
  if (follow.recording) return;
  follow.recording = true;
  const { signal } = follow.closing;
  try {
    while (follow.waiting.length > 0 && !signal.aborted) {
      const taken = takeBatch(follow);
      try {
        await recordTaken(follow, taken);
      } catch (error) {
        // Recording again what may be recorded changes nothing.
        if (isDatabaseBusy(error)) follow.waiting.unshift(...taken);
        else await recordSingly(follow, taken, error);
        await pause(500, undefined, { signal }).catch(() => undefined);
      }
    }
  } finally {
    follow.recording = false;
  }
}

const recordTaken = (follow: Follow, taken: readonly Event[]): Promise<void> =>
  taken[0]?.is === 'replayed' ? pastReplay(follow, taken[0]) : recordBatch(follow, taken);

/** One event that cannot be recorded must not hold up the others. The cursor stays below it. */
async function recordSingly(
  follow: Follow,
  taken: readonly Event[],
  because: unknown,
): Promise<void> {
  const { nodeId } = follow.lease;
  follow.deps.log.error({ nodeId, events: taken.length, err: because }, 'stream.not_recorded');
  for (const [at, event] of taken.entries()) {
    try {
      await recordTaken(follow, [event]);
    } catch (error) {
      if (isDatabaseBusy(error)) {
        follow.waiting.unshift(...taken.slice(at));
        return;
      }
      if (event.is === 'settle') follow.cursor.failed([event.seen]);
    }
  }
}

/** The next events that came in the same way, or one end of a replay. */
function takeBatch(follow: Follow): Event[] {
  const { waiting, options } = follow;
  const [head] = waiting;
  const via = head?.is === 'settle' ? head.via : undefined;
  const differs = waiting.findIndex((event) => event.is === 'replayed' || event.via !== via);
  const length = head?.is === 'replayed' ? 1 : differs < 0 ? waiting.length : differs;
  return waiting.splice(0, Math.min(length, options.batchAtMost));
}

async function recordBatch(follow: Follow, events: readonly Event[]): Promise<void> {
  const settles = events.filter((event) => event.is === 'settle');
  const via = settles[0]?.via;
  if (via === undefined) return;
  const seen = settles.map((event) => event.seen);
  const { cursor } = follow;
  const firstBack = via === 'live' ? await firstThatGoesBack(follow, seen) : -1;
  const ofEpoch = firstBack < 0 ? seen : seen.slice(0, firstBack);
  const to = cursor.after(ofEpoch);
  if (!(await store(follow, { seen: ofEpoch, via, to }))) return;
  cursor.recorded(ofEpoch);
  // Were they recorded before the epoch is, whoever dies in between would forget that they went
  // back: a settle that is recorded with its index looks like one that came again.
  if (firstBack >= 0 && !(await beginEpoch(follow, seen.slice(firstBack)))) return;
  await watchWhole(follow);
}

const differs = (recorded: { settleIndex: bigint | null }, index: bigint | undefined): boolean =>
  recorded.settleIndex !== null && recorded.settleIndex !== index;

/** Clocks of nodes and ours may be so far apart. */
const clocksApartMs = 60_000;

/**
 * Where the node's counters went back; -1: nowhere. The live stream may bring what an earlier owner
 * of it has recorded, and the memory of that is not ours: of our own invoices the row says whether
 * this is the settle that is recorded, and others' count only if they were settled after this
 * stream was opened.
 */
async function firstThatGoesBack(follow: Follow, seen: readonly Observation[]): Promise<number> {
  const { deps, cursor, lease, connection } = follow;
  const suspects = seen.filter((each) => cursor.goesBack(each));
  if (suspects.length === 0) return -1;
  const hashes = suspects.map(({ hash }) => hash);
  const ours = await settledOf(deps.db, { nodeId: lease.nodeId, hashes });
  const openedMs = connection?.openedAt?.getTime() ?? Infinity;
  const goesBack = ({ hash, settleIndex, settledAt }: Observation): boolean => {
    const recorded = ours.get(hash);
    if (recorded !== undefined) return !recorded.settled || differs(recorded, settleIndex);
    return (settledAt?.getTime() ?? 0) > openedMs + clocksApartMs;
  };
  return seen.findIndex((each) => cursor.goesBack(each) && goesBack(each));
}

/** True when it is written. False: the stream is another process's now. */
async function store(
  follow: Follow,
  about: { seen: readonly Observation[]; via: Via; to: bigint },
): Promise<boolean> {
  const { deps, lease } = follow;
  const { nodeId, holder, leaseNo, epoch } = lease;
  const recorder = { via: about.via, holder, leaseNo, epoch, cursor: about.to };
  const { owner } = await follow.inTurn(() =>
    recordStream(deps, { nodeId, observations: about.seen, recorder }),
  );
  if (owner) {
    const now = follow.now().getTime();
    const agesMs = about.seen.map(({ settledAt }) => now - (settledAt?.getTime() ?? now));
    if (agesMs.length > 0) count(deps.db.pool, { is: 'recorded', agesMs });
    return true;
  }
  count(deps.db.pool, { is: 'fenced', lease: 'stream' });
  deps.log.warn({ nodeId, leaseNo }, 'stream.lost');
  follow.closing.abort();
  follow.waiting = [];
  follow.connection?.ended.resolve('lost');
  return false;
}

/**
 * The node was migrated or restored: its settles count from the beginning again. False: the stream
 * is another process's now.
 */
async function beginEpoch(follow: Follow, fresh: readonly Observation[]): Promise<boolean> {
  const { deps, lease, connection } = follow;
  await beginStreamEpoch(deps.db, lease);
  deps.log.error({ nodeId: lease.nodeId, epoch: lease.epoch + 1 }, 'stream.counter_went_back');
  follow.lease = { ...lease, epoch: lease.epoch + 1, cursor: 0n };
  follow.cursor = settleCursor(0n);
  // Every invoice is being looked at, and the live stream is open.
  follow.cursor.startHere();
  if (connection !== undefined) connection.trustedFrom = afterLooks(follow.now());
  const to = follow.cursor.after(fresh);
  if (!(await store(follow, { seen: fresh, via: 'live', to }))) return false;
  follow.cursor.recorded(fresh);
  return true;
}

/** The replay is complete and recorded: holes below its end are empty, and the stream is whole. */
async function pastReplay(
  follow: Follow,
  event: Extract<Event, { is: 'replayed' }>,
): Promise<void> {
  const { deps, cursor, lease } = follow;
  const before = cursor.at();
  const holes = cursor.holesUpTo(event.to);
  if (holes.length > 0 && event.looked !== true) {
    void lookThenPass(follow, event);
    return;
  }
  if (event.looked) event.of.trustedFrom = afterLooks(follow.now());
  for (const { from, to } of holes) {
    const hole = { from: String(from), to: String(to) };
    deps.log.info({ nodeId: lease.nodeId, ...hole }, 'stream.hole_is_empty');
  }
  cursor.replayedTo(event.to);
  if (
    cursor.at() > before &&
    !(await store(follow, { seen: [], via: 'replay', to: cursor.at() }))
  ) {
    return;
  }
  event.of.replayed = true;
  follow.hole = undefined;
  watchHole(follow);
  if (!cursor.hasHole()) await sayWhole(follow, event.of, event.of.openedAt);
  // What ran out while the node was away: it may be much.
  lookAtLapsed(deps, lease.nodeId).catch((error: unknown) => event.of.ended.resolve(error));
}

/**
 * A replay that a stalled line cut off looks like a whole one: what the node says of each invoice
 * is the truth. Live settles are recorded meanwhile.
 */
async function lookThenPass(
  follow: Follow,
  event: Extract<Event, { is: 'replayed' }>,
): Promise<void> {
  try {
    await lookAtAll(follow.deps, follow.lease.nodeId);
    if (event.of.over || follow.closing.signal.aborted) return;
    follow.waiting.push({ ...event, looked: true });
    await record(follow);
  } catch (error) {
    event.of.ended.resolve(error);
  }
}

/** A stream with a hole is not whole; one whose hole was filled by a late event is, from now on. */
export async function watchWhole(follow: Follow): Promise<void> {
  const { connection, cursor } = follow;
  watchHole(follow);
  if (connection === undefined) return;
  if (connection.whole && cursor.hasHole()) await sayWhole(follow, connection, undefined);
  else if (!connection.whole && connection.replayed && !cursor.hasHole()) {
    await sayWhole(follow, connection, follow.now());
  }
}

export async function sayWhole(
  follow: Follow,
  connection: Connection,
  since: Date | undefined,
): Promise<void> {
  if (connection.over && since !== undefined) return;
  await streamIsWhole(follow.deps.db, follow.lease, since ?? null);
  connection.whole = since !== undefined;
}

/** A hole that stays is looked into by a replay; less and less often, if it is still there. */
export function watchHole(follow: Follow): void {
  const { cursor, options, connection } = follow;
  const now = performance.now();
  if (!cursor.hasHole()) follow.hole = undefined;
  else if (follow.hole?.at !== cursor.at()) follow.hole = { at: cursor.at(), since: now };
  const { hole } = follow;
  // During a replay holes are nothing: a node may tell it in any order.
  if (hole === undefined || connection?.replayed !== true || cursor.at() === 0n) return;
  if (now - follow.holeReopenedAt > 20 * options.holeMs) follow.holeReopenings = 0;
  const patienceMs = options.holeMs * Math.min(2 ** follow.holeReopenings, 20);
  const full = cursor.beyond() > options.waitingAtMost;
  if (!full && now - hole.since < patienceMs) return;
  follow.holeReopenings += 1;
  follow.holeReopenedAt = now;
  hole.since = now;
  connection.ended.resolve('hole');
}
