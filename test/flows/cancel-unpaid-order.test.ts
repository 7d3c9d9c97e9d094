// The policy that cancels unpaid orders, against a played shop: an order that has money, is not
// ours or may still be paid is never cancelled, and what cannot be done is a person's in the end.
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { rows, transaction, type Queryable } from '../../web/db/database.ts';
import { invoiceIsCanceled, recordSettlements } from '../../web/db/invoices.ts';
import { takeLate } from '../../web/db/late.ts';
import type { PaymentRow } from '../../web/db/payments.ts';
import { closeUnpaid as close } from '../../web/db/unpaid.ts';
import { nameMethod } from '../../web/db/shops.ts';
import { cancelAgainMs } from '../../web/core/unpaid.ts';
import type { OrderReading } from '../../web/core/payment.ts';
import type { Storefront } from '../../web/core/ports.ts';
import type { Deps, StepEnd } from '../../web/flows/flow.ts';
import { closeUnpaid } from '../../web/flows/close-unpaid.ts';
import { lookAtOrderNow } from '../../web/flows/look-at-order.ts';
import { tellShopify } from '../../web/flows/tell-shopify.ts';
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
  const promised = { payment, nodeId: our.node.id, lapsesInMs: -1 };
  const invoice = await anInvoice(our.db, promised);
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
function playing(other: (real: Storefront) => Partial<Storefront>): Deps {
  const of: Deps['storefronts']['of'] = async (shopId) => {
    const real = await our.deps.storefronts.of(shopId);
    return { ...real, ...other(real) };
  };
  return { ...our.deps, storefronts: { of } };
}
const payingAfterRead = (invoice: MadeInvoice): Deps =>
  playing((real) => ({
    readOrder: async (originId) => {
      const order = await real.readOrder(originId);
      await comesPaid(invoice);
      return order;
    },
  }));
const cardBeforeCancel = ({ orderId }: Open): Deps =>
  playing((real) => ({
    cancelOrder: (originId, said) => {
      our.shopify.payByCard(orderId);
      return real.cancelOrder(originId, said);
    },
  }));

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

test('an order whose sats are in the books after all is left, and a person asked', async () => {
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
  expect(await run(open, payingAfterRead(open.invoice))).toBe('stored');
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
  await run(open, cardBeforeCancel(open));
  await until('Shopify has done it', () => isCancelled(open));
  await run(open);
  expect(await our.read(open.payment.id)).toMatchObject({
    state: 'rejected',
    reason: 'told_not_paid',
    attention: 'cancelled_paid',
  });
  expect(await problemOf(open)).toMatchObject({ what: 'cancelled_paid' });

  const again = await aLapsedOne();
  await run(again, cardBeforeCancel(again));
  await until('Shopify has done it', () => isCancelled(again));
  our.shopify.refund(again.orderId);
  await run(again);
  expect(await our.read(again.payment.id)).toMatchObject({ state: 'rejected', attention: null });
});

test('a card that pays while Shopify’s job is at it is not taken for a way out', async () => {
  const open = await aLapsedOne();
  await run(
    open,
    playing(() => ({ cancelOrder: () => Promise.resolve({ is: 'done' }) })),
  );
  our.shopify.payByCard(open.orderId);
  expect(await run(open)).toMatchObject({ attempt: false });
  expect((await our.read(open.payment.id)).verdictWanted).toBe('cancel_order');
  our.shopify.cancel(open.orderId);
  await run(open);
  expect(await our.read(open.payment.id)).toMatchObject({
    ...{ state: 'rejected', attention: 'cancelled_paid' },
  });

  const lucky = await aLapsedOne();
  await run(
    lucky,
    playing(() => ({ cancelOrder: () => Promise.resolve({ is: 'done' }) })),
  );
  our.shopify.payByCard(lucky.orderId);
  await run(lucky, our.later(2 * cancelAgainMs));
  expect(await our.read(lucky.payment.id)).toMatchObject({
    ...{ state: 'lapsed', verdictWanted: null, attention: null },
  });
});

