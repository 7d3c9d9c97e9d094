// Follows the settle streams of all nodes, each in one process at a time: the one that has the
// stream's lease. It is given up before it ends, so that two processes never believe they have it;
// and were they to, the lease's number keeps the older one from writing. Streams are spread over
// the living processes by a hash that all of them compute alike. What is done again and again is
// done for all nodes together: a thousand of them cost three timers and as many statements.
import { ownerOf } from '../core/spread.ts';
import type { Clock } from '../core/ports.ts';
import {
  endListening,
  keepStream,
  keepStreams,
  nodesToFollow,
  sayListening,
  settledBehindStream,
  takeStreams,
} from '../db/nodes.ts';
import type { StreamLease } from '../db/nodes.ts';
import type { Deps } from '../flows/flow.ts';
import { every } from './every.ts';
import type { Following } from './following.ts';
import { followNode } from './following.ts';
import type { FollowOptions } from './recording.ts';
import { realTime } from './time.ts';
import type { Time } from './time.ts';
import { isDatabaseAway } from '../db/database.ts';

export type ListenerOptions = FollowOptions & {
  /** How often free streams are looked for, and others' are handed over. */
  takeMs: number;
  leaseMs: number;
  keepMs: number;
  /** A stream that could not be kept for this long is closed, before its lease ends. */
  closeMs: number;
  /** Between two streams that are handed over, or two handfuls that are taken. */
  handOverMs: number;
  silenceMs: number;
  /** A settle that a lookup found is given this long to come on the stream too. */
  silenceGraceMs: number;
  /** For tests that play time and chance. */
  time: Time;
};

export type Listener = {
  /** The nodes that this process follows. */
  following: () => number[];
  /** How many settles of each of them are not within its cursor yet. */
  behind: () => ReadonlyMap<number, number>;
  /** How each of their streams stands. */
  standing: () => ReadonlyMap<number, ReturnType<Following['standing']>>;
  stop: () => Promise<void>;
};

const defaults: ListenerOptions = {
  ...{ takeMs: 2_000, leaseMs: 6_000, keepMs: 2_000, closeMs: 4_500, handOverMs: 100 },
  ...{ silenceMs: 20_000, silenceGraceMs: 2_000, reopenMs: 500, reopenAtMostMs: 30_000 },
  ...{ steadyMs: 10_000, holeMs: 30_000, batchAtMost: 100, waitingAtMost: 10_000 },
  time: realTime,
};
/** Settle statements of one process at once: a burst must not take every connection. */
const statementsAtMost = 4;
/** Streams that are opened in one go: each is a TLS handshake. */
const handful = 25;

type Held = { following: Following; kept: number };
type Listening = {
  readonly deps: Deps;
  readonly holder: string;
  readonly now: Clock;
  readonly options: ListenerOptions;
  readonly inTurn: <T>(work: () => Promise<T>) => Promise<T>;
  readonly held: Map<number, Held>;
  readonly stopping: AbortController;
};

export function startListener(
  deps: Deps,
  about: { holder: string; now: Clock; options: Partial<ListenerOptions> },
): Listener {
  const { holder, now } = about;
  const options = { ...defaults, ...about.options };
  const listening: Listening = {
    ...{ deps, holder, now, options, inTurn: places(statementsAtMost) },
    ...{ held: new Map<number, Held>(), stopping: new AbortController() },
  };
  const onError = (error: unknown): void => {
    if (!isDatabaseAway(error)) deps.log.error({ err: error }, 'listener.failed');
  };
  const loops = [
    every(options.takeMs, () => share(listening), onError, 300),
    every(options.keepMs, () => keepAll(listening), onError),
    every(options.silenceMs, () => lookForSilence(listening), onError),
    // A statement that hangs must not keep us from seeing that a lease is about to end.
    every(options.keepMs / 4, () => watch(listening), onError),
  ];
  return {
    following: () => [...listening.held.keys()],
    behind: () =>
      new Map([...listening.held].map(([id, { following }]) => [id, following.behind()])),
    standing: () =>
      new Map([...listening.held].map(([id, { following }]) => [id, following.standing()])),
    stop: async () => {
      listening.stopping.abort();
      await Promise.all(loops.map((loop) => loop.stop()));
      // First this: what is released is to be taken at once, and not kept free for us.
      await endListening(deps.db, holder).catch(() => undefined);
      const ids = [...listening.held.keys()];
      await Promise.all(ids.map((id) => release(listening, id, 'leave')));
    },
  };
}

/**
 * Takes the streams of our share that nobody has, leaves those that are another's, one after the
 * other, and those of nodes that are followed no more.
 */
async function share(listening: Listening): Promise<void> {
  const { deps, options, held, holder, stopping } = listening;
  const live = await sayListening(deps.db, { holder, aliveMs: options.leaseMs });
  const nodes = await nodesToFollow(deps.db);
  const wanted = new Set(nodes.map(({ id }) => id));
  for (const id of held.keys()) if (!wanted.has(id)) await release(listening, id, 'leave');
  const isOurs = (id: number): boolean => ownerOf(String(id), live) === holder;
  const ours = nodes.filter(({ id }) => !held.has(id) && isOurs(id));
  await takeFree(
    listening,
    ours.filter(({ free }) => free).map(({ id }) => id),
  );
  const until = options.time.ms() + options.takeMs;
  const others = [...held.keys()].filter((id) => !isOurs(id));
  for (const id of others) {
    if (stopping.signal.aborted || options.time.ms() > until) return;
    await release(listening, id, 'leave');
    await options.time.rest(options.handOverMs, stopping.signal);
  }
  await awaitHandOver(listening, { ids: ours.map(({ id }) => id), until });
}

