// A shop with a long past: every page of a reconciliation reads as many rows as it gives, by an
// index, and however many there are the next page begins where the last one ended.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { aNode, aShop } from '../builders.ts';
import { testDatabase, type TestDatabase } from '../database.ts';
import { openDatabase, type Database } from '../../web/db/database.ts';
import {
  beginReconciliation,
  laneHasUrgent,
  openBreaks,
  reconcilePartById,
  storeReconcilePage,
} from '../../web/db/reconciliations.ts';
import {
  firstAddIndex,
  invoicesNotShown,
  ordersWithMoney,
  ourInvoices,
  ourOrders,
  type Mark,
} from '../../web/db/reconcile-sides.ts';
import { shopLane } from '../../web/db/lanes.ts';
import { latestReconciliations } from '../../web/db/views.ts';

const many = 20_000;
const since = new Date(Date.now() - 30 * 86_400_000);

let place: TestDatabase;
let db: Database;
let shopId: number;
let nodeId: number;
let runId: string;
beforeAll(async () => {
  place = await testDatabase();
  // One connection: what it has scanned is counted when it is asked.
  db = openDatabase({ url: place.url, connections: 1 });
  shopId = (await aShop(db)).id;
  nodeId = await aNode(db, { shopId });
  await fill();
  const run = await beginReconciliation(db, { shopId, because: 'operator', since, atLeastMs: 0 });
  runId = run?.id ?? '';
}, 120_000);
afterAll(async () => {
  await db.close();
  await place.close();
});

/** Payments of the last weeks, one after the other, each with a settled invoice. */
async function fill(): Promise<void> {
  const { pool } = db;
  await pool.query('alter table payment disable trigger user');
  await pool.query('alter table invoice disable trigger user');
  await pool.query(
    `insert into payment (id, link, shop_id, origin_id, sequence, order_name, currency, owed_minor,
       owed_at, state, reason, told_minor, settled_at, lane, tell_sales_before)
     select gen_random_uuid(), 'link-' || n, $1, 'gid://shopify/Order/' || n, 1, '#' || n, 'EUR',
       100, now(), 'open', 'order_seen', null,
       now() - (n % 20000) * interval '1 minute', $2, '{}'
     from generate_series(1, $3::int) n`,
    [shopId, shopLane(shopId), many],
  );
  await pool.query(
    `with made as (
       insert into quote (payment_id, fiat_minor, currency, amount_msat, price_e8, evidence,
         made_at, lapses_at)
       select id, 100, 'EUR', 5000, 1, '{"sources": []}', settled_at, settled_at from payment
       returning id, payment_id, made_at)
     insert into invoice (payment_id, quote_id, node_id, hash, amount_msat, state, expires_at,
       paid_msat, preimage, recorded_at, settled_at, add_index, lane, made_at)
     select payment_id, id, $1, sha256(sha256(id::text::bytea)), 5000, 'settled', made_at, 5000,
       sha256(id::text::bytea), made_at, made_at, id, 'node:' || ($1::int)::text, made_at
     from made`,
    [nodeId],
  );
  await pool.query('analyze');
}

async function scans(): Promise<Record<string, number>> {
  await db.pool.query('select pg_stat_force_next_flush()');
  const { rows } = await db.pool.query<{ relname: string; seq_scan: string }>(
    `select relname, seq_scan from pg_stat_user_tables
     where relname in ('payment', 'invoice', 'quote', 'reconcile_seen')`,
  );
  return Object.fromEntries(rows.map(({ relname, seq_scan }) => [relname, Number(seq_scan)]));
}

