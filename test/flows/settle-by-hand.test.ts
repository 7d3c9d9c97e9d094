// A person says that a stranded payment is settled: the money leaves the account in which the
// verdict put it, and what else is to be given back is still asked for.
import { randomBytes } from 'node:crypto';
import { beforeEach, expect, test } from 'vitest';
import { accountOf } from '../../web/core/ledger.ts';
import type { Currency, Minor } from '../../web/core/money.ts';
import { audit } from '../../web/db/audit.ts';
import type { Database } from '../../web/db/database.ts';
import { claim } from '../../web/db/due.ts';
import { invoiceIsCanceled, recordSettlements } from '../../web/db/invoices.ts';
import { shopLane } from '../../web/db/lanes.ts';
import { askForPerson, movePayment, paymentById } from '../../web/db/payments.ts';
import { storeSession } from '../../web/db/sessions.ts';
import { settleByHand } from '../../web/flows/settle-by-hand.ts';
import { tellShopify } from '../../web/flows/tell-shopify.ts';
import { aNode, anInvoice, aPayment, aSettle, aShop, type MadeInvoice } from '../builders.ts';
import { databaseOfFile } from '../database-of-file.ts';
import { depsOn } from '../worker/play.ts';

let db: Database;
let shopId: number;
let nodeId: number;
databaseOfFile(
  (made) => {
    db = made;
  },
  { ended: async () => expect(await audit(db)).toEqual([]) },
);
beforeEach(async () => {
  shopId = (await aShop(db)).id;
  nodeId = await aNode(db, { shopId });
});

const pay = (...invoices: MadeInvoice[]): Promise<unknown> =>
  recordSettlements(db.pool, {
    nodeId,
    observations: invoices.map((invoice) => aSettle(invoice)),
    recorder: { via: 'lookup' },
  });
const stands = async (paymentId: string) => {
  const row = await paymentById(db, paymentId);
  return [row?.state, row?.attention];
};
/** What this payment has in an account of its shop. */
const holds = async (paymentId: string, kind: 'stranded' | 'overpaid' | 'resolved') => {
  const postings = await db.prisma.posting.findMany({ where: { paymentId } });
  const account = accountOf(kind, shopId);
  return postings.reduce(
    (sum, { toAccount, fromAccount, amountMsat }) =>
      sum + (toAccount === account ? amountMsat : fromAccount === account ? -amountMsat : 0n),
    0n,
  );
};
const byHand = (paymentId: string) =>
  settleByHand(depsOn(db), { shopId, paymentId, staffId: undefined });

/** A payment with a canceled invoice, that can turn out paid all the same, and a live one. */
async function twoInvoices() {
  const payment = await aPayment(db, { shopId });
  const first = await anInvoice(db, { payment, nodeId });
  const because = 'node_says_canceled';
  await invoiceIsCanceled(db, { id: first.id, paymentId: payment.id, because });
  return { id: payment.id, first, second: await anInvoice(db, { payment, nodeId }) };
}
const strand = (paymentId: string, amountMsat: MadeInvoice['amountMsat']) =>
  movePayment(db.pool, {
    paymentId,
    move: { from: 'settled', to: 'stranded' },
    because: 'order_cancelled',
    journal: `verdict:${paymentId}`,
    postings: [
      { from: accountOf('awaiting', shopId), to: accountOf('stranded', shopId), amountMsat },
    ],
    attention: 'stranded',
  });

async function aPaidTab() {
  const id = randomBytes(8).toString('hex');
  const stored = await storeSession(db, {
    ...{ shopId, id, gid: `gid://shopify/PaymentSession/${id}`, groupKey: `of-${shopId}` },
    ...{ kind: 'sale', test: false, currency: 'EUR' as Currency, owedMinor: 1_230n as Minor },
    ...{ never: undefined, cancelUrl: null, contentHash: randomBytes(32) },
    ...{ proposedAt: new Date(), receivedAt: new Date(), answerOf: (link) => `to ${link}` },
  });
  const payment = await paymentById(db, stored.paymentId ?? '');
  if (payment === null) throw new Error('no payment was opened');
  return { id: payment.id, invoice: await anInvoice(db, { payment, nodeId }) };
}

