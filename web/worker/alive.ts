// One connection for as long as the process lives. Its advisory locks say to all other processes who
// is alive and who works which lane; PostgreSQL gives them back the moment the process is gone.
import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import { isDatabaseAway, sessionOptions } from '../db/database.ts';

export type Alive = {
  /** Runs one statement on the connection that has the locks. Undefined: it is away. */
  ask: <Row extends pg.QueryResultRow>(
    text: string,
    values: readonly unknown[],
  ) => Promise<Row[] | undefined>;
  /** Counts up with every connection: locks of an earlier one are gone. */
  session: () => number;
  /** Holds the pool's lock from here on, over all connections. Resolves once it is held. */
  hold: (pool: string) => Promise<void>;
  /** The pool has ended, and others may take its jobs. */
  letGo: (pool: string) => Promise<void>;
  /** Gives all locks back at once. */
  stop: () => void;
};

const answerWithinMs = 5_000;
const reconnectAfterMs = 250;

/** The lock that says: this pool is alive. `$1` is the pool's id. */
export const poolLock = `hashtextextended('pool:' || $1::text, 0)`;
/** The lock that says: this lane is worked. `$1` is the lane. */
export const laneLock = `hashtextextended('lane:' || $1::text, 0)`;

export function stayAlive(about: { url: string; onLost: (why: unknown) => void }): Alive {
  /** The pools whose locks are ours, each with the connection that has it. */
  const pools = new Map<string, number>();
  let stopping = false;
  let session = 0;
  let current: { client: pg.Client; drop: () => void } | undefined;
  let came = Promise.withResolvers<undefined>();

  /** Connects, takes the locks, and returns when the connection is lost. */
  const liveOnce = async (): Promise<void> => {
    const client = new pg.Client({
      connectionString: about.url,
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
      for (const pool of pools.keys()) {
        await client.query(`select pg_advisory_lock(${poolLock})`, [pool]);
        pools.set(pool, session + 1);
      }
      if (stopping) return;
      session += 1;
      current = { client, drop };
      came.resolve(undefined);
      await lost.promise;
    } finally {
      if (current !== undefined) came = Promise.withResolvers();
      current = undefined;
      // A connection that hangs does not answer a goodbye either.
      void client.end().catch(() => undefined);
    }
  };
  const live = async (): Promise<void> => {
    while (!stopping) {
      await liveOnce().catch(about.onLost);
      if (!isStopping()) await pause(reconnectAfterMs);
    }
  };
  const isStopping = (): boolean => stopping;

  // One statement at a time, in the order in which they were asked.
  let last: Promise<unknown> = Promise.resolve();
  const ask: Alive['ask'] = <Row extends pg.QueryResultRow>(
    text: string,
    values: readonly unknown[],
  ) => {
    const answer = last.then(async () => {
      const on = current;
      if (on === undefined) return undefined;
      try {
        return (await on.client.query<Row>(text, [...values])).rows;
      } catch (error) {
        if (!isDatabaseAway(error) && !isTooSlow(error)) throw error;
        on.drop();
        return undefined;
      }
    });
    last = answer.catch(() => undefined);
    return answer;
  };
  void live();
  return {
    ask,
    session: () => session,
    hold: async (pool) => {
      pools.set(pool, 0);
      while (pools.has(pool) && !isStopping()) {
        await came.promise;
        const on = session;
        if (pools.get(pool) === on) return;
        const got = await ask(`select pg_advisory_lock(${poolLock})`, [pool]);
        if (got !== undefined) pools.set(pool, on);
        else await pause(reconnectAfterMs);
      }
    },
    letGo: async (pool) => {
      pools.delete(pool);
      await ask(`select pg_advisory_unlock(${poolLock})`, [pool]);
    },
    stop: () => {
      stopping = true;
      current?.drop();
    },
  };
}

const isTooSlow = (error: unknown): boolean =>
  error instanceof Error && /timeout/i.test(error.message);
