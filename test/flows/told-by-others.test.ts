// What stands on an order is of ours, of a member of staff, or of another payment of it. Whoever
// takes the one for the other gives money back that is the shop's, or keeps what is the buyer's.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { audit } from '../../web/db/audit.ts';
import { latestPayment } from '../../web/db/payments.ts';
import { nameMethod } from '../../web/db/shops.ts';
import { everyPaidInvoice, type TaxLine } from '../../web/db/views/export.ts';
import { auditShopify } from '../../web/flows/audit-shopify.ts';
import { lookAtOrderNow } from '../../web/flows/look-at-order.ts';
import { seeToWrongMoney } from '../../web/flows/see-to-wrong-money.ts';
import { takeLatePayment } from '../../web/flows/take-late-payment.ts';
import { withdrawRefund } from '../../web/flows/withdraw-refund.ts';
import { plays } from './cases-plays.ts';
import { openShop, type Bill, type Shop } from './cases-shop.ts';

let shop: Shop;
beforeAll(async () => {
  shop = await openShop();
  // The policy that gives back without a person, so that what is wrong is seen to go.
  await shop.db.pool.query(
    `insert into settings (shop_id, refunds_on, refunds_wrong, refund_pricing, alert_email)
     values ($1, true, true, 'sats_paid', 'm@shop.example')`,
    [shop.shop.id],
  );
});
beforeEach(() => {
  shop.shopify.faults.clear();
});
afterAll(async () => {
  try {
    expect(await audit(shop.db)).toEqual([]);
  } finally {
    await shop.close();
  }
});

/** Its money is here, and Shopify has not been told. */
async function paidOrder(): Promise<Bill> {
  const bill = await shop.anOrder();
  const invoice = await shop.quoted(bill);
  await shop.pay(invoice);
  await shop.settledAtNode(invoice);
  await shop.look(invoice);
  expect((await shop.stands(bill)).state).toBe('settled');
  return bill;
}
const refundsOf = async ({ paymentId }: Bill): Promise<number> => {
  await seeToWrongMoney(shop.deps, shop.shop.id);
  return shop.db.prisma.refund.count({ where: { paymentId } });
};
const told = async ({ paymentId }: Bill) => {
  const { state, reason, attention, toldMinor } = await shop.read(paymentId);
  return { state, reason, attention, toldMinor };
};
const always = { since: undefined, until: undefined, timeZone: 'UTC' };
async function taxOf({ paymentId }: Bill): Promise<TaxLine | undefined> {
  const about = { shopId: shop.shop.id, period: always, batch: 100 };
  for await (const page of everyPaidInvoice(shop.db, about)) {
    const found = page.find(({ id }) => id === paymentId);
    if (found !== undefined) return found;
  }
  return undefined;
}
const byHand = {
  ...{ state: 'resolved', reason: 'marked_by_hand', attention: null, toldMinor: 2_100n },
};

