// graphile-worker, with the one task that we have: a nudge names a lane, and the lane gets a turn.
import { Logger, run } from 'graphile-worker';
import type { Runner } from 'graphile-worker';
import type { Lane } from '../db/lanes.ts';
import { parseLane } from '../db/lanes.ts';
import type { Log } from '../flows/flow.ts';
import type { Alive } from './alive.ts';
import { sturdyPool } from './sturdy-pool.ts';

export type Running = {
  /** Resolves when the engine has ended, asked or not; with what ended it. */
  ended: Promise<unknown>;
  /** Takes no more jobs and waits for the slots that are in use. */
  stop: () => Promise<void>;
};

/** The engine's own words are about us only when we are wrong; the rest it mends by itself. */
const loggerFor = (log: Log): Logger =>
  new Logger(() => (level, message) => {
    if (level !== 'error' && level !== 'warning') return;
    log.warn({ engine: message.slice(0, 300) }, 'worker.engine');
  });

function laneOf(payload: unknown): Lane | undefined {
  if (typeof payload !== 'object' || payload === null || !('lane' in payload)) return undefined;
  const { lane } = payload;
  return typeof lane === 'string' && parseLane(lane) !== undefined ? (lane as Lane) : undefined;
}

/** Starts the engine. Throws when the database is away. */
export async function startRunner(about: {
  url: string;
  log: Log;
  alive: Alive;
  /** Turns at once. */
  slots: number;
  take: (lane: Lane) => Promise<void>;
}): Promise<Running> {
  const { url, log, alive, slots, take } = about;
  let toldAt = 0;
  const onError = (error: Error): void => {
    // Every connection of the pool says it, some of them twice.
    if (Date.now() - toldAt < 1_000) return;
    toldAt = Date.now();
    log.warn({ why: error.message }, 'worker.connection_lost');
  };
  const pool = sturdyPool({ url, connections: slots, onError });
  let id = '';
  let locked: Promise<void> | undefined;
  // No job starts before everybody can see that its pool is alive.
  const plugin: GraphileConfig.Plugin = {
    name: 'zaptill-alive',
    version: '1.0.0',
    worker: {
      hooks: {
        startWorker: (_context, { worker }) => {
          id = worker.workerPool.id;
          return (locked ??= alive.hold(id));
        },
      },
    },
  };
  let runner: Runner;
  try {
    runner = await run({
      ...{ pgPool: pool, concurrency: slots, logger: loggerFor(log) },
      ...{ noHandleSignals: true, pollInterval: 1_000 },
      preset: { plugins: [plugin], worker: { gracefulShutdownAbortTimeout: 5_000 } },
      taskList: {
        lane: async (payload) => {
          const lane = laneOf(payload);
          if (lane === undefined) log.error({ payload }, 'worker.no_such_lane');
          else await take(lane);
        },
      },
    });
  } catch (error) {
    await pool.end();
    throw error;
  }
  const ended = runner.promise.then(
    () => undefined,
    (error: unknown) => error,
  );
  return {
    ended,
    stop: async () => {
      await runner.stop().catch(() => undefined);
      await ended;
      await alive.letGo(id);
      await pool.end();
    },
  };
}
