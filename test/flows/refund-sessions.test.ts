// The payments app is asked to refund, over the door that Shopify knocks at with its certificate:
// asked again and again it is one refund, of a payment of the same shop, and Shopify hears its end.
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { msat } from '../../web/core/money.ts';
import { audit } from '../../web/db/audit.ts';
import { shopLane } from '../../web/db/lanes.ts';
import { askForUntoldRefunds } from '../../web/db/telling.ts';
import { answerAttention } from '../../web/flows/answer-attention.ts';
import type { Deps } from '../../web/flows/flow.ts';
import { withdrawRefund } from '../../web/flows/withdraw-refund.ts';
import { openShop, type Bill, type Shop } from './cases-shop.ts';

let shop: Shop;
beforeAll(async () => {
  shop = await openShop();
  await shop.db.pool.query(
    `insert into settings (shop_id, refunds_on, refund_pricing) values ($1, true, 'sats_paid')`,
    [shop.shop.id],
  );
});
afterAll(async () => {
  await shop.db.pool.query(`update refund set due_at = now() where state <> 'done'`);
  expect(await audit(shop.db)).toEqual([]);
  await shop.close();
});

async function aPaidSession(): Promise<Bill> {
  const bill = await shop.aSession();
  const invoice = await shop.quoted(bill);
  await shop.pay(invoice);
  await shop.settledAtNode(invoice);
  await shop.look(invoice);
  await shop.tell(bill);
  expect((await shop.stands(bill)).state).toBe('resolved');
  return bill;
}
const refundsOf = ({ paymentId }: Bill) =>
  shop.db.prisma.refund.findMany({ where: { paymentId }, orderBy: { openedAt: 'asc' } });
const work = (id: string, on?: Deps): Promise<void> =>
  shop.work({ table: 'refund', id, lane: shopLane(shop.paymentsShopId) }, on);
/** Shopify knows no refund of this id, and says so for more than an hour. */
const refusedForLong = async (id: string): Promise<void> => {
  for (const aheadMs of [0, 0, 0, 3_700_000]) await work(id, shop.later(aheadMs));
};
const state = (id: string) => shop.shopify.payments.moneySessions().find((each) => each.id === id);

test('twenty knocks of one refund session are one refund; withdrawn it is told so', async () => {
  const { payments } = shop.shopify;
  const bill = await aPaidSession();
  const asked = await payments.refund(bill.originId, { amount: '5.00' });
  const again = await Promise.all(Array.from({ length: 19 }, () => payments.askAgain(asked.id)));
  expect(again.map(({ answer }) => answer)).toEqual(Array.from({ length: 19 }, () => '201'));
  const [refund, ...more] = await refundsOf(bill);
  expect(more).toEqual([]);
  expect(refund).toMatchObject({
    ...{ origin: 'refund_session', originId: `gid://shopify/RefundSession/${asked.id}` },
    ...{ amountMinor: 500n, state: 'asked' },
  });
  const refundId = refund?.id ?? '';
  // The settings are those of the merchant's own app in the same shop, and so is whoever says this.
  await work(refundId);
  expect((await refundsOf(bill))[0]).toMatchObject({ state: 'claimable' });
  const by = { shopId: shop.shop.id, refundId, staffId: '8' };
  const taken = await withdrawRefund(shop.deps, { ...by, because: 'taken_back' });
  expect(taken).toEqual({ ok: true });
  await work(refundId);
  expect((await refundsOf(bill))[0]).toMatchObject({ state: 'done', reason: 'taken_back' });
  expect(state(asked.id)).toMatchObject({ state: 'rejected' });
  expect(payments.effects.count(asked.id, 'refund_rejected')).toBe(1);
});

test('what the buyer has is told as refunded, also after an answer that was lost', async () => {
  const { payments } = shop.shopify;
  const bill = await aPaidSession();
  const asked = await payments.refund(bill.originId);
  const [refund] = await refundsOf(bill);
  const refundId = refund?.id ?? '';
  const by = { shopId: shop.shop.id, refundId, staffId: '8' };
  await withdrawRefund(shop.deps, { ...by, because: 'given_back_otherwise' });
  const operation = 'refundSessionResolve';
  shop.shopify.faults.add({ kind: 'reset', operation, when: 'after' });
  await expect(work(refundId)).rejects.toThrow();
  expect((await refundsOf(bill))[0]).toMatchObject({ state: 'withdrawn', toldAt: null });
  shop.shopify.faults.clear();
  await work(refundId);
  const [told] = await refundsOf(bill);
  expect(told).toMatchObject({ state: 'done', reason: 'given_back_otherwise' });
  expect(told?.toldAt).not.toBeNull();
  expect(state(asked.id)).toMatchObject({ state: 'resolved' });
  expect(payments.effects.count(asked.id, 'refund_resolved')).toBe(1);
});

const body = (bill: Bill, id: string, more: object = {}): object => ({
  ...{ id, gid: `gid://shopify/RefundSession/${id}`, payment_id: bill.originId, amount: '5.00' },
  ...{ currency: 'EUR', test: false, merchant_locale: 'en', proposed_at: '2026-11-22T00:00:00Z' },
  ...more,
});
const anId = (): string => randomBytes(12).toString('hex');
const post = async (of: object): Promise<string> =>
  (await shop.shopify.payments.post({ to: 'refund', body: of })).answer;

