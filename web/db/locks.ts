// Advisory locks say to all processes who is alive and who works which lane. They belong to one
// connection, and PostgreSQL gives them back the moment it is gone: so whoever holds them asks on a
// connection of its own, and hands in how that is done.
import { lanePauseOf, type Lane, type LanePause, type LanePauseRow } from './lanes.ts';

/** One statement on the connection that has the locks. Undefined: it is away. */
export type Ask = <Row extends Record<string, unknown>>(
  text: string,
  values: readonly unknown[],
) => Promise<Row[] | undefined>;

const poolKey = (id: string): string => `hashtextextended('pool:' || ${id}, 0)`;
const laneKey = `hashtextextended('lane:' || $1::text, 0)`;
const clockMs = 'floor(extract(epoch from clock_timestamp()) * 1000)::float8';

/** The database's time in milliseconds. */
export async function databaseClockMs(ask: Ask): Promise<number | undefined> {
  const rows = await ask<{ ms: number }>(`select ${clockMs} as ms`, []);
  return rows?.[0]?.ms;
}

/** Waits for the lock that says: this pool is alive. False: the connection is away. */
export async function holdPoolLock(ask: Ask, pool: string): Promise<boolean> {
  return (await ask(`select pg_advisory_lock(${poolKey('$1::text')})`, [pool])) !== undefined;
}

export async function freePoolLock(ask: Ask, pool: string): Promise<void> {
  await ask(`select pg_advisory_unlock(${poolKey('$1::text')})`, [pool]);
}

/**
 * Tries the lock that says: this lane is worked. With the database's time at that moment, and until
 * when the lane is paused.
 */
export async function tryLaneLock(
  ask: Ask,
  lane: Lane,
): Promise<{ got: boolean; saidMs: number; pause: LanePause | undefined } | undefined> {
  const rows = await ask<LanePauseRow & { got: boolean; said_ms: number }>(
    `select pg_try_advisory_lock(${laneKey}) as got, ${clockMs} as said_ms,
       paused_until, because, failures
     from (select) one left join lane on name = $1 and paused_until is not null`,
    [lane],
  );
  const row = rows?.[0];
  return row && { got: row.got, saidMs: row.said_ms, pause: lanePauseOf(row) };
}

export async function freeLaneLock(ask: Ask, lane: Lane): Promise<void> {
  await ask(`select pg_advisory_unlock(${laneKey})`, [lane]);
}

const selfTestKey = `hashtextextended('self-tests', 0)`;

/** Tries the lock that says: somebody takes away what self-tests left. */
export async function trySelfTestLock(ask: Ask): Promise<boolean> {
  const rows = await ask<{ got: boolean }>(
    `select pg_try_advisory_lock(${selfTestKey}) as got`,
    [],
  );
  return rows?.[0]?.got === true;
}

export async function freeSelfTestLock(ask: Ask): Promise<void> {
  await ask(`select pg_advisory_unlock(${selfTestKey})`, []);
}

/** Pools that hold jobs and whose lock nobody holds. A lock is only looked at, never tried. */
export async function deadPools(ask: Ask): Promise<string[] | undefined> {
  const rows = await ask<{ locked_by: string }>(
    `
      select distinct locked_by from graphile_worker.jobs
      where locked_by is not null and not exists (
        select 1 from pg_locks
        where locktype = 'advisory' and granted and objsubid = 1
          and database = (select oid from pg_database where datname = current_database())
          and (classid::bigint << 32) | objid::bigint = ${poolKey('locked_by::text')})`,
    [],
  );
  return rows?.map((row) => row.locked_by);
}

/** Gives the jobs of these pools back to the queue. */
export async function freeJobsOf(ask: Ask, pools: readonly string[]): Promise<void> {
  await ask('select graphile_worker.force_unlock_workers($1::text[])', [pools]);
}
