// The page of the operation, as its shop asks for it: empty, at work, paused, and never with a word
// about another shop.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { nodeLane, pauseLane, shopLane } from '../../web/db/lanes.ts';
import { takeStream } from '../../web/db/nodes.ts';
import { sayPoolReport, type PoolReport } from '../../web/db/pool-reports.ts';
import type { OperationAnswer } from '../../web/frontend/shared/operation-api.ts';
import { aNode, aSettledPayment, aShop } from '../builders.ts';
import { startInProcess, type InProcess } from '../in-process.ts';

let program: InProcess;
beforeAll(async () => {
  program = await startInProcess();
}, 120_000);
afterAll(() => program.close());

const ask = (token = program.adminToken()): Promise<Response> =>
  fetch(`${program.appUrl}/api/operation`, { headers: { authorization: `Bearer ${token}` } });
async function operation(): Promise<OperationAnswer> {
  const answer = await ask();
  expect(answer.status).toBe(200);
  return (await answer.json()) as OperationAnswer;
}
const aPool = (pool: string, more: Partial<PoolReport> = {}): PoolReport => ({
  ...{ pool, version: '0.1.0', brake: 1, behind: {}, buckets: {}, counters: [] },
  ...more,
});

test('before a pool has begun nobody works, and the lanes are there', async () => {
  const now = await operation();
  expect(now.pools).toEqual({ alive: 0, listed: [] });
  expect(now).toMatchObject({ bucket: null, wait: null, oldestUntoldSeconds: null });
  expect(now.reconciliation).toEqual({ unmatched: 0, doneAt: null });
  expect(now.lanes.map(({ kind, name, state }) => [kind, name, state])).toEqual([
    ['shop', '', 'open'],
    ['node', 'merchant', 'open'],
    ['share', '', 'open'],
    ['alert', '', 'open'],
  ]);
  expect(now.streams).toMatchObject([{ name: 'merchant', is: 'away', pool: null, lag: 0 }]);
  expect(now.versions.shopify.asked).toBe('2026-07');
  expect(now.versions.nodes).toMatchObject([{ name: 'merchant' }]);
});

test('what waits, who works, what is paused and why', async () => {
  const { db, shop, node } = program;
  const [lane, ofNode] = [shopLane(shop.id), nodeLane(node.id)];
  await aSettledPayment(db, { shopId: shop.id, nodeId: node.id });
  await db.pool.query(
    `update payment set due_at = now() - interval '30 s', settled_at = now() - interval '40 s'`,
  );
  await db.pool.query('update shop set due_at = null');
  await pauseLane(db, ofNode, { because: 'node_down', waitMs: 60_000, draw: 0.5 });
  await pauseLane(db, lane, { because: 'throttled', waitMs: 60_000, draw: 0.5 });
  await db.pool.query('update lane set paused_until = now() where name = $1', [lane]);
  await takeStream(db, { nodeId: node.id, holder: 'pool-a', leaseMs: 600_000 });
  await db.pool.query('update node set stream_opened_at = now(), stream_whole_since = now()');
  const bucket = { available: 12, maximum: 2_000, restoreRate: 100 };
  await sayPoolReport(
    db,
    aPool('pool-a', {
      ...{ brake: 0.5, behind: { [node.id]: 3 }, buckets: { [shop.id]: bucket } },
    }),
  );
  await sayPoolReport(db, aPool('pool-b'));

  const now = await operation();
  const [ofShop, second] = now.lanes;
  expect(ofShop).toMatchObject({ waiting: 1, out: 0, state: 'probing' });
  expect(ofShop?.oldestSeconds).toBeGreaterThanOrEqual(30);
  expect(ofShop?.pause).toMatchObject({ because: 'throttled', failures: 1 });
  expect(second).toMatchObject({ state: 'paused', pause: { because: 'node_down' } });
  expect(now.oldestUntoldSeconds).toBeGreaterThanOrEqual(40);
  expect(now.bucket).toEqual(bucket);
  expect(now.streams).toMatchObject([{ is: 'whole', pool: 'pool-a', lag: 3 }]);
  expect(now.pools.alive).toBe(2);
  expect(now.pools.listed).toMatchObject([
    { id: 'pool-a', brake: 0.5, streams: 1 },
    { id: 'pool-b', brake: 1, streams: 0 },
  ]);
});

test('nothing of another shop is in it', async () => {
  const before = await operation();
  const { db } = program;
  const other = await aShop(db, { domain: 'beach.myshopify.com', clientId: 'beach' });
  const nodeId = await aNode(db, { shopId: other.id });
  await aSettledPayment(db, { shopId: other.id, nodeId });
  await db.pool.query(
    `update payment set due_at = now() - interval '1 day', settled_at = now() - interval '1 day'
     where shop_id = $1`,
    [other.id],
  );
  await takeStream(db, { nodeId, holder: 'pool-b', leaseMs: 600_000 });
  await pauseLane(db, nodeLane(nodeId), { because: 'node_down', waitMs: 60_000, draw: 0.5 });
  await db.pool.query(
    `insert into reconcile_break (shop_id, what, key, heal, confirmed_at)
     values ($1, 'owed_differs', 'k', 'person', now())`,
    [other.id],
  );
  await sayPoolReport(
    db,
    aPool('pool-b', {
      behind: { [nodeId]: 9 },
      buckets: { [other.id]: { available: 1, maximum: 2, restoreRate: 3 } },
    }),
  );
  const after = await operation();
  const timeless = ({ lanes, streams, pools, bucket, reconciliation }: OperationAnswer): unknown =>
    JSON.parse(
      JSON.stringify({ lanes, streams, pools, bucket, reconciliation }, (key, value: unknown) =>
        ['oldestSeconds', 'saidAt'].includes(key) ? undefined : value,
      ),
    );
  expect(timeless(after)).toEqual(timeless(before));
  expect(after.oldestUntoldSeconds ?? 0).toBeLessThan(80_000);
  expect((await ask('not-a-token')).status).toBe(401);
});
