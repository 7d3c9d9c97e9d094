// A node is asked for all that is open on it in as few calls as it takes.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startLnd, type LndSimulator } from '../../sandbox/lnd/index.ts';
import type { Database } from '../../web/db/database.ts';
import { claim, giveBack } from '../../web/db/due.ts';
import { nodeLane } from '../../web/db/lanes.ts';
import {
  coverOfStream,
  nodeAnswered,
  nodeHasTrouble,
  payableInvoices,
  samplePayable,
  streamIsOpen,
  streamIsWhole,
} from '../../web/db/nodes.ts';
import type { Deps } from '../../web/flows/flow.ts';
import { lookAtInvoice } from '../../web/flows/look-at-invoice.ts';
import { lookAtAll, lookAtLapsed } from '../../web/flows/look-at-all.ts';
import { openNode, type OpenNode } from '../../web/lightning/node.ts';
import { aNode, anInvoice, aPayment, aShop } from '../builders.ts';
import { testDatabase, type TestDatabase } from '../database.ts';
import { depsOn, open } from '../worker/play.ts';

let home: TestDatabase;
let db: Database;
let lnd: LndSimulator;
let shopId: number;
const nodes: OpenNode[] = [];

beforeAll(async () => {
  home = await testDatabase();
  db = open(home.url);
  lnd = await startLnd({});
  shopId = (await aShop(db)).id;
});
afterAll(async () => {
  for (const node of nodes) node.close();
  await lnd.stop();
  await db.close();
  await home.close();
});

/** A node of ours with so many open invoices, none of which is due for an hour. */
async function withOpen(about: {
  count: number;
  credential: 'receive' | 'receive-useful';
  lapsesInMs?: number;
}) {
  const node = openNode({
    ...{ address: lnd.socket, certificatePem: lnd.certPem, identity: lnd.publicKey },
    ...{ macaroonHex: lnd.macaroon(about.credential).toString('hex'), allowPrivate: true },
  });
  nodes.push(node);
  const shop = await aShop(db);
  const nodeId = await aNode(db, { shopId: shop.id, identity: lnd.publicKey });
  const requests: string[] = [];
  for (let n = 0; n < about.count; n += 1) {
    const payment = await aPayment(db, { shopId: shop.id });
    const { lapsesInMs } = about;
    const timing = lapsesInMs === undefined ? {} : { lapsesInMs };
    const made = await anInvoice(db, { payment, nodeId, ...timing });
    const { id, hash, preimage, amountMsat } = made;
    const wish = { hash, preimage, amountMsat, memo: 'an order', expirySeconds: 600 };
    const issued = await node.createInvoice(wish);
    requests.push(issued.request);
    await db.pool.query(
      `update invoice set add_index = $2, due_at = now() + interval '1 h' where id = $1`,
      [id, issued.addIndex],
    );
  }
  const deps = depsOn(db, { nodes: { of: () => Promise.resolve(node) } });
  const count = async (where: string): Promise<number> => {
    const { rows } = await db.pool.query<{ n: number }>(
      `select count(*)::int as n from invoice where node_id = $1 and ${where}`,
      [nodeId],
    );
    return rows[0]?.n ?? -1;
  };
  return { deps, nodeId, requests, count };
}

const calls = () => ({ list: lnd.callsOf('ListInvoices'), look: lnd.callsOf('LookupInvoice') });

test('pages tell of all: what was paid is recorded, and what is open needs no look', async () => {
  const { deps, nodeId, requests, count } = await withOpen({
    ...{ count: 30, credential: 'receive-useful' },
  });
  for (const request of requests.slice(0, 3)) await lnd.pay(request);
  const before = calls();
  await lookAtAll(deps, nodeId);
  expect(calls()).toEqual({ list: before.list + 1, look: before.look });
  expect(await count(`state = 'settled' and via = 'lookup'`)).toBe(3);
  expect(await count(`state = 'live' and due_at > now()`)).toBe(27);
});

test('what no page shows is looked at by itself', async () => {
  const { deps, nodeId, count } = await withOpen({ count: 25, credential: 'receive-useful' });
  const payment = await aPayment(db, { shopId });
  await anInvoice(db, { payment, nodeId });
  await db.pool.query(`update invoice set due_at = now() + interval '1 h' where node_id = $1`, [
    nodeId,
  ]);
  await lookAtAll(deps, nodeId);
  expect(await count('due_at <= now()')).toBe(1);
});

