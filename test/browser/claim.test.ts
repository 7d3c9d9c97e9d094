// The page on which a buyer claims a refund, in a real browser against the real doors: with a
// script and without one, on a phone and on a desk, in light and dark.
import { PNG } from 'pngjs';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import decodeQR from 'qr/decode.js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readLnurl, withdraw } from '../../sandbox/wallet/lnurl.ts';
import { payee } from '../../sandbox/wallet/payee.ts';
import type { RefundRow } from '../../web/db/refunds.ts';
import { startInProcess, type InProcess, type Open } from '../in-process.ts';
import { aClaimableRefund, anAskedRefund, aPaidOrder, refundMsat } from '../refund-at-hand.ts';
import { axe, desk, launch, phone, scrollsSideways } from './pages.ts';

const buyer = payee('regtest');
let browser: Browser;
let our: InProcess;
let paid: Open;
beforeAll(async () => {
  browser = await launch();
  our = await startInProcess();
  paid = await aPaidOrder(our);
});
afterAll(async () => {
  await browser.close();
  await our.close();
});

const claimable = (): Promise<RefundRow> => aClaimableRefund(our, { open: paid, amount: '0.05' });
const anInvoice = (amountMsat = refundMsat): string => buyer.make({ amountMsat }).request;

async function open(
  link: string,
  options: BrowserContextOptions = {},
): Promise<Page & AsyncDisposable> {
  const context = await browser.newContext({ locale: 'en-GB', ...options });
  const page = await context.newPage();
  await page.goto(`${our.appUrl}/refund/${link}`);
  return Object.assign(page, { [Symbol.asyncDispose]: () => context.close() });
}
const headed = (page: Page, name: string) => page.getByRole('heading', { name });

/** A refund in each state, as its page shows it. */
const states: Record<string, () => Promise<RefundRow>> = {
  preparing: () => anAskedRefund(our, { open: paid, amount: '0.05' }),
  claimable,
  claimed: async () => {
    const refund = await claimable();
    await give(refund, anInvoice());
    return refund;
  },
  slow: async () => {
    const refund = await claimable();
    await give(refund, anInvoice());
    await our.db.pool.query(
      `update refund_claim set given_at = now() - interval '1 hour' where refund_id = $1`,
      [refund.id],
    );
    return refund;
  },
  paid: async () => {
    const refund = await claimable();
    await give(refund, anInvoice());
    await moved(refund, { state: 'paid', reason: 'paid_out' });
    return refund;
  },
  withdrawn: async () => {
    const refund = await claimable();
    await moved(refund, { state: 'withdrawn', reason: 'taken_back' });
    return refund;
  },
  expired: async () => {
    const refund = await claimable();
    await moved(refund, { state: 'withdrawn', reason: 'claim_time_over' });
    return refund;
  },
};
const moved = ({ id }: RefundRow, to: { state: string; reason: string }) =>
  our.db.pool.query('update refund set state = $2::refund_state, reason = $3 where id = $1', [
    ...[id, to.state, to.reason],
  ]);
async function give({ link }: RefundRow, destination: string): Promise<void> {
  const answer = await fetch(`${our.appUrl}/refund/${link}/claim`, {
    method: 'POST',
    redirect: 'manual',
    body: new URLSearchParams({ destination }),
  });
  expect(answer.status).toBe(303);
}

describe('every state', () => {
  const faces: Record<string, BrowserContextOptions> = {
    'a phone': { ...phone },
    'a dark phone in German': { ...phone, colorScheme: 'dark', locale: 'de-DE' },
    'a dark desk': { ...desk, colorScheme: 'dark' },
  };
  test.each(Object.entries(states))(
    '%s: axe finds nothing, nothing overflows',
    async (name, make) => {
      const { link } = await make();
      for (const [face, options] of Object.entries(faces)) {
        await using page = await open(link, options);
        const state = name === 'slow' ? 'claimed' : name;
        expect(await page.locator('main').getAttribute('data-state')).toBe(`refund-${state}`);
        expect([face, await axe(page)]).toEqual([face, []]);
        expect([face, await scrollsSideways(page)]).toEqual([face, false]);
      }
    },
  );
});

describe('the code', () => {
  test.each([
    ['a dark phone', { ...phone, colorScheme: 'dark' }],
    ['a desk', desk],
  ] as const)('is read from a picture, and a wallet gets the sats: %s', async (_name, options) => {
    const { link } = await claimable();
    await using page = await open(link, options);
    const { data, width, height } = PNG.sync.read(await page.locator('.qr').screenshot());
    const scanned = decodeQR({ width, height, data });
    expect(readLnurl(scanned)).toBe(`${our.appUrl}/refund/${link}/lnurl`);
    expect((await withdraw(scanned, buyer)).status).toBe('OK');
    // The page asks by itself, and shows what became of it.
    await headed(page, 'Your refund is on its way').waitFor({ timeout: 45_000 });
    expect(await page.locator('textarea').count()).toBe(0);
  });

  test('needs no scrolling to the side on a narrow page', async () => {
    const { link } = await claimable();
    await using page = await open(link, { viewport: { width: 320, height: 640 } });
    expect(await scrollsSideways(page)).toBe(false);
  });

  test('stands on paper, and the field does not', async () => {
    const { link } = await claimable();
    await using page = await open(link, { ...desk, colorScheme: 'dark' });
    await page.emulateMedia({ media: 'print' });
    expect(await page.locator('.qr').isVisible()).toBe(true);
    expect(await page.locator('textarea').isVisible()).toBe(false);
    expect(await page.locator('.acts').isVisible()).toBe(false);
    const paper = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    expect(paper).toBe('rgb(255, 255, 255)');
  });
});

describe('the field', () => {
  test.each([
    ['with a script', true],
    ['without a script', false],
  ])(
    'takes an invoice, and says what is wrong with another one: %s',
    async (_name, javaScriptEnabled) => {
      const { link } = await claimable();
      await using page = await open(link, { ...phone, javaScriptEnabled });
      const field = page.getByLabel('Your Lightning address or an invoice');
      const wrong = anInvoice(refundMsat + 1_000n);
      await field.fill(wrong);
      await page.getByRole('button', { name: 'Send it to me' }).click();
      const alert = page.getByRole('alert');
      await alert.waitFor();
      expect(await alert.textContent()).toMatch(/over exactly 8,750 sats/);
      expect(await field.inputValue()).toBe(wrong);
      // Without a script there is nothing that could look.
      if (javaScriptEnabled) expect(await axe(page)).toEqual([]);
      await field.fill(anInvoice());
      await page.getByRole('button', { name: 'Send it to me' }).click();
      await headed(page, 'Your refund is on its way').waitFor();
      expect(new URL(page.url()).pathname).toBe(`/refund/${link}`);
    },
  );

  test('keeps what is being typed while nothing changes', async () => {
    const { link } = await claimable();
    await using page = await open(link, desk);
    const looked = page.waitForResponse((answer) => answer.url().endsWith('/status'));
    await page.locator('textarea').fill('anna@exam');
    await looked;
    expect(await page.locator('textarea').inputValue()).toBe('anna@exam');
  });
});

test('paid shows by itself', async () => {
  const refund = await claimable();
  await give(refund, anInvoice());
  await using page = await open(refund.link, phone);
  await headed(page, 'Your refund is on its way').waitFor();
  await moved(refund, { state: 'paid', reason: 'paid_out' });
  await headed(page, 'You have your money back').waitFor({ timeout: 45_000 });
});
