/// <reference types="@shopify/ui-extensions/purchase.thank-you.block.render" />
import { setUpExtension } from '@shopify/ui-extensions-tester';
import { fireEvent } from '@testing-library/preact';
import { expect, test, vi } from 'vitest';
import {
  begin,
  beginEachTest,
  find,
  heading,
  isEmpty,
  json,
  noLine,
  notOurs,
  notYet,
  paid,
  pass,
  replying,
  server,
  setEditor,
  textOf,
  toPay,
  view,
} from './play.ts';

beginEachTest();

/** The block on a thank-you page of order 1, with a server that answers so. */
function onPage(...replies: (() => Response)[]) {
  const extension = setUpExtension('purchase.thank-you.block.render');
  setEditor(extension.shopify);
  extension.shopify.checkoutToken.value = 'token-of-checkout';
  let tokens = 0;
  extension.shopify.sessionToken.get = () => Promise.resolve(`session-${String((tokens += 1))}`);
  const fetched = replying(replies);
  extension.fetch = fetched;
  const bearers = () =>
    fetched.mock.calls.map(([, init]) => new Headers(init?.headers).get('Authorization'));
  return { extension, fetched, bearers };
}

test('a skeleton, then waiting, the invoice, paid; then silence', async () => {
  const { extension, fetched, bearers } = onPage(
    notYet,
    notYet,
    () => json(toPay),
    () => json(paid),
  );
  using _ = extension;
  await extension.render();
  expect(find('s-skeleton-paragraph')).not.toBeNull();
  await pass(100);
  expect(textOf('s-text')).toEqual(['soon']);
  await pass(2_000);
  expect(find('s-qr-code')?.getAttribute('content')).toBe('lightning:LNBC210U1ABC');
  expect(find('s-clipboard-item')?.getAttribute('text')).toBe('lnbc210u1abc');
  expect(find('s-button')?.getAttribute('href')).toBe(view.payUrl);
  expect(find('s-button')?.getAttribute('target')).toBe('_blank');
  await pass(3_000);
  expect(heading()).toBe('paid.head');
  expect(find('s-qr-code')).toBeNull();
  expect(bearers()).toEqual([1, 2, 3, 4].map((count) => `Bearer session-${String(count)}`));
  await pass(3_600_000);
  expect(fetched).toHaveBeenCalledTimes(4);
});

test('asks our server by POST with the order and its checkout token', async () => {
  const { extension, fetched } = onPage(() => json(toPay));
  using _ = extension;
  await begin(extension);
  const [address, init] = fetched.mock.calls[0] ?? [];
  expect(address).toBe(`${server}/extension/payment`);
  expect(init?.method).toBe('POST');
  expect(init?.redirect).toBe('error');
  expect(JSON.parse(init?.body as string)).toEqual({
    orderId: 'gid://shopify/Order/1',
    checkoutToken: 'token-of-checkout',
  });
});

test('a refund that waits for its buyer has a button to its page', async () => {
  const refundUrl = `${server}/refund/BBBBBBBBBBBBBBBBBBBBBB`;
  const { extension } = onPage(() => json({ ...paid, refundUrl }));
  using _ = extension;
  await begin(extension);
  expect(find('s-button')?.getAttribute('href')).toBe(refundUrl);
  expect(textOf('s-button')).toEqual(['refund']);
});

test.for([
  [{ state: 'waiting', at: '2026-12-06T00:00:00.000Z' }, 'open'],
  [{ state: 'claimable', url: `${server}/refund/BBBBBBBBBBBBBBBBBBBBBB` }, 'reward_claim'],
] as const)('a reward that is %j is said, with a button', async ([reward, word]) => {
  const { extension } = onPage(() => json({ ...paid, reward: { sats: '210', ...reward } }));
  using _ = extension;
  await begin(extension);
  expect(textOf('s-text')).toContain('reward');
  expect(textOf('s-button')).toEqual([word]);
  expect(find('s-button')?.getAttribute('href')).toBe('url' in reward ? reward.url : paid.payUrl);
});

test('a reward that is on its way is not spoken of any more', async () => {
  const { extension } = onPage(() => json({ ...paid, reward: { sats: '210', state: 'claimed' } }));
  using _ = extension;
  await begin(extension);
  expect(find('s-button')).toBeNull();
});

test('an address that is none of a page is no button', async () => {
  const { extension } = onPage(() => json({ ...paid, refundUrl: 'javascript:alert(1)' }));
  using _ = extension;
  await begin(extension);
  expect(find('s-button')).toBeNull();
});

test.for([
  [-250, 'discount'],
  [100, 'markup'],
] as const)('what the shop itself changes in the price, %i, is named', async ([bp, word]) => {
  const { extension } = onPage(() =>
    json({ ...toPay, invoice: { ...toPay.invoice, adjustmentBp: bp } }),
  );
  const say = vi.spyOn(extension.shopify.i18n, 'translate');
  const number = vi.spyOn(extension.shopify.i18n, 'formatNumber');
  using _ = extension;
  await begin(extension);
  const options = { style: 'percent', maximumFractionDigits: 2 };
  expect(number).toHaveBeenCalledWith(Math.abs(bp) / 10_000, options);
  expect(say).toHaveBeenCalledWith(word, { percent: String(Math.abs(bp) / 10_000) });
  expect(textOf('s-text')).toContain(word);
});

