// A refund is asked for: of a part of what was captured, by Shopify or by a member of staff; or of
// what came and nobody owed. It is written down once for whoever asks, bound to a payment of the
// same shop, and never more than what is left. It has no price yet and no money moves: see
// `price-refund`.
import { currencyOf, minorOf, type Minor, type Msat } from '../core/money.ts';
import { byPolicy, leftOf, type RefundOrigin } from '../core/refund.ts';
import type { RefundRefusal } from '../core/refusals.ts';
import { transaction, type Database } from '../db/database.ts';
import {
  openGivenBack,
  openRefundOn,
  refundable,
  type Opened,
  type RefundRow,
  refundTermsOf,
} from '../db/refunds.ts';
import type { Log } from './flow.ts';

type RefundDeps = { db: Database; log: Log };

export type RefundOpened =
  | { ok: true; refund: RefundRow; opened: boolean }
  /** `leftMinor`: with `more_than_captured`, what may still be refunded. */
  | { ok: false; refusal: RefundRefusal; leftMinor?: Minor };

export type RefundAsked = {
  shopId: number;
  paymentId: string;
  /** `admin`: a key that the page made, so that a double click is one refund. */
  origin: Exclude<RefundOrigin, 'attention' | 'reward'>;
  originId: string;
  /** A decimal in the currency of the payment, such as `12.30`. */
  amount: string | undefined;
  currencyCode: string;
  /** Shopify's id of the member of staff; undefined where Shopify asks. */
  staffId: string | undefined;
  /** Why, in the words of the staff. */
  note: string | undefined;
};

/** At most so many letters of a note are kept. */
const longestNote = 500;

/**
 * What a member of staff cannot have is refused. What Shopify asks and cannot be is written down as
 * withdrawn, with the reason, and Shopify is told where it waits for an answer.
 */
export async function openRefund(deps: RefundDeps, asked: RefundAsked): Promise<RefundOpened> {
  const { shopId, paymentId, origin, originId, currencyCode } = asked;
  const amountMinor = amountOf(asked);
  const opened = await transaction(deps.db, (on) =>
    openRefundOn(on, {
      ...{ shopId, paymentId, origin, originId, currencyCode, amountMinor },
      ...{ openedBy: asked.staffId, note: asked.note?.trim().slice(0, longestNote) || undefined },
      keepsRefused: origin !== 'admin',
    }),
  );
  if (opened.is === 'no_such_payment') return { ok: false, refusal: 'unknown_payment' };
  if (opened.is === 'too_early') return { ok: false, refusal: 'nothing_captured' };
  if (opened.is === 'refused') {
    const payment = await refundable(deps.db.pool, { shopId, paymentId });
    const left = opened.because === 'more_than_captured' && payment !== null;
    return {
      ...{ ok: false, refusal: opened.because },
      ...(left ? { leftMinor: leftOf(payment) } : {}),
    };
  }
  const { refund } = opened;
  const isSame =
    refund.paymentId === paymentId &&
    refund.currency === currencyCode &&
    refund.amountMinor === (amountMinor ?? 0n);
  if (opened.is === 'known' && !isSame) {
    return { ok: false, refusal: 'refund_exists_with_other_content' };
  }
  logOpened(deps.log, opened);
  return { ok: true, refund, opened: opened.is === 'opened' };
}

/** Undefined for what is no amount of the currency. */
export function amountOf(asked: {
  amount: string | undefined;
  currencyCode: string;
}): Minor | undefined {
  const currency = currencyOf(asked.currencyCode);
  if (asked.amount === undefined || currency === undefined) return undefined;
  const amountMinor = minorOf(asked.amount, currency);
  return amountMinor === undefined || amountMinor <= 0n ? undefined : amountMinor;
}

export function logOpened(log: Log, opened: Exclude<Opened, { is: 'refused' }>): void {
  if (opened.is === 'known') return;
  const { id, paymentId, shopId, origin, state, reason } = opened.refund;
  const facts = { refundId: id, paymentId, shopId, origin, to: state, because: reason };
  if (state === 'withdrawn') log.warn(facts, 'refund.refused');
  else log.info(facts, 'refund.opened');
}

/**
 * Gives back what came and nobody owed - too much, a second payment, or what Shopify does not take
 * - as a refund that its buyer claims. `seenMsat`: what the member of staff saw as to be given
 * back; if it is another amount by now, nothing is done. What was stranded is settled with it.
 */
export async function giveBackAsRefund(
  deps: RefundDeps,
  asked: { shopId: number; paymentId: string; seenMsat: Msat; staffId: string | undefined },
): Promise<RefundOpened> {
  const { shopId, paymentId } = asked;
  const opened = await openGivenBack(deps.db, { ...asked, by: asked.staffId ?? 'unknown' });
  if (opened === 'unknown_payment' || opened === 'nothing_to_give_back') {
    return { ok: false, refusal: opened };
  }
  logOpened(deps.log, opened);
  deps.log.info({ paymentId, shopId, attention: 'refund' }, 'payment.answered');
  return { ok: true, refund: opened.refund, opened: true };
}

/**
 * A node takes all that it holds: what is too much of it is given back by nobody's wish, where
 * refunds are on. Where they are off nobody would pay it, so a person is asked, as the payment says
 * already; the same where this fails or dies.
 */
export async function giveBackRest(
  deps: RefundDeps,
  rest: { shopId: number; paymentId: string; seenMsat: Msat },
): Promise<void> {
  const { refundsOn } = await refundTermsOf(deps.db, rest.shopId);
  if (refundsOn) await giveBackAsRefund(deps, { ...rest, staffId: byPolicy });
}
