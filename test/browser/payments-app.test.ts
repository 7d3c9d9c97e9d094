// The payments app in a real browser, as its merchant has it: approved at Shopify, a node connected
// by the line that the page shows, Shopify told, and the method activated on Shopify's own page.
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openFace, paymentsApp, shop, type Face } from '../payments-face.ts';
import { messages } from '../../web/frontend/payments/view.ts';
import { desk, launch, phone, serve } from './pages.ts';
import { paymentsPages, paymentsViews } from './payments-views.ts';
import { pleasant } from './stage.ts';

let face: Face;
let browser: Browser;
beforeAll(async () => {
  face = await openFace();
  browser = await launch();
});
afterAll(async () => {
  await browser.close();
  await face.close();
});

async function open(options: Parameters<Browser['newContext']>[0]) {
  const context: BrowserContext = await browser.newContext(options);
  const page: Page = await context.newPage();
  const faults: string[] = [];
  page.on('pageerror', (error) => faults.push(error.message));
  page.on('console', (message) => {
    // What is refused is an answer; the browser reports it by itself.
    const isAnswer = /status of (401|403|409|422|503)/.test(message.text());
    if (message.type() === 'error' && !isAnswer) faults.push(message.text());
  });
  return { context, page, faults, [Symbol.asyncDispose]: () => context.close() };
}
const state = (page: Page) => page.locator('main[data-state]').getAttribute('data-state');

test('install, connect, tell Shopify, activate: on a desk', async () => {
  await using merchant = await open({ ...desk, locale: 'en-GB' });
  const { page, faults } = merchant;
  await page.goto(`${face.appUrl}/payments`);
  await page.getByRole('heading', { name: 'Open this page from Shopify' }).waitFor();
  await pleasant(page);

  await page.goto(`${face.appUrl}/payments?shop=${shop}`);
  await page.getByRole('button', { name: 'Install' }).click();
  await page.getByRole('heading', { name: 'Connect your node first' }).waitFor();
  // The code of the grant is in no address that stays, and no script can read who is signed in.
  expect(page.url()).toBe(`${face.appUrl}/payments`);
  expect(await page.evaluate(() => document.cookie)).toBe('');
  await pleasant(page);

  const { lnd } = face;
  await page.getByLabel('lndconnect link').fill(lnd.lndconnect(lnd.macaroon('admin')));
  await page.getByRole('button', { name: 'Connect and test' }).click();
  await page.getByRole('heading', { name: 'This credential can do too much' }).waitFor();
  await pleasant(page);
  await page.getByText(/^Show all \d+ permissions$/).click();
  await page.getByText('macaroon:write').waitFor();

  // The merchant does what the page says.
  const line = await page.locator('[data-line="bake"]').textContent();
  const words = /^lncli bakemacaroon --root_key_id (\d+) (.+)$/.exec(line ?? '');
  const [, rootKeyId = '', permissions = ''] = words ?? [];
  const baked = lnd.macaroon(permissions.split(' '), { rootKeyId });
  await page.getByLabel('lndconnect link').fill(lnd.lndconnect(baked));
  await page.getByRole('button', { name: 'Connect and test' }).click();
  await page.getByRole('heading', { name: 'Your node is ready' }).waitFor();
  await page.getByText('alpine-node').waitFor();
  expect(await page.content()).not.toContain(baked.toString('hex'));
  await pleasant(page);

  await page.getByRole('button', { name: 'Tell Shopify and activate' }).click();
  // The form leads out of our site: the policy of the page has to let it.
  await page.waitForURL(/\/services\/payments_partners\/gateways\/[\w-]+\/settings$/);
  await page.getByLabel('Enable test mode').check();
  await page.getByRole('button', { name: /^Activate/ }).click();
  await page.getByText('Active, in test mode').waitFor();
  const gateway = face.shopify.payments.gateway({ app: paymentsApp.name, shop });
  expect(gateway).toMatchObject({ ready: true, active: true, test: true, externalHandle: shop });

  await page.goto(`${face.appUrl}/payments`);
  await page.getByRole('heading', { name: 'Shopify knows that you are ready' }).waitFor();
  await pleasant(page);
  expect(faults).toEqual([]);
});

test('on a phone, in German and in the dark: what is typed and no secret stays', async () => {
  await using merchant = await open({ ...phone, locale: 'de-DE', colorScheme: 'dark' });
  const { page, faults } = merchant;
  // The app is installed: Shopify asks nothing, and says who is at the browser.
  await page.goto(`${face.appUrl}/payments?shop=${shop}`);
  await page.getByRole('heading', { name: 'Shopify weiß, dass Sie bereit sind' }).waitFor();
  await pleasant(page);

  await page.getByText('Einen anderen Knoten verbinden').click();
  await page.getByText('Host, Zertifikat und Zugang', { exact: true }).click();
  await page.getByLabel('Host und Port').fill('127.0.0.1:1');
  const macaroon = face.lnd.macaroon('receive', { rootKeyId: '57002' }).toString('hex');
  await page.getByLabel('Zugang (Macaroon)').fill(macaroon);
  await page
    .getByRole('button', { name: 'Verbinden und testen' })
    .filter({ visible: true })
    .click();
  await page.getByRole('heading', { name: 'Ihr Knoten war nicht zu erreichen' }).waitFor();
  expect(await page.getByLabel('Host und Port').inputValue()).toBe('127.0.0.1:1');
  expect(await page.getByLabel('Zugang (Macaroon)').inputValue()).toBe('');
  await pleasant(page);
  // The node that works is still the one in use.
  await page.getByText('alpine-node').waitFor();
  expect(page.url()).toBe(`${face.appUrl}/payments/node`);
  await page.goto(page.url());
  expect(page.url()).toBe(`${face.appUrl}/payments`);

  await page.getByRole('button', { name: 'Abmelden' }).click();
  await page.getByRole('heading', { name: 'Sie sind abgemeldet' }).waitFor();
  await pleasant(page);
  await page.goto(`${face.appUrl}/payments`);
  expect(await state(page)).toBe('not_signed_in');
  expect(faults).toEqual([]);
});

test('every state and message is pleasant, on a phone and on a desk', async () => {
  const served = await serve(paymentsPages);
  for (const options of [
    { ...phone, locale: 'de-DE', colorScheme: 'dark' },
    { ...desk, locale: 'en-GB' },
  ] as const) {
    await using merchant = await open(options);
    const { page, faults } = merchant;
    for (const name of [...Object.keys(paymentsViews), ...messages]) {
      await page.goto(`${served.url}/payments/${name}`);
      await pleasant(page);
      // A word that a language lacks, or a place in one that nobody fills.
      expect(await page.locator('body').innerText()).not.toMatch(/undefined|\{\w+\}/);
    }
    expect(faults).toEqual([]);
  }
  await served.close();
});

test('a callback that somebody else sends is refused in words', async () => {
  await using merchant = await open({ ...phone, locale: 'en-GB' });
  const { page } = merchant;
  await page.goto(`${face.appUrl}/payments/auth/callback?shop=${shop}&code=1&hmac=0&state=1`);
  await page.getByRole('heading', { name: 'This did not come from Shopify' }).waitFor();
  await pleasant(page);
});
