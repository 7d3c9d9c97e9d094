// One node's settle stream, followed by the process that owns it. It is opened again whenever it
// ends, is silent, or has left a hole. Nothing is lost by closing it: the cursor brings back what
// follows.
import { setTimeout as pause } from 'node:timers/promises';
import type { Observation } from '../core/invoice.ts';
import { spreadMs } from '../core/retry.ts';
import { Trouble } from '../core/trouble.ts';
import { count } from '../db/counted.ts';
import type { StreamLease } from '../db/nodes.ts';
import { nodeLane, openLane } from '../db/lanes.ts';
import {
  leaveStream,
  lookAtAllInvoices,
  nodeAnswered,
  nodeHasTrouble,
  streamIsOpen,
} from '../db/nodes.ts';
import type { Deps } from '../flows/flow.ts';
import type { Connection, Follow, Via } from './recording.ts';
import {
  afterLooks,
  mayWait,
  record,
  recordWhatWaits,
  sayWhole,
  tooMany,
  watchHole,
  watchWhole,
} from './recording.ts';
import { settleCursor } from './settle-cursor.ts';

export type Following = {
  nodeId: number;
  lease: () => StreamLease;
  /** From when on a settle found by a lookup shows that the open stream is silent. */
  trustedFrom: () => Date | undefined;
  /** Opens the stream again. */
  reopen: (why: string) => void;
  /** Looks whether a hole has been there for too long. */
  lookAtHole: () => void;
  /** Settles that the stream told and that wait to be recorded, or stand beyond a hole. */
  behind: () => number;
  /** For the operator: runs of missing indexes, and when the stream last told a settle. */
  standing: () => { holes: number; heardAt: Date | undefined };
  /** Stops; gives the lease up unless it is lost. */
  close: (how: 'leave' | 'lost') => Promise<void>;
  closed: AbortSignal;
};

export function followNode(
  deps: Deps,
  about: Pick<Follow, 'lease' | 'now' | 'options' | 'inTurn'>,
): Following {
  const follow: Follow = {
    ...{ deps, ...about, closing: new AbortController(), cursor: settleCursor(about.lease.cursor) },
    ...{
      waiting: [],
      recording: false,
      connection: undefined,
      hole: undefined,
      holeReopenings: 0,
      holeReopenedAt: 0,
      heardAt: undefined,
      crowded: { at: -1n, times: 0 },
    },
  };
  const { signal } = follow.closing;
  void keepOpen(follow);
  return {
    nodeId: about.lease.nodeId,
    lease: () => follow.lease,
    trustedFrom: () => follow.connection?.trustedFrom,
    reopen: (why) => follow.connection?.ended.resolve(why),
    lookAtHole: () => watchHole(follow),
    behind: () => follow.waiting.length + follow.cursor.beyond(),
    standing: () => ({ holes: follow.cursor.holes(), heardAt: follow.heardAt }),
    close: async (how) => {
      if (signal.aborted) return;
      follow.closing.abort();
      follow.connection?.ended.resolve('closed');
      follow.waiting = [];
      if (how === 'leave') await leaveStream(deps.db, follow.lease).catch(() => undefined);
    },
    closed: signal,
  };
}

/** Opens the stream again and again, for as long as the lease is ours. */
async function keepOpen(follow: Follow): Promise<void> {
  const { options, deps } = follow;
  const { nodeId } = follow.lease;
  const { signal } = follow.closing;
  for (let failures = 0; !signal.aborted;) {
    const connection = newConnection();
    follow.connection = connection;
    const openedAt = performance.now();
    await connect(follow, connection);
    const why = await connection.ended.promise;
    await endConnection(follow, connection);
    if (isAborted(signal)) return;
    const wasOpen = connection.openedAt !== undefined;
    const steady = wasOpen && performance.now() - openedAt > options.steadyMs;
    failures = steady ? 1 : failures + 1;
    const trouble = why instanceof Trouble ? why : undefined;
    const because = trouble?.what ?? String(why);
    deps.log.warn({ nodeId, because, failures }, 'stream.ended');
    count(deps.db.pool, {
      is: 'stream_ended',
      because: typeof why === 'string' ? why : (trouble?.what ?? 'defect'),
    });
    if (!wasOpen && trouble?.from === 'node') {
      await nodeHasTrouble(deps.db, nodeId, trouble.what).catch(() => undefined);
    }
    if (why === tooMany) {
      await recordWhatWaits(follow);
      failures = 0;
      continue;
    }
    const backOffMs = Math.min(options.reopenMs * 2 ** (failures - 1), options.reopenAtMostMs);
    const waitMs = Math.max(spreadMs(backOffMs, Math.random()), trouble?.waitMs ?? 0);
    await pause(waitMs, undefined, { signal }).catch(() => undefined);
  }
}

