// A node was away with a thousand invoices open, and ten of them were paid meanwhile: the calls
// that it sees afterwards grow with the ten, not with the thousand.
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
const many = 1_000;

beforeAll(async () => {
  home = await testDatabase();
  db = open(home.url);
  lnd = await startLnd({ store: 'sql' });
  node = openNode({
    ...{ address: lnd.socket, certificatePem: lnd.certPem, identity: lnd.publicKey },
    ...{ macaroonHex: lnd.macaroon('receive-useful').toString('hex'), allowPrivate: true },
    ...{ quietMs: 1_000, deadlineMs: 2_000, keepalive: { timeMs: 5_500, timeoutMs: 1_000 } },
  });
  shopId = (await aShop(db)).id;
  await db.pool.query('update shop set due_at = null');
  nodeId = await aNode(db, { shopId, identity: lnd.publicKey });
  const nodes = { of: () => Promise.resolve(node) };
  pool = startPool(depsOn(db, { log, nodes }), {
    listener: { takeMs: 300, reopenAtMostMs: 1_000 },
  });
  await pool.ready;
  await isWhole();
});
afterAll(async () => {
  await pool.stop();
  node.close();
  await lnd.stop();
  await db.close();
  await home.close();
});

const isWhole = (): Promise<number> =>
  until('the stream is whole', async () => {
    return ((await nodeById(db, nodeId))?.streamWholeSince ?? null) !== null;
  });

async function asked(): Promise<{ id: bigint; request: string }> {
  const payment = await aPayment(db, { shopId });
  const { id, hash, preimage, amountMsat } = await anInvoice(db, { payment, nodeId });
  const wish = { hash, preimage, amountMsat, memo: 'an order', expirySeconds: 3_600 };
  const { request, addIndex } = await node.createInvoice(wish);
  await db.pool.query('update invoice set add_index = $2 where id = $1', [id, addIndex]);
  return { id, request };
}

async function askedMany(): Promise<{ id: bigint; request: string }[]> {
  const all: { id: bigint; request: string }[] = [];
  while (all.length < many) {
    all.push(...(await Promise.all(Array.from({ length: 50 }, () => asked()))));
  }
  return all;
}

const count = async (where: string): Promise<number> => {
  const { rows } = await db.pool.query<{ n: number }>(
    `select count(*)::int as n from invoice where ${where}`,
  );
  return rows[0]?.n ?? -1;
};
const settledOf = (invoices: readonly { id: bigint }[]): Promise<number> =>
  count(`state = 'settled' and id in (${invoices.map(({ id }) => String(id)).join()})`);

const methods = ['LookupInvoice', 'ListInvoices', 'CancelInvoice', 'SubscribeInvoices'] as const;
const calls = (): Record<string, number> =>
  Object.fromEntries(methods.map((method) => [method, lnd.callsOf(method)]));

/** The node is gone for a while, and the pool knows it. */
async function away(meanwhile: () => Promise<void>): Promise<void> {
  const lane = nodeLane(nodeId);
  const ended = log.said('stream.ended').length;
  lnd.faults.freeze();
  await db.pool.query(`update invoice set due_at = now() - interval '1 ms' where state = 'live'`);
  await nudge(db.pool, [lane]);
  await until('the stream has ended', () => log.said('stream.ended').length > ended);
  // Nothing is due but by its own time: only what a pause put off.
  await meanwhile();
  lnd.faults.cutConnections();
}

test('calls grow with what was paid meanwhile, not with what is open', async () => {
  const first = await asked();
  await lnd.pay(first.request);
  await until('the cursor begins', async () => (await settledOf([first])) === 1);
  const invoices = await askedMany();
  const paid = invoices.slice(0, 10);
  await away(async () => {
    for (const { request } of paid) expect((await lnd.pay(request)).ok).toBe(true);
  });
  const before = calls();
  lnd.faults.thaw();
  await until('the ten are recorded', async () => (await settledOf(paid)) === 10);
  await isWhole();
  await until('nothing is due', async () => (await count('due_at <= now()')) === 0);
  expect(await pauseOf(db, nodeLane(nodeId))).toBeUndefined();
  const after = calls();
  const more = Object.fromEntries(
    methods.map((method) => [method, (after[method] ?? 0) - (before[method] ?? 0)]),
  );
  const sum = Object.values(more).reduce((all, n) => all + n, 0);
  // What the contract needs: a live stream and a replay, two lookups that show that the stream is
  // open, the lane's probes, and a sample each five seconds that looks whether it is silent.
  expect(sum, JSON.stringify(more)).toBeLessThanOrEqual(12);
}, 240_000);
