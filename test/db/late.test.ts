// Money that came late, in real PostgreSQL: it is taken once, of several for one order one is, and
// never while other money of the order is on its way to Shopify.
import { beforeEach, expect, test } from 'vitest';
import { msat } from '../../web/core/money.ts';
import { endAttention } from '../../web/db/attentions.ts';
import { audit } from '../../web/db/audit.ts';
import type { Database } from '../../web/db/database.ts';
import { invoiceIsCanceled, recordSettlements } from '../../web/db/invoices.ts';
import { latePayments, takeLate, wrongPayments } from '../../web/db/late.ts';
import { closePayment, paymentById } from '../../web/db/payments.ts';
import { aNode, anInvoice, aPayment, aSettle, aShop } from '../builders.ts';
import { databaseOfFile } from '../database-of-file.ts';

let db: Database;
let shopId: number;
let nodeId: number;
databaseOfFile((made) => (db = made), {
  connections: 20,
  ended: async () => expect(await audit(db)).toEqual([]),
});
beforeEach(async () => {
  shopId = (await aShop(db)).id;
  nodeId = await aNode(db, { shopId });
});

let orders = 0;
const anOrder = (): string => {
  orders += 1;
  return `gid://shopify/Order/9${String(orders)}`;
};

/** A payment of the order that was over when its money came. Gives its id. */
async function aLate(originId = anOrder(), sequence = 1): Promise<string> {
  const payment = await aPayment(db, { shopId, originId, sequence });
  const { id: paymentId } = payment;
  const invoice = await anInvoice(db, { payment, nodeId });
  expect(await closePayment(db, { paymentId, because: 'order_unpaid_too_long' })).toBe(true);
  const canceled = { id: invoice.id, paymentId, because: 'node_says_canceled' } as const;
  expect(await invoiceIsCanceled(db, canceled)).toBe(true);
  await recordSettlements(db.pool, {
    ...{ nodeId, observations: [aSettle(invoice)], recorder: { via: 'lookup' } },
  });
  expect(await standing(paymentId)).toEqual({ state: 'lapsed', attention: 'overpaid' });
  return paymentId;
}
const standing = async (paymentId: string) => {
  const row = await paymentById(db, paymentId);
  return { state: row?.state, attention: row?.attention };
};
const take = (paymentId: string): Promise<boolean> =>
  takeLate(db, { shopId, paymentId, by: 'policy' });
const bookedOf = async (paymentId: string) => {
  const booked = await db.prisma.posting.findMany({
    where: { paymentId, journal: { startsWith: 'taken:' } },
  });
  return booked.map(({ fromAccount, toAccount }) => [fromAccount, toAccount]);
};

test('of ten who take it one has it, and it is booked once', async () => {
  const paymentId = await aLate();
  const taken = await Promise.all(Array.from({ length: 10 }, () => take(paymentId)));
  expect(taken.filter(Boolean)).toHaveLength(1);
  expect(await standing(paymentId)).toEqual({ state: 'settled', attention: null });
  const of = (account: string): string => `${account}:${String(shopId)}`;
  expect(await bookedOf(paymentId)).toEqual([[of('overpaid'), of('awaiting')]]);
});

test('whoever comes later changes nothing of what is being told', async () => {
  const paymentId = await aLate();
  expect(await take(paymentId)).toBe(true);
  await db.pool.query('update payment set tell_started_at = now() where id = $1', [paymentId]);
  const before = await db.prisma.payment.findUnique({ where: { id: paymentId } });
  expect(await take(paymentId)).toBe(false);
  expect(await db.prisma.payment.findUnique({ where: { id: paymentId } })).toEqual(before);
});

test('two payments of an order both came late: at once, one of them is taken', async () => {
  const originId = anOrder();
  const both = [await aLate(originId, 1), await aLate(originId, 2)];
  const taken = await Promise.all(both.map(take));
  expect(taken.filter(Boolean)).toHaveLength(1);
});

test('not while Shopify has not heard of other money of the order', async () => {
  const originId = anOrder();
  const late = await aLate(originId, 1);
  const payment = await aPayment(db, { shopId, originId, sequence: 2 });
  const newer = await anInvoice(db, { payment, nodeId });
  await recordSettlements(db.pool, {
    ...{ nodeId, observations: [aSettle(newer)], recorder: { via: 'lookup' } },
  });
  expect(await take(late)).toBe(false);
  expect(await standing(late)).toEqual({ state: 'lapsed', attention: 'overpaid' });
});