test('the second payment of a purchase is given back from where it stands', async () => {
  const tabs = [await aPaidTab(), await aPaidTab()] as const;
  for (const { invoice } of tabs) await pay(invoice);
  const [, { id, invoice }] = tabs;
  await db.pool.query('update payment set due_at = null where id <> $1', [id]);
  const [row] = await claim(db, { table: 'payment', lane: shopLane(shopId), limit: 5 });
  if (row === undefined) throw new Error('nothing is due');
  expect(await tellShopify(depsOn(db), row)).toBe('stored');
  await db.pool.query(`update payment set due_at = now() - interval '1 ms' where id = $1`, [
    tabs[0].id,
  ]);
  expect(await stands(id)).toEqual(['stranded', 'overpaid']);
  expect(await holds(id, 'overpaid')).toBe(invoice.amountMsat);

  expect(await byHand(id)).toEqual({ ok: true });
  expect(await stands(id)).toEqual(['resolved', null]);
  expect(await holds(id, 'overpaid')).toBe(0n);
  expect(await holds(id, 'stranded')).toBe(0n);
  expect(await holds(id, 'resolved')).toBe(invoice.amountMsat);
  expect(await byHand(id)).toEqual({ ok: false, refusal: 'not_stranded' });
});

test('Shopify took none: the purchase is free once its money was settled by hand', async () => {
  const first = await aPaidTab();
  await pay(first.invoice);
  const taken = () => db.prisma.sessionGroup.findMany({ where: { shopId } });
  expect(await taken()).toMatchObject([{ paymentId: first.id }]);
  await movePayment(db.pool, {
    paymentId: first.id,
    move: { from: 'settled', to: 'stranded' },
    because: 'session_gone',
    journal: `verdict:${first.id}`,
    postings: [
      {
        from: accountOf('awaiting', shopId),
        to: accountOf('stranded', shopId),
        amountMsat: first.invoice.amountMsat,
      },
    ],
    attention: 'stranded',
  });
  // Until a person says what became of the money, nobody is asked to pay twice.
  await expect(aPaidTab()).rejects.toThrow();
  expect(await byHand(first.id)).toEqual({ ok: true });
  expect(await taken()).toEqual([]);
  const lines = await db.prisma.history.findMany({ where: { paymentId: first.id } });
  expect(lines.map(({ what }) => what)).toContain('group_freed');
  const again = await aPaidTab();
  await pay(again.invoice);
  expect(await taken()).toMatchObject([{ paymentId: again.id }]);
});

test('the second payment of a purchase, settled by hand, frees nothing of the first', async () => {
  const tabs = [await aPaidTab(), await aPaidTab()] as const;
  for (const { invoice } of tabs) await pay(invoice);
  const [first, { id, invoice }] = tabs;
  await movePayment(db.pool, {
    paymentId: id,
    move: { from: 'settled', to: 'stranded' },
    because: 'group_paid_otherwise',
    journal: `verdict:${id}`,
    postings: [
      {
        from: accountOf('awaiting', shopId),
        to: accountOf('overpaid', shopId),
        amountMsat: invoice.amountMsat,
      },
    ],
    attention: 'overpaid',
  });
  expect(await byHand(id)).toEqual({ ok: true });
  const groups = await db.prisma.sessionGroup.findMany({ where: { shopId } });
  expect(groups).toMatchObject([{ paymentId: first.id }]);
});

test('stranded money asks for its person first, and then what came twice does', async () => {
  const { id, first, second } = await twoInvoices();
  await pay(second);
  await strand(id, second.amountMsat);
  await pay(first);
  expect(await stands(id)).toEqual(['stranded', 'stranded']);
  expect(await byHand(id)).toEqual({ ok: true });
  expect(await stands(id)).toEqual(['resolved', 'overpaid']);
  expect(await holds(id, 'stranded')).toBe(0n);
  expect(await holds(id, 'overpaid')).toBe(first.amountMsat);
});

test('an untold payment asks for its person first, and then what came twice does', async () => {
  const { id, first, second } = await twoInvoices();
  await pay(second);
  await askForPerson(db, id, 'untold');
  await pay(first);
  expect(await stands(id)).toEqual(['settled', 'untold']);
  const { amountMsat } = second;
  await movePayment(db.pool, {
    paymentId: id,
    move: { from: 'settled', to: 'resolved' },
    because: 'told_shopify',
    journal: `verdict:${id}`,
    postings: [
      { from: accountOf('awaiting', shopId), to: accountOf('resolved', shopId), amountMsat },
    ],
  });
  expect(await stands(id)).toEqual(['resolved', 'overpaid']);
});

test('one that was told at last, and was paid once, asks for nobody', async () => {
  const { id, second } = await twoInvoices();
  await pay(second);
  await askForPerson(db, id, 'untold');
  await strand(id, second.amountMsat);
  expect(await byHand(id)).toEqual({ ok: true });
  expect(await stands(id)).toEqual(['resolved', null]);
});