describe('marked by hand', () => {
  test('while Shopify could not be told: it has the payment, and nothing goes back', async () => {
    const bill = await paidOrder();
    shop.shopify.faults.add({ kind: 'reset', operation: 'OrderById', when: 'before' });
    await expect(shop.tell(bill)).rejects.toThrow();
    shop.shopify.faults.clear();
    shop.shopify.markByHand(bill.originId);
    await shop.tell(bill);
    expect(await told(bill)).toEqual(byHand);
    expect(await refundsOf(bill)).toBe(0);
  });

  test('by one who saw the money at the node before we did', async () => {
    const bill = await shop.anOrder();
    const invoice = await shop.quoted(bill);
    await shop.pay(invoice);
    await shop.settledAtNode(invoice);
    shop.shopify.markByHand(bill.originId);
    await lookAtOrderNow(shop.deps, { shopId: bill.shopId, originId: bill.originId });
    expect((await shop.stands(bill)).state).toBe('closing');
    await shop.look(invoice);
    await shop.tell(bill);
    expect(await told(bill)).toEqual(byHand);
    expect(await refundsOf(bill)).toBe(0);
  });

  test('before the money came it was for something else: the buyer has it back', async () => {
    const bill = await shop.anOrder();
    const invoice = await shop.quoted(bill);
    shop.shopify.markByHand(bill.originId);
    // The clocks of a node and of Shopify have seconds.
    await new Promise((resolve) => setTimeout(resolve, 1_100));
    await shop.pay(invoice);
    await shop.settledAtNode(invoice);
    await shop.look(invoice);
    await shop.tell(bill);
    expect(await told(bill)).toMatchObject({ state: 'stranded', reason: 'order_paid_otherwise' });
    expect(await refundsOf(bill)).toBe(1);

    // Nobody claims it: the merchant hears of it a second time.
    const { paymentId } = bill;
    const { id: refundId } = await shop.db.prisma.refund.findFirstOrThrow({
      where: { paymentId },
    });
    const withdrawn = { shopId: shop.shop.id, refundId, staffId: '8' };
    await withdrawRefund(shop.deps, { ...withdrawn, because: 'taken_back' });
    expect(await told(bill)).toMatchObject({ attention: 'overpaid' });
    const alerts = await shop.db.prisma.alert.findMany({
      ...{ where: { about: { path: ['paymentId'], equals: paymentId } }, orderBy: { id: 'asc' } },
    });
    expect(alerts.map(({ key }) => key)).toEqual([paymentId, `${paymentId}:1`]);
    expect(await refundsOf(bill)).toBe(1);
    // What the refund took from money that Shopify did not take came back as money to give back.
    const { msat } = (
      await shop.db.pool.query<{ msat: string }>(
        `select paid_msat::text as msat from invoice where payment_id = $1::uuid`,
        [paymentId],
      )
    ).rows[0] ?? { msat: '' };
    expect(await taxOf(bill)).toMatchObject({ overpaid_msat: msat, to_give_back_msat: msat });
  });
});

describe('under a former name of the method', () => {
  afterEach(() => nameMethod(shop.db, shop.shop.id, shop.shop.methodName));
  const renamed = async (): Promise<Bill> => {
    const bill = await paidOrder();
    await nameMethod(shop.db, shop.shop.id, `Bitcoin ${bill.paymentId.slice(0, 8)}`);
    return bill;
  };

  test('our own marking whose answer was lost is ours', async () => {
    const bill = await renamed();
    shop.shopify.faults.add({ kind: 'reset', operation: 'orderMarkAsPaid', when: 'after' });
    await expect(shop.tell(bill)).rejects.toThrow();
    shop.shopify.faults.clear();
    await shop.tell(bill);
    expect(await told(bill)).toMatchObject({ state: 'resolved', reason: 'told_before' });
    expect(shop.shopify.effects.payments(bill.originId)).toBe(1);
    expect(await refundsOf(bill)).toBe(0);
  });

  test('an order that grew meanwhile is not told a second time', async () => {
    const bill = await renamed();
    shop.shopify.faults.add({ kind: 'reset', operation: 'orderMarkAsPaid', when: 'after' });
    await expect(shop.tell(bill)).rejects.toThrow();
    shop.shopify.faults.clear();
    shop.shopify.edit(bill.originId, { add: [{ title: 'A further one', price: '9.00' }] });
    await shop.tell(bill);
    expect(await told(bill)).toMatchObject({ state: 'resolved', toldMinor: 2_100n });
    expect(shop.shopify.effects.payments(bill.originId)).toBe(1);
  });

  test('the audit finds it on the order', async () => {
    const bill = await renamed();
    await shop.tell(bill);
    expect(await told(bill)).toMatchObject({ state: 'resolved', reason: 'told_shopify' });
    const since = new Date(Date.now() - 86_400_000);
    const found = await auditShopify(shop.deps, { since, shop: undefined, pagesAtMost: 10 });
    expect(JSON.stringify(found)).not.toContain(bill.originId);
  });
});

