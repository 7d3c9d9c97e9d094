// The policy that cancels unpaid orders, against a played shop: an order that has money, is not ours
// or may still be paid is never cancelled, and what cannot be done is a person's in the end.
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { invoiceIsCanceled, recordSettlements } from '../../web/db/invoices.ts';
import type { PaymentRow } from '../../web/db/payments.ts';
import { closeUnpaid as close } from '../../web/db/unpaid.ts';
import { nameMethod } from '../../web/db/shops.ts';
import type { Deps, StepEnd } from '../../web/flows/flow.ts';
import { closeUnpaid } from '../../web/flows/close-unpaid.ts';
import { lookAtOrderNow } from '../../web/flows/look-at-order.ts';
import { tellUnpaid } from '../../web/flows/tell-unpaid.ts';
import type { Problem, ShopAnswer } from '../../web/frontend/shared/merchant-api.ts';
import { anInvoice, aPayment, aSettle, type MadeInvoice } from '../builders.ts';
import { startInProcess, type InProcess, type Open } from '../in-process.ts';
import { until } from '../world.ts';

let our: InProcess;
beforeAll(async () => {
  our = await startInProcess();
  await our.db.pool.query('insert into settings (shop_id, unpaid_hours) values ($1, 5)', [
    our.shop.id,
  ]);
});
afterAll(async () => {
  await our.close();
});
beforeEach(() => {
  our.shopify.faults.clear();
});

/** The order had its time. */
const age = (payment: { id: string }) =>
  our.db.pool.query(
    `update payment set opened_at = opened_at - interval '6 hours' where id = $1::uuid`,
    [payment.id],
  );
const sweep = (on: Deps = our.deps): Promise<void> => closeUnpaid(on, our.shop.id);
const run = ({ payment }: Pick<Open, 'payment'>, on?: Deps): Promise<StepEnd> =>
  our.runStep(
    tellUnpaid,
    { table: 'payment', id: payment.id, lane: our.shopLane(our.shop.id) },
    on,
  );
/** What the order's newest payment is, after somebody has looked at the order. */
async function lookAgain({ orderId: originId }: Pick<Open, 'orderId'>): Promise<PaymentRow> {
  const seen = await lookAtOrderNow(our.deps, { shopId: our.shop.id, originId });
  if (seen.is !== 'payment') throw new Error(`no payment: ${seen.is}`);
  return seen.payment;
}
const isCancelled = ({ orderId }: Pick<Open, 'orderId'>): boolean =>
  our.shopify.order(orderId)?.cancelled === true;
const asked = ({ orderId }: Pick<Open, 'orderId'>): number =>
  our.shopify.log.filter((entry) => {
    const text = JSON.stringify(entry);
    return text.includes('OrderCancel') && text.includes(orderId);
  }).length;

/** An order whose cancelling is due: the node has said that its invoice can never be paid. */
async function aLapsedOne(): Promise<Open & { invoice: MadeInvoice }> {
  const open = await our.anOrder();
  const { payment } = open;
  const invoice = await anInvoice(our.db, { payment, nodeId: our.node.id });
  expect(await close(our.db, payment.id)).toBe(true);
  const over = { id: invoice.id, paymentId: payment.id, because: 'node_says_canceled' } as const;
  expect(await invoiceIsCanceled(our.db, over)).toBe(true);
  expect(await our.read(payment.id)).toMatchObject({
    state: 'lapsed',
    verdictWanted: 'cancel_order',
  });
  return { ...open, invoice };
}
/** The node was restored, and says of an invoice that was canceled that it was paid. */
const comesPaid = (invoice: MadeInvoice) =>
  recordSettlements(our.db.pool, {
    nodeId: our.node.id,
    observations: [aSettle(invoice)],
    recorder: { via: 'lookup' },
  });

/** Something happens in the middle of a step. */
function withAct(when: 'after readOrder' | 'before cancelOrder', act: () => unknown): Deps {
  const of: Deps['storefronts']['of'] = async (shopId) => {
    const real = await our.deps.storefronts.of(shopId);
    return {
      ...real,
      readOrder: async (originId) => {
        const order = await real.readOrder(originId);
        if (when === 'after readOrder') await act();
        return order;
      },
      cancelOrder: async (originId, said) => {
        if (when === 'before cancelOrder') await act();
        return real.cancelOrder(originId, said);
      },
    };
  };
  return { ...our.deps, storefronts: { of } };
}

test('an order that nobody paid is cancelled', async () => {
  const open = await aLapsedOne();
  await run(open);
  await until('Shopify has done it', () => isCancelled(open));
  await run(open);
  expect(await our.read(open.payment.id)).toMatchObject({
    state: 'rejected',
    reason: 'told_not_paid',
    attention: null,
  });
});

