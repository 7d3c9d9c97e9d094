import '@shopify/shopify-api/adapters/node';
import { ApiVersion, shopifyApi } from '@shopify/shopify-api';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Shopify } from '../../sandbox/shopify/index.ts';
import { readToken } from '../../sandbox/shopify/signatures.ts';
import { APP, shopify, SHOP, startDoor } from './shopify-at-hand.ts';

const TOML = `
api_version = "2026-07"
[[extensions]]
name = "t:name"
handle = "lightning-payment"
type = "ui_extension"
[[extensions.targeting]]
module = "./src/ThankYou.tsx"
target = "purchase.thank-you.block.render"
`;
const STORE = '/admin.shopify.com/store/alpine-coffee';

let folder = '';
let shop: Shopify;
let door: Awaited<ReturnType<typeof startDoor>>;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'extension-'));
  mkdirSync(join(folder, 'src'));
  mkdirSync(join(folder, 'locales'));
  writeFileSync(join(folder, 'shopify.extension.toml'), TOML);
  writeFileSync(
    join(folder, 'src/ThankYou.tsx'),
    'export default () => process.env.SHOPIFY_APP_URL;',
  );
  writeFileSync(join(folder, 'locales/en.default.json'), '{ "heading": "Pay" }');
  writeFileSync(join(folder, 'locales/de.json'), '{ "heading": "Zahlen" }');
  door = await startDoor();
  shop = await shopify({ apps: [{ ...APP, appUrl: door.url, extension: folder }] });
});
afterAll(async () => {
  await shop.close();
  door.close();
  rmSync(folder, { recursive: true });
});

const get = async (path: string, headers: Record<string, string> = {}) => {
  const response = await fetch(shop.origin + path, { headers, redirect: 'manual' });
  return { status: response.status, text: await response.text(), headers: response.headers };
};
const post = (path: string, form: Record<string, string> = {}, cookie = '') =>
  fetch(shop.origin + path, {
    method: 'POST',
    body: new URLSearchParams(form),
    headers: { cookie },
    redirect: 'manual',
  });
const place = (response: Response) => response.headers.get('location') ?? '';
const configIn = (text: string) =>
  JSON.parse(/id="config">([^<]*)</.exec(text)?.[1] ?? '{}') as Record<string, unknown>;

test('a buyer walks from the goods to the thank-you page', async () => {
  const goods = await get(`/${SHOP}/`);
  expect(goods.text).toContain('House blend');
  const added = await post(`/${SHOP}/cart/add`, { product: 'alpine-mug' });
  const cookie = (added.headers.get('set-cookie') ?? '').split(';')[0] ?? '';
  expect((await get(`/${SHOP}/cart`, { cookie })).text).toContain('€18.50');
  const checkout = place(await post(`/${SHOP}/checkouts`, {}, cookie));
  expect((await get(`${checkout}?currency=KWD`)).text).toContain('KWD 6.173');
  const wrong = await post(checkout, { method: 'Bitcoin (Lightning)', giftCard: 'a lot' });
  expect(wrong.status).toBe(422);
  const form = { method: 'Bitcoin (Lightning)', giftCard: '1.000' };
  const thanks = place(await post(checkout, form, cookie));
  const order = shop.orders().at(-1);
  expect(order).toMatchObject({
    presentmentCurrency: 'KWD',
    outstanding: '5.173',
    financialStatus: 'PARTIALLY_PAID',
  });
  expect(thanks).toBe(`/${SHOP}/checkouts/${order?.checkoutToken ?? ''}/thank-you`);
  expect((await get(thanks)).text).toContain('<iframe');
  expect(place(await post(checkout, form))).toBe(thanks); // pressed twice: still one order
  expect(shop.orders()).toHaveLength(1);
});

test('text of a buyer or merchant is escaped', async () => {
  const made = shop.createOrder({ lines: [{ title: '<script>alert(1)</script>', price: '2' }] });
  const page = await get(new URL(made.statusUrl).pathname);
  expect(page.text).toContain('&lt;script&gt;alert(1)');
  expect(page.text).not.toContain('<script>alert');
});