test('other content under the same id is refused, and another shop’s payment is none', async () => {
  const bill = await aPaidSession();
  const id = anId();
  expect(await post(body(bill, id))).toBe('201');
  expect(await post(body(bill, id, { amount: '6.00' }))).toBe('409');
  expect(await post(body(bill, anId(), { gid: `gid://shopify/RefundSession/${id}` }))).toBe('409');
  expect(await refundsOf(bill)).toMatchObject([{ amountMinor: 500n }]);
  expect(await post(body({ ...bill, originId: 'of-another-shop' }, anId()))).toBe('404');
});

test.each([
  ['another currency', 'other_currency', { currency: 'USD' }],
  ['more than was paid', 'more_than_captured', { amount: '1000000.00' }],
])('%s is written down, and told as not refunded: %s', async (_name, reason, more) => {
  const bill = await aPaidSession();
  expect(await post(body(bill, anId(), more))).toBe('201');
  const [refund] = await refundsOf(bill);
  expect(refund).toMatchObject({ state: 'withdrawn', reason, amountMsat: null });
  await refusedForLong(refund?.id ?? '');
  expect((await refundsOf(bill))[0]).toMatchObject({ state: 'done', toldAt: null });
  expect(await shop.stands(bill)).toMatchObject({ attention: 'refund_untold' });
});

test('before Shopify’s answer about the payment is here, it is asked to come again', async () => {
  const bill = await shop.aSession();
  const invoice = await shop.quoted(bill);
  await shop.pay(invoice);
  await shop.settledAtNode(invoice);
  await shop.look(invoice);
  const id = anId();
  expect(await post(body(bill, id))).toBe('503');
  expect(await shop.db.prisma.sessionRequest.count({ where: { id } })).toBe(0);
  await shop.tell(bill);
  expect(await post(body(bill, id))).toBe('201');
  expect(await refundsOf(bill)).toMatchObject([{ state: 'asked' }]);
});

test('a refund is priced by the sources that the merchant chose for the shop', async () => {
  const { payments } = shop.shopify;
  await shop.db.pool.query(
    `update settings set refund_pricing = 'fiat_today', rate_sources = '{kraken,bitstamp}',
       version = version + 1`,
  );
  const bill = await aPaidSession();
  await payments.refund(bill.originId, { amount: '5.00' });
  const [refund] = await refundsOf(bill);
  await work(refund?.id ?? '');
  const [priced] = await refundsOf(bill);
  const { agreed } = priced?.evidence as { agreed: { sources: { source: string }[] } };
  expect(agreed.sources.map(({ source }) => source).sort()).toEqual(['bitstamp', 'kraken']);
  const by = { shopId: shop.shop.id, refundId: refund?.id ?? '', staffId: '8' };
  await withdrawRefund(shop.deps, { ...by, because: 'taken_back' });
  await work(refund?.id ?? '');
});

test('one no of Shopify is not believed, however long the app was away before', async () => {
  const bill = await aPaidSession();
  expect(await post(body(bill, anId()))).toBe('201');
  const [refund] = await refundsOf(bill);
  const id = refund?.id ?? '';
  const by = { shopId: shop.shop.id, refundId: id, staffId: '8' };
  await withdrawRefund(shop.deps, { ...by, because: 'given_back_otherwise' });
  const { pool } = shop.db;
  const seen = async () => {
    const { rows } = await pool.query<{ state: string; told_at: Date | null }>(
      'select state::text, told_at from refund where id = $1',
      [id],
    );
    return rows[0];
  };
  // Six hours between two looks at a shop that has removed the app.
  await pool.query('update refund set attempts = 9 where id = $1', [id]);
  // Shopify knows no refund of this id: it says so each time. Twice is too few, however long ago
  // the first was; three times in a row are too soon.
  const hour = 3_600_000;
  for (const [aheadMs, state] of [
    [0, 'withdrawn'],
    [2 * hour, 'withdrawn'],
    [0, 'withdrawn'],
    [2 * hour, 'done'],
  ] as const) {
    await work(id, shop.later(aheadMs));
    expect(await seen()).toEqual({ state, told_at: null });
  }
  // The merchant is asked to compare, and says that it is seen to.
  const { paymentId } = bill;
  const question = { attention: 'refund_untold', answer: 'seen_to', seenMsat: msat(0n) } as const;
  const answered = { shopId: shop.paymentsShopId, paymentId, staffId: '8', ...question };
  expect(await shop.stands(bill)).toMatchObject({ attention: 'refund_untold' });
  expect(await answerAttention(shop.deps, answered)).toEqual({ ok: true });
  expect(await shop.stands(bill)).toMatchObject({ attention: null });
});

test('an end that Shopify will not hear for an hour is told, and no more once it has', async () => {
  const { payments } = shop.shopify;
  const bill = await aPaidSession();
  const asked = await payments.refund(bill.originId, { amount: '5.00' });
  const [refund] = await refundsOf(bill);
  const id = refund?.id ?? '';
  const by = { shopId: shop.shop.id, refundId: id, staffId: '8' };
  await withdrawRefund(shop.deps, { ...by, because: 'taken_back' });
  expect(await askForUntoldRefunds(shop.db, 3_600_000)).toBe(0);
  expect(await askForUntoldRefunds(shop.db, 0)).toBe(1);
  expect(await askForUntoldRefunds(shop.db, 0)).toBe(0);
  expect(await shop.stands(bill)).toMatchObject({ attention: 'refund_untold' });
  await work(id);
  expect(state(asked.id)).toMatchObject({ state: 'rejected' });
  expect(await shop.stands(bill)).toMatchObject({ attention: null });
});
