// How the engine stands, over all shops and processes, and as metrics; and what pools count beside
// what this process counts.
import { expect, test } from 'vitest';
import type { Database } from '../../web/db/database.ts';
import { claim } from '../../web/db/due.ts';
import { shopLane } from '../../web/db/lanes.ts';
import { takeStream } from '../../web/db/nodes.ts';
import { endPoolReport, sayPoolReport, type PoolReport } from '../../web/db/pool-reports.ts';
import { engineStanding, poolCounters } from '../../web/db/views.ts';
import { makeMetrics, type ProcessCounters } from '../../web/metrics.ts';
import { aNode, aSettledPayment, aShop } from '../builders.ts';
import { databaseOfFile } from '../database-of-file.ts';

let db: Database;
databaseOfFile((made) => {
  db = made;
});
const aPool = (pool: string, more: Partial<PoolReport> = {}): PoolReport => ({
  ...{ pool, version: '0.1.0', brake: 1, behind: {}, buckets: {}, counters: [] },
  ...more,
});

test('before anything has happened there is nothing, with a line for each break', async () => {
  const now = await engineStanding(db);
  expect(now).toMatchObject({ poolsAlive: 0, pools: [], nodes: [], buckets: [], waits: [] });
  expect(now.reconciledSecondsAgo).toBe(0);
  expect(now.breaks.map(({ count }) => count)).toEqual(now.breaks.map(() => 0));
  const metrics = makeMetrics();
  metrics.standEngine(now, { busy: 1, idle: 2, waiting: 0 });
  const text = await metrics.registry.metrics();
  expect(text).toContain('zaptill_pools 0');
  expect(text).toContain('zaptill_reconcile_breaks{kind="owed_differs"} 0');
  expect(text).toContain('zaptill_database_connections{is="idle"} 2');
});

test('what is due, who works, how far streams are behind, and what does not agree', async () => {
  const { id: shopId } = await aShop(db);
  const nodeId = await aNode(db, { shopId });
  for (let n = 0; n < 3; n += 1) await aSettledPayment(db, { shopId, nodeId });
  await db.pool.query(`update shop set due_at = null, installed_at = now() - interval '1 day'`);
  await db.pool.query(`update payment set due_at = now() - interval '10 s'`);
  await claim(db, { table: 'payment', lane: shopLane(shopId), limit: 1 });
  await takeStream(db, { nodeId, holder: 'pool-a', leaseMs: 60_000 });
  await db.pool.query(
    `insert into reconcile_break (shop_id, what, key, heal, confirmed_at, healed_at, accepted_at)
     select $1, 'owed_differs', n::text, 'person',
       case when n <> 1 then now() end, case n when 2 then now() end, case n when 3 then now() end
     from generate_series(1, 5) n`,
    [shopId],
  );
  await db.pool.query(
    `insert into wait_tally (shop_id, slot, step, told) values ($1, tally_slot(now()), 50, 100)`,
    [shopId],
  );
  const bucket = { available: 1_500, maximum: 2_000, restoreRate: 100 };
  const id = String(shopId);
  await sayPoolReport(db, aPool('pool-a', { brake: 0.5, behind: { [nodeId]: 7 } }));
  await sayPoolReport(db, aPool('pool-b', { buckets: { [id]: bucket } }));
  await sayPoolReport(
    db,
    aPool('pool-c', { buckets: { [id]: { ...bucket, available: 20 } }, behind: { [nodeId]: 1 } }),
  );
  await sayPoolReport(db, aPool('pool-dead', { behind: { [nodeId]: 90 } }));
  await db.pool.query(
    `update pool_report set said_at = now() - interval '1 min' where pool = 'pool-dead'`,
  );

  const now = await engineStanding(db);
  expect(now.rows.find(({ table }) => table === 'payment')).toMatchObject({ waiting: 2, out: 1 });
  expect(now.waits.map(({ quantile }) => quantile)).toEqual(['0.5', '0.99']);
  expect(now.nodes).toEqual([{ nodeId, lag: 8, epoch: 0, inboundMsat: undefined }]);
  expect(now.leaseTakeovers).toBe(1);
  expect(now.poolsAlive).toBe(3);
  expect(now.pools.map(({ pool, brake, streams }) => [pool, brake, streams])).toEqual([
    ['pool-a', 0.5, 1],
    ['pool-b', 1, 0],
    ['pool-c', 1, 0],
  ]);
  expect(now.buckets).toEqual([{ ...bucket, shopId, available: 20 }]);
  expect(now.breaks.find(({ kind }) => kind === 'owed_differs')?.count).toBe(2);
  expect(Math.round(now.reconciledSecondsAgo / 3_600)).toBe(24);

  const metrics = makeMetrics();
  metrics.standEngine(now, { busy: 0, idle: 0, waiting: 0 });
  const text = await metrics.registry.metrics();
  expect(text).toContain('zaptill_pool_brake{process="pool-a"} 0.5');
  expect(text).toContain(`zaptill_node_cursor_lag{node="${String(nodeId)}"} 8`);
  expect(text).toContain(`zaptill_shop_bucket_points_available{shop="${id}"} 20`);
  expect(text).toContain('zaptill_reconcile_breaks{kind="owed_differs"} 2');
  expect(text).toContain('zaptill_settle_to_resolve_seconds{quantile="0.99"}');

  await endPoolReport(db, 'pool-c');
  expect((await engineStanding(db)).poolsAlive).toBe(2);
});

test('what a pool counts stands beside what the doors count, and never in one sum', async () => {
  const [doors, pool] = [makeMetrics(), makeMetrics()];
  doors.hedges.inc(2);
  pool.hedges.inc(5);
  pool.shopifyCallSeconds.observe({ operation: 'OrderById' }, 0.2);
  pool.refusedProofs.inc({ door: 'merchant' });
  await sayPoolReport(db, aPool('pool-counts', { counters: await pool.counters() }));
  const others = (await poolCounters(db))
    .filter(({ counters }) => counters.length > 0)
    .map(({ pool: process, counters }) => ({
      process,
      counters: counters as ProcessCounters['counters'],
    }));
  const text = await doors.text(others);
  expect(text).toContain('zaptill_hedges_total{process="doors"} 2');
  expect(text).toContain('zaptill_hedges_total{process="pool-counts"} 5');
  const buckets = text.split('\n').filter((line) => line.includes('call_seconds_bucket'));
  expect(buckets.find((line) => line.includes('le="0.25"'))).toMatch(/"pool-counts".* 1$/);
  expect(text).toMatch(/zaptill_shopify_call_seconds_count\{[^}]*process="pool-counts"[^}]*\} 1/);
  // Only doors are knocked at: what a pool counts of them is not told.
  expect(text).not.toContain('door="merchant"');
  for (const [, name] of text.matchAll(/^# TYPE (\S+)/gm)) {
    expect(text.split(`# TYPE ${String(name)} `)).toHaveLength(2);
  }
});
