// A buyer is here: an amount of sats is promised for some minutes, and the merchant's own node
// makes the invoice. However many tabs ask, one payment has at most one payable invoice; a further
// one comes only after the node has said that the last one is canceled.
import { createHash } from 'node:crypto';
import { memoOf, type PaymentHash } from '../core/invoice.ts';
import { currencyOf, type Currency, type Msat } from '../core/money.ts';
import { neverAfter } from '../core/payment-session.ts';
import type { SealedPlace } from '../core/ports.ts';
import { agreePrice, makeQuote, priceAlone, type AgreedPrice, type Price } from '../core/quote.ts';
import type { QuoteRefusal } from '../core/refusals.ts';
import { lookAfterCreateMs } from '../core/retry.ts';
import { termsOf, type QuoteTerms } from '../core/settings.ts';
import { Trouble } from '../core/trouble.ts';
import { makeInvoice, type InvoiceRow } from '../db/invoices.ts';
import { agreedBefore } from '../db/quotes.ts';
import { nodeHasTrouble } from '../db/nodes.ts';
import { note } from '../db/history.ts';
import { payPageById, type PayPage } from '../db/pay-page.ts';
import { closePayment, paymentById, type PaymentRow } from '../db/payments.ts';
import { closeForGood } from '../db/sessions.ts';
import { closeInvoice } from './close-invoice.ts';
import { endUnissued, makeWay } from './end-unissued.ts';
import type { Deps } from './flow.ts';
import { issueInvoice, type ToIssue } from './look-at-invoice.ts';
import { lookAtOrderNow } from './look-at-order.ts';
import { serviceFor } from './serve-session.ts';

export type Quoted =
  | { is: 'payable'; invoice: InvoiceRow }
  /** Another request makes it at this moment, or the old one is being canceled. */
  | { is: 'preparing' }
  /** The payment does not wait for money any more. */
  | { is: 'not_open' }
  | { is: 'refused'; refusal: QuoteRefusal };

/** How old Shopify's word on the amount may be when a price is promised for it. */
const owedFreshMs = 5_000;

/**
 * Gives the payable invoice, or makes one. Everything that can fail outside ends in a refusal that
 * the page shows in words; nothing is lost, and asking again is always right. `known`: as whoever
 * asks has just read it; what is stored is checked against the rows of that moment all the same.
 */
export async function quoteInvoice(
  deps: Deps,
  paymentId: string,
  known?: PayPage,
): Promise<Quoted> {
  const page = known ?? (await payPageById(deps.db, paymentId));
  if (page?.payment.state !== 'open') return { is: 'not_open' };
  const { payment, invoice: current } = page;
  // Before anything that could be paid is handed out, also what was made before.
  if (page.isPaidElsewhere) {
    await closePayment(deps.db, { paymentId, because: 'group_paid_otherwise' });
    return { is: 'not_open' };
  }
  if (current?.state === 'made' && !(await makeWay(deps, { payment, made: current }))) {
    return { is: 'preparing' };
  }
  if (current?.state === 'live') {
    if (current.ending === null && current.lapsesAt > deps.clock()) {
      return { is: 'payable', invoice: current };
    }
    // Of what may be held already its own step knows more.
    if (current.hold && current.ending === null) return { is: 'preparing' };
    const over = await tryNode(deps, current.nodeId, () =>
      closeInvoice(deps, current, 'quote_over'),
    );
    if (!over.ok) return { is: 'refused', refusal: 'node_unreachable' };
    if (!over.result) return { is: 'preparing' };
  }
  const owed = await (payment.origin === 'order' ? freshOwed(deps, payment) : sessionOwed(payment));
  if (owed.is !== 'open') return owed;
  return promise(deps, { payment: owed.payment, shopDomain: page.shopDomain });
}

