// Two merchants with two registrations of the app, and one of them with the payments app too, on
// one server and one pool. Each pays and is paid; whatever one of them asks, it learns nothing of
// the other and changes nothing of it. The doors are the route table's own: one that is added later
// is knocked at as well.
import { execFile } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, expect, test } from 'vitest';
import { startLnd, type LndSimulator } from '../../sandbox/lnd/index.ts';
import { readConfig } from '../../web/config.ts';
import { allRoutes } from '../../web/http/app.ts';
import type { Route } from '../../web/http/doors.ts';
import { makeLog } from '../../web/log.ts';
import { wire } from '../../web/wiring.ts';
import { oneReady, payInTheEnd } from '../journey/paid-once.ts';
import { app, shopName, until, type Bought, type World } from '../world.ts';
import { worldOfFile } from '../world-of-file.ts';

const root = path.join(import.meta.dirname, '../..');
const other = {
  app: { name: 'zaptill-beach', clientId: 'beach-client', secret: 'shpss_canary_beach_secret_01' },
  shop: 'beach.myshopify.com',
};

let world: World;
let beachNode: LndSimulator;
let routes: Route[];
/** An order of the first shop that is paid, and one that waits. */
let paid: Bought;
let open: Bought;
worldOfFile(
  (made) => {
    world = made;
  },
  { payments: true, other, soundInTheEnd: true },
);

type Whose = { shop: string; app: string };
const alpine: Whose = { shop: shopName, app: app.name };
const beach: Whose = { shop: other.shop, app: other.app.name };

async function call(who: Whose, method: string, at: string, body?: object) {
  const token = world.shopify.sessionToken({ ...who, kind: 'admin' });
  const answer = await fetch(`${world.appUrl}${at}`, {
    method: method.toUpperCase(),
    headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  return { status: answer.status, text: await answer.text() };
}

/** The second merchant's app is registered by the operator while the server runs. */
async function registerBeach(): Promise<void> {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'zaptill-secret-'));
  const file = path.join(dir, 'secret');
  fs.writeFileSync(file, `${other.app.secret}\n`, { mode: 0o600 });
  const node24 = path.join(root, 'node_modules/node/bin/node');
  const env = { PATH: process.env['PATH'] ?? '', HOME: os.tmpdir(), ...world.env };
  const words = ['app', 'register', '--key', other.app.clientId, '--secret-file', file];
  const cli = path.join(root, 'web/cli.ts');
  await promisify(execFile)(node24, [cli, ...words, '--name', other.app.name], { cwd: root, env });
  fs.rmSync(dir, { recursive: true });
}

beforeAll(async () => {
  beachNode = await startLnd({ alias: 'beach' });
  await registerBeach();
  // Registrations are read again within seconds.
  await until('the second merchant is let in', async () => {
    return (await call(beach, 'get', '/api/shop')).status === 200;
  });
  const macaroon = beachNode.macaroon('receive-useful', { rootKeyId: '57002' });
  const lndconnect = beachNode.lndconnect(macaroon);
  expect((await call(beach, 'post', '/api/node', { lndconnect })).status).toBe(200);
  const ready = await oneReady(world);
  paid = ready;
  await payInTheEnd(world, ready.bolt11);
  await world.inState(paid, 'resolved');
  open = await oneReady(world);
  const config = readConfig({ ...world.env });
  const wired = wire({
    ...{ config, log: makeLog({ level: 'silent' }), databaseUrl: config.databaseUrl ?? '' },
  });
  routes = allRoutes(wired.doors());
  await wired.close();
  return async () => {
    await beachNode.stop();
  };
}, 120_000);

/** What of the first shop must never be seen by the second. */
async function canaries(): Promise<string[]> {
  const { prisma } = world.db;
  const [payments, invoices, node] = await Promise.all([
    prisma.payment.findMany({ where: { shop: { domain: shopName } } }),
    prisma.invoice.findMany({ where: { payment: { shop: { domain: shopName } } } }),
    prisma.node.findFirstOrThrow({ where: { shop: { domain: shopName } } }),
  ]);
  return [
    ...payments.flatMap(({ id, link, originId }) => [id, link, originId]),
    ...invoices.flatMap(({ hash, request }) => [Buffer.from(hash).toString('hex'), request ?? '-']),
    ...[node.identity, node.address, shopName],
  ];
}

/** Everything of the first shop that a call could change. */
async function standing(): Promise<string> {
  const { pool } = world.db;
  const of = `(select id from shop where domain = '${shopName}')`;
  const queries = [
    `select id, state, reason, attention, owed_minor, told_minor, link from payment
     where shop_id in ${of} order by id`,
    `select i.id, i.state, i.ending from invoice i join payment p on p.id = i.payment_id
     where p.shop_id in ${of} order by i.id`,
    `select id, rank, retired_at, identity, address from node where shop_id in ${of} order by id`,
    `select id, method_name, uninstalled_at, scopes from shop where id in ${of} order by id`,
    `select * from settings where shop_id in ${of} order by shop_id`,
    `select id from saved_view where shop_id in ${of} order by id`,
  ];
  const found = await Promise.all(queries.map((text) => pool.query(text)));
  return JSON.stringify(found.map(({ rows }) => rows as unknown[]));
}

