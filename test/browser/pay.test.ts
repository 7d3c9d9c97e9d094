// The buyer's page in a real browser: what stands in it can be scanned, it follows the payment with
// and without a stream and a script, and nobody is left behind.
import { gzipSync } from 'node:zlib';
import { PNG } from 'pngjs';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import decodeQR from 'qr/decode.js';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { PayView } from '../../web/frontend/shared/pay-view.ts';
import { axe, desk, launch, phone, scrollsSideways, serve, type Served } from './pages.ts';
import { PayPages } from './pay-pages.ts';
import { payViews, request } from './pay-views.ts';

let browser: Browser;
let served: Served;
let pages: PayPages;

beforeAll(async () => {
  browser = await launch();
});
afterAll(async () => {
  await browser.close();
});
beforeEach(async () => {
  pages = new PayPages(payViews);
  served = await serve(pages.listener);
  return () => served.close();
});

/** A page on one of the views, in a browser of its own that ends with the test. */
async function open(
  name: string,
  options: BrowserContextOptions = {},
): Promise<Page & AsyncDisposable> {
  const context = await browser.newContext({
    locale: 'en-GB',
    timezoneId: 'Asia/Tokyo',
    ...options,
  });
  const page = await context.newPage();
  await page.goto(`${served.url}/pay/${name}`);
  return Object.assign(page, { [Symbol.asyncDispose]: () => context.close() });
}

const view = (name: string): PayView => {
  const found = payViews[name];
  if (found === undefined) throw new Error(`There is no view ${name}.`);
  return found;
};
const { state, settledAt, invoice } = view('settled');
const paid = { state, settledAt, invoice } as Partial<PayView>;
const head = (page: Page) => page.locator('#head');
const headed = (page: Page, name: string) => page.getByRole('heading', { name });
/** Long enough for the page's first look and its stream. */
const settle = (page: Page) => page.waitForTimeout(600);

describe('the code', () => {
  const faces: Record<string, BrowserContextOptions> = {
    'a phone': { ...phone },
    'a dark phone': { ...phone, colorScheme: 'dark' },
    'a desk': { ...desk },
    'a narrow page': { viewport: { width: 320, height: 640 } },
    'forced colours': { ...desk, forcedColors: 'active', colorScheme: 'dark' },
  };
  test.each(Object.entries(faces))('is read back from a picture: %s', async (_name, options) => {
    await using page = await open('waiting', options);
    const { data, width, height } = PNG.sync.read(await page.locator('.qr').screenshot());
    expect(decodeQR({ width, height, data })).toBe(`lightning:${request.toUpperCase()}`);
  });
});

describe('following the payment', () => {
  test('paid shows by the stream, before the page would ask', async () => {
    await using page = await open('waiting');
    await settle(page);
    pages.change('waiting', paid);
    await headed(page, 'Paid. Thank you!').waitFor();
    expect(await page.title()).toContain('Paid');
    expect(await page.locator('#say').textContent()).toBe('Paid. Thank you!');
    expect(await page.locator('.qr').count()).toBe(0);
    expect(pages.asked.filter((line) => line.endsWith('/status'))).toEqual([]);
  });

  test.each(['refused', 'held_back'] as const)('paid shows where the stream is %s', async (is) => {
    pages.stream = is;
    await using page = await open('waiting');
    await settle(page);
    pages.change('waiting', paid);
    await headed(page, 'Paid. Thank you!').waitFor({ timeout: 12_000 });
    expect(pages.asked.some((line) => line.endsWith('/status'))).toBe(true);
  });

  test('a final page asks no more', async () => {
    await using page = await open('waiting');
    await settle(page);
    pages.change('waiting', { ...paid, state: 'resolved', final: true });
    await headed(page, 'Paid. Thank you!').waitFor();
    const asked = pages.asked.length;
    await page.waitForTimeout(4_000);
    expect(pages.asked.length).toBe(asked);
  });

  test('a hidden tab gives its stream back, and looks at once when it returns', async () => {
    await using page = await open('waiting');
    await settle(page);
    const hide = (hidden: boolean) =>
      page.evaluate((value) => {
        Object.defineProperty(document, 'hidden', { value, configurable: true });
        document.dispatchEvent(new Event('visibilitychange'));
      }, hidden);
    await hide(true);
    pages.change('waiting', paid);
    await page.waitForTimeout(1_000);
    expect(await head(page).textContent()).toBe('Waiting for your payment');
    await hide(false);
    await headed(page, 'Paid. Thank you!').waitFor({ timeout: 1_000 });
  });

  test('the focus goes to the new state when the pressed button is gone', async () => {
    await using page = await open('waiting');
    await settle(page);
    await page.locator('#open').focus();
    pages.change('waiting', paid);
    await headed(page, 'Paid. Thank you!').waitFor();
    expect(await page.evaluate(() => document.activeElement?.id)).toBe('head');
  });

  test('without a line it says so once and goes on', async () => {
    pages.stream = 'refused';
    await using page = await open('waiting');
    await settle(page);
    await page.context().setOffline(true);
    await expect
      .poll(() => page.locator('#say').textContent(), { timeout: 8_000 })
      .toBe('No connection. We look again by ourselves.');
    expect(await page.locator('.qr').count()).toBe(1);
    pages.change('waiting', paid);
    await page.context().setOffline(false);
    await headed(page, 'Paid. Thank you!').waitFor();
  });
});