/** What is owed, as Shopify says it now. The browser is never asked. */
async function freshOwed(
  deps: Deps,
  payment: PaymentRow,
): Promise<Exclude<Quoted, { is: 'payable' }> | { is: 'open'; payment: PaymentRow }> {
  const ageMs = deps.clock().getTime() - payment.owedAt.getTime();
  if (ageMs >= 0 && ageMs < owedFreshMs) return stillOpen(payment);
  try {
    const seen = await lookAtOrderNow(deps, payment);
    // No price for an order that Shopify does not return: nobody could mark it paid.
    if (seen.is === 'not_yet') return { is: 'refused', refusal: 'shop_unreachable' };
  } catch (trouble) {
    if (trouble instanceof Trouble && trouble.from === 'shop') {
      return { is: 'refused', refusal: 'shop_unreachable' };
    }
    throw trouble;
  }
  const again = await paymentById(deps.db, payment.id);
  return again === null ? { is: 'not_open' } : stillOpen(again);
}

/** The amount of a session never changes. Its buyer may wait at the shop for money on its way. */
const sessionOwed = (
  payment: PaymentRow,
): { is: 'preparing' } | { is: 'open'; payment: PaymentRow } =>
  payment.verdictWanted === 'pending' ? { is: 'preparing' } : { is: 'open', payment };

const stillOpen = (
  payment: PaymentRow,
): { is: 'not_open' } | { is: 'open'; payment: PaymentRow } =>
  payment.state === 'open' ? { is: 'open', payment } : { is: 'not_open' };

/** Prices, promise, stored secret, and only then the node. */
async function promise(
  deps: Deps,
  about: { payment: PaymentRow; shopDomain: string },
): Promise<Quoted> {
  const { payment, shopDomain } = about;
  const currency = currencyOf(payment.currency);
  if (currency === undefined) return refused(deps, payment, 'currency_unknown');
  const { nodes, isConnected, settings, hold } = await serviceFor(deps, payment);
  if (!isConnected) {
    const isTest = payment.test && payment.origin === 'payment_session';
    return refused(deps, payment, isTest ? 'no_test_node' : 'no_node');
  }
  if (nodes.length === 0) return { is: 'refused', refusal: 'node_unreachable' };
  const chosen = termsOf(deps, settings);
  const prices = await deps.rates.pricesFor(currency, chosen.sources);
  const now = deps.clock();
  const priced = agreePrice(prices, { currency, now, policy: chosen.policy });
  let agreed: AgreedPrice | undefined;
  if (priced.ok) ({ agreed } = priced);
  else {
    agreed = await spokenAlone(deps, { payment, currency, prices, now, chosen });
    if (agreed === undefined) return refused(deps, payment, priced.refusal, priced.sentence);
  }
  const quote = makeQuote({ amountMinor: payment.owedMinor, currency }, agreed, {
    now,
    ...chosen,
  });
  if (!quote.ok) return refused(deps, payment, quote.refusal);

  const { adjustmentBp } = chosen;
  const terms = { payment, shopDomain, hold, currency, quote, agreed, adjustmentBp, madeAt: now };
  let quoted: Quoted = { is: 'refused', refusal: 'node_unreachable' };
  for (const [at, node] of nodes.entries()) {
    const isLast = at === nodes.length - 1;
    quoted = await issueAt(deps, { ...terms, nodeId: node.id, isLast });
    if (quoted.is !== 'refused') return quoted;
  }
  return quoted;
}

/** There is no quorum: the merchant may have allowed one source to speak for a while. */
async function spokenAlone(
  deps: Deps,
  about: {
    payment: PaymentRow;
    currency: Currency;
    prices: readonly Price[];
    now: Date;
    chosen: QuoteTerms;
  },
): Promise<AgreedPrice | undefined> {
  const { payment, currency, prices, now, chosen } = about;
  const { alone, policy } = chosen;
  if (alone === undefined) return undefined;
  const since = new Date(now.getTime() - alone.forMs);
  const before = await agreedBefore(deps.db, { shopId: payment.shopId, currency, since });
  return before && priceAlone(prices, { currency, now, policy, alone, before });
}

type Terms = {
  payment: PaymentRow;
  shopDomain: string;
  /** Its buyer's money is held until the merchant charges it. */
  hold: boolean;
  currency: Currency;
  quote: { amountMsat: Msat; lapsesAt: Date };
  agreed: AgreedPrice;
  adjustmentBp: number;
  madeAt: Date;
};

