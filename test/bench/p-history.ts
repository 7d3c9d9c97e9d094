// P7. What a shop's past costs. The same deeds on a database with a million payments and on one
// with a thousand, in turns: how long they take, how many pages PostgreSQL touches for them, and
// whether it reads a big table from its beginning to its end.
import { createHash, randomBytes } from 'node:crypto';
import pg from 'pg';
import type { Observation, PaymentHash, Preimage } from '../../web/core/invoice.ts';
import type { Currency, Minor, Msat } from '../../web/core/money.ts';
import { openDatabase, type Database } from '../../web/db/database.ts';
import { claim } from '../../web/db/due.ts';
import { recordSettlements } from '../../web/db/invoices.ts';
import { shopLane } from '../../web/db/lanes.ts';
import { migrateDeploy } from '../../web/db/migrate.ts';
import { storeSession } from '../../web/db/sessions.ts';
import { everyPayment, pageOfPayments } from '../../web/db/views.ts';
import { exactly, judged, oursOf, peerOf, ratioOf, type Bench, type Run } from './bench.ts';
import { fillMillion, millionDatabase, type Million } from './million.ts';
import { measurePairs, median, type Leg, type Measured } from './pairs.ts';

/** A database with a past, on one connection, so that its counters are about one deed. */
type Past = { db: Database; million: Million };
type Deed = (past: Past) => Promise<unknown>;

const sha256 = (of: string | Buffer): Buffer => createHash('sha256').update(of).digest();

/** Undone at once, so that the next time finds what this one found. */
async function undone({ db }: Past, deed: (on: pg.PoolClient) => Promise<unknown>): Promise<void> {
  const client = await db.pool.connect();
  try {
    await client.query('begin');
    await deed(client);
  } finally {
    await client.query('rollback');
    client.release();
  }
}

/** Of each hundred payments the last one is open; this is not among the newest. */
function openOne({ shopId, payments }: Million): Observation {
  const n = Math.floor(payments / 200) * 100 - 1;
  const preimage = sha256(`preimage ${String(shopId)} ${String(n)}`);
  const amountMsat = (BigInt(100 + ((n * 7919) % 50_000)) * 10_000n) as Msat;
  return {
    ...{ hash: sha256(preimage).toString('hex') as PaymentHash, state: 'settled' },
    ...{ preimage: preimage.toString('hex') as Preimage, amountMsat, receivedMsat: amountMsat },
    ...{ settleIndex: 1n, addIndex: 1n, request: '' },
    ...{ settledAt: new Date(), expiresAt: new Date() },
  };
}

const deeds: Readonly<Record<string, Deed>> = {
  checkout: ({ db, million: { shopId } }) => {
    const id = randomBytes(12).toString('hex');
    const [now, owedMinor] = [new Date(), 1_000n as Minor];
    return storeSession(db, {
      ...{ shopId, id, gid: `gid://shopify/PaymentSession/${id}`, groupKey: id, kind: 'sale' },
      ...{
        test: false,
        currency: 'EUR' as Currency,
        owedMinor,
        never: undefined,
        contentHash: sha256(id),
      },
      ...{ cancelUrl: null, proposedAt: now, receivedAt: now, answerOf: (link: string) => link },
    });
  },
  settle: (past) =>
    undone(past, async (on) => {
      const { nodeId } = past.million;
      const recorder = { via: 'lookup' } as const;
      const observations = [openOne(past.million)];
      const { settled } = await recordSettlements(on, { nodeId, observations, recorder });
      if (settled.length !== 1) throw new Error('nothing was settled');
    }),
  list: async ({ db, million: { shopId } }) => {
    const filter = { ...everyPayment, timeZone: 'UTC' };
    await pageOfPayments(db, { shopId, filter, limit: 26 });
  },
  claim: (past) =>
    undone(past, async (on) => {
      const db = { ...past.db, pool: on as unknown as pg.Pool };
      const lane = shopLane(past.million.shopId);
      const rows = await claim(db, { table: 'payment', lane, limit: 8 });
      if (rows.length === 0) throw new Error('nothing was claimed');
    }),
};

const bigTables = ['payment', 'quote', 'invoice', 'history', 'posting', 'session_request'];
type Counters = { pages: number; scans: number };

/** What the one connection has done so far. PostgreSQL tells it when it is asked to. */
async function counters({ db }: Past): Promise<Counters> {
  await db.pool.query('select pg_stat_force_next_flush()');
  const { rows } = await db.pool.query<Counters>(
    `select (blks_hit + blks_read)::int as pages, (
       select sum(seq_scan)::int from pg_stat_user_tables where relname = any($1)) as scans
     from pg_stat_database where datname = current_database()`,
    [bigTables],
  );
  return rows[0] ?? { pages: 0, scans: 0 };
}