describe('without a script', () => {
  const off = { javaScriptEnabled: false };

  test('the invoice is there, and the page finds out by itself', async () => {
    await using page = await open('waiting', off);
    expect(await page.locator('#open').getAttribute('href')).toBe(`lightning:${request}`);
    expect(await page.locator('.qr').isVisible()).toBe(true);
    expect(await page.locator('#copy').isVisible()).toBe(false);
    pages.change('waiting', { ...paid, state: 'resolved', final: true });
    await headed(page, 'Paid. Thank you!').waitFor({ timeout: 15_000 });
  }, 30_000);

  test.each([off, {}])('a new price takes one tap (%o)', async (options) => {
    pages.onQuote = () => view('waiting');
    await using page = await open('expired', options);
    expect(await page.locator('form input, form select, form textarea').count()).toBe(0);
    await page.getByRole('button', { name: 'Get a new price' }).click();
    await headed(page, 'Waiting for your payment').waitFor();
    expect(pages.asked).toContain('POST /pay/expired/quote');
    expect(await page.locator('.qr').count()).toBe(1);
  });
});

describe('the buttons', () => {
  test('copy gives the invoice as the node made it, each time', async () => {
    await using page = await open('waiting', {
      permissions: ['clipboard-read', 'clipboard-write'],
    });
    for (let press = 0; press < 2; press += 1) {
      await page.evaluate(() => navigator.clipboard.writeText(''));
      await page.locator('#copy').click();
      await page.getByRole('button', { name: 'Copied' }).waitFor();
      expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(request);
      await page.getByRole('button', { name: 'Copy the invoice' }).waitFor();
    }
  });

  test('copy works without a clipboard: the text is selected', async () => {
    await using page = await open('waiting');
    await page.evaluate(() => {
      Object.defineProperty(navigator, 'clipboard', { value: undefined });
    });
    await page.locator('#copy').click();
    expect(await page.evaluate(() => getSelection()?.toString())).toBe(request);
  });

  test('a wallet in the browser is offered, asked, and not believed', async () => {
    const context = await browser.newContext({ locale: 'en-GB' });
    const page = await context.newPage();
    await page.addInitScript(() => {
      const sent: string[] = [];
      Object.assign(window, {
        sent,
        webln: {
          enable: () => Promise.resolve(),
          sendPayment: (text: string) => {
            sent.push(text);
            return sent.length === 1
              ? Promise.reject(new Error('no route'))
              : Promise.resolve({ preimage: 'invented' });
          },
        },
      });
    });
    await page.goto(`${served.url}/pay/waiting`);
    const button = page.getByRole('button', { name: 'Pay with the wallet in this browser' });
    await button.click();
    const said = page.locator('#say');
    await expect.poll(() => said.textContent()).toBe('The wallet did not pay: no route');
    await button.click();
    await expect.poll(() => pages.asked.filter((line) => line.endsWith('/status')).length).toBe(2);
    expect(await page.evaluate(() => (window as unknown as { sent: string[] }).sent)).toEqual([
      request,
      request,
    ]);
    expect(await head(page).textContent()).toBe('Waiting for your payment');
    await context.close();
  });

  test('are large enough for a thumb', async () => {
    await using page = await open('waiting', { ...phone });
    for (const button of await page.locator('.btn, .back').filter({ visible: true }).all()) {
      expect((await button.boundingBox())?.height).toBeGreaterThanOrEqual(44);
    }
    expect(await page.locator('.btn').filter({ visible: true }).count()).toBe(2);
  });
});