test.for([0, '-250', -20_000, null, undefined])(
  'no change of the price that is %j is named',
  async (adjustmentBp) => {
    const invoice = { ...toPay.invoice, adjustmentBp };
    const { extension } = onPage(() => json({ ...toPay, invoice }));
    using _ = extension;
    await begin(extension);
    expect(textOf('s-text')).not.toContain('discount');
    expect(textOf('s-text')).not.toContain('markup');
    expect(find('s-qr-code')).not.toBeNull();
  },
);

test('amounts in both currencies, and until when; no countdown', async () => {
  const { extension } = onPage(() => json(toPay));
  const say = vi.spyOn(extension.shopify.i18n, 'translate');
  const money = vi.spyOn(extension.shopify.i18n, 'formatCurrency');
  using _ = extension;
  await begin(extension);
  expect(money).toHaveBeenCalledWith(21, { currency: 'EUR' });
  expect(say).toHaveBeenCalledWith('both', { fiat: '21', sats: '21000' });
  expect(say).toHaveBeenCalledWith('until', { time: '2026-11-21T14:05:00.000Z' });
  const before = document.body.textContent;
  await pass(2_000);
  expect(document.body.textContent).toBe(before);
});

test('a code that cannot be drawn gives way to words; copying answers', async () => {
  const { extension } = onPage(() => json(toPay));
  using _ = extension;
  await begin(extension);
  fireEvent(find('s-clipboard-item') ?? document.body, new Event('copy'));
  await pass(50);
  expect(textOf('s-button')).toEqual(['pay', 'copied']);
  expect(textOf('s-stack[accessibilityRole="status"]')).toContain('copied');
  fireEvent(find('s-qr-code') ?? document.body, new Event('error'));
  await pass(50);
  expect(find('s-qr-code')).toBeNull();
  expect(textOf('s-text')).toContain('qr_failed');
});

test('an order that is not ours has no block and is never asked for again', async () => {
  const { extension, fetched } = onPage(notOurs);
  using _ = extension;
  await begin(extension);
  await pass(3_600_000);
  expect(isEmpty()).toBe(true);
  expect(fetched).toHaveBeenCalledTimes(1);
});

test('a 404 that our server did not say is asked again', async () => {
  const { extension } = onPage(
    () => new Response('<h1>Not found</h1>', { status: 404 }),
    () => json(toPay),
  );
  using _ = extension;
  await begin(extension);
  expect(heading()).toBe('offline.head');
  await pass(3_000);
  expect(find('s-qr-code')).not.toBeNull();
});

test('ten looks in ten seconds, then every five; after fifteen one may pay later', async () => {
  const { extension, fetched } = onPage(notYet);
  using _ = extension;
  await begin(extension);
  await pass(9_500);
  expect(fetched).toHaveBeenCalledTimes(10);
  expect(textOf('s-text')).toEqual(['soon']);
  await pass(4_500 + 3 * 5_000);
  expect(fetched).toHaveBeenCalledTimes(14);
  expect(textOf('s-text')).toEqual(['soon']);
  await pass(5_000);
  expect(fetched).toHaveBeenCalledTimes(15);
  expect(textOf('s-text')).toEqual(['slow']);
});

test('without a checkout token it waits and asks nobody, until the token is there', async () => {
  const { extension, fetched } = onPage(() => json(toPay));
  using _ = extension;
  extension.shopify.checkoutToken.value = undefined;
  await begin(extension);
  await pass(3_500);
  expect(textOf('s-text')).toEqual(['soon']);
  expect(fetched).not.toHaveBeenCalled();
  extension.shopify.checkoutToken.value = 'token-of-checkout';
  await pass(1_000);
  expect(find('s-qr-code')).not.toBeNull();
});

test('an invoice stays while there is no line, says so, and goes on afterwards', async () => {
  const { extension } = onPage(
    () => json(toPay),
    noLine,
    noLine,
    () => json(paid),
  );
  using _ = extension;
  await begin(extension);
  expect(textOf('s-text').at(-1)).toBe('waiting');
  await pass(3_000);
  expect(find('s-qr-code')).not.toBeNull();
  expect(textOf('s-text').at(-1)).toBe('offline.short');
  await pass(6_000);
  expect(heading()).toBe('paid.head');
});

test('the shop away, and nobody to be reached, are said when nothing is shown yet', async () => {
  const away = () => json({ state: 'shop_unreachable' }, 503, { 'Retry-After': '3' });
  const { extension } = onPage(noLine, away, () => json(toPay));
  using _ = extension;
  await begin(extension);
  expect(heading()).toBe('offline.head');
  await pass(3_000);
  expect(heading()).toBe('refusal.shop_unreachable.head');
  await pass(3_000);
  expect(find('s-qr-code')).not.toBeNull();
});

