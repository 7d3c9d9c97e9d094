// The shop's payments: the list with its filters and pages, and one with everything that is known
// of it. What may be a preimage comes in the body of a call, never in an address: those are logged.
import { z } from 'zod';
import { caseOf, cases, type ToldLine } from '../../core/cases.ts';
import { staleWishMs } from '../../core/hold.ts';
import { decimalOfCode, minor, msat, satsOf } from '../../core/money.ts';
import { paymentStates, type PaymentState } from '../../core/payment.ts';
import { appliedPriceE8RoundedDown } from '../../core/quote.ts';
import * as views from '../../db/views.ts';
import { answerAttention } from '../../flows/answer-attention.ts';
import type {
  AnsweredAnswer,
  CaseShown,
  FoundAnswer,
  InvoiceShown,
  PaymentAnswer,
  PaymentRow,
  PaymentsAnswer,
} from '../../frontend/shared/merchant-api.ts';
import { answerJson } from '../answers.ts';
import type { Doors, Route } from '../doors.ts';
import { iso, merchantRoute, type Seen } from './door.ts';
import { holdShown } from './holds.ts';
import { lateRoutes } from './late.ts';
import { paymentOf } from './payment-of.ts';
import { cursorText, hashesOf, readCursor, readFilter } from './payment-filter.ts';

const pageSize = 25;
/** So far a list is counted; beyond it the page says "more than". */
const countUpTo = 1_000;

/** After the routes of exports and views, whose paths the last one would take for an id. */
export const paymentRoutes = (doors: Doors): Route[] => [
  merchantRoute(doors, { method: 'get', path: '/api/payments', policy: 'merchant' }, (seen) =>
    paymentsAnswer(doors, seen),
  ),
  merchantRoute(doors, { method: 'post', path: '/api/payments/find', policy: 'merchant' }, (seen) =>
    foundAnswer(doors, seen),
  ),
  merchantRoute(doors, { method: 'get', path: '/api/payments/:id', policy: 'merchant' }, (seen) =>
    paymentAnswer(doors, seen),
  ),
  merchantRoute(
    doors,
    { method: 'post', path: '/api/payments/:id/answer', policy: 'merchant' },
    (seen) => answeredAnswer(doors, seen),
  ),
  ...lateRoutes(doors),
];

async function paymentsAnswer(doors: Doors, { shop, request, response }: Seen): Promise<void> {
  const { after: afterText, before: beforeText } = request.query;
  const [after, before] = [readCursor(afterText), readCursor(beforeText)];
  const filter = readFilter(request.query, { timeZone: shop.timeZone, ...doors });
  if (
    filter === undefined ||
    (afterText !== undefined && after === undefined) ||
    (beforeText !== undefined && before === undefined)
  ) {
    answerJson(response, 400, { error: 'The filter cannot be read.' });
    return;
  }
  const { db } = doors.deps;
  const about = { shopId: shop.id, filter };
  const [lines, counted] = await Promise.all([
    views.pageOfPayments(db, { ...about, after, before, limit: pageSize + 1 }),
    views.countPayments(db, { ...about, upTo: countUpTo }),
  ]);
  const hasMore = lines.length > pageSize;
  const upwards = before !== undefined;
  const shown = upwards ? lines.slice(-pageSize) : lines.slice(0, pageSize);
  const [first, last] = [shown[0], shown.at(-1)];
  const hasNewer = upwards ? hasMore : after !== undefined;
  const answer: PaymentsAnswer = {
    payments: shown.map(rowOf),
    newer: hasNewer && first !== undefined ? cursorText(first) : null,
    older: (upwards || hasMore) && last !== undefined ? cursorText(last) : null,
    count: { counted: Math.min(counted, countUpTo), isMore: counted > countUpTo },
    timeZone: shop.timeZone,
  };
  answerJson(response, 200, answer);
}

const findForm = z.strictObject({ text: z.string().regex(/^[0-9a-fA-F]{64}$/) });

