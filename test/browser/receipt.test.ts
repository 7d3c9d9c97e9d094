// The receipt and the page that checks one, in a real browser: read by everybody, on one sheet of
// paper, and right without any connection.
import { createHash, randomBytes } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { signingKeyOf, signRequest } from '../../sandbox/lnd/bolt11.ts';
import { renderReceipt, renderVerify } from '../../web/frontend/buyer/receipt-page.ts';
import type { Receipt } from '../../web/frontend/shared/receipt.ts';
import { verifyScript } from '../../web/http/assets.ts';
import { axe, desk, launch, phone, scrollsSideways, serve, type Served } from './pages.ts';

const script = verifyScript(path.join(import.meta.dirname, '../../dist'));
const key = signingKeyOf(randomBytes(32));
const preimage = randomBytes(32);
const hash = createHash('sha256').update(preimage).digest('hex');
const at = new Date(1_795_000_000_000).toISOString();
const hop = { channel: '800000x1x0', base_fee_mtokens: '1000', fee_rate: 100, cltv_delta: 80 };
const receipt: Receipt = {
  ...{ receipt: 'zaptill/1', shop: 'a-shop-with-a-long-name.myshopify.com', order: '#1001' },
  ...{ payment: '0198e7a2-0000-7000-8000-000000000000', test: false },
  paidAt: new Date(1_795_000_030_000).toISOString(),
  fiat: { amount: '12.30', currency: 'EUR' },
  ...{ amountMsat: '11562000', paidMsat: '11563000' },
  price: {
    ...{ perBitcoin: '100000', at, adjustmentBp: -600 },
    sources: ['kraken', 'bitstamp', 'coinbase'].map((source) => ({ source, price: '100000', at })),
  },
  ...{ hash, preimage: preimage.toString('hex'), node: key.publicKey, network: 'mainnet' },
  request: signRequest(key, {
    ...{ network: 'bitcoin', hash, paymentSecret: hash, amountMsat: 11_562_000n },
    ...{
      memo: 'a-shop-with-a-long-name #1001, 12.30 EUR',
      descriptionHash: '',
      fallbackAddress: '',
    },
    ...{ createdAt: 1_795_000_000, expirySeconds: 600, cltvDelta: 80 },
    // Three ways in: as long as a request of a private node is.
    hints: [1, 2, 3].map(() => [
      { public_key: key.publicKey },
      { ...hop, public_key: key.publicKey },
    ]),
  }),
};

const reward = { state: 'waiting', sats: '1156', at: '2026-12-09T06:48:50.000Z' } as const;

let browser: Browser;
let served: Served;
const asked: string[] = [];
beforeAll(async () => {
  browser = await launch();
  served = await serve((request, response) => {
    asked.push(request.url ?? '');
    const locale = request.headers['accept-language']?.split(',')[0] ?? 'en';
    const isVerify = request.url === '/verify';
    const { html, headers } = isVerify
      ? renderVerify({ locale, script })
      : renderReceipt(receipt, { locale, at: '/pay/x', reward });
    response.writeHead(200, headers).end(html);
  });
});
afterAll(async () => {
  await browser.close();
  await served.close();
});

async function open(
  leaf: string,
  options: BrowserContextOptions = {},
): Promise<Page & AsyncDisposable> {
  const context = await browser.newContext({ locale: 'en-GB', ...options });
  const page = await context.newPage();
  await page.goto(leaf.startsWith('file:') ? leaf : `${served.url}${leaf}`);
  return Object.assign(page, { [Symbol.asyncDispose]: () => context.close() });
}

const faces: Record<string, BrowserContextOptions> = {
  'a phone': { ...phone },
  'a dark phone in German': { ...phone, colorScheme: 'dark', locale: 'de-DE' },
  'a desk in German': { ...desk, locale: 'de-DE' },
  'a dark desk': { ...desk, colorScheme: 'dark' },
};

describe('every face', () => {
  test.each(Object.entries(faces))('axe finds nothing: %s', async (_face, options) => {
    for (const leaf of ['/receipt', '/verify']) {
      await using page = await open(leaf, options);
      expect([leaf, await axe(page)]).toEqual([leaf, []]);
      expect([leaf, await scrollsSideways(page)]).toEqual([leaf, false]);
    }
  });

  test('prints on one sheet, dark on white', async () => {
    for (const locale of ['en-GB', 'de-DE']) {
      await using page = await open('/receipt', { ...desk, colorScheme: 'dark', locale });
      const pdf = await page.pdf({ preferCSSPageSize: true });
      expect(pdf.toString('latin1').match(/\/Type\s*\/Page\b/g)).toHaveLength(1);
      await page.emulateMedia({ media: 'print' });
      const colour = (of: 'backgroundColor' | 'color'): Promise<string> =>
        page.evaluate((name) => getComputedStyle(document.body)[name], of);
      expect(await colour('backgroundColor')).toBe('rgb(255, 255, 255)');
      expect(await colour('color')).toBe('rgb(0, 0, 0)');
      expect(await page.locator('.only-screen').isVisible()).toBe(false);
      expect(await page.getByText(receipt.preimage).isVisible()).toBe(true);
    }
  });
});

describe('the check', () => {
  const check = async (page: Page, text: string): Promise<string> => {
    await page.locator('#text').fill(text);
    await page.locator('#outcome').evaluate((outcome) => outcome.replaceChildren());
    await page.locator('#check button').click();
    await page.locator('#outcome .verdict').waitFor();
    return page.locator('#outcome').innerText();
  };

  test('believes a genuine receipt and no forged one, and asks nobody', async () => {
    expect(script, 'run the build first').toBeDefined();
    await using page = await open('/verify', phone);
    const before = asked.length;
    const said = await check(page, JSON.stringify(receipt));
    expect(said).toContain('This receipt is genuine.');
    expect(said).toContain(key.publicKey);
    expect(await axe(page)).toEqual([]);
    const forged = await check(page, JSON.stringify({ ...receipt, order: '#1002' }));
    expect(forged).toContain('for another shop or order');
    expect(await axe(page)).toEqual([]);
    expect(await check(page, '{}')).toContain('not the text of a receipt');
    expect(asked.slice(before)).toEqual([]);
  });

  test('works from a saved copy, on a chosen file, without a connection', async () => {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'zaptill-verify-'));
    const copy = path.join(folder, 'verify.html');
    const file = path.join(folder, 'receipt.json');
    fs.writeFileSync(copy, renderVerify({ locale: 'de', script }).html);
    fs.writeFileSync(file, JSON.stringify(receipt, undefined, 2));
    await using page = await open(`file://${copy}`, { offline: true });
    await page.locator('#file').setInputFiles(file);
    await page.getByText('Dieser Beleg ist echt.').waitFor();
    fs.rmSync(folder, { recursive: true });
  });
});