test('an order whose sats are in the books after all is not cancelled, and a person asked', async () => {
  const open = await aLapsedOne();
  await comesPaid(open.invoice);
  await run(open);
  expect(await our.read(open.payment.id)).toMatchObject({
    state: 'lapsed',
    verdictWanted: null,
    attention: 'overpaid',
  });
  expect(asked(open)).toBe(0);
  const last = await our.db.prisma.history.findFirst({
    where: { paymentId: open.payment.id },
    orderBy: { id: 'desc' },
  });
  expect(last).toMatchObject({ what: 'order_left_paid', because: 'money_came' });
});

test('money that comes while the order is read is enough', async () => {
  const open = await aLapsedOne();
  const on = withAct('after readOrder', () => comesPaid(open.invoice));
  expect(await run(open, on)).toBe('stored');
  expect(asked(open)).toBe(0);
  await run(open);
  expect(await our.read(open.payment.id)).toMatchObject({ verdictWanted: null });
  expect(asked(open)).toBe(0);
});

test('money of an earlier payment keeps the order from the policy too', async () => {
  const open = await aLapsedOne();
  await comesPaid(open.invoice);
  await run(open);
  const again = await lookAgain(open);
  expect(again.id).not.toBe(open.payment.id);
  expect(again.state).toBe('open');
  await age(again);
  await sweep();
  expect((await our.read(again.id)).state).toBe('open');
  expect(await close(our.db, again.id)).toBe(false);
});

test('a card that pays while Shopify cancels is a person’s', async () => {
  const open = await aLapsedOne();
  const on = withAct('before cancelOrder', () => our.shopify.payByCard(open.orderId));
  await run(open, on);
  await until('Shopify has done it', () => isCancelled(open));
  await run(open);
  expect(await our.read(open.payment.id)).toMatchObject({
    state: 'rejected',
    reason: 'told_not_paid',
    attention: 'cancelled_paid',
  });
  expect(await problemOf(open)).toMatchObject({ what: 'cancelled_paid' });

  const again = await aLapsedOne();
  await run(
    again,
    withAct('before cancelOrder', () => our.shopify.payByCard(again.orderId)),
  );
  await until('Shopify has done it', () => isCancelled(again));
  our.shopify.refund(again.orderId);
  await run(again);
  expect(await our.read(again.payment.id)).toMatchObject({ state: 'rejected', attention: null });
});

/** What the merchant reads of its payment. */
async function problemOf({ payment }: Open): Promise<Problem | undefined> {
  const answer = await fetch(`${our.appUrl}/api/shop`, {
    headers: { Authorization: `Bearer ${our.adminToken()}` },
  });
  const { problems } = (await answer.json()) as ShopAnswer;
  return problems.find(({ paymentId }) => paymentId === payment.id);
}

const offsite = { gateway: 'Bitcoin (Lightning)', kind: 'SALE', status: 'PENDING' } as const;

/** An order for which another app collects, and a payment of ours from before that was known. */
async function anAppsOwn(): Promise<Pick<Open, 'payment' | 'orderId'>> {
  const { id: orderId } = our.shopify.createOrder({ total: '21.00', offsite });
  const payment = await aPayment(our.db, { shopId: our.shop.id, originId: orderId });
  return { payment, orderId };
}

test('an order that another app collects for is left, and its payment closes', async () => {
  const open = await anAppsOwn();
  await age(open.payment);
  await sweep();
  expect(await our.read(open.payment.id)).toMatchObject({ state: 'open', verdictWanted: null });
  const sighted = { shopId: our.shop.id, originId: open.orderId };
  expect(await our.db.prisma.sighting.findFirst({ where: sighted })).not.toBeNull();
  await lookAgain(open);
  expect(await our.read(open.payment.id)).toMatchObject({ state: 'lapsed', verdictWanted: null });
  // It is unpaid, and still not ours: nothing is opened anew.
  expect((await lookAgain(open)).id).toBe(open.payment.id);

  const late = await anAppsOwn();
  expect(await close(our.db, late.payment.id)).toBe(true);
  await run(late);
  expect(await our.read(late.payment.id)).toMatchObject({ state: 'lapsed', verdictWanted: null });
  expect([asked(open), asked(late)]).toEqual([0, 0]);
});

test('an order of before the method was renamed is left, and its payment stays', async () => {
  const open = await our.anOrder();
  const due = await aLapsedOne();
  await nameMethod(our.db, our.shop.id, 'Bitcoin, instantly');
  try {
    await age(open.payment);
    await sweep();
    await lookAgain(open);
    expect(await our.read(open.payment.id)).toMatchObject({ state: 'open', verdictWanted: null });
    await run(due);
    expect(await our.read(due.payment.id)).toMatchObject({ state: 'lapsed', verdictWanted: null });
    expect(asked(due)).toBe(0);
  } finally {
    await nameMethod(our.db, our.shop.id, our.shop.methodName);
  }
});