/** Of a hash or a preimage, the hash: what the page may keep in its address. */
async function foundAnswer(doors: Doors, { shop, request, response }: Seen): Promise<void> {
  const given = findForm.safeParse(request.body);
  if (!given.success) {
    answerJson(response, 400, { error: 'Give a payment hash or a preimage: 64 hex letters.' });
    return;
  }
  const { itself, ofPreimage } = hashesOf(given.data.text);
  const hashes = [itself, ofPreimage];
  const known = await views.knownHash(doors.deps.db, { shopId: shop.id, hashes });
  // What is not known may be anybody's secret, so only its hash is told.
  answerJson(response, 200, {
    hash: known ?? ofPreimage,
    was: known === undefined ? 'unknown' : known === itself ? 'hash' : 'preimage',
  } satisfies FoundAnswer);
}

const fiatOf = (amountMinor: string, currency: string): PaymentRow['fiat'] => ({
  amount: decimalOfCode(minor(BigInt(amountMinor)), currency),
  currency,
});
const satsOrNull = (amount: string | null): string | null =>
  amount === null ? null : satsOf(msat(BigInt(amount)));

export function rowOf(
  line: Omit<views.PaymentLine, 'hash' | 'preimage' | 'link'> & { origin?: string },
): PaymentRow {
  return {
    id: line.id,
    orderName: line.order_name,
    orderId: line.origin_id,
    state: line.state,
    sentence: paymentStates[line.state],
    fiat: fiatOf(line.owed_minor, line.currency),
    sats: satsOrNull(line.amount_msat),
    openedAt: line.opened_at.toISOString(),
    settledAt: iso(line.settled_at),
    attention: line.attention,
    test: line.test,
    origin: line.origin === 'payment_session' ? 'payment_session' : 'order',
  };
}

async function paymentAnswer(doors: Doors, seen: Seen): Promise<void> {
  const { shop, response } = seen;
  const { db } = doors.deps;
  const at = await paymentOf(doors, seen);
  const line = at && (await views.listedPayment(db, { shopId: at.shopId, id: at.paymentId }));
  if (at === undefined || line === undefined) {
    answerJson(response, 404, { error: 'There is no such payment in this shop.' });
    return;
  }
  const [hold, entries, invoices, postings, { owedMsat }] = await Promise.all([
    views.holdOfPayment(db, { ...at, staleMs: staleWishMs }),
    views.timeline(db, line.id),
    views.invoicesOfPayment(db, line.id),
    views.postingsOfPayment(db, line.id),
    views.overpaidOf(db.pool, at),
  ]);
  const answer: PaymentAnswer = {
    ...rowOf(line),
    timeZone: shop.timeZone,
    case: caseShown(line.state, entries),
    because: line.reason,
    payUrl: `${doors.appUrl}/pay/${line.link}`,
    hash: line.hash,
    preimage: line.preimage,
    told:
      line.told_minor === null || line.told_at === null
        ? null
        : { fiat: fiatOf(line.told_minor, line.currency), at: line.told_at.toISOString() },
    overpaidMsat: String(owedMsat),
    hold: holdShown(hold),
    invoices: invoices.map(invoiceShown),
    postings: postings.map((posting) => ({
      at: posting.at.toISOString(),
      from: posting.from_account,
      to: posting.to_account,
      amountMsat: posting.amount_msat,
      journal: posting.journal,
    })),
    timeline: entries.map((entry) => ({
      at: entry.at.toISOString(),
      sentence: views.sentenceOf(entry),
      what: entry.ofReward ? 'reward' : entry.what,
      to: entry.to,
      because: entry.because,
      details: entry.details,
    })),
  };
  answerJson(response, 200, answer);
}

/** Null: its money came as that of any other payment. */
export function caseShown(state: PaymentState, lines: readonly ToldLine[]): CaseShown | null {
  const name = caseOf({ state, lines });
  return name === undefined ? null : { name, sentence: cases[name].happened };
}

