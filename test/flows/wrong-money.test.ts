// What a merchant's policy does about money that came wrongly: late money is taken for an order
// that still stands, what nobody owed becomes a refund, and whoever chose neither is asked.
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { signingKeyOf, signRequest } from '../../sandbox/lnd/bolt11.ts';
import { msat } from '../../web/core/money.ts';
import { audit } from '../../web/db/audit.ts';
import { shopLane } from '../../web/db/lanes.ts';
import { latestPayment } from '../../web/db/payments.ts';
import { timeline } from '../../web/db/views.ts';
import { approveRefund } from '../../web/flows/approve-refund.ts';
import { claimRefund } from '../../web/flows/claim-refund.ts';
import { lookAtOrderNow } from '../../web/flows/look-at-order.ts';
import { seeToWrongMoney } from '../../web/flows/see-to-wrong-money.ts';
import { takeLatePayment } from '../../web/flows/take-late-payment.ts';
import { plays } from './cases-plays.ts';
import { openShop, type Bill, type Shop } from './cases-shop.ts';

let shop: Shop;
beforeAll(async () => {
  shop = await openShop();
}, 120_000);
afterAll(async () => {
  try {
    expect(await audit(shop.db)).toEqual([]);
  } finally {
    await shop.close();
  }
});

/** An order that stands, for which money came when its payment was over. */
async function aLate(): Promise<Bill> {
  const { bill } = await plays.after_unpaid(shop, 'order');
  if (bill === undefined) throw new Error('there is no payment');
  return bill;
}
const sweep = (): Promise<void> => seeToWrongMoney(shop.deps, shop.shop.id);
const asksFor = async (bill: Bill) => (await shop.stands(bill)).attention;
const leftBecause = async ({ paymentId }: Bill): Promise<string[]> => {
  const lines = await timeline(shop.db, paymentId);
  return lines.filter(({ what }) => what === 'late_left').map(({ because }) => because);
};
const refundsOf = ({ paymentId }: Bill) =>
  shop.db.prisma.refund.findMany({ where: { paymentId }, select: { state: true, source: true } });

test('without a policy nothing is done', async () => {
  const bill = await aLate();
  await sweep();
  expect(await shop.stands(bill)).toEqual({ state: 'lapsed', attention: 'overpaid' });
  expect(await leftBecause(bill)).toEqual([]);
  expect(await refundsOf(bill)).toEqual([]);
});

test('late money is left where the order or its stock is gone, once, with the reason', async () => {
  const cancelled = await aLate();
  shop.shopify.cancel(cancelled.originId);
  const sold = await aLate();
  shop.shopify.releaseStock(sold.originId);
  const grown = await aLate();
  shop.shopify.edit(grown.originId, { add: [{ title: 'A further one', price: '9.00' }] });
  await shop.chooses({ lateDriftBp: 300 });
  await sweep();
  await sweep();
  await shop.chooses({ lateDriftBp: null });
  expect(await leftBecause(cancelled)).toEqual(['order_cancelled']);
  expect(await leftBecause(sold)).toEqual(['stock_not_reserved']);
  expect(await leftBecause(grown)).toEqual(['owes_another_amount']);
  for (const bill of [cancelled, sold, grown]) expect(await asksFor(bill)).toBe('overpaid');
  const byHand = { shopId: cancelled.shopId, paymentId: cancelled.paymentId, staffId: '77' };
  const over = { ok: false, refusal: 'order_over' };
  expect(await takeLatePayment(shop.deps, byHand)).toEqual(over);
});

test('a person takes it for an order that grew: a part is recorded, the rest is open', async () => {
  const bill = await aLate();
  shop.shopify.edit(bill.originId, { add: [{ title: 'A further one', price: '9.00' }] });
  await lookAtOrderNow(shop.deps, bill);
  const newer = await latestPayment(shop.db, bill);
  expect(newer).toMatchObject({ state: 'open', sequence: 2, owedMinor: 3_000n });
  const taken = await takeLatePayment(shop.deps, {
    ...{ shopId: bill.shopId, paymentId: bill.paymentId, staffId: '77' },
  });
  expect(taken).toEqual({ ok: true });
  // Nobody is to pay the whole order by the newer one any more.
  expect(await latestPayment(shop.db, bill)).toMatchObject({ state: 'lapsed', sequence: 2 });
  await shop.tell(bill);
  expect(await shop.stands(bill)).toEqual({ state: 'resolved', attention: null });
  expect(shop.shopify.order(bill.originId)).toMatchObject({ outstanding: '9.00' });
  await lookAtOrderNow(shop.deps, bill);
  const rest = await latestPayment(shop.db, bill);
  expect(rest).toMatchObject({ state: 'open', sequence: 3, owedMinor: 900n });
});

test('two who take it at once take it once', async () => {
  const bill = await aLate();
  const about = { shopId: bill.shopId, paymentId: bill.paymentId, staffId: '77' };
  const both = [takeLatePayment(shop.deps, about), takeLatePayment(shop.deps, about)];
  const taken = await Promise.all(both);
  expect(taken.filter(({ ok }) => ok)).toHaveLength(1);
  await shop.tell(bill);
  expect(shop.shopify.effects.payments(bill.originId)).toBe(1);
  const strange = { ...about, shopId: shop.paymentsShopId };
  const no = { ok: false, refusal: 'not_asked' };
  expect(await takeLatePayment(shop.deps, strange)).toEqual(no);
});

