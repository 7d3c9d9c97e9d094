// Follows the settle streams of all nodes, each in one process at a time: the one that has the
// stream's lease. It is given up before it ends, so that two processes never believe they have it;
// and were they to, the lease's number keeps the older one from writing.
import { setTimeout as pause } from 'node:timers/promises';
import type { Clock } from '../core/ports.ts';
import { keepStream, nodesToFollow, settledBehindStream, takeStream } from '../db/nodes.ts';
import type { Deps } from '../flows/flow.ts';
import type { Loop } from './every.ts';
import { every } from './every.ts';
import type { Following } from './following.ts';
import { followNode } from './following.ts';
import type { FollowOptions } from './recording.ts';
import { isDatabaseAway } from '../db/database.ts';

export type ListenerOptions = FollowOptions & {
  /** How often free streams are looked for. */
  takeMs: number;
  leaseMs: number;
  keepMs: number;
  /** A stream that could not be kept for this long is closed, before its lease ends. */
  closeMs: number;
  silenceMs: number;
  /** A settle that a lookup found is given this long to come on the stream too. */
  silenceGraceMs: number;
};

export type Listener = {
  /** The nodes that this process follows. */
  following: () => number[];
  stop: () => Promise<void>;
};

const defaults: ListenerOptions = {
  ...{ takeMs: 2_000, leaseMs: 8_000, keepMs: 2_000, closeMs: 6_000 },
  ...{ silenceMs: 20_000, silenceGraceMs: 2_000, reopenMs: 500, reopenAtMostMs: 30_000 },
  ...{ steadyMs: 10_000, holeMs: 30_000, batchAtMost: 100, waitingAtMost: 10_000 },
};
/** Settle statements of one process at once: a burst must not take every connection. */
const statementsAtMost = 4;

type Held = { following: Following; loops: Loop[]; kept: number };
type Listening = {
  readonly deps: Deps;
  readonly holder: string;
  readonly now: Clock;
  readonly options: ListenerOptions;
  readonly inTurn: <T>(work: () => Promise<T>) => Promise<T>;
  readonly held: Map<number, Held>;
  stopping: boolean;
};

export function startListener(
  deps: Deps,
  about: { holder: string; now: Clock; options: Partial<ListenerOptions> },
): Listener {
  const { holder, now } = about;
  const options = { ...defaults, ...about.options };
  const listening: Listening = {
    ...{ deps, holder, now, options, inTurn: places(statementsAtMost) },
    ...{ held: new Map<number, Held>(), stopping: false },
  };
  const onError = (error: unknown): void => {
    if (!isDatabaseAway(error)) deps.log.error({ err: error }, 'listener.failed');
  };
  const taking = every(options.takeMs, () => takeFree(listening), onError, 300);
  return {
    following: () => [...listening.held.keys()],
    stop: async () => {
      listening.stopping = true;
      await taking.stop();
      const ids = [...listening.held.keys()];
      await Promise.all(ids.map((id) => release(listening, id, 'leave')));
    },
  };
}

/** Takes streams that nobody has, and leaves those of nodes that are followed no more. */
async function takeFree(listening: Listening): Promise<void> {
  const { deps, options, held, holder } = listening;
  const nodes = await nodesToFollow(deps.db);
  const wanted = new Set(nodes);
  for (const id of held.keys()) if (!wanted.has(id)) await release(listening, id, 'leave');
  const free = nodes.filter((id) => !held.has(id));
  for (const nodeId of shuffled(free)) {
    // Processes that start together take turns by chance.
    await pause(Math.random() * Math.min(30, options.takeMs / free.length));
    if (listening.stopping) return;
    const lease = await takeStream(deps.db, { nodeId, holder, leaseMs: options.leaseMs });
    if (lease !== undefined) start(listening, lease);
  }
}

function start(listening: Listening, lease: Parameters<typeof followNode>[1]['lease']): void {
  const { deps, now, options, inTurn, held } = listening;
  const { nodeId } = lease;
  const following = followNode(deps, { lease, now, options, inTurn });
  const mine: Held = { following, loops: [], kept: performance.now() };
  held.set(nodeId, mine);
  deps.log.info({ nodeId, leaseNo: lease.leaseNo }, 'stream.taken');
  const onError = (error: unknown): void => {
    if (!isDatabaseAway(error)) deps.log.error({ nodeId, err: error }, 'stream.failed');
  };
  const lose = (): void => void release(listening, nodeId, 'lost');
  following.closed.addEventListener('abort', lose, { once: true });
  mine.loops = [
    every(options.keepMs, () => keep(listening, mine), onError),
    every(options.silenceMs, () => lookForSilence(listening, following), onError),
    // A statement that hangs must not keep us from seeing that the lease is about to end.
    every(
      options.keepMs / 4,
      async () => {
        following.lookAtHole();
        if (performance.now() - mine.kept > options.closeMs)
          await release(listening, nodeId, 'lost');
      },
      onError,
    ),
  ];
}

async function keep(listening: Listening, mine: Held): Promise<void> {
  const asked = performance.now();
  const { deps, options } = listening;
  const lease = mine.following.lease();
  if (await keepStream(deps.db, lease, options.leaseMs)) mine.kept = asked;
  else await release(listening, lease.nodeId, 'lost');
}

/** A lookup found a settle that the open stream did not tell: it is connected, and silent. */
async function lookForSilence(listening: Listening, following: Following): Promise<void> {
  const { deps, options } = listening;
  const { nodeId } = following;
  const isBehind = async (): Promise<boolean> => {
    const since = following.trustedFrom();
    return since !== undefined && (await settledBehindStream(deps.db, { nodeId, since }));
  };
  if (!(await isBehind())) return;
  await pause(options.silenceGraceMs, undefined, { signal: following.closed }).catch(
    () => undefined,
  );
  if (!(await isBehind())) return;
  deps.log.warn({ nodeId }, 'stream.silent');
  following.reopen('silent');
}

async function release(listening: Listening, nodeId: number, how: 'leave' | 'lost'): Promise<void> {
  const mine = listening.held.get(nodeId);
  if (mine === undefined) return;
  listening.held.delete(nodeId);
  // Not awaited: a loop may be the one that calls.
  for (const loop of mine.loops) void loop.stop();
  await mine.following.close(how);
  listening.deps.log.info({ nodeId, how }, 'stream.released');
}

function shuffled<T>(items: readonly T[]): T[] {
  return items
    .map((item) => ({ item, draw: Math.random() }))
    .sort((a, b) => a.draw - b.draw)
    .map(({ item }) => item);
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