test('both are paid at once, each on its own node, by one pool', async () => {
  const order = world.shopify.createOrder({
    ...{ shop: other.shop, total: '12.00', currency: 'EUR' },
  });
  const bought = { orderId: order.id, checkoutToken: order.checkoutToken };
  const payUrl = await until('the second shop’s block gets a link', async () => {
    const token = world.shopify.sessionToken({ ...beach, kind: 'extension' });
    const answer = await fetch(`${world.appUrl}/extension/payment`, {
      method: 'POST',
      headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' },
      body: JSON.stringify(bought),
    });
    const body = (await answer.json()) as { payUrl?: string };
    return body.payUrl;
  });
  const before = beachNode.invoices.all().length;
  const bolt11 = await world.invoiceOn(payUrl);
  expect(beachNode.invoices.all().length).toBe(Math.max(before, 1));
  const mine = await oneReady(world);
  await Promise.all([beachNode.pay(bolt11), world.lightning.pay(mine.bolt11)]);
  await Promise.all([world.isPaid(bought), world.isPaid(mine)]);
  expect(world.shopify.effects.payments(order.id)).toBe(1);
  expect(world.shopify.effects.payments(mine.orderId)).toBe(1);
}, 90_000);

test('what one merchant asks shows nothing of the other', async () => {
  const words = await canaries();
  expect(words.length).toBeGreaterThan(8);
  const reads = routes.filter(({ method, policy }) => method === 'get' && policy === 'merchant');
  expect(reads.length).toBeGreaterThanOrEqual(8);
  for (const { path: at } of reads.filter((route) => !route.path.includes(':'))) {
    for (const query of ['', `?query=${words[0] ?? ''}`, `?after=${words[0] ?? ''}`]) {
      const { text } = await call(beach, 'get', `${at}${query}`);
      expect([at, words.filter((word) => text.includes(word))]).toEqual([at, []]);
    }
    const { status } = await call(alpine, 'get', at);
    expect([at, status]).not.toEqual([at, 401]);
  }
});

/** Forgetting what is not there is done already, and says so to anybody. */
const forgets = new Set(['/api/payments/views/:id/forget']);

test('what one merchant names of the other is not there, and nothing happens to it', async () => {
  const { prisma } = world.db;
  const payments = await prisma.payment.findMany({ where: { shop: { domain: shopName } } });
  const node = await prisma.node.findFirstOrThrow({ where: { shop: { domain: shopName } } });
  const view = { name: 'Mine', filter: { state: 'open' } };
  await call(alpine, 'post', '/api/payments/views', view);
  const views = await prisma.savedView.findMany({ where: { shop: { domain: shopName } } });
  expect(views).not.toHaveLength(0);
  const before = await standing();
  const named = routes.filter(({ path: at, policy }) => policy === 'merchant' && at.includes(':'));
  expect(named.length).toBeGreaterThanOrEqual(4);
  const ids = [
    ...payments.map(({ id }) => id),
    ...[String(node.id), ...views.map(({ id }) => String(id))],
  ];
  for (const { method, path: at } of named) {
    for (const id of ids) {
      const body = method === 'post' ? { confirm: true, because: 'x' } : undefined;
      const { status } = await call(beach, method, at.replace(/:\w+/, id), body);
      const refused = status >= 400 && status < 500;
      expect([at, refused || (forgets.has(at) && status === 200)]).toEqual([at, true]);
    }
  }
  expect(await standing()).toBe(before);
});

test('the block of one shop learns nothing of the other’s order', async () => {
  for (const app of [beach.app, alpine.app]) {
    const token = world.shopify.sessionToken({ shop: other.shop, app, kind: 'extension' });
    for (const bought of [paid, open]) {
      const answer = await fetch(`${world.appUrl}/extension/payment`, {
        method: 'POST',
        headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' },
        body: JSON.stringify(bought),
      });
      expect([202, 401, 404]).toContain(answer.status);
      expect(await answer.text()).not.toContain('payUrl');
    }
  }
});

test('a webhook signed by one registration says nothing of the other’s shop', async () => {
  const before = await standing();
  for (const topic of ['app/uninstalled', 'orders/cancelled', 'customers/redact', 'shop/redact']) {
    const given = { topic, shop: shopName, app: beach.app, order: open.orderId };
    expect(await world.shopify.sendWebhook(given)).toBe('200');
  }
  await world.shopify.webhooksSettled();
  await until('the pool had time to believe it', async () => {
    const { rows } = await world.db.pool.query<{ n: number }>(
      'select count(*)::int as n from sighting where due_at is not null and because like $1',
      ['app/%'],
    );
    return rows[0]?.n === 0;
  });
  expect(await standing()).toBe(before);
});

test('what the payments app collects is not asked for by the merchant app', async () => {
  const offsite = { gateway: 'Bitcoin (Lightning)', kind: 'SALE', status: 'PENDING' } as const;
  const { id, checkoutToken } = world.shopify.createOrder({
    ...{ shop: shopName, total: '9.00', currency: 'EUR', method: offsite.gateway, offsite },
  });
  expect(world.shopify.order(id)?.financialStatus).toBe('PENDING');
  await world.shopify.webhooksSettled();
  expect((await world.askAsBlock({ orderId: id, checkoutToken })).status).toBe(404);
  await until('the pool has looked at it', async () => {
    const where = { originId: id, dueAt: { not: null } };
    const due = await world.db.prisma.sighting.count({ where });
    return due === 0;
  });
  expect(await world.db.prisma.payment.count({ where: { originId: id } })).toBe(0);
});

test('the payments app’s addresses are not served on the open port', async () => {
  for (const what of ['session', 'refund', 'capture', 'void']) {
    const answer = await fetch(`${world.appUrl}/payments/${what}`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', 'Shopify-Shop-Domain': other.shop },
      body: '{}',
    });
    expect([what, answer.status]).toEqual([what, 404]);
  }
});
