import '@shopify/shopify-api/adapters/node';
import { ApiVersion, shopifyApi } from '@shopify/shopify-api';
import { afterEach, expect, test } from 'vitest';
import type { Shopify, ShopifyOptions } from '../../sandbox/shopify/index.ts';
import { RETRY_WAITS_MS } from '../../sandbox/shopify/webhooks.ts';
import { APP, shopify, SHOP, startDoor, type Received } from './shopify-at-hand.ts';

const open: { close: () => unknown }[] = [];
afterEach(async () => {
  for (const it of open.splice(0)) await it.close();
});

async function both(options: Partial<ShopifyOptions> = {}) {
  const app = await startDoor();
  const shop = await shopify({ appUrl: app.url, ...options });
  open.push(shop, app);
  return { app, shop };
}

const topics = (got: Received[]) => got.map((it) => it.headers['x-shopify-topic']);
const bodyOf = (it: Received | undefined) =>
  JSON.parse(it?.body.toString() ?? '{}') as Record<string, unknown>;

test('an order’s webhooks, signed so that Shopify’s own library accepts them', async () => {
  const { app, shop } = await both();
  const made = shop.createOrder({ total: '12.50', currency: 'USD' });
  await shop.webhooksSettled();
  shop.markByHand(made.id);
  await shop.webhooksSettled();
  expect(topics(app.got).sort()).toEqual(['orders/create', 'orders/paid', 'orders/updated']);
  const create = app.got.find((it) => it.headers['x-shopify-topic'] === 'orders/create');
  expect(bodyOf(create)).toMatchObject({
    id: made.legacyId,
    admin_graphql_api_id: made.id,
    name: '#1001',
    checkout_token: made.checkoutToken,
    currency: 'EUR',
    presentment_currency: 'USD',
    total_price: '11.50',
    total_price_set: { presentment_money: { amount: '12.50', currency_code: 'USD' } },
    financial_status: 'pending',
    payment_gateway_names: ['Bitcoin (Lightning)'],
    test: false,
  });
  const library = shopifyApi({
    apiKey: APP.clientId,
    apiSecretKey: APP.secret,
    hostName: 'app.example.com',
    apiVersion: ApiVersion.July26,
    isEmbeddedApp: true,
    logger: { log: () => undefined },
  });
  const request = (body: Buffer | undefined) =>
    library.webhooks.validate({
      rawBody: body?.toString() ?? '',
      rawRequest: { method: 'POST', url: '/webhooks', headers: create?.headers },
    });
  expect(await request(create?.body)).toMatchObject({
    valid: true,
    topic: 'ORDERS_CREATE',
    domain: SHOP,
    apiVersion: '2026-07',
  });
  expect(await request(Buffer.from('{}'))).toMatchObject({ valid: false });
});

test('an edit does not carry the order, a refund carries its transaction', async () => {
  const { app, shop } = await both();
  const made = shop.createOrder({ method: 'card' });
  shop.edit(made.id, { total: '30.00' });
  shop.refund(made.id, { amount: '1.00' });
  await shop.webhooksSettled();
  const of = (topic: string) =>
    bodyOf(app.got.find((it) => it.headers['x-shopify-topic'] === topic));
  expect(of('orders/edited')).toMatchObject({ order_edit: { order_id: made.legacyId } });
  expect(of('orders/edited')).not.toHaveProperty('id');
  expect(of('refunds/create')).toMatchObject({
    order_id: made.legacyId,
    transactions: [{ kind: 'refund', amount: '1.00', currency: 'EUR' }],
  });
});