test('the block’s page has what the extension’s host needs, and a real token', async () => {
  const made = shop.createOrder({ total: '9.00' });
  const address = `/extensions.shopifycdn.com/block/${SHOP}/${made.checkoutToken}?app=client-1`;
  const config = configIn((await get(address, { 'accept-language': 'de-CH' })).text);
  expect(config).toMatchObject({
    target: 'purchase.thank-you.block.render',
    checkoutToken: made.checkoutToken,
    order: { id: made.id },
    shop: { myshopifyDomain: SHOP },
    paymentType: 'manualPayment',
    locale: 'de',
    words: { heading: 'Zahlen' },
    checkoutTokenAfterMs: 0,
  });
  shop.faults.add({ kind: 'no-checkout-token' });
  expect(configIn((await get(address)).text)).toMatchObject({ checkoutTokenAfterMs: 20_000 });
  const minted = await post(String(config['tokenUrl']));
  const { token } = (await minted.json()) as { token: string };
  expect(readToken('hush', token)).toMatchObject({ dest: SHOP, aud: 'client-1' });
});

test('the bundle is built with the app’s address, and says so when it cannot be', async () => {
  const address = '/extensions.shopifycdn.com/bundle/client-1/purchase.thank-you.block.render';
  const bundle = await get(address);
  expect(bundle.text).toContain(door.url);
  expect(bundle.text).not.toContain('process.env');
  const none = await get(
    address.replace(/purchase.*/, 'customer-account.order-status.block.render'),
  );
  expect(none.text).toContain('throw new Error("The extension was not built');
});

test.each(['/extensions.shopifycdn.com/host.js', '/extensions.shopifycdn.com/elements.js'])(
  '%s is served',
  async (path) => {
    const script = await get(path);
    expect([script.status, script.headers.get('content-type')]).toEqual([
      200,
      'text/javascript; charset=utf-8',
    ]);
    expect(script.text.length).toBeGreaterThan(1_000);
  },
);

test('App Bridge is served where the CDN would be', async () => {
  const bridge = await get('/cdn.shopify.com/shopifycloud/app-bridge.js');
  expect(bridge.text).toContain('ui-nav-menu');
});

test('the admin frames the app with a query that Shopify’s library accepts', async () => {
  const page = await get(`${STORE}/apps/client-1/payments/p3?days=7&shop=evil`);
  const src = (/<iframe[^>]*src="([^"]*)"/s.exec(page.text)?.[1] ?? '').replaceAll('&amp;', '&');
  const url = new URL(src);
  expect(url.origin).toBe(door.url);
  expect(url.pathname).toBe('/payments/p3');
  // What the address asks of the page goes along, and cannot pass for what Shopify says.
  expect(url.searchParams.get('days')).toBe('7');
  expect(url.searchParams.getAll('shop')).toEqual([SHOP]);
  const library = shopifyApi({
    apiKey: APP.clientId,
    apiSecretKey: APP.secret,
    hostName: 'app.example.com',
    apiVersion: ApiVersion.July26,
    isEmbeddedApp: true,
    logger: { log: () => undefined },
  });
  const query = Object.fromEntries(url.searchParams);
  expect(await library.utils.validateHmac(query)).toBe(true);
  expect(library.utils.sanitizeHost(query['host'] ?? '')).toBe(query['host']);
  const claims = await library.session.decodeSessionToken(query['id_token'] ?? '');
  expect(claims.dest).toBe(`https://${SHOP}`);
  const config = configIn(page.text);
  expect(config['extensions']).toMatchObject([
    { handle: 'lightning-payment', activations: [{ target: 'purchase.thank-you.block.render' }] },
  ]);
});