/** The invoice at one node. At a node that fails before the last it is given up. */
async function issueAt(
  deps: Deps,
  about: Terms & { nodeId: number; isLast: boolean },
): Promise<Quoted> {
  const { payment, shopDomain, hold, currency, quote, agreed, adjustmentBp, madeAt } = about;
  const { nodeId, isLast } = about;
  const { amountMsat, lapsesAt } = quote;
  const { owedMinor: fiatMinor, orderName } = payment;
  const secret = deps.randomSecret();
  const hash = createHash('sha256').update(secret).digest('hex') as PaymentHash;
  const place = placeOfPreimage({ paymentId: payment.id, hash });
  const sealedPreimage = deps.sealer.seal(secret, place);
  const id = await makeInvoice(deps.db, {
    paymentId: payment.id,
    nodeId,
    hash,
    sealedPreimage,
    hold,
    fiatMinor,
    currency,
    amountMsat,
    agreed,
    adjustmentBp,
    madeAt,
    lapsesAt,
    lookInMs: lookAfterCreateMs,
  });
  if (id === undefined) return { is: 'preparing' };
  const stored = { id, paymentId: payment.id, nodeId, hash, sealedPreimage, hold };
  const made = { ...stored, amountMsat, lapsesAt };
  const memo = memoOf({ shopDomain, orderName }, { fiatMinor, currency });
  const quoted = await issue(deps, made, memo);
  if (quoted.is === 'refused' && !isLast) {
    // Or the pool has got it issued after all: then it is the payment's invoice.
    if (!(await endUnissued(deps, { id, paymentId: payment.id }))) return { is: 'preparing' };
  }
  return quoted;
}

async function issue(deps: Deps, made: ToIssue, memo: string): Promise<Quoted> {
  const issued = await tryNode(deps, made.nodeId, () => issueInvoice(deps, made, memo));
  if (!issued.ok) return { is: 'refused', refusal: 'node_unreachable' };
  const invoice = issued.result;
  return invoice === undefined ? { is: 'preparing' } : { is: 'payable', invoice };
}

/** Trouble with a node is an answer here: the page says so and keeps trying. */
async function tryNode<T>(
  deps: Deps,
  nodeId: number,
  work: () => Promise<T>,
): Promise<{ ok: true; result: T } | { ok: false }> {
  try {
    return { ok: true, result: await work() };
  } catch (trouble) {
    if (!(trouble instanceof Trouble) || trouble.from !== 'node') throw trouble;
    deps.log.warn({ nodeId, what: trouble.what, then: trouble.then }, 'node.trouble');
    await nodeHasTrouble(deps.db, nodeId, trouble.what);
    return { ok: false };
  }
}

async function refused(
  deps: Deps,
  payment: PaymentRow,
  refusal: QuoteRefusal,
  sentence?: string,
): Promise<Quoted> {
  await note(deps.db.pool, payment.id, {
    what: 'quote_refused',
    because: refusal,
    ...(sentence === undefined ? {} : { details: { sentence } }),
  });
  const never = payment.origin === 'payment_session' ? neverAfter(refusal) : undefined;
  if (never === undefined) return { is: 'refused', refusal };
  await closeForGood(deps.db, { paymentId: payment.id, never, because: 'session_refused' });
  return { is: 'not_open' };
}

/** Where a secret is sealed: it opens for this payment and this hash only. */
export const placeOfPreimage = (invoice: { paymentId: string; hash: string }): SealedPlace => ({
  table: 'invoice',
  field: 'preimage',
  shop: invoice.paymentId,
  record: invoice.hash,
});

/** What the wallet shows of a stored invoice, for whoever has only that. */
export async function memoOfInvoice(
  deps: Pick<Deps, 'db'>,
  invoice: Pick<InvoiceRow, 'paymentId' | 'fiatMinor' | 'currency'>,
): Promise<string> {
  const page = await payPageById(deps.db, invoice.paymentId);
  const { shopDomain = '', payment } = page ?? {};
  return memoOf({ shopDomain, orderName: payment?.orderName ?? 'Order' }, invoice);
}