describe('the rest of an order that grew, marked by a person', () => {
  /** The first part is told, the rest is paid, and Shopify was away when it was to be told. */
  async function aRest(): Promise<{ bill: Bill; rest: Bill }> {
    const bill = await paidOrder();
    await shop.tell(bill);
    expect(await told(bill)).toMatchObject({ state: 'resolved', reason: 'told_shopify' });
    shop.shopify.edit(bill.originId, { add: [{ title: 'A further one', price: '9.00' }] });
    const { shopId, originId } = bill;
    await lookAtOrderNow(shop.deps, { shopId, originId });
    const newer = await latestPayment(shop.db, { shopId, originId });
    if (newer === null || newer.id === bill.paymentId) throw new Error('there is no newer one');
    const rest: Bill = { ...bill, paymentId: newer.id };
    const invoice = await shop.quoted(rest);
    await shop.pay(invoice);
    await shop.settledAtNode(invoice);
    await shop.look(invoice);
    shop.shopify.faults.add({ kind: 'reset', operation: 'OrderById', when: 'before' });
    await expect(shop.tell(rest)).rejects.toThrow();
    shop.shopify.faults.clear();
    return { bill, rest };
  }

  test('is the rest’s, where the sale of the first part is known', async () => {
    const { rest } = await aRest();
    shop.shopify.markByHand(rest.originId);
    await shop.tell(rest);
    expect(await told(rest)).toEqual({ ...byHand, toldMinor: 900n });
    expect(await refundsOf(rest)).toBe(0);
  });

  test('waits for a person, where it is not', async () => {
    const { bill, rest } = await aRest();
    const data = { toldSale: null };
    await shop.db.prisma.payment.update({ where: { id: bill.paymentId }, data });
    shop.shopify.markByHand(rest.originId);
    await shop.tell(rest);
    expect(await told(rest)).toMatchObject({
      ...{ state: 'stranded', reason: 'order_paid_otherwise', attention: 'stranded' },
    });
    expect(await refundsOf(rest)).toBe(0);
  });

  test('or was paid with a card: nobody can say which', async () => {
    const { rest } = await aRest();
    shop.shopify.payByCard(rest.originId);
    await shop.tell(rest);
    expect(await told(rest)).toMatchObject({ state: 'stranded', attention: 'stranded' });
    expect(await refundsOf(rest)).toBe(0);
  });
});

test('of two payments of an order none takes the other’s sale for its own', async () => {
  const { bill } = await plays.after_unpaid(shop, 'order');
  if (bill === undefined) throw new Error('there is no payment');
  const { shopId, originId } = bill;
  await lookAtOrderNow(shop.deps, { shopId, originId });
  const newer = await latestPayment(shop.db, { shopId, originId });
  if (newer === null || newer.id === bill.paymentId) throw new Error('there is no newer one');
  const second: Bill = { ...bill, paymentId: newer.id };
  const invoice = await shop.quoted(second);
  const taken = { shopId, paymentId: bill.paymentId, staffId: '77' };
  expect(await takeLatePayment(shop.deps, taken)).toMatchObject({ ok: true });
  // The node has not heard yet that nobody shall pay the newer one.
  await shop.pay(invoice);
  await shop.settledAtNode(invoice);
  await shop.look(invoice);
  shop.shopify.faults.add({ kind: 'reset', operation: 'orderMarkAsPaid', when: 'before' });
  await expect(shop.tell(bill)).rejects.toThrow();
  shop.shopify.faults.clear();
  await shop.tell(second);
  await shop.tell(bill);
  expect(shop.shopify.effects.payments(originId)).toBe(1);
  expect(await told(second)).toMatchObject({ state: 'resolved', attention: null });
  expect(await told(bill)).toMatchObject({
    ...{ state: 'stranded', reason: 'order_paid_otherwise', attention: 'stranded' },
  });
  const { toldSale } = await shop.db.prisma.payment.findUniqueOrThrow({ where: { id: newer.id } });
  await expect(
    shop.db.prisma.payment.update({ where: { id: bill.paymentId }, data: { toldSale } }),
  ).rejects.toThrow(/Unique constraint/);
});