const notAnswered = {
  not_asked: 'The payment has changed meanwhile. Nothing was changed: look at it again.',
  order_still_owes:
    'The order is still unpaid in Shopify, and Zaptill has no proof of what you saw. Mark it as ' +
    'paid in Shopify first.',
} as const;

const answerForm = z.strictObject({
  attention: z.string().max(40),
  answer: z.enum(['given_back', 'kept', 'seen_to', 'never_paid', 'seen_paid']),
  overpaidMsat: z.string().regex(/^\d{1,18}$/),
});

async function answeredAnswer(doors: Doors, seen: Seen): Promise<void> {
  const { staffId, request, response } = seen;
  const given = answerForm.safeParse(request.body);
  if (!given.success) {
    answerJson(response, 400, { error: 'Say what is answered, how, and for which amount.' });
    return;
  }
  const { attention, answer, overpaidMsat } = given.data;
  const about = { attention, answer, seenMsat: msat(BigInt(overpaidMsat)), staffId };
  const at = await paymentOf(doors, seen);
  const answered = at && (await answerAttention(doors.deps, { ...at, ...about }));
  if (answered === undefined || (!answered.ok && answered.refusal === 'unknown_payment')) {
    answerJson(response, 404, { error: 'There is no such payment in this shop.' });
    return;
  }
  const refusal = answered.ok || answered.refusal === 'unknown_payment' ? null : answered.refusal;
  const told: AnsweredAnswer =
    refusal === null ? { ok: true } : { ok: false, refusal, sentence: notAnswered[refusal] };
  answerJson(response, answered.ok ? 200 : 422, told);
}

/** Currency units for one BTC; what is beyond the cents of a price is not rounded away. */
export function priceOf(priceE8: string): string {
  const digits = priceE8.padStart(9, '0');
  const rest = digits.slice(-8).replace(/0+$/, '');
  return `${digits.slice(0, -8)}${rest === '' ? '' : `.${rest}`}`;
}

/** Null: the sats were those of the market price. */
function adjustmentOf(invoice: views.ShownInvoice): InvoiceShown['quote']['adjustment'] {
  const basisPoints = invoice.evidence.adjustmentBasisPoints ?? 0;
  if (basisPoints === 0) return null;
  const applied = appliedPriceE8RoundedDown(BigInt(invoice.price_e8), basisPoints);
  return { basisPoints, appliedPrice: priceOf(applied.toString()) };
}

/** Null: there was a quorum. */
function aloneOf({ evidence }: views.ShownInvoice): InvoiceShown['quote']['alone'] {
  const { alone } = evidence;
  return alone === undefined ? null : { before: priceOf(alone.beforeE8), at: alone.beforeAt };
}

function invoiceShown(invoice: views.ShownInvoice): InvoiceShown {
  return {
    hash: invoice.hash,
    preimage: invoice.preimage,
    state: invoice.state,
    ending: invoice.ending,
    request: invoice.request,
    amountMsat: invoice.amount_msat,
    paidMsat: invoice.paid_msat,
    madeAt: invoice.made_at.toISOString(),
    expiresAt: invoice.expires_at.toISOString(),
    heldAt: iso(invoice.held_at),
    settledAt: iso(invoice.settled_at),
    recordedAt: iso(invoice.recorded_at),
    via: invoice.via,
    isOfOrder: invoice.is_of_order,
    quote: {
      fiat: fiatOf(invoice.fiat_minor, invoice.currency),
      price: priceOf(invoice.price_e8),
      sources: invoice.evidence.sources.map(({ source, price, at }) => ({ source, price, at })),
      spreadBasisPoints: invoice.evidence.spreadBasisPoints ?? null,
      adjustment: adjustmentOf(invoice),
      alone: aloneOf(invoice),
      madeAt: invoice.quoted_at.toISOString(),
      lapsesAt: invoice.lapses_at.toISOString(),
    },
    node: {
      id: invoice.node_id,
      alias: invoice.node_alias,
      identity: invoice.node_identity,
      network: invoice.network,
      retired: invoice.node_retired_at !== null,
    },
  };
}
