// The two places where the stand-in runs the app's code in a browser: the block after the checkout,
// and the admin's frame. In Chromium, because only a browser has origins, preflights and frames.
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import express, { type Express } from 'express';
import { chromium, type Browser, type BrowserContext, type Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { findChromium } from '../../scripts/chromium.ts';
import type { Shopify } from '../../sandbox/shopify/index.ts';
import { readToken } from '../../sandbox/shopify/signatures.ts';
import { APP, shopify, SHOP } from './shopify-at-hand.ts';

const BLOCK = `
import '@shopify/ui-extensions/preact';
import { render } from 'preact';
import { useEffect, useState } from 'preact/hooks';

function Block() {
  const [said, setSaid] = useState('asking');
  const [own, setOwn] = useState('');
  const checkout = shopify.checkoutToken.value;
  useEffect(() => {
    if (checkout === undefined) return;
    shopify.sessionToken.get().then((token) =>
      fetch(process.env.SHOPIFY_APP_URL + '/extension/payment', {
        method: 'POST',
        headers: { Authorization: 'Bearer ' + token, 'Content-Type': 'application/json' },
        body: JSON.stringify({ orderId: shopify.orderConfirmation.value.order.id, checkout }),
      }).then((answer) => answer.json()).then((answer) => setSaid(answer.state)),
    );
    fetch('/anything').catch((error) => setOwn(error.message));
  }, [checkout]);
  return (
    <s-section heading={shopify.i18n.translate('heading', { name: 'Ann' })}>
      <s-stack gap="base">
        <s-text type="strong">{checkout === undefined ? 'no token yet' : said}</s-text>
        <s-text>{own}</s-text>
        <s-text>{shopify.i18n.formatCurrency(1.25, { currency: 'KWD' })}</s-text>
        <s-qr-code content="lightning:lnbc1" accessibilityLabel="The invoice" />
        <s-qr-code content={'x'.repeat(9000)} onError={() => setSaid('too long')} />
        <s-button command="--copy" commandFor="c">Copy</s-button>
        <s-clipboard-item id="c" text="lnbc1" onCopy={() => setSaid('copied')} />
        <s-details><s-summary>More</s-summary><s-text>Inside</s-text></s-details>
        <div>strange</div>
      </s-stack>
    </s-section>
  );
}
export default () => render(<Block />, document.body);
`;

const path = findChromium();
const able = path !== undefined || process.env['CI'] !== undefined;

type Asked = { method: string; path: string; origin: string | undefined; bearer: string };

let folder = '';
let browser: Browser;
let context: BrowserContext;
let page: Page;
let shop: Shopify;
let server: Server;
let appUrl = '';
let ancestors = '';
let stale = 0;
const asked: Asked[] = [];
const errors: string[] = [];

function appRoutes(app: Express): void {
  app.use((req, res, next) => {
    const bearer = (req.get('authorization') ?? '').replace('Bearer ', '');
    asked.push({ method: req.method, path: req.path, origin: req.get('origin'), bearer });
    if (req.path.startsWith('/extension/'))
      res.set({
        'Access-Control-Allow-Origin': '*',
        'Access-Control-Allow-Headers': 'Authorization, Content-Type',
      });
    next();
  });
  app.options('/extension/payment', (_req, res) => void res.status(204).end());
  app.post('/extension/payment', (_req, res) => void res.json({ state: 'waiting for money' }));
  app.get('/api/shop', (_req, res) => {
    stale -= 1;
    if (stale >= 0)
      res.status(401).set('X-Shopify-Retry-Invalid-Session-Request', '1').json({ shop: 'stale' });
    else res.json({ shop: 'the shop' });
  });
  app.get('/{*path}', (req, res) => {
    res.set('Content-Security-Policy', `frame-ancestors ${ancestors}`).type('html')
      .send(`<!doctype html><title>app</title><meta name="shopify-api-key" content="client-1">
<script src="${shop.origin}/cdn.shopify.com/shopifycloud/app-bridge.js"></script>
<h1>The app at ${req.path}</h1><p id="shop"></p>
<ui-nav-menu><a href="/" rel="home">Home</a><a href="/settings">Settings</a></ui-nav-menu>
<ui-title-bar title="Overview"></ui-title-bar>
<ui-save-bar id="bar"><button variant="primary" onclick="shopify.toast.show('Saved')">S</button>
<button>D</button></ui-save-bar>
<button onclick="document.querySelector('#bar').show()">Change</button>
<a href="shopify://admin/settings/payments" target="_top">To the payments</a>
<script>fetch('/api/shop').then((r) => r.json())
.then((j) => { document.getElementById('shop').textContent = j.shop; });</script>`);
  });
}

describe.runIf(able)('in a browser', () => {
  beforeAll(async () => {
    const cache = new URL('../../node_modules/.cache/zaptill/', import.meta.url).pathname;
    mkdirSync(cache, { recursive: true });
    folder = mkdtempSync(join(cache, 'block-'));
    for (const name of ['src', 'locales']) mkdirSync(join(folder, name));
    writeFileSync(join(folder, 'src/ThankYou.tsx'), BLOCK);
    writeFileSync(join(folder, 'locales/en.default.json'), '{ "heading": "Hello {{name}}" }');
    const app = express();
    appRoutes(app);
    server = app.listen(0, '127.0.0.1');
    await once(server, 'listening');
    appUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    shop = await shopify({ apps: [{ ...APP, appUrl, extension: folder }] });
    browser = await chromium.launch({ executablePath: path ?? '', args: ['--no-sandbox'] });
    const permissions = ['clipboard-write', 'clipboard-read'];
    context = await browser.newContext({ locale: 'en-GB', permissions });
    page = await context.newPage();
    page.on('pageerror', (error) => errors.push(error.message));
  }, 60_000);
  afterEach(() => {
    asked.length = 0;
    errors.length = 0;
  });
  afterAll(async () => {
    await browser.close();
    await shop.close();
    server.closeAllConnections();
    server.close();
    rmSync(folder, { recursive: true });
  });

  test('the block asks the app across origins, with a preflight and a real token', async () => {
    shop.faults.add({ kind: 'no-checkout-token', delayMs: 4_000 });
    const made = shop.createOrder();
    await page.goto(made.thankYouUrl);
    const block = page.frameLocator('iframe.block');
    await block.getByText('no token yet').waitFor();
    // The extension's own signal makes it draw again when the token comes.
    await block.getByText('waiting for money').waitFor();
    expect(await block.getByRole('heading', { name: 'Hello Ann' }).count()).toBe(1);
    const calls = asked.filter((it) => it.path === '/extension/payment');
    expect(calls.map((it) => [it.method, it.origin])).toEqual([
      ['OPTIONS', shop.origin],
      ['POST', shop.origin],
    ]);
    expect(readToken('hush', calls[1]?.bearer ?? '')).toMatchObject({
      dest: SHOP,
      aud: 'client-1',
    });
    await block.getByText('Fetches to the iframe').waitFor();
    expect(await block.getByText('KWD').textContent()).toContain('1.250');
  });

  test('its elements are drawn, other HTML is not', async () => {
    await page.goto(shop.createOrder().thankYouUrl);
    const block = page.frameLocator('iframe.block');
    await block.getByRole('img', { name: 'The invoice' }).waitFor();
    await block.getByText('waiting for money').waitFor();
    await block.getByRole('button', { name: 'Copy' }).click();
    await block.getByText('copied').waitFor();
    expect(await page.evaluate('navigator.clipboard.readText()')).toBe('lnbc1');
    expect(await block.getByText('Inside').isVisible()).toBe(false);
    await block.getByText('More').click();
    expect(await block.getByText('Inside').isVisible()).toBe(true);
    expect(await block.getByText('strange').isVisible()).toBe(false);
    expect(errors).toContain('Checkout does not draw <div>');
  });

  test('the admin frames the app, which asks with tokens and tries a stale one again', async () => {
    ancestors = shop.origin;
    stale = 1;
    await page.goto(`${shop.origin}/admin.shopify.com/store/alpine-coffee/apps/zaptill`);
    const app = page.frameLocator('#app');
    await app.getByText('the shop', { exact: true }).waitFor();
    const calls = asked.filter((it) => it.path === '/api/shop');
    expect(calls).toHaveLength(2);
    for (const call of calls)
      expect(readToken('hush', call.bearer)).toMatchObject({ iss: `https://${SHOP}/admin` });
    await page.getByRole('heading', { name: 'Overview' }).waitFor();
    await app.getByRole('button', { name: 'Change' }).click();
    await page.getByRole('region', { name: 'Unsaved changes' }).waitFor();
    await page.getByRole('link', { name: 'Settings' }).click(); // kept back by the save bar
    expect(new URL(page.url()).pathname).toMatch(/\/apps\/zaptill$/);
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByText('Saved', { exact: true }).waitFor();
    await app.getByRole('link', { name: 'To the payments' }).click();
    await page.waitForURL('**/settings/payments');
    expect(errors).toEqual([]);
  });

  test('an address inside the app opens it there, and the menu leads on', async () => {
    ancestors = shop.origin;
    await page.goto(
      `${shop.origin}/admin.shopify.com/store/alpine-coffee/apps/zaptill/payments/p3`,
    );
    await page.frameLocator('#app').getByText('The app at /payments/p3').waitFor();
    await page.getByRole('link', { name: 'Settings' }).click();
    await page.waitForURL('**/apps/zaptill/settings');
  });

  test('an app that refuses to be framed is not shown', async () => {
    ancestors = "'none'";
    await page.goto(`${shop.origin}/admin.shopify.com/store/alpine-coffee/apps/zaptill`);
    const frame = page.frames().find((it) => it !== page.mainFrame());
    expect(frame?.url() ?? '').not.toContain(appUrl);
    expect(await page.frameLocator('#app').getByText('The app at').count()).toBe(0);
  });
});
