// How lanes, shops and nodes stand, read from the rows themselves, and as metrics.
import { expect, test } from 'vitest';
import type { Database } from '../../web/db/database.ts';
import { claim } from '../../web/db/due.ts';
import { writeLanes } from '../../web/db/lane-state.ts';
import { nodeLane, pauseLane, shopLane } from '../../web/db/lanes.ts';
import { takeStream } from '../../web/db/nodes.ts';
import { lanesStanding, oldestUntold, streamsStanding } from '../../web/db/views.ts';
import { makeMetrics } from '../../web/metrics.ts';
import { aNode, aSettledPayment, aShop } from '../builders.ts';
import { databaseOfFile } from '../database-of-file.ts';

let db: Database;
databaseOfFile((made) => {
  db = made;
});
test('a busy lane, a paused one, a stream and what waits for Shopify', async () => {
  const { id: shopId } = await aShop(db);
  const nodeId = await aNode(db, { shopId });
  await db.pool.query('update shop set due_at = null');
  for (let n = 0; n < 3; n += 1) await aSettledPayment(db, { shopId, nodeId });
  await db.pool.query(
    `update payment set due_at = now() - interval '10 s', settled_at = now() - interval '20 s'`,
  );
  const lane = shopLane(shopId);
  await claim(db, { table: 'payment', lane, limit: 1 });
  await writeLanes(db, [
    { lane, identity: '', gradient: 7.6, loss: 12, bases: {}, costs: { a: 100, b: 300 } },
  ]);
  await pauseLane(db, nodeLane(nodeId), { because: 'node_down', waitMs: 60_000, draw: 0.5 });
  const lanes = await lanesStanding(db);
  expect(lanes.map((each) => ({ ...each, oldestSeconds: Math.floor(each.oldestSeconds) }))).toEqual(
    [
      {
        ...{ lane: nodeLane(nodeId), breaker: 'open', out: 0, waiting: 0 },
        ...{ width: undefined, seconds: undefined, oldestSeconds: 0 },
      },
      {
        ...{ lane, breaker: 'closed', out: 1, waiting: 2 },
        ...{ width: 7, seconds: 0.2, oldestSeconds: 10 },
      },
    ],
  );
  const [untold] = await oldestUntold(db);
  expect(untold?.shopId).toBe(shopId);
  expect(Math.floor(untold?.seconds ?? 0)).toBe(20);
  expect(await streamsStanding(db)).toEqual([{ nodeId, is: 'away' }]);
  await takeStream(db, { nodeId, holder: 'a', leaseMs: 60_000 });
  await db.pool.query('update node set stream_opened_at = now()');
  expect(await streamsStanding(db)).toEqual([{ nodeId, is: 'behind' }]);
  await db.pool.query('update node set stream_whole_since = now()');
  const streams = await streamsStanding(db);
  expect(streams).toEqual([{ nodeId, is: 'whole' }]);

  const metrics = makeMetrics();
  metrics.standLanes({ lanes, oldestUntold: [], streams });
  const text = await metrics.registry.metrics();
  expect(text).toContain(`zaptill_lane_width{lane="${lane}"} 7`);
  expect(text).toContain(`zaptill_lane_breaker{lane="${nodeLane(nodeId)}"} 1`);
  expect(text).toContain(`zaptill_node_settle_stream{node="${String(nodeId)}"} 1`);
  // A lane that is not among the busiest any more leaves no figure behind.
  metrics.standLanes({ lanes: [], oldestUntold: [], streams: [] });
  expect(await metrics.registry.metrics()).not.toContain('zaptill_lane_width{');
});
