// A buyer's two ways to the payment of an order, as they look: the block in the languages of its
// locale files, right-to-left among them, and the link in the order's e-mail.
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { shopName, type World } from '../world.ts';
import { worldOfFile } from '../world-of-file.ts';
import { axe, desk, phone } from './pages.ts';
import { browserOfFile, openAdmin, pleasant } from './stage.ts';

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

const asBuyer = (options: Parameters<Browser['newContext']>[0]): Promise<BrowserContext> =>
  browser.newContext({ locale: 'en-GB', ...options });

const addressOf = (token: string, locale: string): string =>
  `${world.shopify.origin}/${shopName}/checkouts/${token}/thank-you?locale=${locale}`;

/** The block's own document, once it shows an invoice. */
async function blockOn(page: Page) {
  await page.frameLocator('iframe.block').locator('s-qr-code').waitFor({ timeout: 60_000 });
  const frame = page.frames().find((one) => one.url().includes('/block/'));
  if (frame === undefined) throw new Error('The page has no block.');
  return frame;
}

test.each([
  ['ar', 'rtl', 'الدفع على هذا الجهاز'],
  ['fr-CA', 'ltr', 'Payer sur cet appareil'],
  ['pt-BR', 'ltr', 'Pagar neste aparelho'],
  ['pt-PT', 'ltr', 'Pagar neste dispositivo'],
  ['ja', 'ltr', 'この端末で支払う'],
  ['sv', 'ltr', 'Pay on this device'],
])('the block speaks %s', async (locale, direction, pay) => {
  const context = await asBuyer(phone);
  const page = await context.newPage();
  const { checkoutToken } = world.buy({ total: '1021.50' });
  await page.goto(addressOf(checkoutToken, locale));
  const block = await blockOn(page);
  expect(await block.locator('html').getAttribute('dir')).toBe(direction);
  await page.frameLocator('iframe.block').getByRole('link', { name: pay }).waitFor();
  // It is a part of the shop's page, which has the landmarks and the heading.
  const found = (await axe(block)).filter(
    (it) => !/^(landmark-one-main|page-has-heading)/.test(it),
  );
  expect(found).toEqual([]);
  if (locale === 'ar') {
    // The first that is read of the amounts stands at the right, and each keeps its own order.
    const text = await block.locator('s-text[type="strong"]').first().textContent();
    expect(text).toMatch(/^\u2068[^\u2069]*1,021\.50[^\u2069]*\u2069 · \u2068[\d,.]+\u2069 \S+$/);
  }
  await context.close();
});

test('the link in the e-mail leads to the pay page, and without its number to words', async () => {
  const context = await asBuyer(phone);
  const page = await context.newPage();
  const { checkoutToken } = world.buy();
  await page.goto(`${world.shopify.origin}/${shopName}/orders/${checkoutToken}`);
  const link = page.getByRole('link', { name: 'Pay with Bitcoin (Lightning)', exact: true });
  const href = (await link.getAttribute('href')) ?? '';
  await link.click();
  await page.waitForURL(`${world.appUrl}/pay/*`);
  await page.getByRole('heading', { level: 1 }).waitFor();
  await page.goto(href.replace(/number=\w+/, 'number=AAAAAAAAA'));
  await page.getByRole('heading', { name: 'There is no payment here yet' }).waitFor();
  expect(page.url()).toContain(`${shopName}/apps/zaptill/pay`);
  await pleasant(page);
  await context.close();
});

test.each([
  ['390 px', phone],
  ['1280 px, dark', { ...desk, colorScheme: 'dark' as const }],
])('the merchant finds the lines for the e-mail: %s', async (_name, options) => {
  await using admin = await openAdmin({ browser, world }, { options });
  await admin.go('/setup');
  const head = admin.inside.getByRole('button', { name: 'Show the payment on the thank-you page' });
  await head.waitFor();
  if ((await head.getAttribute('aria-expanded')) === 'false') await head.click();
  await admin.inside.getByRole('button', { name: 'Copy the lines' }).waitFor();
  await admin.isPleasant();
  expect(admin.faults).toEqual([]);
});