test('an answer that never comes does not end the asking', async () => {
  const { extension, fetched } = onPage(() => json(toPay));
  fetched.mockImplementationOnce(() => new Promise<Response>(() => undefined));
  using _ = extension;
  await begin(extension);
  await pass(12_000);
  expect(heading()).toBe('offline.head');
  await pass(3_000);
  expect(find('s-qr-code')).not.toBeNull();
});

test('an order paid by card shows nothing while we are asked or away', async () => {
  const { extension } = onPage(notYet, noLine, notOurs);
  using _ = extension;
  extension.shopify.selectedPaymentOptions.value = [{ type: 'creditCard', handle: 'x' }];
  for (const ms of [0, 500, 1_000, 3_000]) {
    if (ms === 0) await begin(extension);
    await pass(ms);
    expect(isEmpty()).toBe(true);
  }
});

test('in the editor there is a sample that nobody can pay, and nobody is asked', async () => {
  const { extension, fetched } = onPage(notOurs);
  using _ = extension;
  setEditor(extension.shopify, { type: 'checkout' });
  await begin(extension);
  await pass(60_000);
  expect(find('s-qr-code')?.getAttribute('content')).toBe('sample.code');
  expect(textOf('s-text').at(-1)).toBe('sample.text');
  expect(find('s-button[href]')).toBeNull();
  expect(fetched).not.toHaveBeenCalled();
});

test.each([
  ['preparing', { ...view, preparing: true as const }, 's-section', 'preparing.head'],
  ['checking', { ...view, checking: true as const }, 's-section', 'checking.head'],
  ['closing', { ...view, state: 'closing' as const }, 's-section', 'closing.head'],
  ['a state of a later server', { ...view, state: 'frozen' }, 's-section', 'unknown.head'],
])('%s is under way', async (_name, answer, element, words) => {
  const { extension } = onPage(() => json(answer));
  using _ = extension;
  await begin(extension);
  expect(find(`${element} s-spinner`)).not.toBeNull();
  expect(textOf('s-text')).toContain(words);
  expect(find('s-qr-code')).toBeNull();
});

test.each([
  ['expired', { ...view, expired: true as const }, 'expired.head', 'renew'],
  ['a refusal', { ...view, refusal: 'rates_apart' as const }, 'refusal.rates_apart.head', 'open'],
  ['stranded', { ...paid, state: 'stranded' as const }, 'stranded.head', undefined],
  ['overpaid', { ...paid, overpaid: true as const }, 'overpaid.head', undefined],
  ['settled by hand', { ...paid, byHand: true as const }, 'by_hand.head', 'open'],
  [
    'money that came too late',
    {
      ...{ ...view, state: 'lapsed' as const, over: 'other' as const },
      surplus: { sats: '700', became: 'owed' as const },
    },
    'late.head',
    'open',
  ],
  ['settled', { ...paid, state: 'settled' as const, final: false }, 'paid.head', undefined],
  [
    'lapsed',
    { ...view, state: 'lapsed' as const, final: true, over: 'order_cancelled' as const },
    'lapsed.order_cancelled.head',
    undefined,
  ],
  [
    'rejected',
    { ...view, state: 'rejected' as const, final: true, over: 'order_cancelled' as const },
    'lapsed.order_cancelled.head',
    undefined,
  ],
  ['lapsed without a payment', { state: 'lapsed' }, 'lapsed.other.head', undefined],
  ['paid without a payment', { state: 'resolved' }, 'already_paid.head', undefined],
])('%s stands in a banner', async (_name, answer, words, button) => {
  const { extension } = onPage(() => json(answer));
  using _ = extension;
  await begin(extension);
  expect(heading()).toBe(words);
  expect(find('s-button')?.textContent).toBe(button);
  expect(find('s-qr-code')).toBeNull();
});

test('what the shop is still to confirm is reserved, and says until when', async () => {
  const holdEndsAt = '2026-11-24T12:00:00.000Z';
  const { extension } = onPage(() => json({ ...view, state: 'held', holdEndsAt }));
  const say = vi.spyOn(extension.shopify.i18n, 'translate');
  using _ = extension;
  await begin(extension);
  expect(heading()).toBe('held.head');
  expect(find('s-banner')?.getAttribute('tone')).toBe('success');
  expect(find('s-qr-code')).toBeNull();
  const [, values] = say.mock.calls.find(([word]) => word === 'held.text') ?? [];
  expect((values as { time: string }).time).toContain('2026');
});

test('who has to talk to the shop has a reference', async () => {
  const { extension } = onPage(() => json({ ...paid, state: 'stranded' }));
  const say = vi.spyOn(extension.shopify.i18n, 'translate');
  using _ = extension;
  await begin(extension);
  expect(say).toHaveBeenCalledWith('reference', { reference: '0a1b2c3d' });
  expect(say).toHaveBeenCalledWith('stranded.text', {
    ...{ shop: 'Mock Shop', currency: 'EUR', time: '' },
  });
});
