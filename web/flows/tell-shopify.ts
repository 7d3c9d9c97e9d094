// A payment is settled: Shopify is told, exactly once in effect. None of its mutations is
// idempotent, so the order is read first, what we are about to do is stored, and an answer that was
// lost is found again by reading. Only an explicit yes or no from Shopify moves the payment.
import { postingsOfCapture } from '../core/hold.ts';
import { postingsOfVerdict, type Posting } from '../core/ledger.ts';
import { decimalOf, type Minor } from '../core/money.ts';
import {
  asRecorded,
  decideFromShopify,
  saleOfOurs,
  type OrderReading,
  type Reason,
  type Verdict,
} from '../core/payment.ts';
import type { Storefront, TellOutcome } from '../core/ports.ts';
import { tellAgainMs } from '../core/retry.ts';
import { note } from '../db/history.ts';
import { leaseMs, type ClaimedRow } from '../db/due.ts';
import { askForPerson, beginTelling, endPayable, movePayment } from '../db/payments.ts';
import { othersOfOrder, toTell, type SettledMoney } from '../db/telling.ts';
import type { Deps, Step, StepEnd } from './flow.ts';
import { giveBackRest } from './open-refund.ts';
import { resolveSession } from './tell-session.ts';

type Telling = {
  row: ClaimedRow;
  paymentId: string;
  shopId: number;
  originId: string;
  methodName: string;
  /** What it was called when Shopify was first told, if it was. */
  toldMethodName: string | null;
  sentAt: Date | null;
  now: Date;
  money: SettledMoney;
  /** The merchant charged what was held, and asked for no more than the order owes. */
  wasHeld: boolean;
  attempt: { salesBefore: readonly string[] } | undefined;
  /** What the method was called when the order was opened, if that is known. */
  openedMethodName: string | null;
};

/** How long after a part was sent it is not sent again. */
const partAgainMs = 60_000;
/** How often a shop that removed the app is looked at again. */
const goneShopMs = 6 * 3_600_000;
/** After so many tries a person shall look as well. */
const patientAttempts = 8;

/** How long an order is left alone that cannot be told at the moment, such as a card under way. */
const waitMs = 30_000;

export const tellShopify: Step = async (deps, row) => {
  const known = await toTell(deps.db, row.id);
  if (known?.payment.state !== 'settled') return { dueInMs: undefined, attempt: false };
  const { payment, shop, money, hasPurchase, hasPayable } = known;
  // An older invoice was paid after all: no invoice outlives what is owed.
  if (hasPayable) await endPayable(deps.db, payment.id);
  if (money === undefined) return { dueInMs: undefined, attempt: false };
  if (shop.uninstalledAt !== null) {
    // Nobody can be told. The money is the merchant's, and somebody has to say so.
    await askForPerson(deps.db, payment.id, 'untold');
    return { dueInMs: goneShopMs, attempt: true };
  }
  if (row.attempts >= patientAttempts) await askForPerson(deps.db, payment.id, 'untold');
  if (payment.origin === 'payment_session') {
    return resolveSession(deps, { row, payment, money, hasPurchase });
  }
  const telling: Telling = {
    row,
    paymentId: payment.id,
    shopId: shop.id,
    originId: payment.originId,
    methodName: shop.methodName,
    toldMethodName: payment.tellMethod,
    openedMethodName: payment.methodName,
    sentAt: payment.tellSentAt,
    now: deps.clock(),
    money,
    // What came late is seen to by the merchant's policy, whatever was held before.
    wasHeld: payment.holdEndsAt !== null && payment.reason !== 'taken_late',
    attempt: payment.tellStartedAt === null ? undefined : { salesBefore: payment.tellSalesBefore },
  };
  const storefront = await deps.storefronts.of(shop.id);
  const order = await storefront.readOrder(payment.originId);
  const verdict = await decide(deps, order, telling);
  if (verdict.do !== 'mark' && verdict.do !== 'record_part') {
    return conclude(deps, telling, verdict);
  }
  // A part that was sent may still be applied: Shopify would record it a second time.
  const sentAgoMs = telling.now.getTime() - (telling.sentAt?.getTime() ?? 0);
  if (verdict.do === 'record_part' && sentAgoMs < partAgainMs) {
    return { dueInMs: partAgainMs - sentAgoMs, attempt: false };
  }
  return tell(deps, { telling, storefront, verdict, order: order as OrderReading });
};

/** What the method was called when the order was placed, which its sales go by, and since then. */
const namesOf = ({ methodName, toldMethodName, openedMethodName }: Telling): string[] => [
  ...[methodName, toldMethodName ?? methodName, openedMethodName ?? methodName],
];

/** A manual payment without a name of its own stands under `manual`. */
const methodNamesOf = (telling: Telling): string[] => [...namesOf(telling), 'manual'];

/** One sale is of one payment: what is known to be of another one of the order is not ours. */
async function decide(
  deps: Deps,
  order: OrderReading | 'gone',
  telling: Telling,
): Promise<Verdict> {
  const { paymentId, attempt, money, now } = telling;
  const isPlain = attempt === undefined && order !== 'gone' && (order.outstandingMinor ?? 1n) > 0n;
  const others = isPlain ? undefined : await othersOfOrder(deps.db, paymentId);
  const salesBefore = [...(attempt?.salesBefore ?? []), ...(others?.saleIds ?? [])];
  const isClear = others?.mayHaveOther === false;
  return decideFromShopify(order, {
    paidMinor: money.fiatMinor,
    methodNames: methodNamesOf(telling),
    attempt: attempt && { salesBefore },
    byHand: isClear
      ? { names: namesOf(telling), since: money.settledAt, notThese: others.saleIds }
      : undefined,
    settledAgoMs: now.getTime() - money.settledAt.getTime(),
  });
}