test.each([
  { why: 'few', count: 5, credential: 'receive-useful' },
  { why: 'a credential may not list', count: 25, credential: 'receive' },
] as const)('where $why, each is due to be looked at by itself', async (about) => {
  const { deps, nodeId, count } = await withOpen(about);
  await lookAtAll(deps, nodeId);
  expect(await count('due_at <= now()')).toBe(about.count);
});

test('a node that cannot list is asked for each', async () => {
  const { deps, nodeId, count } = await withOpen({ count: 25, credential: 'receive-useful' });
  lnd.faults.onMethod('ListInvoices', { kind: 'never-answer', work: false });
  lnd.faults.cutConnections();
  await lnd.stop();
  await lookAtAll(deps, nodeId);
  await lnd.restart();
  lnd.faults.reset();
  expect(await count('due_at <= now()')).toBe(25);
});

test('many that ran out while the node was away are looked at together', async () => {
  const { deps, nodeId, count } = await withOpen({
    ...{ count: 25, credential: 'receive-useful', lapsesInMs: -1_000 },
  });
  const hashes = await db.pool.query<{ hash: string }>(
    `select encode(hash, 'hex') as hash from invoice where node_id = $1`,
    [nodeId],
  );
  const [node] = nodes.slice(-1);
  for (const { hash } of hashes.rows) await node?.askToCancel(hash as never);
  const before = calls();
  await lookAtLapsed(deps, nodeId);
  expect(calls()).toEqual({ list: before.list + 1, look: before.look });
  expect(await count(`state = 'canceled'`)).toBe(25);
});

test('of very many some are read at a time, in the order in which they were made', async () => {
  const { nodeId, count } = await withOpen({ count: 25, credential: 'receive' });
  await db.pool.query(
    `update quote q set lapses_at = now() - interval '1 s' from invoice i
     where i.node_id = $1 and q.id = i.quote_id and i.id in (
       select id from invoice where node_id = $1 order by id limit 7)`,
    [nodeId],
  );
  const { rows } = await db.pool.query<{ id: string }>(
    'select id from invoice where node_id = $1 order by id',
    [nodeId],
  );
  const ids = rows.map(({ id }) => id);
  const read = async (after: string, lapsedBefore?: Date): Promise<string[]> =>
    (await payableInvoices(db, { nodeId, after, limit: 10, lapsedBefore })).map(({ id }) => id);
  expect(await read('0')).toEqual(ids.slice(0, 10));
  expect(await read(ids[19] ?? '')).toEqual(ids.slice(20));
  expect(await read('0', new Date())).toEqual(ids.slice(0, 7));
  const drawn = async (draw: number, limit = 10): Promise<string[]> =>
    (await samplePayable(db, { nodeId, draw, limit })).map(({ id }) => id);
  expect(await drawn(0)).toEqual(ids.slice(0, 10));
  expect(await drawn(0.999)).toEqual(ids.slice(15));
  expect(await drawn(0.5)).toEqual(ids.slice(8, 18));
  expect(await drawn(0.999, 100)).toEqual(ids);
  expect(await count('true')).toBe(25);
});

/** The stream of the node tells what is settled, for as long as this. */
const wholeSince = (nodeId: number, ms: number): Promise<unknown> =>
  db.pool.query(
    `update node set stream_holder = 'a', stream_lease_until = now() + interval '1 h',
       stream_whole_since = now() - $2 * interval '1 ms' where id = $1`,
    [nodeId, ms],
  );
const dueNow = (nodeId: number, limit?: number): Promise<unknown> =>
  db.pool.query(
    `update invoice set due_at = now() - interval '1 ms' where id in (
       select id from invoice where node_id = $1 order by id desc limit $2)`,
    [nodeId, limit],
  );
async function workDue(deps: Deps, nodeId: number): Promise<void> {
  for (const row of await claim(db, { table: 'invoice', lane: nodeLane(nodeId), limit: 50 })) {
    const end = await lookAtInvoice(deps, row);
    if (end !== 'stored') await giveBack(db.pool, row, end);
  }
}

test('what a look at all made due is asked for, though the stream is whole', async () => {
  const { deps, nodeId, requests, count } = await withOpen({ count: 25, credential: 'receive' });
  const [request] = requests;
  if (request !== undefined) await lnd.pay(request);
  await wholeSince(nodeId, 0);
  const before = calls();
  await dueNow(nodeId);
  await workDue(deps, nodeId);
  expect(calls()).toEqual(before);
  await lookAtAll(deps, nodeId);
  await workDue(deps, nodeId);
  expect(calls()).toEqual({ ...before, look: before.look + 25 });
  expect(await count(`state = 'settled'`)).toBe(1);
  expect(await count(`state = 'live' and attempts = 0 and due_at > now()`)).toBe(24);
});

