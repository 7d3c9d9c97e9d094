// What has taken buyers' and merchants' money between the page and the node, played against our
// flows and doors. Nothing happens here but what a test does. Named after what happened, where.
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { readRequest } from '../../sandbox/lnd/index.ts';
import { accountOf } from '../../web/core/ledger.ts';
import { audit } from '../../web/db/audit.ts';
import { closePayment, type PaymentRow } from '../../web/db/payments.ts';
import { lookAtInvoice } from '../../web/flows/look-at-invoice.ts';
import { lookAtOrderNow } from '../../web/flows/look-at-order.ts';
import { quoteInvoice } from '../../web/flows/quote-invoice.ts';
import { settleByHand } from '../../web/flows/settle-by-hand.ts';
import { tellShopify } from '../../web/flows/tell-shopify.ts';
import type { Deps } from '../../web/flows/flow.ts';
import { startInProcess, type InProcess } from '../in-process.ts';

let our: InProcess;
beforeAll(async () => {
  our = await startInProcess();
});
afterAll(async () => {
  // A step that is run by hand leaves the other rows of its lane at rest.
  const broken = (await audit(our.db)).filter(({ rule }) => rule !== 'I12');
  expect(broken).toEqual([]);
  await our.close();
});
beforeEach(() => {
  our.lnd.faults.reset();
  our.shopify.faults.clear();
});

const look = (id: bigint, on?: Deps) =>
  our.runStep(lookAtInvoice, { table: 'invoice', id, lane: our.nodeLane(our.node.id) }, on);
const tell = ({ id }: PaymentRow) =>
  our.runStep(tellShopify, { table: 'payment', id, lane: our.shopLane(our.shop.id) });
const invoicesOf = (paymentId: string) =>
  our.db.prisma.invoice.findMany({ where: { paymentId }, orderBy: { id: 'asc' } });
const invoiceState = async (id: bigint): Promise<string> =>
  (await our.db.prisma.invoice.findUniqueOrThrow({ where: { id } })).state;
/** What an account has of this payment. */
async function holds(payment: PaymentRow, kind: 'stranded' | 'awaiting'): Promise<bigint> {
  const account = accountOf(kind, payment.shopId);
  const postings = await our.db.prisma.posting.findMany({ where: { paymentId: payment.id } });
  return postings.reduce(
    (sum, { toAccount, fromAccount, amountMsat }) =>
      sum + (toAccount === account ? amountMsat : fromAccount === account ? -amountMsat : 0n),
    0n,
  );
}
const overMs = 3_600_000;

test('R03 the price ran out by our clock while the buyer paid: not served (BLFS)', async () => {
  const { payment, orderId } = await our.anOrder();
  const { id, request } = await our.quoted(payment.id);
  expect(await our.lnd.pay(request)).toMatchObject({ ok: true });
  await look(id, our.later(overMs));
  expect(await invoiceState(id)).toBe('settled');
  expect((await our.read(payment.id)).state).toBe('settled');
  await tell(payment);
  expect((await our.read(payment.id)).state).toBe('resolved');
  expect(our.shopify.effects.payments(orderId)).toBe(1);
});

test('R03 our clock is over and the node cannot be asked: nothing is decided (BLFS)', async () => {
  const { payment } = await our.anOrder();
  const { id, request } = await our.quoted(payment.id);
  our.lnd.faults.onMethod('CancelInvoice', { kind: 'error-before', code: 13, details: 'no' });
  our.lnd.faults.onMethod('LookupInvoice', { kind: 'error-before', code: 13, details: 'no' });
  await expect(look(id, our.later(overMs))).rejects.toThrow(/unknown/);
  expect(await invoiceState(id)).toBe('live');
  our.lnd.faults.reset();
  expect(await our.lnd.pay(request)).toMatchObject({ ok: true });
  await look(id, our.later(overMs));
  expect((await our.read(payment.id)).state).toBe('settled');
});

test('R03 the cancel is believed while the buyer pays: paid, order cancelled (BLFS)', async () => {
  const { payment, orderId } = await our.anOrder();
  const { id, request } = await our.quoted(payment.id);
  our.shopify.cancel(orderId);
  await lookAtOrderNow(our.deps, payment);
  expect((await our.read(payment.id)).state).toBe('closing');
  // In this moment, before the node is asked to cancel it.
  expect(await our.lnd.pay(request)).toMatchObject({ ok: true });
  await look(id);
  expect((await our.read(payment.id)).state).toBe('settled');
  await tell(payment);
  // The order stays cancelled; the money has a place, and a person is called.
  const stranded = { state: 'stranded', reason: 'order_cancelled', attention: 'stranded' };
  expect(await our.read(payment.id)).toMatchObject(stranded);
  const [invoice] = await invoicesOf(payment.id);
  expect(await holds(payment, 'stranded')).toBe(invoice?.amountMsat);
  expect(our.shopify.effects.payments(orderId)).toBe(0);
});

test('R03 once the node says canceled nobody can pay, and the order lapses (BLFS)', async () => {
  const { payment } = await our.anOrder();
  const { id, request } = await our.quoted(payment.id);
  await closePayment(our.db, { paymentId: payment.id, because: 'order_cancelled' });
  await look(id);
  expect(await our.lnd.pay(request)).toMatchObject({ ok: false });
  expect((await our.read(payment.id)).state).toBe('lapsed');
});