describe('the time', () => {
  test("is the buyer's own, and a countdown comes only in the last two minutes", async () => {
    await using page = await open('waiting');
    expect(await page.locator('.until').innerText()).toBe('Price held until 23:05');
    pages.change('waiting', { now: '2026-11-21T14:03:30Z' });
    await expect.poll(() => page.locator('#left').textContent()).toMatch(/^1:(30|29|28) left$/);
    expect(await page.locator('#say').textContent()).toMatch(/^1:\d\d left$/);
  });

  test('at zero the page asks; it does not declare', async () => {
    pages.change('waiting', { now: '2026-11-21T14:04:58.500Z' });
    await using page = await open('waiting');
    await settle(page);
    await expect
      .poll(() => pages.asked.filter((line) => line.endsWith('/status')).length, { timeout: 5_000 })
      .toBeGreaterThan(0);
    expect(await head(page).textContent()).toBe('Waiting for your payment');
  });
});

describe('for everybody', () => {
  test('axe finds nothing on any face, and none scrolls sideways at 320 px', async () => {
    const context = await browser.newContext({ viewport: { width: 320, height: 640 } });
    const page = await context.newPage();
    const found: string[] = [];
    for (const [index, name] of Object.keys(payViews).entries()) {
      await page.emulateMedia({ colorScheme: index % 2 === 0 ? 'light' : 'dark' });
      await page.goto(`${served.url}/pay/${name}`);
      found.push(...(await axe(page)).map((finding) => `${name}: ${finding}`));
      if (await scrollsSideways(page)) found.push(`${name} scrolls sideways`);
    }
    expect(found).toEqual([]);
    expect(Object.keys(payViews).length).toBeGreaterThan(20);
    await context.close();
  });

  test('nothing is cut off with letters of twice the size, or from right to left', async () => {
    await using page = await open('waiting-long-names', { viewport: { width: 320, height: 640 } });
    await page.evaluate(() => {
      document.documentElement.style.fontSize = '200%';
      document.documentElement.dir = 'rtl';
    });
    expect(await scrollsSideways(page)).toBe(false);
    expect(await axe(page)).toEqual([]);
  });

  test('nothing moves for those who asked for that', async () => {
    await using page = await open('waiting', { reducedMotion: 'reduce' });
    const name = await page.locator('.dot').evaluate((dot) => getComputedStyle(dot).animationName);
    expect(name).toBe('none');
  });
});

test('the page weighs less than 15 kB, moves nothing and asks nobody else', async () => {
  const context = await browser.newContext({ ...phone });
  const page = await context.newPage();
  const asked: string[] = [];
  let bytes = 0;
  page.on('request', (one) => asked.push(one.url()));
  page.on('response', (one) => {
    if (one.status() !== 200 || /\/(status|events)$/.test(one.url())) return;
    void one.body().then((body) => (bytes += gzipSync(body).length));
  });
  await page.addInitScript(() => {
    let shift = 0;
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) shift += (entry as unknown as { value: number }).value;
      Object.assign(window, { shift });
    }).observe({ type: 'layout-shift', buffered: true });
  });
  await page.goto(`${served.url}/pay/waiting`);
  await page.waitForTimeout(1_500);
  expect(bytes).toBeGreaterThan(4_000);
  expect(bytes).toBeLessThan(15_000);
  expect(asked.filter((url) => !url.startsWith(served.url) && !url.startsWith('data:'))).toEqual(
    [],
  );
  const shift = await page.evaluate(() => (window as unknown as { shift?: number }).shift ?? 0);
  expect(shift).toBeLessThan(0.05);
  await context.close();
});

test('nobody can put the page into a frame', async () => {
  const outer = await serve((_request, response) => {
    response.writeHead(200, { 'Content-Type': 'text/html' });
    response.end(`<iframe src="${served.url}/pay/waiting"></iframe>`);
  });
  const page = await browser.newPage();
  await page.goto(outer.url);
  await page.waitForTimeout(500);
  expect(await page.frameLocator('iframe').locator('#head').count()).toBe(0);
  expect(pages.asked).toContain('GET /pay/waiting');
  await page.close();
  await outer.close();
});