test('eight retries over four hours, same id, same bytes; then it gives up', async () => {
  const { app, shop } = await both();
  app.door.answer = 503;
  expect(RETRY_WAITS_MS.reduce((all, it) => all + it, 0)).toBe(4 * 3_600_000);
  shop.createOrder();
  await shop.webhooksSettled();
  for (const wait of RETRY_WAITS_MS) {
    shop.clock.turn(wait);
    await shop.webhooksSettled();
  }
  shop.clock.turn(86_400_000);
  await shop.webhooksSettled();
  expect(app.got).toHaveLength(9);
  expect(new Set(app.got.map((it) => it.headers['x-shopify-webhook-id'])).size).toBe(1);
  expect(new Set(app.got.map((it) => it.body.toString())).size).toBe(1);
  expect(shop.deliveries()[0]?.state).toBe('given_up');
});

test('an app that comes back gets what it missed', async () => {
  const { app, shop } = await both();
  app.door.answer = 500;
  shop.createOrder();
  await shop.webhooksSettled();
  app.door.answer = 200;
  shop.clock.turn(10_000);
  await shop.webhooksSettled();
  expect(app.got).toHaveLength(2);
  expect(shop.deliveries()[0]?.state).toBe('delivered');
});

test('an answer after five seconds is no answer', async () => {
  const { app, shop } = await both();
  app.door.hangMs = 6_000;
  const said = await shop.sendWebhook({ topic: 'orders/create', shop: SHOP, app: 'Zaptill' });
  expect(said).toBe('no answer within 5 s');
});

test('never, late, twice, reordered, forged, unsigned', async () => {
  const { app, shop } = await both();
  const seen = async (kind: Parameters<Shopify['faults']['add']>[0]['kind'], more = {}) => {
    app.got.length = 0;
    shop.faults.add({ kind, operation: 'orders/create', ...more });
    shop.createOrder();
    await shop.webhooksSettled();
    return app.got;
  };
  expect(await seen('webhook-never')).toHaveLength(0);
  expect(await seen('webhook-late', { delayMs: 3_600_000 })).toHaveLength(0);
  shop.clock.turn(3_600_000);
  await shop.webhooksSettled();
  expect(app.got).toHaveLength(1);
  const twice = await seen('webhook-twice');
  expect(new Set(twice.map((it) => it.headers['x-shopify-webhook-id'])).size).toBe(1);
  expect(twice).toHaveLength(2);
  expect((await seen('webhook-unsigned'))[0]?.headers).not.toHaveProperty('x-shopify-hmac-sha256');
  const forged = (await seen('webhook-forged'))[0];
  expect(forged?.headers['x-shopify-hmac-sha256']).toBeTypeOf('string');
  app.got.length = 0;
  shop.faults.add({ kind: 'webhook-reordered', operation: 'orders/create', times: 2 });
  const first = shop.createOrder();
  const second = shop.createOrder();
  await shop.webhooksSettled();
  expect(app.got.map((it) => bodyOf(it)['name'])).toEqual([second.name, first.name]);
});

test('an uninstall is told, and the shop’s redaction 48 hours later', async () => {
  const { app, shop } = await both();
  shop.uninstall({ app: 'Zaptill', shop: SHOP });
  shop.createOrder();
  await shop.webhooksSettled();
  expect(topics(app.got)).toEqual(['app/uninstalled']);
  shop.clock.turn(48 * 3_600_000);
  await shop.webhooksSettled();
  expect(topics(app.got)).toEqual(['app/uninstalled', 'shop/redact']);
});

test('one delivery by hand: byte for byte, with any id', async () => {
  const { app, shop } = await both();
  const made = shop.createOrder();
  await shop.webhooksSettled();
  app.got.length = 0;
  const common = { topic: 'orders/paid', shop: SHOP, app: 'Zaptill', webhookId: 'same' } as const;
  expect(await shop.sendWebhook({ ...common, order: made.id })).toBe('200');
  expect(await shop.sendWebhook({ ...common, body: '{"id": 1.0 }' })).toBe('200');
  expect(app.got.map((it) => it.headers['x-shopify-webhook-id'])).toEqual(['same', 'same']);
  expect(app.got[1]?.body.toString()).toBe('{"id": 1.0 }');
});
