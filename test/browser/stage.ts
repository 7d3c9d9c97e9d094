// What a file of browser tests begins with: a browser, and the app inside the admin's frame as a
// merchant has it. The world around them is world-of-file's.
import type { Browser, BrowserContext, Frame, FrameLocator, Page } from 'playwright-core';
import { afterAll, beforeAll, expect } from 'vitest';
import { app, shopName, type World } from '../world.ts';
import { axe, launch, scrollsSideways } from './pages.ts';

/** A browser for all tests of a file. Call it after `worldOfFile`: it ends before the world. */
export function browserOfFile(take: (browser: Browser) => void): void {
  let browser: Browser | undefined;
  beforeAll(async () => {
    browser = await launch();
    take(browser);
  });
  afterAll(() => browser?.close());
}

/** No finding of axe, and nothing to scroll to the side. */
export async function pleasant(target: Page | Frame): Promise<void> {
  expect(await axe(target)).toEqual([]);
  expect(await scrollsSideways(target)).toBe(false);
}

type Shopper = { page: Page; world: World };

/** Puts something into the cart and goes to the checkout, as a shopper does. */
export async function toCheckout({ page, world }: Shopper): Promise<void> {
  await page.goto(`${world.shopify.origin}/${shopName}/`);
  await page
    .getByRole('button', { name: /^Add to cart/ })
    .first()
    .click();
  await page.getByRole('button', { name: 'Go to the checkout' }).click();
  await page.getByRole('heading', { name: 'Checkout' }).waitFor();
}

/** Buys by the manual method; ends on the thank-you page. */
export async function buyByHand({ page, world }: Shopper): Promise<void> {
  await toCheckout({ page, world });
  await page.getByRole('radio', { name: 'Bitcoin (Lightning)' }).check();
  await page.getByRole('button', { name: /^Complete order/ }).click();
  await page.getByRole('heading', { name: 'Thank you for your order' }).waitFor();
}

/** The admin of the shop, with the app in its frame. */
export type Admin = AsyncDisposable & {
  page: Page;
  /** What is inside the frame. */
  inside: FrameLocator;
  frame: () => Frame;
  /** Opens a page of the app as the admin's address does. */
  go: (path: string) => Promise<void>;
  /** What the pages complained of. */
  faults: string[];
  /** `pleasant` for what is in the frame. */
  isPleasant: () => Promise<void>;
};

/** For the eye, where somebody asks for it: a picture of all that is in the frame. */
export async function shoot({ page }: Pick<Admin, 'page'>, name: string): Promise<void> {
  const folder = process.env['PICTURES'];
  if (folder === undefined) return;
  const { width = 1_280 } = page.viewportSize() ?? {};
  await page.setViewportSize({ width, height: width < 500 ? 3_000 : 1_900 });
  await page.waitForTimeout(500);
  await page.screenshot({ path: `${folder}/${name.replace(/\W+/g, '-')}.png` });
}

type Visit = {
  options?: Parameters<Browser['newContext']>[0];
  /** Before the first page is opened. */
  prepare?: (context: BrowserContext) => Promise<void>;
};

export async function openAdmin(
  stage: { browser: Browser; world: Pick<World, 'appUrl' | 'shopify'> },
  { options = {}, prepare }: Visit = {},
): Promise<Admin> {
  const { browser, world } = stage;
  const context = await browser.newContext({ locale: 'en-GB', ...options });
  await prepare?.(context);
  const page = await context.newPage();
  const faults: string[] = [];
  context.on('weberror', (error) => faults.push(error.error().message));
  page.on('console', (message) => {
    // What is refused or not there is an answer; the browser reports it by itself.
    const isAnswer = /status of (404|409|422)/.test(message.text());
    if (message.type() === 'error' && !isAnswer) faults.push(message.text());
  });
  const inside = page.frameLocator('#app');
  const base = `${world.shopify.origin}/admin.shopify.com/store/${shopName.split('.')[0] ?? ''}`;
  const frame = (): Frame => {
    const found = page.frames().find((one) => one.url().startsWith(world.appUrl));
    if (found === undefined) throw new Error('The app is not in its frame.');
    return found;
  };
  return {
    page,
    inside,
    faults,
    frame,
    go: async (path) => {
      await page.goto(`${base}/apps/${app.clientId}${path}`);
      await inside.locator('h1').filter({ visible: true }).first().waitFor();
      await inside.locator('[aria-busy="true"][role="status"]').waitFor({ state: 'detached' });
    },
    isPleasant: async () => {
      // Long enough for what unfolds.
      await page.waitForTimeout(400);
      await pleasant(frame());
    },
    [Symbol.asyncDispose]: () => context.close(),
  };
}