test('money that comes while Shopify’s job is at it is taken for no order yet', async () => {
  const open = await aLapsedOne();
  await run(
    open,
    playing(() => ({ cancelOrder: () => Promise.resolve({ is: 'done' }) })),
  );
  await comesPaid(open.invoice);
  expect(await run(open)).toMatchObject({ attempt: false });
  expect((await our.read(open.payment.id)).verdictWanted).toBe('cancel_order');
  const late = { shopId: our.shop.id, paymentId: open.payment.id };
  expect(await takeLate(our.db, { ...late, by: 'somebody' })).toBe(false);
  const { tellSentAt } = await our.read(open.payment.id);
  expect(tellSentAt).not.toBeNull();
  await our.db.pool.query(
    `update payment set tell_sent_at = tell_sent_at - $2 * interval '1 ms' where id = $1::uuid`,
    [open.payment.id, cancelAgainMs],
  );
  await run(open);
  expect(await our.read(open.payment.id)).toMatchObject({
    ...{ state: 'lapsed', verdictWanted: null, attention: 'overpaid' },
  });
  expect(await takeLate(our.db, { ...late, by: 'somebody' })).toBe(true);
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

test('an order under a name that never brought money is left, and its payment stays', async () => {
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

/** Somebody pays for an order, and Shopify takes it. */
async function aPaidOne(): Promise<void> {
  const { payment } = await our.anOrder();
  const promised = { payment, nodeId: our.node.id };
  await comesPaid(await anInvoice(our.db, promised));
  const lane = our.shopLane(our.shop.id);
  for (let steps = 0; steps < 5 && (await our.read(payment.id)).state !== 'resolved'; steps += 1) {
    await our.runStep(tellShopify, { table: 'payment', id: payment.id, lane });
  }
  expect(await our.read(payment.id)).toMatchObject({ state: 'resolved' });
}

test('after a renaming, an order is ours by the payment that was opened for it', async () => {
  await aPaidOne();
  const open = await our.anOrder();
  expect(open.payment.methodName).toBe(our.shop.methodName);
  const due = await aLapsedOne();
  // Opened under this very name by a slip, and paid on delivery.
  const cash = our.shopify.createOrder({ total: '9.00', method: 'Cash on Delivery (COD)' });
  const slip = await aPayment(our.db, { shopId: our.shop.id, originId: cash.id });
  await nameMethod(our.db, our.shop.id, 'Bitcoin, instantly');
  try {
    await age(open.payment);
    await age(slip);
    await sweep();
    expect(await our.read(open.payment.id)).toMatchObject({ verdictWanted: 'cancel_order' });
    expect(await our.read(slip.id)).toMatchObject({ state: 'open', verdictWanted: null });
    await run(due);
    await until('Shopify has done it', () => isCancelled(due));
    await run(due);
    expect(await our.read(due.payment.id)).toMatchObject({ state: 'rejected' });
  } finally {
    await nameMethod(our.db, our.shop.id, our.shop.methodName);
  }
});

test('a name that was a slip never makes cash on delivery ours', async () => {
  const name = 'Cash on Delivery (COD)';
  await nameMethod(our.db, our.shop.id, name);
  const open = await our.anOrder({ method: name });
  expect(open.payment.methodName).toBe(name);
  await nameMethod(our.db, our.shop.id, our.shop.methodName);
  await age(open.payment);
  await sweep();
  expect(await our.read(open.payment.id)).toMatchObject({ state: 'open', verdictWanted: null });
  expect(await close(our.db, open.payment.id)).toBe(true);
  await run(open);
  expect(await our.read(open.payment.id)).toMatchObject({ state: 'lapsed', verdictWanted: null });
  expect(asked(open)).toBe(0);
});

/** Runs its step whenever it is due, until it rests. Gives how long that took, in hours. */
async function runToItsEnd(open: Open, on: Deps): Promise<number> {
  const { id } = open.payment;
  let passedMs = 0;
  for (let steps = 0; steps < 300; steps += 1) {
    const end = await run(open, on);
    if (end === 'stored') return passedMs / 3_600_000;
    expect(end.dueInMs).toBeGreaterThan(0);
    // What is no try has an end after a minute: nobody has to look every five seconds here.
    const ms = Math.max(end.dueInMs ?? 0, end.attempt ? 0 : cancelAgainMs);
    passedMs += ms;
    await our.db.pool.query(
      `update payment set tell_sent_at = tell_sent_at - $2 * interval '1 ms',
         attempts = attempts + $3::int where id = $1::uuid`,
      [id, ms, end.attempt ? 1 : 0],
    );
  }
  throw new Error('it never rests');
}

test('a cancel that Shopify never does is repeated ever less, and then a person’s', async () => {
  const open = await aLapsedOne();
  const reading = await (await our.deps.storefronts.of(our.shop.id)).readOrder(open.orderId);
  let said = 0;
  const never = playing(() => ({
    readOrder: () => Promise.resolve(reading),
    cancelOrder: () => {
      said += 1;
      return Promise.resolve({ is: 'done' });
    },
  }));
  const hours = await runToItsEnd(open, never);
  expect([hours > 2, hours < 8]).toEqual([true, true]);
  expect([said > 5, said < 15]).toEqual([true, true]);
  expect(await our.read(open.payment.id)).toMatchObject({
    ...{ state: 'lapsed', verdictWanted: null, attention: 'not_cancelled' },
  });
  expect(await problemOf(open)).toMatchObject({ what: 'not_cancelled' });
  // Whoever comes back to the order may pay for it.
  expect(await lookAgain(open)).toMatchObject({ state: 'open', sequence: 2 });
}, 120_000);

const withCard = (order: OrderReading): OrderReading => ({ ...order, canMarkAsPaid: false });

test('a card that is under way is waited for some hours, and then it is a person’s', async () => {
  const open = await aLapsedOne();
  const reading = await (await our.deps.storefronts.of(our.shop.id)).readOrder(open.orderId);
  if (reading === 'gone') throw new Error('the order is gone');
  const hours = await runToItsEnd(
    open,
    playing(() => ({ readOrder: () => Promise.resolve(withCard(reading)) })),
  );
  expect([hours > 2, hours < 8]).toEqual([true, true]);
  expect(asked(open)).toBe(0);
  expect(await our.read(open.payment.id)).toMatchObject({
    ...{ state: 'lapsed', verdictWanted: null, attention: 'not_cancelled' },
  });
}, 120_000);

test('fifty that can only be waited for do not hide a younger one', async () => {
  const waiting = await Promise.all(
    Array.from({ length: 50 }, () => aPayment(our.db, { shopId: our.shop.id })),
  );
  for (const payment of waiting) await age(payment);
  const young = await our.anOrder();
  await our.db.pool.query(
    `update payment set opened_at = now() - interval '5 hours 1 minute' where id = $1::uuid`,
    [young.payment.id],
  );
  const reading = await (await our.deps.storefronts.of(our.shop.id)).readOrder(young.orderId);
  if (reading === 'gone') throw new Error('the order is gone');
  const cards = playing((real) => ({
    readOrders: async (originIds) => {
      const ready = await real.readOrders(originIds.filter((id) => id === young.orderId));
      const rest = originIds.filter((id) => id !== young.orderId);
      return [...ready, ...rest.map((originId) => ({ ...withCard(reading), originId }))];
    },
  }));
  for (let sweeps = 0; sweeps < 2; sweeps += 1) await sweep(cards);
  expect((await our.read(young.payment.id)).verdictWanted).toBe('cancel_order');
});

test('a price that was promised in the last moment is kept', async () => {
  const { payment } = await our.anOrder();
  await anInvoice(our.db, { payment, nodeId: our.node.id, lapsesInMs: -1 });
  const promise = (on: Queryable, ms: number) =>
    rows(
      on,
      {
        name: 'test_promise',
        text: `update quote set lapses_at = now() + $2 * interval '1 ms'
          where payment_id = $1::uuid returning id`,
      },
      [payment.id, ms],
    );
  let closed: Promise<boolean> | undefined;
  await transaction(our.db, async (on) => {
    const lock = 'select id from payment where id = $1::uuid for no key update';
    await rows(on, { name: 'payment_lock', text: lock }, [payment.id]);
    closed = close(our.db, payment.id);
    await until('it waits for who promises', async () => {
      const waiting = await our.db.pool.query(
        `select 1 from pg_stat_activity
         where datname = current_database() and wait_event_type = 'Lock'`,
      );
      return waiting.rowCount === 1;
    });
    await promise(on, 600_000);
  });
  expect(await closed).toBe(false);
  expect(await our.read(payment.id)).toMatchObject({ state: 'open', verdictWanted: null });
  await promise(our.db.pool, -1);
  expect(await close(our.db, payment.id)).toBe(true);
});
