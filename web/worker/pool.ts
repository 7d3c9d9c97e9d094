// KEEPS TIME. The worker room runs what is due: lanes get turns, settle streams are followed, lost
// nudges are found. It knows the flows and nothing of LND, Shopify or prices; it decides when and
// how many at once, never whether. Any number of processes may run a pool on one database, and each
// may be killed at any moment.
import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type { Deps } from '../flows/flow.ts';
import type { SelfTestDeps } from '../flows/self-test.ts';
import type { Alive } from './alive.ts';
import { startBrake } from './brake.ts';
import { stayAlive } from './alive.ts';
import type { Listener, ListenerOptions } from './listener.ts';
import { startListener } from './listener.ts';
import type { Told } from './reporting.ts';
import { startReporting } from './reporting.ts';
import { startRunner } from './runner.ts';
import { stepOf } from './steps.ts';
import type { SweepOptions } from './sweep.ts';
import { startSweeps } from './sweep.ts';
import type { TurnOptions, Turns } from './turn.ts';
import { laneTurns } from './turn.ts';
import { isDatabaseAway } from '../db/database.ts';

export type PoolOptions = {
  /** Turns at once. */
  slots?: number;
  turns?: Partial<TurnOptions>;
  sweeps?: Partial<SweepOptions>;
  /** Left out: what self-tests left stays. */
  testOrders?: SelfTestDeps['testOrders'];
  /** What the pool says of the program around it; left out: it says nothing. */
  told?: () => Promise<Told>;
  /** `false`: follows no settle streams. */
  listener?: Partial<ListenerOptions> | false;
  /** How long calls that are out may still come back when the pool is stopped. */
  drainMs?: number;
};

export type Pool = {
  id: string;
  /** Resolves when the first turn may come. Waits for the database. */
  ready: Promise<void>;
  /** Takes nothing more, waits for what is out (at most 8 s with the defaults), and lets go. */
  stop: () => Promise<void>;
};

const turnDefaults: TurnOptions = { stepOf, turnMs: 250, slowTurnMs: 10_000, stepMs: 60_000 };
const sweepDefaults: SweepOptions = {
  ...{ graceMs: 3_000, deadPoolsMs: 1_000 },
  ...{ dueMs: 1_500, housekeepingMs: 60_000, nodesMs: 15_000 },
};
const restartAfterMs = 1_000;

/** Starts a pool. It lives until `stop`, whatever happens to the database. */
export function startPool(deps: Deps, options: PoolOptions = {}): Pool {
  const id = `pool-${randomBytes(9).toString('hex')}`;
  const alive = stayAlive(deps.db.url);
  const slots = options.slots ?? 10;
  const brake = startBrake();
  // Whoever settles in this process works what it made due, without waiting for the queue.
  const touching: Deps = { ...deps, touched: (lane) => turns.touch(lane) };
  const turns = laneTurns(touching, {
    alive,
    options: { ...turnDefaults, slots, brake: brake.factor, ...options.turns },
  });
  const sweeps = startSweeps(deps, {
    ...{ alive, testOrders: options.testOrders },
    options: { ...sweepDefaults, ...options.sweeps },
  });
  const listener =
    options.listener === false
      ? undefined
      : startListener(touching, { holder: id, now: alive.now, options: options.listener ?? {} });
  const engine = keepRunning(deps, { alive, turns, slots });
  const behind = (): ReadonlyMap<number, number> => listener?.behind() ?? new Map();
  const standing: Listener['standing'] = () => listener?.standing() ?? new Map<never, never>();
  const { told } = options;
  const says = { pool: id, brake: brake.factor, behind, standing };
  const reporting = told && startReporting(deps, { ...says, told });
  deps.log.info({ pool: id }, 'pool.started');
  let stopped: Promise<void> | undefined;
  const stop = async (): Promise<void> => {
    const drainMs = options.drainMs ?? 7_000;
    const atMost = pause(drainMs + 1_000, undefined, { ref: false });
    const drained = Promise.all([
      turns.drain(drainMs),
      engine.stop(),
      sweeps.stop(),
      listener?.stop(),
      reporting?.stop(),
    ]);
    const ended = await Promise.race([drained, atMost]);
    alive.stop();
    brake.stop();
    deps.log.info({ pool: id, callsLeft: ended?.[0] }, 'pool.stopped');
  };
  return { id, ready: engine.ready, stop: () => (stopped ??= stop()) };
}

/** Keeps one engine running: it is started again if it ends by itself. */
function keepRunning(
  deps: Deps,
  about: { alive: Alive; turns: Turns; slots: number },
): { ready: Promise<void>; stop: () => Promise<void> } {
  const { alive, turns, slots } = about;
  const ready = Promise.withResolvers<undefined>();
  const stopping = new AbortController();
  const { signal } = stopping;
  const runOnce = async (): Promise<void> => {
    const { url } = deps.db;
    const running = await startRunner({ url, log: deps.log, alive, slots, take: turns.take });
    ready.resolve(undefined);
    const why = await Promise.race([running.ended, aborted(signal)]);
    if (!signal.aborted) deps.log.error({ err: why }, 'worker.ended');
    await running.stop();
  };
  const run = async (): Promise<void> => {
    while (!signal.aborted) {
      await runOnce().catch((error: unknown) => {
        const about = { err: error };
        if (isDatabaseAway(error)) deps.log.warn(about, 'worker.waits_for_database');
        else deps.log.error(about, 'worker.not_started');
      });
      await pause(restartAfterMs, undefined, { signal }).catch(() => undefined);
    }
    ready.resolve(undefined);
  };
  const ended = run();
  return {
    ready: ready.promise,
    stop: () => {
      stopping.abort();
      return ended;
    },
  };
}

const aborted = (signal: AbortSignal): Promise<unknown> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve(undefined);
    signal.addEventListener('abort', () => resolve(undefined), { once: true });
  });
