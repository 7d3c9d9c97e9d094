// A node's lane with the steps of production, against a simulated LND over its real protocol: the
// lookups alone must find every settlement, because the settle stream is only an accelerator.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startLnd, type LndSimulator } from '../../sandbox/lnd/index.ts';
import type { Database } from '../../web/db/database.ts';
import { nodeLane, nudge, pauseOf } from '../../web/db/lanes.ts';
import { nodeById } from '../../web/db/nodes.ts';
import { openNode, type OpenNode } from '../../web/lightning/node.ts';
import { startPool, type Pool } from '../../web/worker/pool.ts';
import { aNode, anInvoice, aPayment, aShop } from '../builders.ts';
import { testDatabase, type TestDatabase } from '../database.ts';
import { aLog, depsOn, open, until } from './play.ts';

let home: TestDatabase;
let db: Database;
let lnd: LndSimulator;
let node: OpenNode;
let pool: Pool;
let shopId: number;
let nodeId: number;
const log = aLog();

beforeAll(async () => {
  home = await testDatabase();
  db = open(home.url);
  lnd = await startLnd({});
  node = openNode({
    ...{ address: lnd.socket, certificatePem: lnd.certPem, identity: lnd.publicKey },
    ...{ macaroonHex: lnd.macaroon('receive').toString('hex'), allowPrivate: true },
  });
  shopId = (await aShop(db)).id;
  await db.pool.query('update shop set due_at = null');
  nodeId = await aNode(db, { shopId, identity: lnd.publicKey });
  const nodes = { of: () => Promise.resolve(node) };
  pool = startPool(depsOn(db, { log, nodes }), { listener: false });
  await pool.ready;
});
afterAll(async () => {
  await pool.stop();
  node.close();
  await lnd.stop();
  await db.close();
  await home.close();
});

async function asked(): Promise<{ id: bigint; request: string }> {
  const payment = await aPayment(db, { shopId });
  const { id, hash, preimage, amountMsat } = await anInvoice(db, { payment, nodeId });
  const wish = { hash, preimage, amountMsat, memo: 'an order', expirySeconds: 600 };
  const { request } = await node.createInvoice(wish);
  return { id, request };
}

const lookNow = async (ids: readonly bigint[]): Promise<void> => {
  await db.pool.query(
    `update invoice set due_at = now() - interval '1 ms' where id = any($1::bigint[])`,
    [ids],
  );
  await nudge(db.pool, [nodeLane(nodeId)]);
};
const count = async (ids: readonly bigint[], where: string): Promise<number> => {
  const { rows } = await db.pool.query<{ n: number }>(
    `select count(*)::int as n from invoice where id = any($1::bigint[]) and ${where}`,
    [ids],
  );
  return rows[0]?.n ?? -1;
};

test('lookups find settlements without any stream', async () => {
  const wanted = await Promise.all(Array.from({ length: 20 }, () => asked()));
  const ids = wanted.map(({ id }) => id);
  for (const { request } of wanted.slice(0, 10)) await lnd.pay(request);
  await lookNow(ids);
  await until('ten are settled', async () => (await count(ids, `state = 'settled'`)) === 10);
  await until('ten are looked at later', async () => {
    return (await count(ids, `state = 'live' and due_at > now() and attempts = 0`)) === 10;
  });
});

test('a node that is down pauses its lane; its buyers are found when it is back', async () => {
  const wanted = await Promise.all(Array.from({ length: 20 }, () => asked()));
  const ids = wanted.map(({ id }) => id);
  for (const { request } of wanted) await lnd.pay(request);
  await lnd.stop({ how: 'kill' });
  await lookNow(ids);
  const lane = nodeLane(nodeId);
  await until('the lane was probed', async () => ((await pauseOf(db, lane))?.failures ?? 0) >= 2);
  expect(await count(ids, `attempts = 0 and state = 'live'`)).toBe(20);
  expect((await nodeById(db, nodeId))?.trouble).toBe('node_down');
  await lnd.restart();
  await until('all are settled', async () => (await count(ids, `state = 'settled'`)) === 20);
  expect(await pauseOf(db, lane)).toBeUndefined();
  expect((await nodeById(db, nodeId))?.trouble).toBeNull();
  const errors = log.lines.filter(
    ({ level, about }) => level === 'error' && about.table === 'invoice',
  );
  expect(errors).toEqual([]);
});