const isAborted = (signal: AbortSignal): boolean => signal.aborted;

const newConnection = (): Connection => ({
  ...{ stream: undefined, openedAt: undefined, trustedFrom: undefined, replayedTo: 0n },
  ...{ replayed: false, whole: false, over: false, ended: Promise.withResolvers<unknown>() },
});

async function connect(follow: Follow, connection: Connection): Promise<void> {
  const { deps, cursor, lease } = follow;
  const end = (why: unknown): void => connection.ended.resolve(why);
  try {
    const node = await deps.nodes.of(lease.nodeId);
    if (follow.closing.signal.aborted) return;
    connection.stream = node.followSettles(
      { cursor: cursor.at() },
      {
        opened: () => {
          void opened(follow, connection).catch(end);
        },
        settled: (observations, via) => heard(follow, { connection, observations, via }),
        replayed: () => {
          if (connection.over) return;
          follow.waiting.push({ is: 'replayed', of: connection, to: connection.replayedTo });
          void record(follow);
        },
        ended: end,
      },
    );
  } catch (error) {
    end(error);
  }
}

async function endConnection(follow: Follow, connection: Connection): Promise<void> {
  connection.over = true;
  connection.stream?.close();
  if (connection.whole) await sayWhole(follow, connection, undefined).catch(() => undefined);
  if (connection.openedAt === undefined) return;
  await streamIsOpen(follow.deps.db, follow.lease, null).catch(() => undefined);
}

/** The live stream misses nothing from here on; a replay or a look at all brings the rest. */
async function opened(follow: Follow, connection: Connection): Promise<void> {
  if (connection.over || connection.openedAt !== undefined) return;
  const { deps, lease } = follow;
  const openedAt = follow.now();
  connection.openedAt = openedAt;
  connection.trustedFrom = openedAt;
  deps.log.info({ nodeId: lease.nodeId, cursor: String(follow.cursor.at()) }, 'stream.open');
  await streamIsOpen(deps.db, lease, openedAt);
  if (follow.cursor.at() === 0n) {
    await lookAtAllInvoices(deps.db.pool, lease.nodeId);
    follow.cursor.startHere();
    connection.trustedFrom = afterLooks(openedAt);
  }
  // Live settles that came meanwhile are where the cursor begins.
  follow.cursor.recorded([]);
  await watchWhole(follow);
  await nodeAnswered(deps.db, lease.nodeId);
  await openLane(deps.db, nodeLane(lease.nodeId));
}

function heard(
  follow: Follow,
  about: { connection: Connection; observations: readonly Observation[]; via: Via },
): void {
  const { connection, observations, via } = about;
  if (connection.over) return;
  const room = Math.max(mayWait(follow) - follow.waiting.length, 0);
  for (const seen of observations.slice(0, room)) {
    follow.waiting.push({ is: 'settle', via, seen });
    const index = seen.settleIndex ?? 0n;
    if (via === 'replay' && index > connection.replayedTo) connection.replayedTo = index;
  }
  const now = follow.now();
  follow.heardAt = now;
  const { trustedFrom } = connection;
  if (trustedFrom !== undefined && trustedFrom < now) connection.trustedFrom = now;
  if (observations.length > room) {
    // Our memory is not the place to keep money: the cursor brings back what found no room.
    connection.over = true;
    connection.ended.resolve(tooMany);
  }
  void record(follow);
}