test('the merchant takes the block away, and it is gone', async () => {
  const made = shop.createOrder();
  const thanks = new URL(made.thankYouUrl).pathname;
  await post(`${STORE}/settings/checkout/editor`);
  expect((await get(thanks)).text).not.toContain('<iframe');
  const block = 'client-1 purchase.thank-you.block.render';
  await post(`${STORE}/settings/checkout/editor`, { block });
  expect((await get(thanks)).text).toContain('<iframe');
});

test('the merchant’s buttons do what they say', async () => {
  const made = shop.createOrder({ total: '20.00' });
  const press = async (act: string, form: Record<string, string> = {}) => {
    const said = await post(`${STORE}/orders/${made.legacyId}/${act}`, form);
    expect(said.status).toBe(303);
    return shop.order(made.id);
  };
  expect((await press('add', { title: 'Wrap', price: '3.00' }))?.outstanding).toBe('23.00');
  expect((await press('take', { title: 'Wrap' }))?.outstanding).toBe('20.00');
  expect((await press('mark'))?.financialStatus).toBe('PAID');
  expect((await press('refund', { amount: '5.00' }))?.financialStatus).toBe('PARTIALLY_REFUNDED');
  expect((await press('cancel'))?.cancelled).toBe(true);
  expect((await get(`${STORE}/orders/${made.legacyId}`)).text).toMatch(
    /marked paid\s+€20.00 by staff/,
  );
});

test('uninstalled, the admin asks before it frames the app', async () => {
  await post(`${STORE}/settings/apps`, { app: 'client-1', act: 'uninstall' });
  const consent = await get(`${STORE}/apps/zaptill`);
  expect(consent.text).not.toContain('<iframe');
  expect((await post(`${STORE}/session-token/client-1`)).status).toBe(403);
  await post(`${STORE}/apps/zaptill`);
  expect((await get(`${STORE}/apps/zaptill`)).text).toContain('<iframe');
});

test('an app that lacks a scope leads to Shopify’s question, and then has it', async () => {
  shop.setScopes({ app: 'client-1', shop: SHOP, scopes: ['read_orders'] });
  const question = `${STORE}/oauth/install?client_id=client-1`;
  expect((await get(question)).text).toContain('write orders');
  const answered = await post(question);
  expect(answered.status).toBe(303);
  expect((await get(`${STORE}/settings/apps`)).text).toContain('write_orders');
  expect((await get(`${STORE}/oauth/install?client_id=nobody`)).status).toBe(404);
});

test.each(['/', '/_sandbox'])('%s has the switches for a person', async (at) => {
  expect((await get(at)).text).toContain('Make something go wrong');
});

test('the control address adds, lists and takes away faults', async () => {
  const send = (path: string, method: string, body?: object) =>
    fetch(`${shop.origin}/_sandbox/${path}`, {
      method,
      headers: { 'Content-Type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  expect((await send('faults', 'POST', { kind: 'no such thing' })).status).toBe(422);
  const made = await send('faults', 'POST', { kind: 'status', status: 502, times: 2 });
  expect(made.status).toBe(201);
  expect(await (await send('faults', 'GET')).json()).toMatchObject([{ kind: 'status', left: 2 }]);
  expect((await send('faults', 'DELETE')).status).toBe(204);
  expect(shop.faults.list()).toEqual([]);
  const order = (await (await send('orders', 'POST', { total: '3.00' })).json()) as { id: string };
  expect(shop.order(order.id)?.outstanding).toBe('3.00');
  expect((await send('orders', 'POST', { total: 'much' })).status).toBe(422);
  const before = shop.clock.now();
  await send('clock', 'POST', { turnMs: 60_000 });
  expect(shop.clock.now() - before).toBeGreaterThanOrEqual(60_000);
  expect((await get('/')).text).toContain('Make something go wrong');
});

test('other outsiders live at the same origin', async () => {
  shop.outside.get('/api.kraken.com/0/public/Time', (_req, res) => {
    res.json({ error: [] });
  });
  expect((await get('/api.kraken.com/0/public/Time')).text).toBe('{"error":[]}');
  expect((await get('/nowhere.example.com/')).status).toBe(404);
});
