// Which nodes a payment may be paid at: coins that cost nothing buy nothing.
import { beforeEach, expect, test } from 'vitest';
import { audit } from '../../web/db/audit.ts';
import type { Database } from '../../web/db/database.ts';
import { nodeLane, pauseLane } from '../../web/db/lanes.ts';
import { nodeHasTrouble, retireNode } from '../../web/db/nodes.ts';
import { serviceFor } from '../../web/flows/serve-session.ts';
import { aNode, anInvoice, aPayment, aShop } from '../builders.ts';
import { databaseOfFile } from '../database-of-file.ts';
import { depsOn } from '../worker/play.ts';

let db: Database;
let shopId: number;

databaseOfFile((made) => {
  db = made;
});
beforeEach(async () => {
  shopId = (await aShop(db)).id;
});

/** A working node of this network behind those that are there. */
const aNodeOf = async (network: string, of = shopId): Promise<number> => {
  const id = await aNode(db, { shopId: of });
  await db.prisma.node.updateMany({ where: { shopId: of }, data: { retiredAt: null } });
  await db.prisma.node.update({ where: { id }, data: { network, rank: id } });
  return id;
};
type About = { test?: boolean; origin?: 'order' | 'payment_session'; inProduction?: boolean };
const asked = async ({ test = false, origin = 'order', inProduction = false }: About = {}) => {
  const deps = depsOn(db, { realMoneyOnly: inProduction });
  const { nodes, isConnected } = await serviceFor(deps, { shopId, origin, test });
  return { ids: nodes.map(({ id }) => id), isConnected };
};
const nobody = { ids: [], isConnected: false };
const both = [false, true];

test('a mainnet node that is away is not stood in for by one of another network', async () => {
  const mainnet = await aNodeOf('mainnet');
  const testnet = await aNodeOf('testnet');
  for (const inProduction of both) {
    expect(await asked({ inProduction })).toEqual({ ids: [mainnet], isConnected: true });
  }
  await nodeHasTrouble(db, mainnet, 'node_unreachable');
  for (const inProduction of both) {
    expect(await asked({ inProduction })).toEqual({ ids: [mainnet], isConnected: true });
  }
  await pauseLane(db, nodeLane(mainnet), { because: 'away', waitMs: 600_000, draw: 0.5 });
  for (const inProduction of both) {
    expect(await asked({ inProduction })).toEqual({ ids: [], isConnected: true });
  }
  // A test session is the other node's business, and a test order anybody's.
  const origin = 'payment_session';
  expect(await asked({ test: true, origin })).toEqual({ ids: [testnet], isConnected: true });
  expect(await asked({ test: true })).toEqual({ ids: [testnet], isConnected: true });
});

test('without a mainnet node real money is taken in development only', async () => {
  const regtest = await aNodeOf('regtest');
  expect(await asked()).toEqual({ ids: [regtest], isConnected: true });
  expect(await asked({ inProduction: true })).toEqual(nobody);
  const session = { test: true, origin: 'payment_session', inProduction: true } as const;
  expect(await asked(session)).toEqual({ ids: [regtest], isConnected: true });
});

test('a session goes to the mainnet node of the shop’s other app before a free one', async () => {
  const domain = `two-apps-${String(shopId)}.myshopify.com`;
  const payments = await aShop(db, { domain, clientId: 'payments-app' });
  const merchant = await aShop(db, { domain });
  shopId = payments.id;
  const own = await aNodeOf('testnet');
  const mainnet = await aNodeOf('mainnet', merchant.id);
  for (const inProduction of both) {
    const found = await asked({ origin: 'payment_session', inProduction });
    expect(found).toEqual({ ids: [mainnet], isConnected: true });
  }
  const found = await asked({ origin: 'payment_session', test: true });
  expect(found).toEqual({ ids: [own], isConnected: true });
  await retireNode(db, { shopId: merchant.id, nodeId: mainnet });
  expect(await asked({ origin: 'payment_session', inProduction: true })).toEqual(nobody);
});

test('a test session never goes to a mainnet node, also where there is no other', async () => {
  const mainnet = await aNodeOf('mainnet');
  const session = { test: true, origin: 'payment_session' } as const;
  for (const inProduction of both)
    expect(await asked({ ...session, inProduction })).toEqual(nobody);
  const free = await aNodeOf('regtest');
  for (const inProduction of both) {
    expect(await asked({ ...session, inProduction })).toEqual({ ids: [free], isConnected: true });
    expect(await asked({ inProduction })).toEqual({ ids: [mainnet], isConnected: true });
  }
});

test('the audit names an invoice for free coins that a mainnet node should have made', async () => {
  const free = await aNodeOf('testnet');
  const payment = await aPayment(db, { shopId });
  const { hash } = await anInvoice(db, { payment, nodeId: free });
  const mainnet = await aNodeOf('mainnet');
  // It came later than the invoice.
  expect(await audit(db)).toEqual([]);
  const connected = (ago: string) =>
    db.pool.query(`update node set connected_at = now() - $2::interval where id = $1`, [
      mainnet,
      ago,
    ]);
  await connected('5 minutes');
  expect(await audit(db)).toMatchObject([{ rule: 'I13', what: hash }]);
  await db.pool.query(`update node set retired_at = now() - interval '2 minutes' where id = $1`, [
    mainnet,
  ]);
  expect(await audit(db)).toEqual([]);
});