test('one look puts off all that the stream tells, and nothing else', async () => {
  const { deps, nodeId, count } = await withOpen({ count: 30, credential: 'receive' });
  await wholeSince(nodeId, 0);
  await dueNow(nodeId, 1);
  const [row] = await claim(db, { table: 'invoice', lane: nodeLane(nodeId), limit: 1 });
  if (row === undefined) throw new Error('nothing was due');
  await dueNow(nodeId);
  // One whose look failed, one that is to end, one that is another's, and one that ran out.
  await db.pool.query(
    `with numbered as (
       select id, row_number() over (order by id) as n from invoice where node_id = $1),
     lapsed as (
       update quote q set lapses_at = now() - interval '1 s' from invoice i, numbered r
       where i.id = r.id and r.n = 4 and q.id = i.quote_id)
     update invoice i set attempts = case when n = 1 then 1 else 0 end,
       ending = case when n = 2 then 'order_over' end, ending_at = case when n = 2 then now() end,
       lease_until = case when n = 3 then now() + interval '1 h' end
     from numbered r where r.id = i.id and r.n <= 4`,
    [nodeId],
  );
  const before = calls();
  await lookAtInvoice(deps, row);
  expect(calls()).toEqual(before);
  expect(await count(`due_at > now() + interval '30 s'`)).toBe(25);
  expect(await count('due_at <= now()')).toBe(5);
});

test('a few are each asked for, whatever the stream tells', async () => {
  const { deps, nodeId, requests, count } = await withOpen({ count: 5, credential: 'receive' });
  const [request] = requests;
  if (request !== undefined) await lnd.pay(request);
  await wholeSince(nodeId, 0);
  const before = calls();
  await dueNow(nodeId);
  await workDue(deps, nodeId);
  expect(calls()).toEqual({ ...before, look: before.look + 5 });
  expect(await count(`state = 'settled'`)).toBe(1);
});

test('a silent stream is seen by one call, whichever of many was paid', async () => {
  const about = { count: 25, credential: 'receive-useful' } as const;
  const { deps, nodeId, requests, count } = await withOpen(about);
  const [request] = requests;
  if (request !== undefined) await lnd.pay(request);
  await wholeSince(nodeId, 60_000);
  const before = calls();
  // Only the newest is due, and it was not paid.
  await dueNow(nodeId, 1);
  await workDue(deps, nodeId);
  expect(calls()).toEqual({ list: before.list + 1, look: before.look });
  expect(await count(`state = 'settled' and via = 'lookup'`)).toBe(1);
  // Not again at once.
  await dueNow(nodeId, 1);
  await workDue(deps, nodeId);
  expect(calls()).toEqual({ list: before.list + 1, look: before.look });
});

test('a stream that opens and is never whole keeps lookups away for half of the time', async () => {
  const { nodeId } = await withOpen({ count: 25, credential: 'receive' });
  const lease = { nodeId, holder: 'a', leaseNo: 0, epoch: 0, cursor: 5n };
  const back = (agoMs: number): Promise<unknown> =>
    db.pool.query(
      `update node set stream_holder = 'a', stream_lease_until = now() + interval '1 h',
         back_at = now() - $2 * interval '1 ms' where id = $1`,
      [nodeId, agoMs],
    );
  const cover = () => coverOfStream(db, { nodeId, sampleMs: 25_000, few: 20 });
  await back(600_000);
  expect(await cover()).toBe('none');
  await streamIsOpen(db, lease, new Date());
  expect(await cover()).toBe('coming');
  await back(70_000);
  await streamIsOpen(db, lease, new Date());
  await nodeHasTrouble(db, nodeId, 'timeout');
  await nodeAnswered(db, nodeId);
  expect(await cover()).toBe('none');
  await back(130_000);
  await streamIsOpen(db, lease, new Date());
  expect(await cover()).toBe('coming');
  // One that was whole in between is another time.
  await back(70_000);
  await streamIsWhole(db, lease, new Date());
  await streamIsWhole(db, lease, null);
  await streamIsOpen(db, lease, new Date());
  expect(await cover()).toBe('coming');
});