test('R09 many at once pass one check of the balance, and all are served (LNbank)', async () => {
  const { payment, orderId } = await our.anOrder();
  const { id, request } = await our.quoted(payment.id);
  expect(await our.lnd.pay(request)).toMatchObject({ ok: true });
  our.shopify.cancel(orderId);
  await look(id);
  await tell(payment);
  const [invoice] = await invoicesOf(payment.id);
  expect(await holds(payment, 'stranded')).toBe(invoice?.amountMsat);
  const given = await Promise.all(
    Array.from({ length: 30 }, () =>
      settleByHand(our.deps, {
        ...{ shopId: our.shop.id, paymentId: payment.id, staffId: undefined },
      }),
    ),
  );
  expect(given.filter(({ ok }) => ok)).toHaveLength(1);
  expect(await holds(payment, 'stranded')).toBe(0n);
});

test('R11 the amount is of the buyer’s address: 500 USD for 10,000 msat (BLFS)', async () => {
  const { payment } = await our.anOrder({ total: '500.00', currency: 'USD' });
  const cheap = 'amount=0.01&amountMsat=10000&msat=10000&fiat=0.01&currency=IDR&total=0.01';
  const page = `${our.appUrl}/pay/${payment.link}`;
  const form = { method: 'POST', redirect: 'manual', body: new URLSearchParams(cheap) } as const;
  expect((await fetch(`${page}?${cheap}`)).status).toBe(200);
  await fetch(`${page}/quote?${cheap}`, form);
  const status = await fetch(`${page}/status?${cheap}`);
  const shown = (await status.json()) as { invoice?: { request?: string } };
  const [invoice, ...more] = await invoicesOf(payment.id);
  expect(more).toEqual([]);
  const quote = await our.db.prisma.quote.findFirstOrThrow({ where: { paymentId: payment.id } });
  expect(quote).toMatchObject({ fiatMinor: 50_000n, currency: 'USD' });
  // At any price that an exchange has: many times what the address said.
  expect(invoice?.amountMsat).toBeGreaterThan(10_000_000n);
  expect(invoice?.amountMsat).toBe(quote.amountMsat);
  const request = readRequest(shown.invoice?.request ?? '');
  expect(request.amountMsat).toBe(quote.amountMsat);
  expect(await our.lnd.pay(shown.invoice?.request ?? '', { amountMsat: 10_000n })).toMatchObject({
    ok: false,
  });
  expect((await our.read(payment.id)).state).toBe('open');
});

test('R12 the page is opened twice: two invoices, and one is never watched (BLFS)', async () => {
  const { payment } = await our.anOrder();
  const before = our.lnd.invoices.all().length;
  const page = `${our.appUrl}/pay/${payment.link}`;
  const visits = Array.from({ length: 10 }, () => [
    fetch(page).then((answer) => answer.text()),
    fetch(`${page}/quote`, { method: 'POST', redirect: 'manual' }).then(({ status }) => status),
  ]);
  await Promise.all(visits.flat());
  expect(await quoteInvoice(our.deps, payment.id)).toMatchObject({ is: 'payable' });
  const [invoice, ...more] = await invoicesOf(payment.id);
  expect(more).toEqual([]);
  expect(our.lnd.invoices.all()).toHaveLength(before + 1);
  // The next one comes only after the node has said that this one is over.
  const over = `update quote set lapses_at = now() - interval '1 s' where payment_id = $1::uuid`;
  await our.db.pool.query(over, [payment.id]);
  const again = await quoteInvoice(our.deps, payment.id);
  const [old, fresh] = await invoicesOf(payment.id);
  if (old === undefined || fresh === undefined) throw new Error(`no next one: ${again.is}`);
  expect(old).toMatchObject({ id: invoice?.id, state: 'canceled' });
  expect(await our.lnd.pay(old.request ?? '')).toMatchObject({ ok: false });
  expect(await our.lnd.pay(fresh.request ?? '')).toMatchObject({ ok: true });
  await look(fresh.id);
  expect((await our.read(payment.id)).state).toBe('settled');
});

test('R15 parts of one payment count for another invoice (Electrum)', async () => {
  const [mine, theirs] = [await our.anOrder(), await our.anOrder()];
  const [own, other] = [await our.quoted(mine.payment.id), await our.quoted(theirs.payment.id)];
  const { paymentSecret } = readRequest(other.request);
  expect(await our.lnd.pay(own.request, { paymentSecret })).toMatchObject({ ok: false });
  expect(await our.lnd.pay(other.request)).toMatchObject({ ok: true });
  // And a node that mixes them up all the same is not believed: half of it, or with the secret
  // of the other one.
  const [asked, paid] = [readRequest(own.request), readRequest(other.request)];
  const lies = [
    { receivedMsat: asked.amountMsat / 2n },
    { secret: our.lnd.invoices.get(paid.hash)?.secret ?? '' },
  ];
  for (const lie of lies) {
    const { amountMsat: receivedMsat } = asked;
    our.lnd.faults.lie(asked.hash, { state: 'SETTLED', receivedMsat, ...lie });
    await look(own.id);
    expect(await invoiceState(own.id)).toBe('live');
    expect((await our.read(mine.payment.id)).state).toBe('open');
  }
  const said = our.log.said('node.distrusted').map(({ about }) => about['why']);
  expect(said).toEqual(['settled_with_too_little', 'preimage_does_not_fit']);
  await look(other.id);
  expect((await our.read(theirs.payment.id)).state).toBe('settled');
});
