import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { Shopify } from '../../sandbox/shopify/index.ts';
import { ask, shopify, SHOP, tokenFor } from './shopify-at-hand.ts';
import { document } from './shopify-documents.ts';

let shop: Shopify;
let token = '';
beforeAll(async () => {
  shop = await shopify();
  token = await tokenFor(shop);
});
beforeEach(() => {
  shop.faults.clear();
});
afterAll(() => shop.close());

const mark = (id: string) =>
  ask(shop, token, { query: document('OrderMarkAsPaid'), variables: { input: { id } } });
const paid = (id: string) => shop.effects.payments(id);

test('statuses for a number of calls, then all is well', async () => {
  const made = shop.createOrder();
  shop.faults.add({ kind: 'status', status: 503, times: 2 });
  expect((await mark(made.id)).status).toBe(503);
  expect((await mark(made.id)).status).toBe(503);
  expect(paid(made.id)).toBe(0);
  expect((await mark(made.id)).status).toBe(200);
  expect(paid(made.id)).toBe(1);
});

test('429 as a page and as JSON, 200 as a page, a redirect', async () => {
  const made = shop.createOrder();
  shop.faults.add({ kind: 'html-429' });
  const html = await mark(made.id);
  expect([html.status, html.text.startsWith('<!DOCTYPE html>')]).toEqual([429, true]);
  shop.faults.add({ kind: 'json-429', retryAfterSeconds: 3 });
  expect((await mark(made.id)).status).toBe(429);
  shop.faults.add({ kind: 'html-200' });
  const page = await mark(made.id);
  expect([page.status, page.text.includes('<html>')]).toEqual([200, true]);
  expect(paid(made.id)).toBe(0);
});

test('a fault is for its operation and its shop', async () => {
  const made = shop.createOrder();
  shop.faults.add({ kind: 'status', status: 401, operation: 'orderMarkAsPaid', times: 1 });
  shop.faults.add({ kind: 'status', status: 500, shop: 'other.myshopify.com' });
  const read = await ask(shop, token, {
    query: document('OrderById'),
    variables: { id: made.id },
  });
  expect(read.status).toBe(200);
  expect((await mark(made.id)).status).toBe(401);
  expect((await mark(made.id)).status).toBe(200);
});

test('THROTTLED comes with HTTP 200 and executes nothing', async () => {
  const made = shop.createOrder();
  shop.faults.add({ kind: 'throttled', times: 2, operation: 'OrderMarkAsPaid' });
  const said = await mark(made.id);
  expect([said.status, said.body.errors?.[0]?.extensions?.code]).toEqual([200, 'THROTTLED']);
  await mark(made.id);
  expect(paid(made.id)).toBe(0);
  await mark(made.id);
  expect(paid(made.id)).toBe(1);
});

test('a lost answer: before the effect nothing happened, after it everything did', async () => {
  const before = shop.createOrder();
  shop.faults.add({ kind: 'timeout', when: 'before', delayMs: 50 });
  await expect(mark(before.id)).rejects.toThrow();
  expect(paid(before.id)).toBe(0);
  const after = shop.createOrder();
  for (const kind of ['timeout', 'reset'] as const) {
    shop.faults.add({ kind, when: 'after', delayMs: 50 });
    await expect(mark(after.id)).rejects.toThrow();
    expect(paid(after.id)).toBe(1);
  }
  const spoilt = shop.createOrder();
  shop.faults.add({ kind: 'truncated' });
  const said = await mark(spoilt.id);
  expect(() => void JSON.parse(said.text)).toThrow();
  expect(paid(spoilt.id)).toBe(1);
  shop.faults.add({ kind: 'internal-error', when: 'after' });
  const internal = shop.createOrder();
  expect((await mark(internal.id)).body.errors?.[0]?.extensions?.code).toBe(
    'INTERNAL_SERVER_ERROR',
  );
  expect(paid(internal.id)).toBe(1);
});

test('for a number of seconds by its own clock', async () => {
  const made = shop.createOrder();
  shop.faults.add({ kind: 'status', seconds: 60 });
  expect((await mark(made.id)).status).toBe(503);
  shop.clock.turn(60_000);
  expect((await mark(made.id)).status).toBe(200);
});

test('an order that exists but is not returned', async () => {
  const made = shop.createOrder();
  const read = () => ask(shop, token, { query: document('OrderById'), variables: { id: made.id } });
  shop.faults.add({ kind: 'order-not-by-id', times: 1 });
  expect((await read()).body.data).toEqual({ order: null });
  expect((await read()).body.data?.['order']).toMatchObject({ id: made.id });
  shop.faults.add({ kind: 'order-unavailable' });
  const part = await ask(shop, token, {
    query: document('OrderCreateManualPayment'),
    variables: { id: made.id, amount: { amount: '1', currencyCode: 'EUR' } },
  });
  expect(part.body.data?.['orderCreateManualPayment']?.['userErrors']).toMatchObject([
    { code: 'ORDER_IS_TEMPORARILY_UNAVAILABLE' },
  ]);
});

test('the log says what was injected, and names no token', async () => {
  const made = shop.createOrder();
  shop.faults.add({ kind: 'status' });
  await mark(made.id);
  expect(shop.log.at(-1)).toMatchObject({
    way: 'in',
    shop: SHOP,
    app: 'Zaptill',
    what: 'OrderMarkAsPaid orderMarkAsPaid',
    fault: 'status',
  });
  expect(JSON.stringify(shop.log)).not.toMatch(/shp(at|rt)_/);
});

test('a second start resumes the same orders, tokens and jobs', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'shopify-'));
  const statePath = join(folder, 'state.json');
  const first = await shopify({ statePath });
  const key = await tokenFor(first);
  const kept = first.createOrder({ total: '0.001', currency: 'KWD' });
  const made = first.createOrder();
  await ask(first, key, {
    query: document('OrderCancel'),
    variables: { orderId: made.id, reason: 'OTHER', restock: false },
  });
  await first.close();
  const second = await shopify({ statePath });
  expect(second.order(kept.id)).toMatchObject({ outstanding: '0.001', name: '#1001' });
  second.clock.turn(1_000);
  expect(second.order(made.id)?.cancelled).toBe(true);
  expect((await ask(second, key, { query: '{ shop { id } }' })).status).toBe(200);
  expect(second.createOrder().name).toBe('#1003');
  await second.close();
  rmSync(folder, { recursive: true });
});
