// One connection for as long as the process lives. Its advisory locks say to all other processes
// who is alive and who works which lane; PostgreSQL gives them back the moment the process is gone.
import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import { isDatabaseAway, sessionOptions } from '../db/database.ts';
import { databaseClockMs, freePoolLock, holdPoolLock, type Ask } from '../db/locks.ts';

export type Alive = {
  /** Runs one statement on the connection that has the locks. Undefined: it is away. */
  ask: Ask;
  /** Counts up with every connection: locks of an earlier one are gone. */
  session: () => number;
  /** Holds the pool's lock from here on, over all connections. Resolves once it is held. */
  hold: (pool: string) => Promise<void>;
  /** The pool has ended, and others may take its jobs. */
  letGo: (pool: string) => Promise<void>;
  /** The database's clock, as far as it is known: those of processes differ. */
  now: () => Date;
  /** The database's clock said this while ours was between the two. All in milliseconds. */
  compare: (clock: { saidMs: number; askedMs: number; answeredMs: number }) => void;
  /** Gives all locks back at once. */
  stop: () => void;
};

const answerWithinMs = 5_000;
const reconnectAfterMs = 250;

type Live = {
  readonly url: string;
  /** The pools whose locks are ours, each with the connection that has it. */
  readonly pools: Map<string, number>;
  stopping: boolean;
  session: number;
  aheadMs: number;
  current: { client: pg.Client; drop: () => void } | undefined;
  came: PromiseWithResolvers<undefined>;
};

/** Connects, and again whenever the connection is lost, until it is stopped. */
export function stayAlive(url: string): Alive {
  const live: Live = {
    ...{ url, pools: new Map<string, number>(), stopping: false, session: 0, aheadMs: 0 },
    ...{ current: undefined, came: Promise.withResolvers<undefined>() },
  };
  const ask = asking(live);
  void keepConnected(live);
  return {
    ask,
    session: () => live.session,
    hold: (pool) => hold(live, { ask, pool }),
    letGo: async (pool) => {
      live.pools.delete(pool);
      await freePoolLock(ask, pool);
    },
    now: () => new Date(Date.now() + live.aheadMs),
    compare: ({ saidMs, askedMs, answeredMs }) => {
      live.aheadMs = saidMs - (askedMs + answeredMs) / 2;
    },
    stop: () => {
      live.stopping = true;
      live.current?.drop();
    },
  };
}

const isStopping = (live: Live): boolean => live.stopping;

const names = new Map<string, string>();

/** A few statements come again and again, twice in every turn: their plans are kept. */
function named(text: string): { name: string; text: string } {
  const name = names.get(text) ?? `alive_${String(names.size)}`;
  names.set(text, name);
  return { name, text };
}

async function keepConnected(live: Live): Promise<void> {
  while (!isStopping(live)) {
    // Whoever needs the connection says that it is away.
    await liveOnce(live).catch(() => undefined);
    if (!isStopping(live)) await pause(reconnectAfterMs);
  }
}

/** Connects, takes the locks, and returns when the connection is lost. */
async function liveOnce(live: Live): Promise<void> {
  const client = new pg.Client({
    connectionString: live.url,
    options: sessionOptions,
    keepAlive: true,
    connectionTimeoutMillis: answerWithinMs,
    query_timeout: answerWithinMs,
    application_name: 'zaptill-pool-alive',
  });
  const lost = Promise.withResolvers<undefined>();
  const drop = (): void => lost.resolve(undefined);
  client.on('error', drop).on('end', drop);
  try {
    await client.connect();
    // Nobody else asks on it until the locks are held; a failure is this connection's end.
    const ask: Ask = async <Row extends pg.QueryResultRow>(
      text: string,
      values: readonly unknown[],
    ) => (await client.query<Row>({ ...named(text), values: [...values] })).rows;
    const askedMs = Date.now();
    const saidMs = (await databaseClockMs(ask)) ?? askedMs;
    live.aheadMs = saidMs - (askedMs + Date.now()) / 2;
    for (const pool of live.pools.keys()) {
      await holdPoolLock(ask, pool);
      live.pools.set(pool, live.session + 1);
    }
    if (isStopping(live)) return;
    live.session += 1;
    live.current = { client, drop };
    live.came.resolve(undefined);
    await lost.promise;
  } finally {
    if (live.current !== undefined) live.came = Promise.withResolvers();
    live.current = undefined;
    // A connection that hangs does not answer a goodbye either.
    void client.end().catch(() => undefined);
  }
}

/** One statement at a time, in the order in which they were asked. */
function asking(live: Live): Ask {
  let last: Promise<unknown> = Promise.resolve();
  return <Row extends pg.QueryResultRow>(text: string, values: readonly unknown[]) => {
    const answer = last.then(async () => {
      const on = live.current;
      if (on === undefined) return undefined;
      try {
        return (await on.client.query<Row>({ ...named(text), values: [...values] })).rows;
      } catch (error) {
        if (!isDatabaseAway(error) && !isTooSlow(error)) throw error;
        on.drop();
        return undefined;
      }
    });
    last = answer.catch(() => undefined);
    return answer;
  };
}

async function hold(live: Live, about: { ask: Ask; pool: string }): Promise<void> {
  const { ask, pool } = about;
  live.pools.set(pool, 0);
  while (live.pools.has(pool) && !isStopping(live)) {
    await live.came.promise;
    const on = live.session;
    if (live.pools.get(pool) === on) return;
    if (await holdPoolLock(ask, pool)) live.pools.set(pool, on);
    else await pause(reconnectAfterMs);
  }
}

const isTooSlow = (error: unknown): boolean =>
  error instanceof Error && /timeout/i.test(error.message);
