// The whole way of a shopper in a real browser: the shop, its checkout, the thank-you page with our
// block, our page with its code, a wallet that pays what the code says, and the order paid in the
// shop. Our doors and pool run as processes of their own; shop, exchanges and node are played.
import { PNG } from 'pngjs';
import type { Browser, BrowserContext, FrameLocator, Page } from 'playwright-core';
import decodeQR from 'qr/decode.js';
import { expect, test } from 'vitest';
import { until, type World } from '../world.ts';
import { worldOfFile } from '../world-of-file.ts';
import { desk, phone } from './pages.ts';
import { browserOfFile, buyByHand, pleasant, shoot } from './stage.ts';

let world: World;
let browser: Browser;
worldOfFile(
  (made) => {
    world = made;
  },
  { block: true, soundInTheEnd: true },
);
browserOfFile((made) => {
  browser = made;
});

const buy = (page: Page): Promise<void> => buyByHand({ page, world });

const blockOf = (page: Page): FrameLocator => page.frameLocator('iframe.block');

/** The block's button leads to our page, which opens beside the shop's. */
async function openPayPage(context: BrowserContext, page: Page): Promise<Page> {
  const links = ['s-button', 's-link'].map((name) => `${name}[href*="/pay/"]`).join(', ');
  const button = blockOf(page).locator(links).first();
  await button.waitFor({ timeout: 20_000 });
  const [opened] = await Promise.all([context.waitForEvent('page'), button.click()]);
  await opened.locator('#head').waitFor();
  expect(opened.url()).toMatch(/\/pay\/[A-Za-z0-9_-]{22}$/);
  expect(new URL(opened.url()).origin).toBe(world.appUrl);
  return opened;
}

async function scan(page: Page): Promise<string> {
  const code = page.locator('.qr');
  await code.waitFor({ timeout: 20_000 });
  const { data, width, height } = PNG.sync.read(await code.screenshot());
  const [scheme, request] = decodeQR({ width, height, data }).split(':');
  expect(scheme).toBe('lightning');
  return (request ?? '').toLowerCase();
}

test.each([
  ['390 px', { ...phone, locale: 'en-GB' }],
  ['1280 px, dark and German', { ...desk, locale: 'de-AT', colorScheme: 'dark' as const }],
])('from the shop to an order that is paid, at %s', async (_name, options) => {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  const faults: string[] = [];
  context.on('weberror', (error) => faults.push(error.error().message));
  await buy(page);
  const order = world.shopify.orders().at(-1);
  const pay = await openPayPage(context, page);
  pay.on('console', (message) => {
    if (message.type() === 'error') faults.push(message.text());
  });
  const request = await scan(pay);
  expect(await pay.locator('#open').getAttribute('href')).toBe(`lightning:${request}`);
  await pleasant(pay);

  expect(await world.lightning.pay(request)).toMatchObject({ ok: true });
  await pay.getByRole('heading', { name: /^(Paid|Bezahlt)\./ }).waitFor();
  expect(await pay.locator('.qr').count()).toBe(0);
  await pleasant(pay);

  const id = order?.id ?? '';
  await until('the order is paid', () => world.shopify.order(id)?.financialStatus === 'PAID');
  expect(world.shopify.effects.payments(id)).toBe(1);
  // The block found out by itself, on a page that nobody touched.
  await blockOf(page)
    .getByText(/paid|bezahlt/i)
    .first()
    .waitFor();
  await page.reload();
  await page.getByText('It is paid.').waitFor();
  expect(faults).toEqual([]);
  await context.close();
});

test('20 tabs of one payment, without script, show one invoice', async () => {
  const payUrl = await world.payLink(world.buy());
  const context = await browser.newContext({ locale: 'en-GB', javaScriptEnabled: false });
  const pages = await Promise.all(Array.from({ length: 20 }, () => context.newPage()));
  await Promise.all(pages.map((page) => page.goto(payUrl)));
  await until('every tab has the invoice', async () => {
    const links = await Promise.all(pages.map((page) => page.locator('#open').count()));
    if (links.every((count) => count === 1)) return true;
    await Promise.all(pages.map((page) => page.reload()));
    return false;
  });
  const requests = await Promise.all(
    pages.map((page) => page.locator('#open').getAttribute('href')),
  );
  expect(new Set(requests).size).toBe(1);
  expect(requests[0]).toMatch(/^lightning:lnbc/);
  await context.close();
});

test('the shop’s discount is named by the block, as by the page', async () => {
  const { shopId } = await world.db.prisma.payment.findFirstOrThrow();
  const choose = (basisPoints: number | null): Promise<unknown> =>
    world.db.pool.query(
      `insert into settings (shop_id, version, price_adjustment_bp) values ($1, 1, $2)
       on conflict (shop_id) do update set price_adjustment_bp = excluded.price_adjustment_bp`,
      [shopId, basisPoints],
    );
  await choose(-250);
  const context = await browser.newContext({ ...phone, locale: 'en-GB' });
  const page = await context.newPage();
  await buy(page);
  await blockOf(page).getByText('2.5% off for paying in bitcoin').waitFor();
  await shoot({ page }, 'block-discount');
  const pay = await openPayPage(context, page);
  await pay.getByText('2.5% off for paying in bitcoin').waitFor();
  await choose(null);
  await context.close();
});