async function takeFree(listening: Listening, ids: readonly number[]): Promise<void> {
  const { deps, options, holder, stopping } = listening;
  const { leaseMs, handOverMs, time } = options;
  for (let at = 0; at < ids.length && !stopping.signal.aborted; at += handful) {
    const nodeIds = ids.slice(at, at + handful);
    const taken = await takeStreams(deps.db, { nodeIds, holder, leaseMs });
    for (const lease of taken) start(listening, lease);
    if (at + handful < ids.length) await time.rest(handOverMs, stopping.signal);
  }
}

/** Others are about to hand over what is ours: nobody shall be without a listener for long. */
async function awaitHandOver(
  listening: Listening,
  about: { ids: readonly number[]; until: number },
): Promise<void> {
  const { options, held, stopping } = listening;
  const { time, handOverMs } = options;
  for (;;) {
    const ids = about.ids.filter((id) => !held.has(id));
    const over = ids.length === 0 || time.ms() > about.until;
    if (over || stopping.signal.aborted) return;
    await time.rest(2 * handOverMs, stopping.signal);
    await takeFree(listening, ids);
  }
}

function start(listening: Listening, lease: StreamLease): void {
  const { deps, now, options, inTurn, held, stopping } = listening;
  const { nodeId } = lease;
  const following = followNode(deps, { lease, now, options, inTurn });
  held.set(nodeId, { following, kept: options.time.ms() });
  deps.log.info({ nodeId, leaseNo: lease.leaseNo }, 'stream.taken');
  const lose = (): void => void release(listening, nodeId, 'lost');
  following.closed.addEventListener('abort', lose, { once: true });
  if (stopping.signal.aborted) void release(listening, nodeId, 'leave');
}

/**
 * Says that this process lives, and keeps its streams. Taking hundreds of them lasts longer than
 * its word: others would take its share for free, and hand it back.
 */
async function keepAll(listening: Listening): Promise<void> {
  const { deps, options, holder } = listening;
  await Promise.all([
    sayListening(deps.db, { holder, aliveMs: options.leaseMs }),
    keepHeld(listening),
  ]);
}

/** Keeps all streams in one statement; those whose row was busy one by one. */
async function keepHeld(listening: Listening): Promise<void> {
  const { deps, options, held, holder } = listening;
  const asked = options.time.ms();
  const all = [...held.values()];
  if (all.length === 0) return;
  const leases = all.map(({ following }) => following.lease());
  const { leaseMs } = options;
  const kept = await keepStreams(deps.db, { holder, leases, leaseMs });
  const keepOne = async (mine: Held): Promise<void> => {
    const lease = mine.following.lease();
    const ok = kept.has(lease.nodeId) || (await keepStream(deps.db, lease, leaseMs));
    if (ok) mine.kept = asked;
    else await release(listening, lease.nodeId, 'lost');
  };
  await Promise.all(all.map(keepOne));
}

async function watch(listening: Listening): Promise<void> {
  const { options, held } = listening;
  for (const [nodeId, { following, kept }] of held) {
    following.lookAtHole();
    if (options.time.ms() - kept > options.closeMs) await release(listening, nodeId, 'lost');
  }
}

/** A lookup found a settle that the open stream did not tell: it is connected, and silent. */
async function lookForSilence(listening: Listening): Promise<void> {
  const { deps, options, held, stopping } = listening;
  const behind = async (among: Iterable<number>): Promise<Set<number>> => {
    const open = [...among].flatMap((nodeId) => {
      const since = held.get(nodeId)?.following.trustedFrom();
      return since === undefined ? [] : [{ nodeId, since }];
    });
    return settledBehindStream(deps.db, open);
  };
  const suspects = await behind(held.keys());
  if (suspects.size === 0) return;
  await options.time.rest(options.silenceGraceMs, stopping.signal);
  for (const nodeId of await behind(suspects)) {
    deps.log.warn({ nodeId }, 'stream.silent');
    held.get(nodeId)?.following.reopen('silent');
  }
}

async function release(listening: Listening, nodeId: number, how: 'leave' | 'lost'): Promise<void> {
  const mine = listening.held.get(nodeId);
  if (mine === undefined) return;
  listening.held.delete(nodeId);
  await mine.following.close(how);
  listening.deps.log.info({ nodeId, how }, 'stream.released');
}

/** Lets so many pieces of work run at once; the others wait in line. */
function places(atMost: number): <T>(work: () => Promise<T>) => Promise<T> {
  const line: (() => void)[] = [];
  let free = atMost;
  return async (work) => {
    if (free > 0) free -= 1;
    else await new Promise<void>((go) => line.push(go));
    try {
      return await work();
    } finally {
      const next = line.shift();
      if (next === undefined) free += 1;
      else next();
    }
  };
}