test('what nobody owed becomes one refund, in whichever app the buyer paid', async () => {
  const played = [
    await plays.too_much(shop, 'order'),
    await plays.after_cancel(shop, 'order'),
    await plays.after_rejection(shop, 'payment_session'),
  ];
  const gone = await plays.order_gone(shop, 'order');
  // Without refunds the wish for them does nothing.
  await shop.chooses({ refundsWrong: true });
  await sweep();
  const bills = played.map(({ bill }) => bill as Bill);
  for (const bill of bills) expect(await refundsOf(bill)).toEqual([]);
  await shop.chooses({ refundsOn: true });
  await sweep();
  await sweep();
  await shop.chooses({ refundsOn: false, refundsWrong: false });
  for (const bill of bills) {
    expect(await refundsOf(bill)).toHaveLength(1);
    expect(await asksFor(bill)).toBeNull();
  }
  expect(await shop.stands(bills[1] as Bill)).toMatchObject({ state: 'resolved' });
  // Shopify may return the order again: a person looks.
  expect(await refundsOf(gone.bill as Bill)).toEqual([]);
});

test('of a stranded payment that brought too much the whole goes back', async () => {
  const bill = await shop.anOrder();
  const invoice = await shop.quoted(bill);
  const { amountMsat } = invoice;
  await shop.pay(invoice, { amountMsat: amountMsat + 7_000n });
  shop.shopify.cancel(bill.originId);
  await shop.look(invoice);
  await shop.tell(bill);
  expect((await shop.stands(bill)).state).toBe('stranded');
  await shop.chooses({ refundsOn: true, refundsWrong: true });
  await sweep();
  await shop.chooses({ refundsOn: false, refundsWrong: false });
  const whole = amountMsat - (amountMsat % 1_000n);
  expect(await shop.accountsOf(bill)).toMatchObject({ refunding: whole, overpaid: 7_000n });
  expect(await shop.stands(bill)).toEqual({ state: 'resolved', attention: 'overpaid' });
});

test('late money is claimed by its buyer as any other refund', async () => {
  const bill = await aLate();
  await shop.chooses({ refundsOn: true, refundsWrong: true });
  await sweep();
  const { paymentId } = bill;
  const { id } = await shop.db.prisma.refund.findFirstOrThrow({ where: { paymentId } });
  await shop.work({ table: 'refund', id, lane: shopLane(bill.shopId) });
  await shop.chooses({ refundsOn: false, refundsWrong: false });
  const { link, amountMsat } = await shop.db.prisma.refund.findFirstOrThrow({ where: { id } });
  const request = signRequest(signingKeyOf(randomBytes(32)), {
    ...{ network: 'regtest', hash: randomBytes(32).toString('hex'), memo: 'my money' },
    ...{ paymentSecret: randomBytes(32).toString('hex'), descriptionHash: '', cltvDelta: 80 },
    ...{ amountMsat: amountMsat ?? 0n, createdAt: Math.floor(Date.now() / 1_000) },
    ...{ expirySeconds: 3_600, hints: [], fallbackAddress: '' },
  });
  expect(await claimRefund(shop.deps, { link, request, kind: 'invoice' })).toEqual({ ok: true });
});

test('what goes back by policy waits for a person above the amount of the settings', async () => {
  const bill = await aLate();
  const { paymentId, shopId } = bill;
  await shop.chooses({ refundsOn: true, refundsWrong: true, refundApprovalMsat: msat(1_000n) });
  await sweep();
  const { id } = await shop.db.prisma.refund.findFirstOrThrow({ where: { paymentId } });
  await shop.work({ table: 'refund', id, lane: shopLane(shopId) });
  const stands = () =>
    shop.db.prisma.refund.findFirstOrThrow({
      where: { id },
      select: { state: true, reason: true, openedBy: true, approvedBy: true },
    });
  expect(await stands()).toEqual({
    ...{ state: 'asked', reason: 'approval_wanted', openedBy: 'policy', approvedBy: null },
  });
  await shop.chooses({ refundsOn: false, refundsWrong: false, refundApprovalMsat: null });
  expect(await approveRefund(shop.deps, { shopId, refundId: id, staffId: '77' })).toEqual({
    ok: true,
  });
  expect(await stands()).toMatchObject({ state: 'claimable', approvedBy: '77' });
});

test('a gift card that paid a part after all leaves that much to be given back', async () => {
  const bill = await shop.anOrder();
  const invoice = await shop.quoted(bill);
  await shop.pay(invoice);
  await shop.look(invoice);
  shop.shopify.payByGiftCard(bill.originId, '7.00');
  await shop.tell(bill);
  expect(await shop.stands(bill)).toEqual({ state: 'resolved', attention: 'overpaid' });
  const overpaid = (invoice.amountMsat * 7n) / 21n;
  const resolved = invoice.amountMsat - overpaid;
  expect(await shop.accountsOf(bill)).toEqual({ resolved, overpaid });
  expect(shop.shopify.order(bill.originId)?.outstanding).toBe('0.00');
});
