// The offsite checkout in a real browser: the shopper chooses the method, pays on our page by a
// wallet, and stands on the shop's thank-you page with the order paid. Who turns back is in the
// checkout again, and nothing was rejected. Shopify asks our door for the page over mutual TLS.
import type { Browser, Page } from 'playwright-core';
import { beforeAll, expect, test } from 'vitest';
import { hasPaymentsApp } from '../journey/offsite-shop.ts';
import { worldOfFile } from '../world-of-file.ts';
import { paymentsApp, shopName, until, type World } from '../world.ts';
import { desk, phone } from './pages.ts';
import { browserOfFile, pleasant, toCheckout } from './stage.ts';

let world: World;
let browser: Browser;
worldOfFile(
  (made) => {
    world = made;
  },
  { payments: true, soundInTheEnd: true },
);
browserOfFile((made) => {
  browser = made;
});
beforeAll(async () => {
  await hasPaymentsApp(world);
}, 60_000);

async function shopper(options: Parameters<Browser['newContext']>[0]) {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  const faults: string[] = [];
  context.on('weberror', (error) => faults.push(error.error().message));
  page.on('console', (message) => {
    if (message.type() === 'error') faults.push(message.text());
  });
  return { page, faults, [Symbol.asyncDispose]: () => context.close() };
}

/** Ends on our page, which shows what the checkout showed. */
async function chooseOffsite(page: Page): Promise<void> {
  await page.getByRole('radio', { name: /offsite/ }).check();
  await page.getByRole('button', { name: /^Complete order/ }).click();
  await page.waitForURL(`${world.appUrl}/pay/*`);
  await page.locator('#head').waitFor();
}

const latest = () => {
  const session = world.shopify.payments.sessions().at(-1);
  if (session === undefined) throw new Error('Shopify has asked for nothing.');
  return session;
};

async function pay(page: Page): Promise<void> {
  const link = page.locator('#open');
  await link.waitFor({ timeout: 60_000 });
  const request = (await link.getAttribute('href'))?.replace(/^lightning:/i, '') ?? '';
  expect(await world.lightning.pay(request.toLowerCase())).toMatchObject({ ok: true });
}

test.each([
  ['390 px', { ...phone, locale: 'en-GB' }],
  ['1280 px, dark and German', { ...desk, locale: 'de-AT', colorScheme: 'dark' as const }],
])('chosen, paid, back at the shop, at %s', async (_name, options) => {
  await using visit = await shopper(options);
  const { page, faults } = visit;
  await toCheckout({ page, world });
  await pleasant(page);
  await chooseOffsite(page);
  await page.locator('#open').waitFor({ timeout: 60_000 });
  await pleasant(page);
  const session = latest();
  expect(page.url()).toBe(session.redirectUrl);
  await pay(page);
  await page.waitForURL(/\/checkouts\/\w+\/thank-you$/, { timeout: 60_000 });
  await page.getByText('It is paid.').waitFor();
  await pleasant(page);
  const { effects } = world.shopify.payments;
  expect(effects.count(session.group, 'resolved')).toBe(1);
  expect(effects.orders(session.group)).toBe(1);
  expect(world.shopify.orders().at(-1)).toMatchObject({
    financialStatus: 'PAID',
    checkoutToken: session.checkoutToken,
  });
  // What was bought is not in the cart any more.
  await page.getByRole('link', { name: 'Cart (0)' }).waitFor();
  expect(faults).toEqual([]);
});

test('back without paying, in the checkout again, and then paid in another tab', async () => {
  await using visit = await shopper({ ...phone, locale: 'en-GB' });
  const { page, faults } = visit;
  await toCheckout({ page, world });
  const checkout = page.url();
  await chooseOffsite(page);
  const first = latest();
  await page.getByRole('link', { name: /back|cancel/i }).click();
  await page.waitForURL(checkout);
  await pleasant(page);
  expect(world.shopify.payments.session(first.id)?.state).toBe('open');
  expect(await page.getByRole('alert').count()).toBe(0);

  await chooseOffsite(page);
  const second = latest();
  expect(second.group).toBe(first.group);
  expect(second.id).not.toBe(first.id);
  await pay(page);
  await page.waitForURL(/\/thank-you$/, { timeout: 60_000 });
  expect(world.shopify.payments.effects.orders(first.group)).toBe(1);
  expect(world.shopify.payments.effects.count(first.group, 'rejected')).toBe(0);
  // The tab that was left behind leads to the order too, and asks nobody to pay again.
  await page.goto(checkout);
  await page.waitForURL(/\/thank-you$/);
  expect(faults).toEqual([]);
});