test('a newer payment of the order that nobody paid ends with it', async () => {
  const originId = anOrder();
  const late = await aLate(originId, 1);
  const newer = await aPayment(db, { shopId, originId, sequence: 2 });
  await anInvoice(db, { payment: newer, nodeId });
  expect(await take(late)).toBe(true);
  expect((await standing(newer.id)).state).toBe('closing');
});

test('what a person has given back or kept is not taken', async () => {
  const paymentId = await aLate();
  const { amountMsat } = await db.prisma.invoice.findFirstOrThrow({ where: { paymentId } });
  const seenMsat = msat(amountMsat);
  const about = { shopId, paymentId, attention: 'overpaid', seenMsat, by: '7' } as const;
  expect(await endAttention(db, { ...about, answer: 'kept' })).toBe(true);
  expect(await take(paymentId)).toBe(false);
  expect((await standing(paymentId)).state).toBe('lapsed');
});

test('more than a sweep looks at all have their turn, and none goes back before', async () => {
  const late = new Set([await aLate(), await aLate(), await aLate()]);
  const met = new Set<string>();
  for (let hour = 0; met.size < late.size && hour < 200; hour++) {
    const sweep = new Date(Date.UTC(2026, 0, 1, hour));
    const seen = await latePayments(db, { shopId, limit: 1, sweep });
    expect(seen).toHaveLength(1);
    for (const { id } of seen) met.add(id);
  }
  expect(met).toEqual(late);
  const ask = { shopId, limit: 50, sweep: new Date() };
  expect(await wrongPayments(db, { ...ask, takesLate: true })).toEqual([]);
  const wrong = await wrongPayments(db, { ...ask, takesLate: false });
  expect(new Set(wrong.map(({ id }) => id))).toEqual(late);
});

/** Two invoices of a payment that was over: the first was paid and given back, then the second. */
async function aLateAfterAnother(firstMsat: bigint, secondMsat: bigint) {
  const payment = await aPayment(db, { shopId, originId: anOrder(), sequence: 1 });
  const { id: paymentId } = payment;
  const because = 'node_says_canceled' as const;
  const first = await anInvoice(db, { payment, nodeId, amountMsat: firstMsat });
  expect(await invoiceIsCanceled(db, { id: first.id, paymentId, because })).toBe(true);
  const second = await anInvoice(db, { payment, nodeId, amountMsat: secondMsat });
  expect(await closePayment(db, { paymentId, because: 'order_unpaid_too_long' })).toBe(true);
  expect(await invoiceIsCanceled(db, { id: second.id, paymentId, because })).toBe(true);
  const comes = (invoice: typeof first): Promise<unknown> =>
    recordSettlements(db.pool, {
      ...{ nodeId, observations: [aSettle(invoice)], recorder: { via: 'lookup' } },
    });
  await comes(first);
  const about = { shopId, paymentId, attention: 'overpaid', seenMsat: msat(firstMsat) } as const;
  expect(await endAttention(db, { ...about, by: '7', answer: 'given_back' })).toBe(true);
  await comes(second);
  return { paymentId, second };
}

test.each([
  ['less', 1_000_000n, 12_300_000n],
  ['as much', 12_300_000n, 12_300_000n],
  ['more', 22_300_000n, 12_300_000n],
])('what came first was given back, and was %s: the other is taken', async (_, one, two) => {
  const { paymentId, second } = await aLateAfterAnother(one, two);
  expect(await take(paymentId)).toBe(true);
  const booked = await db.prisma.posting.findFirstOrThrow({
    where: { paymentId, journal: { startsWith: 'taken:' } },
  });
  expect(booked).toMatchObject({ journal: `taken:${second.hash}`, amountMsat: two });
  const row = await db.prisma.payment.findUnique({ where: { id: paymentId } });
  expect(row).toMatchObject({ settledInvoiceId: second.id, attention: null });
});

test('where a part went another way there is no invoice to take, and it is still met', async () => {
  const paymentId = await aLate();
  const [from, to] = [`overpaid:${String(shopId)}`, `given_back:${String(shopId)}`];
  await db.pool.query(
    `insert into posting (payment_id, journal, from_account, to_account, amount_msat)
     values ($1, 'answer:part', $2, $3, 1000)`,
    [paymentId, from, to],
  );
  expect(await take(paymentId)).toBe(false);
  const seen = await latePayments(db, { shopId, limit: 5, sweep: new Date() });
  expect(seen).toMatchObject([{ id: paymentId, came: undefined }]);
});