test('no page reads a whole table', async () => {
  await db.pool.query(
    `insert into reconcile_seen (reconciliation_id, key)
     select $1::bigint, 'gid://shopify/Order/' || n from generate_series(1, $2::int) n`,
    [runId, many / 2],
  );
  await db.pool.query('analyze reconcile_seen');
  const before = await scans();
  let mark: Mark | undefined;
  for (let page = 0; page < 3; page += 1) {
    const ask = { shopId, runId, since, mark, limit: 50 };
    const found: Awaited<ReturnType<typeof ordersWithMoney>> = await ordersWithMoney(db, ask);
    await ourOrders(db, { shopId, originIds: found.originIds });
    mark = found.last;
  }
  mark = undefined;
  for (let page = 0; page < 3; page += 1) {
    const ask = { nodeId, runId, since, mark, limit: 20 };
    const found: Awaited<ReturnType<typeof invoicesNotShown>> = await invoicesNotShown(db, ask);
    expect(found.invoices).toHaveLength(20);
    const hashes = found.invoices.map(({ hash }) => hash);
    expect(await ourInvoices(db, { nodeId, hashes })).toHaveLength(20);
    mark = found.last;
  }
  await firstAddIndex(db, { nodeId, since });
  await laneHasUrgent(db, shopLane(shopId));
  await openBreaks(db, { shopId, nodeId, isNotCertain: false, after: undefined, limit: 50 });
  await latestReconciliations(db, shopId);
  expect(await scans()).toEqual(before);
});

test('pages give every order once, the oldest money first, without what was met', async () => {
  const seen: string[] = [];
  let pages = 0;
  let mark: Mark | undefined;
  do {
    const ask = { shopId, runId, since, mark, limit: 500 };
    const found: Awaited<ReturnType<typeof ordersWithMoney>> = await ordersWithMoney(db, ask);
    expect(found.originIds.length).toBeLessThanOrEqual(500);
    seen.push(...found.originIds);
    mark = found.last;
    pages += 1;
  } while (mark !== undefined);
  expect(pages).toBe(many / 500 + 1);
  expect(new Set(seen).size).toBe(many / 2);
  expect(seen).toHaveLength(many / 2);
}, 60_000);

test('a page is stored once, by whoever has the part', async () => {
  const { rows } = await db.pool.query<{ id: string }>(
    `update reconcile_part set lease_no = 7 where node_id is null and reconciliation_id = $1::bigint
     returning id::text`,
    [runId],
  );
  const part = await reconcilePartById(db, rows[0]?.id ?? '');
  if (part === undefined) throw new Error('there is no part');
  const met = ['a', 'b', 'b'].map((key) => ({ key, ours: 1 }));
  const page = { part, next: { phase: 'payments' }, dueInMs: 0, met, counts: 'orders' } as const;
  expect(await storeReconcilePage(db, { ...page, leaseNo: 6 })).toBe(false);
  expect(await storeReconcilePage(db, { ...page, leaseNo: 7 })).toBe(true);
  // The same page once more, as after a kill between the call and its end.
  expect(await storeReconcilePage(db, { ...page, leaseNo: 7 })).toBe(true);
  const { running } = await latestReconciliations(db, shopId);
  expect(running).toMatchObject({ orders: 2 });
});

test('the tenth run is newer than the ninth, and the tenth break comes after it', async () => {
  const shop = await aShop(db, { domain: 'tenth.myshopify.com' });
  await db.pool.query(
    `insert into reconciliation (id, shop_id, because, since, reads_orders, state, ended_at)
     select n, $1::int, 'operator', now(), true, 'done', now() from generate_series(90009, 90011) n
     union all
     select n, $1::int, 'operator', now(), true, 'done', now()
     from generate_series(100009, 100011) n`,
    [shop.id],
  );
  expect((await latestReconciliations(db, shop.id)).last?.id).toBe('100011');

  await db.pool.query(
    `insert into reconcile_break (id, shop_id, what, key, heal)
     select n, $1::int, 'unknown_sale', 'gid://shopify/Order/' || n, 'none'
     from generate_series(90009, 90010) n
     union all
     select n, $1::int, 'unknown_sale', 'gid://shopify/Order/' || n, 'none'
     from generate_series(100009, 100010) n`,
    [shop.id],
  );
  const ask = { shopId: shop.id, nodeId: null, isNotCertain: false, limit: 2 };
  const first = await openBreaks(db, { ...ask, after: undefined });
  const second = await openBreaks(db, { ...ask, after: first.at(-1)?.id });
  const ids = [...first, ...second].map(({ id }) => id);
  expect(ids).toEqual(['90009', '90010', '100009', '100010']);
});