test('a buyer who closes the tab after paying has the order all the same', async () => {
  await using visit = await shopper({ ...phone, locale: 'en-GB' });
  const { page } = visit;
  await toCheckout({ page, world });
  await chooseOffsite(page);
  const session = latest();
  const link = page.locator('#open');
  await link.waitFor({ timeout: 60_000 });
  const request = (await link.getAttribute('href'))?.replace(/^lightning:/i, '') ?? '';
  await page.close();
  expect(await world.lightning.pay(request.toLowerCase())).toMatchObject({ ok: true });
  await until('the order is there', () => world.shopify.payments.effects.orders(session.id) === 1);
  expect(world.shopify.orders().at(-1)?.financialStatus).toBe('PAID');
});

test('nothing of the buyer’s person is in our database or on our page', async () => {
  await using visit = await shopper({ ...desk, locale: 'en-GB' });
  const { page } = visit;
  await toCheckout({ page, world });
  await chooseOffsite(page);
  const { buyer } = world.shopify.payments;
  const canaries = [buyer.email, buyer.family_name, buyer.phone_number, buyer.line1, buyer.city];
  const html = await page.content();
  const rows = await world.db.prisma.payment.findMany();
  const kept = JSON.stringify(rows, (_key, value: unknown) =>
    typeof value === 'bigint' ? value.toString() : value,
  );
  const said = world.doors.output() + world.pools.map((one) => one.output()).join('');
  for (const canary of canaries)
    for (const text of [html, kept, said]) expect(text).not.toContain(canary);
  expect(latest().sent).toContain(buyer.email);
  expect(rows.length).toBeGreaterThan(0);
});

test('the merchant’s test mode is said in the checkout and on our page', async () => {
  await using visit = await shopper({ ...phone, locale: 'en-GB' });
  const { page } = visit;
  world.shopify.payments.activate({ test: true });
  try {
    await toCheckout({ page, world });
    await page.getByText('Test mode.').waitFor();
    await chooseOffsite(page);
    expect(latest().test).toBe(true);
    await page.getByText(/test/i).first().waitFor();
    await pleasant(page);
    await pay(page);
    await page.waitForURL(/\/thank-you$/, { timeout: 60_000 });
  } finally {
    world.shopify.payments.activate({ test: false });
  }
});

/** Shopify's own pages are ours here, and people with a screen reader try the sandbox too. */
test('the merchant’s pages at Shopify: the order, its refund, the gateway, the grant', async () => {
  await using visit = await shopper({ ...phone, locale: 'en-GB' });
  const { page, faults } = visit;
  const { origin, payments } = world.shopify;
  const order = world.shopify.orders().at(-1);
  const admin = `${origin}/admin.shopify.com/store/${shopName.replace('.myshopify.com', '')}`;
  await page.goto(`${admin}/orders/${order?.legacyId ?? ''}`);
  await page.getByText('Payment ID').waitFor();
  await pleasant(page);
  await page.getByRole('button', { name: 'Refund' }).click();
  // The app may have done it before the page is drawn.
  await page.getByText(/refund of .*: (?:the app is at it|done)/).waitFor();
  const asked = () => payments.moneySessions()[0];
  expect(asked()).toMatchObject({ what: 'refund' });
  expect(asked()?.exchanges.map(({ answer }) => answer)).toEqual(['201']);
  // Its payment was a test: nothing moves, and Shopify hears so.
  await expect.poll(() => asked()?.state).toBe('resolved');

  const gateway = `${origin}/${shopName}/services/payments_partners/gateways`;
  await page.goto(`${gateway}/${paymentsApp.clientId}/settings`);
  await page.getByText('Active: buyers can choose it.').waitFor();
  await pleasant(page);

  world.shopify.uninstall({ app: paymentsApp.name, shop: shopName });
  await page.goto(`${world.appUrl}/payments?shop=${shopName}`);
  await page.getByRole('button', { name: 'Install' }).waitFor();
  await pleasant(page);
  expect(faults).toEqual([]);
});
