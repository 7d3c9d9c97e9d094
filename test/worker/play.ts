// What the tests of the worker share: flows' dependencies on a real database, steps that a test
// plays, and rows that are due.
import { randomBytes } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import { quotePolicy } from '../../web/core/quote.ts';
import { openDatabase, type Database } from '../../web/db/database.ts';
import type { ClaimedRow } from '../../web/db/due.ts';
import { shopLane, type Lane } from '../../web/db/lanes.ts';
import type { Deps, Log, Step } from '../../web/flows/flow.ts';
import { makeStamp } from '../../web/vault/stamp.ts';
import type { PoolOptions } from '../../web/worker/pool.ts';
import { aShop } from '../builders.ts';

export type Line = {
  level: 'info' | 'warn' | 'error';
  what: string;
  about: Record<string, unknown>;
};

export function aLog(): Log & { lines: Line[]; said: (what: string) => Line[] } {
  const lines: Line[] = [];
  const at =
    (level: Line['level']) =>
    (about: Record<string, unknown>, what: string): void => {
      lines.push({ level, what, about });
    };
  return {
    ...{ lines, info: at('info'), warn: at('warn'), error: at('error') },
    said: (what) => lines.filter((line) => line.what === what),
  };
}

const outside = (): Promise<never> => Promise.reject(new Error('this test has no outside'));

export function depsOn(db: Database, more: Partial<Deps> = {}): Deps {
  return {
    db,
    clock: () => new Date(),
    log: aLog(),
    nodes: { of: outside },
    storefronts: { of: outside },
    paymentSessions: { of: outside },
    askShop: outside,
    rates: { pricesFor: outside },
    sealer: { seal: (plain) => plain, open: (sealed) => sealed },
    stamp: makeStamp([{ version: 1, key: new Uint8Array(32).fill(7) }]),
    readRequest: () => undefined,
    askPayAddress: outside,
    alertWays: { email: outside, url: outside, mayBePostedTo: () => true },
    quotePolicy,
    quoteSeconds: 600,
    sweepSeconds: 60,
    realMoneyOnly: false,
    randomSecret: () => randomBytes(32),
    ...more,
  };
}

export const open = (url: string, connections = 10): Database =>
  openDatabase({ url, connections, onError: () => undefined });

/** Options under which the test's step is run for every row. */
export const playing = (step: Step, more: PoolOptions = {}): PoolOptions => ({
  listener: false,
  ...more,
  turns: { stepOf: () => step, ...more.turns },
});

/** A shop whose own row rests, and so many due sightings of it. */
export async function aShopWithDue(
  db: Database,
  count: number,
): Promise<{ shopId: number; lane: Lane }> {
  const { id: shopId } = await aShop(db);
  await db.pool.query('update shop set due_at = null where id = $1', [shopId]);
  await moreDue(db, shopId, count);
  return { shopId, lane: shopLane(shopId) };
}

/** Due since a moment ago: the present one is kept in whole milliseconds, and may be the next. */
export async function moreDue(db: Database, shopId: number, count: number): Promise<void> {
  await db.pool.query(
    `insert into sighting (shop_id, origin_id, because, lane, due_at)
     select $1, 'gid://shopify/Order/' || gen_random_uuid(), 'test', $2, now() - interval '1 ms'
     from generate_series(1, $3::int)`,
    [shopId, shopLane(shopId), count],
  );
}

/** Where steps of any process write down that they ran. */
export const makeRuns = (db: Database): Promise<unknown> =>
  db.pool.query(`create table runs (row_id text, lane text, lease_no int, pid int,
    at timestamptz default clock_timestamp())`);

export const writeRun = (deps: Deps, row: ClaimedRow): Promise<unknown> =>
  deps.db.pool.query(
    `insert into runs (row_id, lane, lease_no, pid)
     select id::text, lane, $2, $3 from sighting where id = $1::bigint`,
    [row.id, row.leaseNo, process.pid],
  );

export async function dueCount(db: Database, lane: Lane): Promise<number> {
  const { rows } = await db.pool.query<{ n: number }>(
    'select count(*)::int as n from sighting where lane = $1 and due_at is not null',
    [lane],
  );
  return rows[0]?.n ?? -1;
}

export async function until(
  what: string,
  isTrue: () => boolean | Promise<boolean>,
  withinMs = 45_000,
): Promise<number> {
  const start = performance.now();
  while (!(await isTrue())) {
    if (performance.now() - start > withinMs) throw new Error(`not within ${withinMs} ms: ${what}`);
    await pause(20);
  }
  return performance.now() - start;
}

export const quantile = (values: readonly number[], q: number): number =>
  [...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * q))] ??
  Number.NaN;