async function tell(
  deps: Deps,
  about: {
    telling: Telling;
    storefront: Storefront;
    verdict: Extract<Verdict, { do: 'mark' | 'record_part' }>;
    order: OrderReading;
  },
): Promise<StepEnd> {
  const { telling, storefront, verdict, order } = about;
  const { paymentId, row, money } = telling;
  const salesBefore = telling.attempt?.salesBefore ?? order.sales.map((sale) => sale.id);
  const amount = decimalOf(verdict.toldMinor, money.currency);
  const askedAt = deps.clock();
  const began = await beginTelling(deps.db, {
    paymentId,
    leaseNo: row.leaseNo,
    salesBefore,
    methodName: telling.methodName,
    details: { do: verdict.do, amount, currency: money.currency },
  });
  if (!began) return 'stored';
  // Who slept meanwhile is not the only one who tells it any more.
  if (deps.clock().getTime() - askedAt.getTime() > leaseMs) {
    return { dueInMs: 0, attempt: false };
  }
  const outcome = await send(storefront, telling, verdict);
  if (outcome.is === 'done') {
    const sales = outcome.sales ?? [];
    const sale = saleOfOurs(sales, { salesBefore, methodNames: methodNamesOf(telling) });
    const recorded = sale === undefined ? {} : asRecorded(sale, money.fiatMinor);
    return conclude(deps, telling, { ...verdict, ...recorded }, sale?.id);
  }

  // Shopify's rules said no. Its words are no contract: the order itself says what is true.
  await note(deps.db.pool, paymentId, { what: 'tell_refused', details: { why: outcome.why } });
  deps.log.warn({ paymentId, shopId: telling.shopId, why: outcome.why }, 'payment.tell_refused');
  const again = await storefront.readOrder(telling.originId);
  const settled = await decide(deps, again, { ...telling, attempt: { salesBefore } });
  if (settled.do === 'mark' || settled.do === 'record_part') {
    return { dueInMs: Math.max(tellAgainMs(row.attempts + 1), 1_000), attempt: true };
  }
  return conclude(deps, telling, settled);
}

function send(
  storefront: Storefront,
  telling: Telling,
  verdict: Extract<Verdict, { do: 'mark' | 'record_part' }>,
): Promise<TellOutcome> {
  if (verdict.do === 'mark') return storefront.markPaid(telling.originId);
  return storefront.recordPart(telling.originId, {
    amountMinor: verdict.toldMinor,
    currency: telling.money.currency,
    methodName: telling.methodName,
    paidAt: telling.money.settledAt,
  });
}

const reasonOf = (verdict: Exclude<Verdict, { do: 'wait' }>): Reason => {
  switch (verdict.do) {
    case 'mark':
      return 'told_shopify';
    case 'record_part':
      return 'told_part';
    case 'accept':
    case 'strand':
      return verdict.because;
  }
};

/** What a person has to look at, if anything. */
function attentionOf(
  verdict: Exclude<Verdict, { do: 'wait' }>,
  paidMinor: Minor,
): 'stranded' | 'overpaid' | 'marked_too_much' | undefined {
  if (verdict.do === 'strand') return 'stranded';
  if (verdict.surplusMinor > 0n) return 'overpaid';
  return verdict.toldMinor > paidMinor ? 'marked_too_much' : undefined;
}

/** Of what was held whole satoshis are given back: no less can be. */
function postingsOf(verdict: Exclude<Verdict, { do: 'wait' }>, telling: Telling): Posting[] {
  const { shopId, money, wasHeld } = telling;
  const at = { shopId, awaitingMsat: money.amountMsat };
  return wasHeld && verdict.do !== 'strand'
    ? postingsOfCapture(verdict, at)
    : postingsOfVerdict(verdict, at);
}

/** Shopify's yes or no, with its postings, in one move. */
async function conclude(
  deps: Deps,
  telling: Telling,
  verdict: Verdict,
  saleId = verdict.do === 'accept' ? verdict.saleId : undefined,
): Promise<StepEnd> {
  if (verdict.do === 'wait') return { dueInMs: waitMs, attempt: true };
  const { paymentId, shopId, money, row } = telling;
  const stranded = verdict.do === 'strand';
  const because = reasonOf(verdict);
  const postings = postingsOf(verdict, telling);
  const rest = postings.find(({ to }) => to.startsWith('overpaid:'));
  const asked = attentionOf(verdict, money.fiatMinor);
  const attention = asked === 'overpaid' && rest === undefined ? undefined : asked;
  const isMoved = await movePayment(deps.db.pool, {
    paymentId,
    move: stranded ? { from: 'settled', to: 'stranded' } : { from: 'settled', to: 'resolved' },
    because,
    leaseNo: row.leaseNo,
    journal: `verdict:${paymentId}`,
    postings,
    details: stranded
      ? {}
      : { told: decimalOf(verdict.toldMinor, money.currency), currency: money.currency },
    ...(stranded ? {} : { toldMinor: verdict.toldMinor }),
    ...(saleId === undefined ? {} : { toldSale: saleId }),
    ...(attention === undefined ? {} : { attention }),
  });
  if (stranded) deps.log.error({ paymentId, shopId, because }, 'payment.stranded');
  else deps.log.info({ paymentId, shopId, because, to: 'resolved' }, 'payment.resolved');
  if (isMoved && !stranded && telling.wasHeld && rest !== undefined) {
    await giveBackRest(deps, { shopId, paymentId, seenMsat: rest.amountMsat });
  }
  return 'stored';
}
