// A real pool is killed with -9 at each step of a hold, and another takes its place: what was held
// is charged once or given back once, and Shopify hears the one or the other.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { staleWishMs } from '../../web/core/hold.ts';
import { audit } from '../../web/db/audit.ts';
import { askOfHold, switchHolds } from '../../web/db/holds.ts';
import { openShop, type Shop } from '../flows/cases-shop.ts';
import { enumerate } from '../kills/points.ts';
import type { FromProcess, Moment, ToProcess } from '../kills/process.ts';
import { paymentsApp, until } from '../world.ts';

const root = path.join(import.meta.dirname, '../..');
// Processes are started and killed: a busy machine takes its time.
vi.setConfig({ testTimeout: 240_000 });
const patienceMs = 120_000;

let shop: Shop;
let dir = '';
const living = new Set<ChildProcess>();

type Pool = { child: ChildProcess; onStanding: (tell: (moment: Moment) => void) => void };

/** Everything is loaded; it works when it is begun. */
function load(): Pool {
  const { config } = shop.wired;
  const [vaultKey] = config.vaultKeys;
  const key = Buffer.from(vaultKey?.key ?? []).toString('base64');
  const child = spawn(process.execPath, [path.join(root, 'test/kills/process.ts')], {
    cwd: root,
    env: {
      ...{ PATH: process.env['PATH'] ?? '', HOME: os.tmpdir(), DATA_DIR: dir, LOG_LEVEL: 'silent' },
      ...{ KILLS_ENTRANCE: 'worker.ts', KILLS_PLAN: path.join(dir, 'plan.json') },
      ...{ DATABASE_URL: shop.wired.config.databaseUrl ?? '', APP_URL: shop.appUrl, PORT: '1' },
      ...{ VAULT_KEYS: `${String(vaultKey?.version ?? 1)}:${key}`, SWEEP_SECONDS: '5' },
      ...{ OUTSIDE_ORIGIN: shop.shopify.origin, ALLOW_PRIVATE_NODES: 'true' },
      NODE_COMPILE_CACHE: path.join(dir, 'compiled'),
    },
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  living.add(child);
  let heard: (moment: Moment) => void = () => undefined;
  child.on('message', (message: FromProcess) => {
    if ('stands' in message) heard(message.stands);
  });
  return { child, onStanding: (tell) => (heard = tell) };
}
const tell = ({ child }: Pool, message: ToProcess): void => {
  if (child.connected) child.send(message, () => undefined);
};
const kill = async (child: ChildProcess): Promise<void> => {
  living.delete(child);
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill('SIGKILL');
  await gone;
};

let current: Pool;
let next: Pool;

/** The one that works is dead: what it had taken is free when its leases end, which is now. */
async function replace(): Promise<void> {
  await kill(current.child);
  current = next;
  tell(current, { begin: true });
  next = load();
  const { pool } = shop.db;
  for (const table of ['payment', 'invoice', 'hold_request', 'shop', 'sighting', 'refund']) {
    await pool.query(`update ${table} set lease_until = null where lease_until is not null`);
  }
  await pool.query('update node set stream_lease_until = now() where stream_holder is not null');
  await pool.query('update listening set alive_until = now()');
}

beforeAll(async () => {
  dir = fs.mkdtempSync(path.join(os.tmpdir(), 'zaptill-holds-'));
  const { points, sites } = enumerate();
  const plan = { points: points.map(({ id }) => id), sites };
  fs.writeFileSync(path.join(dir, 'plan.json'), JSON.stringify(plan));
  shop = await openShop({ captures: true });
  await switchHolds(shop.db, { shopId: shop.paymentsShopId, on: true });
  await switchHolds(shop.db, { shopId: shop.shop.id, on: true });
  const macaroon = shop.lnd.macaroon('receive-and-hold', { rootKeyId: '57201' });
  const given = { lndconnect: shop.lnd.lndconnect(macaroon) };
  await until('the node is connected', async () => (await shop.connect({ given })).ok, patienceMs);
  current = load();
  next = load();
  tell(current, { begin: true });
}, 240_000);
afterAll(async () => {
  await Promise.all([...living].map(kill));
  const broken = await audit(shop.db);
  await shop.close();
  fs.rmSync(dir, { recursive: true, force: true });
  expect(broken).toEqual([]);
}, 120_000);

/** A buyer pays at our page, and Shopify asks what it asks once it has it as authorized. */
async function play(ask: 'capture' | 'void', moment: Moment) {
  const { payments } = shop.shopify;
  const { prisma } = shop.db;
  let died = false;
  const dies = new Promise<void>((resolve, reject) => {
    current.onStanding(() => {
      if (died) return;
      died = true;
      replace().then(resolve, reject);
    });
  });
  dies.catch(() => undefined);
  tell(current, { stopAt: [moment] });
  const session = await payments.checkout({
    ...{ app: paymentsApp.name, kind: 'authorization', amount: '21.00' },
  });
  const gid = `gid://shopify/PaymentSession/${session.id}`;
  const read = () => prisma.payment.findFirstOrThrow({ where: { originId: gid } });
  const { id: paymentId, shopId } = await read();
  const bill = { way: 'payment_session', shopId, paymentId } as const;
  const invoice = await shop.quoted({ ...bill, originId: session.id, group: session.group });
  const paid = shop.lnd.pay(shop.requestOf(invoice.hash));
  await until('it is authorized', async () => (await read()).holdToldAt !== null, patienceMs);
  const asked = await payments[ask](session.id);
  const isAnswered = async (): Promise<boolean> => {
    const request = await prisma.holdRequest.findFirst({ where: { paymentId } });
    return request?.state === 'done';
  };
  await until(`the ${ask} is answered`, isAnswered, patienceMs);
  await dies;
  expect(died).toBe(true);
  const accounts = await shop.accountsOf({ ...bill, originId: session.id, group: undefined });
  const counted = {
    authorized: payments.effects.count(session.id, 'resolved'),
    answered: payments.effects.count(asked.id, `${ask}_resolved`),
    said: payments.moneySessions().find(({ id }) => id === asked.id)?.state,
  };
  expect(counted).toEqual({ authorized: 1, answered: 1, said: 'resolved' });
  return { state: (await read()).state, accounts, paid: (await paid).ok, invoice };
}

/** The money of an order is held, and twenty presses ask for the same at once. */
async function playOrder(kind: 'capture' | 'void', moment: Moment) {
  const { prisma } = shop.db;
  let died = false;
  const dies = new Promise<void>((resolve, reject) => {
    current.onStanding(() => {
      if (died) return;
      died = true;
      replace().then(resolve, reject);
    });
  });
  dies.catch(() => undefined);
  tell(current, { stopAt: [moment] });
  const bill = await shop.anOrder();
  const { paymentId, shopId } = bill;
  const read = () => prisma.payment.findUniqueOrThrow({ where: { id: paymentId } });
  const invoice = await shop.quoted(bill);
  const paid = shop.lnd.pay(shop.requestOf(invoice.hash));
  await until('it is held', async () => (await read()).state === 'held', patienceMs);
  const asked = { shopId, paymentId, kind, staffId: 'a person', staleMs: staleWishMs };
  await Promise.all(Array.from({ length: 20 }, () => askOfHold(shop.db, asked)));
  const ends = async (): Promise<boolean> => {
    const requests = await prisma.holdRequest.findMany({ where: { paymentId } });
    const isDone = requests.length === 1 && requests[0]?.state === 'done';
    return isDone && ['resolved', 'lapsed'].includes((await read()).state);
  };
  await until(`the ${kind} is done`, ends, patienceMs);
  await dies;
  expect(died).toBe(true);
  const accounts = await shop.accountsOf(bill);
  const order = shop.shopify.order(bill.originId);
  const told = { status: order?.financialStatus, received: order?.received };
  return { state: (await read()).state, accounts, told, paid: (await paid).ok, invoice };
}

test.for([
  'sql hold_begin after',
  'sql hold_want_capture after',
  'call look-at-hold.settleHeld before',
  'call look-at-hold.settleHeld after',
  'sql invoice_settle after',
  'call tell-shopify.markPaid after',
  'sql hold_request_answer after',
])('an order is charged once, killed at %s', async (moment) => {
  const { state, accounts, told, paid, invoice } = await playOrder('capture', moment);
  expect([state, paid]).toEqual(['resolved', true]);
  expect(told).toEqual({ status: 'PAID', received: '21.00' });
  expect(accounts).toEqual({ resolved: invoice.amountMsat });
});

test.for([
  'sql invoice_end_all after',
  'call close-invoice.askToCancel after',
  'sql hold_request_answer after',
])('the money of an order is let go once, killed at %s', async (moment) => {
  const { state, accounts, told, paid } = await playOrder('void', moment);
  expect([state, paid]).toEqual(['lapsed', false]);
  expect(told).toEqual({ status: 'PENDING', received: '0.00' });
  expect(accounts).toEqual({});
});

test.for([
  'call look-at-hold.height after',
  'sql hold_begin after',
  'call tell-held.resolve before',
  'call tell-held.resolve after',
  'sql hold_want_capture after',
  'call look-at-hold.settleHeld before',
  'call look-at-hold.settleHeld after',
  'sql invoice_settle after',
  'call tell-capture.resolveCapture after',
])('charged once, killed at %s', async (moment) => {
  const { state, accounts, paid, invoice } = await play('capture', moment);
  expect([state, paid]).toEqual(['resolved', true]);
  expect(accounts).toEqual({ resolved: invoice.amountMsat });
});

test.for([
  'sql invoice_end_all after',
  'call close-invoice.askToCancel after',
  'sql hold_request_answer after',
  'call answer-hold-request.resolveVoid after',
])('given back once, killed at %s', async (moment) => {
  const { state, accounts, paid } = await play('void', moment);
  expect([state, paid]).toEqual(['lapsed', false]);
  expect(accounts).toEqual({});
});