/** Pages of the asking itself, which are taken off. */
async function askingPages(past: Past): Promise<number> {
  const before = await counters(past);
  return (await counters(past)).pages - before.pages;
}

async function leg(past: Past, times: number): Promise<Leg> {
  const figures: Record<string, number> = {};
  // What is undone leaves dead rows, which nobody in real life would make at this rate.
  await past.db.pool.query('set statement_timeout = 0');
  await past.db.pool.query('vacuum (index_cleanup on) payment, invoice');
  await counters(past);
  const asking = await askingPages(past);
  for (const [name, deed] of Object.entries(deeds)) {
    await deed(past);
    const before = await counters(past);
    const tookMs: number[] = [];
    for (let n = 0; n < times; n += 1) {
      const startedAt = performance.now();
      await deed(past);
      tookMs.push(performance.now() - startedAt);
    }
    const after = await counters(past);
    figures[`${name} ms`] = median(tookMs);
    figures[`${name} pages`] = (after.pages - before.pages - asking) / times;
    figures[`${name} scans`] = after.scans - before.scans;
  }
  return figures;
}

async function openPast(url: string, million: Million): Promise<Past> {
  const db = openDatabase({ url, connections: 1 });
  await db.pool.query(
    `update payment set due_at = now(), lease_until = null
     where shop_id = $1 and state = 'settled'`,
    [million.shopId],
  );
  return { db, million };
}

/** Beside the big one, in the same server. */
async function thousandDatabase(bigUrl: string): Promise<{ url: string; million: Million }> {
  const client = new pg.Client({ connectionString: bigUrl });
  await client.connect();
  await client.query('drop database if exists thousand with (force)');
  await client.query('create database thousand');
  await client.end();
  const url = Object.assign(new URL(bigUrl), { pathname: '/thousand' }).href;
  await migrateDeploy(url);
  return { url, million: await fillMillion(url, { payments: 1_000 }) };
}

function barsOf(found: Measured, seed: number) {
  const at = { way: 'at_most', must: 1.25, aim: 1.1 } as const;
  const scans = Object.keys(deeds).reduce((sum, name) => {
    const most = Math.max(...found.pairs.map(({ ours }) => ours[`${name} scans`] ?? 0));
    return sum + most;
  }, 0);
  const names = Object.keys(deeds).flatMap((name) => [`${name} ms`, `${name} pages`]);
  return [
    ...names.map((name) => judged(name, ratioOf(found, name, seed), at)),
    judged('sequential scans of a big table', exactly(scans), { way: 'at_most', must: 0 }),
  ];
}

async function measured(run: Run, big: Past, small: Past): Promise<Measured> {
  const times = 15;
  const { seed, say, restless, onlyPairs } = run;
  await leg(big, 5);
  await leg(small, 5);
  return measurePairs({
    ...{ ours: () => leg(big, times), peer: () => leg(small, times), figure: 'settle ms' },
    ...{ seed, say, restless, onlyPairs, withinMs: 60_000 },
  });
}

export const history: Bench = {
  name: 'history',
  about: 'checkout, settle, list and claim with a million payments, beside a thousand',
  run: async (run) => {
    const { BENCH_DIR: keepIn, BENCH_PAYMENTS: payments = '1000000' } = process.env;
    const made = await millionDatabase({ payments: Number(payments), keepIn, say: run.say });
    const thousand = await thousandDatabase(made.url);
    const big = await openPast(made.url, made.million);
    const small = await openPast(thousand.url, thousand.million);
    try {
      const { rows } = await big.db.pool.query<{ server_version: string }>('show server_version');
      const found = await measured(run, big, small);
      const { seed } = run;
      const bars = barsOf(found, seed);
      const ratios = bars.filter(({ aim }) => aim !== null);
      const worst = ratios.toSorted((a, b) => b.value - a.value)[0]?.what ?? '';
      return {
        ...{ figure: `${worst} (the worst)`, unit: worst.endsWith('ms') ? 'ms' : 'pages' },
        ...{ judged: 'ratio', must: 1.25, aim: 1.1, bars, ratio: ratioOf(found, worst, seed) },
        ours: oursOf(found, worst, seed).value,
        peer: peerOf(found, worst, seed).value,
        ...{ pairs: found.pairs.length, voidPairs: found.voidPairs, unsound: found.unsound },
        postgres: rows[0]?.server_version ?? '',
        more: {
          payments: made.million.payments,
          each: Object.fromEntries(
            ratios.map(({ what }) => [
              what,
              [oursOf(found, what, seed).value, peerOf(found, what, seed).value],
            ]),
          ),
        },
      };
    } finally {
      await big.db.close();
      await small.db.close();
      await made.close();
    }
  },
};
