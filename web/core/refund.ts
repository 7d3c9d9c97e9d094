// A refund: sats that a shop owes a buyer back, of one payment. Its states, the arrows between
// them, what it is worth, and what may be given to claim it. Who asks for a refund is never who
// pays it: the signer is another program with another credential.
import type { Currency, Minor, Msat } from './money.ts';
import { msat, MSAT_PER_SAT } from './money.ts';
import type { ReadPaymentRequest } from './ports.ts';
import { largestMsat, priceInMsatRoundedDown, type AgreedPrice } from './quote.ts';
import type { ClaimRefusal, RefundRefusal } from './refusals.ts';
import { assert } from './trouble.ts';

/** What each state means. The same sentence stands in the README and on the merchant's page. */
export const refundStates = {
  asked: 'It waits for refunds to be switched on, for its price, or for a person to approve it.',
  claimable: 'Its buyer can say where the sats are to go.',
  claimed: 'Its buyer has said where the sats are to go, and the signer is to send them.',
  paid: 'The paying node says that the buyer has them.',
  withdrawn: 'It is not paid through us any more.',
  done: 'It is over: Shopify knows, or needs not be told.',
} as const satisfies Record<string, string>;
export type RefundState = keyof typeof refundStates;

/** The whole story. An arrow that is not here does not compile and is refused by the database. */
export const refundMoves = {
  asked: ['claimable', 'withdrawn'],
  claimable: ['claimed', 'withdrawn'],
  claimed: ['paid', 'claimable'],
  paid: ['done'],
  withdrawn: ['done'],
  done: [],
} as const satisfies Record<RefundState, readonly RefundState[]>;

/** Why a refund is where it is. State says where, reason says why; at the end it stays. */
export const refundReasons = {
  shopify_asked: 'It was refunded in Shopify.',
  staff_asked: 'A member of staff asked for it.',
  refunds_off: 'Refunds are switched off in the settings.',
  no_price: 'There is no price for it at the moment; it is asked for again.',
  approval_wanted:
    'It is above the amount up to which refunds go out by themselves, or staff gave back a part ' +
    'of the payment here before, and it may be the same.',
  priced: 'Its amount of sats is certain.',
  approved: 'A person approved it.',
  claim_given: 'Its buyer gave an invoice.',
  claim_failed: 'The invoice that its buyer gave could not be paid.',
  claim_over: 'The invoice that its buyer gave ran out, or waited for a week, and was not paid.',
  paid_out: 'The paying node has the proof that it was paid.',
  given_back_otherwise: 'A person says that the buyer has it back in another way.',
  taken_back: 'A person took it back.',
  claim_time_over: 'Its buyer did not claim it in time.',
  nothing_captured: 'Nothing of this payment is recorded as paid at Shopify.',
  more_than_captured: 'It is more than what is left of what was paid.',
  other_currency: 'It is in another currency than the payment.',
  amount_unreadable: 'It has no amount that can be read.',
  too_small: 'It is worth less than one satoshi.',
  is_test: 'Its payment was a test, so nothing moves.',
  reward_waits: 'It can be claimed when the days for a return are over.',
  reward_ready: 'The days for a return are over.',
  reward_shrinks: 'A part of its order was refunded, and it is smaller by that part.',
  reward_grows: 'A refund of its order was withdrawn, and it is larger by that part.',
  order_refunded: 'Its order was refunded before it was claimed.',
  order_cancelled: 'Its order was cancelled before it was claimed.',
} as const satisfies Record<string, string>;
export type RefundReason = keyof typeof refundReasons;

/** Who asked for it. `reward`: nobody, the shop gives it by rule; see core/reward.ts. */
export const refundOrigins = [
  ...(['order_refund', 'refund_session', 'admin', 'attention', 'reward'] as const),
] as const;
export type RefundOrigin = (typeof refundOrigins)[number];

/** Who is written down where nobody but the merchant's policy decided. It approves nothing. */
export const byPolicy = 'policy';

/** From which account of its payment it is taken. */
export type RefundSource = 'resolved' | 'overpaid' | 'stranded';

/**
 * What a refund of an amount of fiat money is worth in sats.
 * - `fiat_today`: its value at the price of the moment in which it is priced.
 * - `sats_paid`: its share of the sats that came.
 * - `lower`: the lower of both.
 */
export const refundPricings = ['fiat_today', 'sats_paid', 'lower'] as const;
export type RefundPricing = (typeof refundPricings)[number];

/** Above so much a person approves, where the merchant has chosen nothing. */
export const usualApprovalMsat = msat(150_000n * MSAT_PER_SAT);

/** Zero or less: always. */
export const wantsApproval = (amountMsat: Msat, thresholdMsat: Msat | null): boolean => {
  const threshold = thresholdMsat ?? usualApprovalMsat;
  return threshold <= 0n || amountMsat > threshold;
};

/** What is known of a payment when something of it is to be given back. */
export type Captured = {
  /** Null: Shopify has recorded nothing of it. */
  capturedMinor: Minor | null;
  currency: Currency;
  /** Of its refunds that are not withdrawn. */
  refundedMinor: Minor;
};

/** What may still be refunded. */
export const leftOf = ({ capturedMinor, refundedMinor }: Captured): Minor =>
  ((capturedMinor ?? 0n) > refundedMinor ? (capturedMinor ?? 0n) - refundedMinor : 0n) as Minor;

export type NotRefundable = Extract<
  RefundRefusal & RefundReason,
  'nothing_captured' | 'more_than_captured' | 'other_currency' | 'amount_unreadable'
>;

/**
 * Why this much cannot be refunded; undefined: it can. `amountMinor` undefined: it is no amount.
 */
export function whyNotRefundable(
  asked: { amountMinor: Minor | undefined; currencyCode: string },
  of: Captured,
): NotRefundable | undefined {
  if (asked.currencyCode !== of.currency) return 'other_currency';
  if (asked.amountMinor === undefined || asked.amountMinor <= 0n) return 'amount_unreadable';
  if (of.capturedMinor === null || of.capturedMinor <= 0n) return 'nothing_captured';
  return asked.amountMinor > leftOf(of) ? 'more_than_captured' : undefined;
}

/** What came for the captured amount. */
export type PaidSats = { amountMsat: Msat; capturedMinor: Minor };

/**
 * The share of the sats that came, rounded down to a whole satoshi: the shares of several refunds
 * are never more than the whole, and less by under one satoshi each.
 */
export function shareOfPaidRoundedDown(amountMinor: Minor, paid: PaidSats): Msat {
  assert(paid.capturedMinor > 0n && amountMinor > 0n, 'a share is of something');
  const by = paid.capturedMinor * MSAT_PER_SAT;
  return msat(((paid.amountMsat * amountMinor) / by) * MSAT_PER_SAT);
}

/** How an amount of sats came about. Stored with the refund; amounts in msat. */
export type RefundEvidence = {
  pricing: RefundPricing;
  /** Which of the two it is. */
  used: 'fiat_today' | 'sats_paid';
  satsPaidMsat: Msat;
  fiatTodayMsat: Msat | undefined;
  paid: PaidSats;
  agreed: AgreedPrice | undefined;
  /** The discount or markup of the payment's own price, in 1/100 %, which goes back as well. */
  adjustmentBp: number;
};

export type Priced =
  | { ok: true; amountMsat: Msat; evidence: RefundEvidence }
  | { ok: false; because: Extract<RefundReason, 'no_price' | 'too_small'> };

/** Whether a policy needs the price of the moment. */
export const needsPrice = (pricing: RefundPricing): boolean => pricing !== 'sats_paid';

/**
 * The sats of a refund, whole and rounded down. `agreed` undefined: there is no price. The buyer
 * who paid with the shop's discount gets back what those sats were worth, and not the discount as
 * well.
 */
export function priceRefund(
  amountMinor: Minor,
  about: {
    pricing: RefundPricing;
    paid: PaidSats;
    agreed: AgreedPrice | undefined;
    adjustmentBp: number;
  },
): Priced {
  const { pricing, paid, agreed, adjustmentBp } = about;
  const satsPaidMsat = shareOfPaidRoundedDown(amountMinor, paid);
  const fiatTodayMsat =
    agreed === undefined ? undefined : priceInMsatRoundedDown(amountMinor, agreed, adjustmentBp);
  if (needsPrice(pricing) && fiatTodayMsat === undefined) return { ok: false, because: 'no_price' };
  const takesPaid =
    pricing === 'sats_paid' || (pricing === 'lower' && satsPaidMsat <= (fiatTodayMsat ?? 0n));
  const amountMsat = takesPaid ? satsPaidMsat : (fiatTodayMsat ?? satsPaidMsat);
  if (amountMsat > largestMsat) return { ok: false, because: 'no_price' };
  if (amountMsat < MSAT_PER_SAT) return { ok: false, because: 'too_small' };
  const used = takesPaid ? 'sats_paid' : 'fiat_today';
  const known = { satsPaidMsat, fiatTodayMsat, paid, agreed, adjustmentBp };
  return { ok: true, amountMsat, evidence: { pricing, used, ...known } };
}

/** A BOLT11 must live at least so long when it is given: the signer sends nothing in its last. */
export const leastLifeMs = 2 * 60_000;

/**
 * Why a BOLT11 is not taken for a refund; undefined: it is. Its hash is the database's to judge.
 */
export function whyNotClaimed(
  read: ReadPaymentRequest | undefined,
  about: {
    amountMsat: Msat;
    network: ReadPaymentRequest['network'];
    /** Payee keys of the shop's own nodes. */
    ownIdentities: readonly string[];
    now: Date;
  },
): Exclude<ClaimRefusal, 'unknown_refund' | 'request_used_before' | 'claim_exists'> | undefined {
  if (read === undefined) return 'request_unreadable';
  if (read.network !== about.network) return 'other_network';
  if (about.ownIdentities.includes(read.payee)) return 'own_invoice';
  if (read.amountMsat === undefined) return 'any_amount';
  if (read.amountMsat !== (about.amountMsat as bigint)) return 'wrong_amount';
  if (read.expiresAt.getTime() - about.now.getTime() < leastLifeMs) return 'request_expired';
  return undefined;
}

/**
 * It comes to nothing by itself, and only a person can say whether its buyer is to have something
 * all the same: Shopify, or a member of staff, takes it for refunded.
 */
export const isUndone = (reason: RefundReason): boolean =>
  reason === 'claim_time_over' ||
  reason === 'more_than_captured' ||
  reason === 'other_currency' ||
  reason === 'amount_unreadable';

/** How Shopify hears of the end of a refund session: whether the buyer has the money. */
export const hasMoney = (reason: RefundReason): boolean =>
  reason === 'paid_out' || reason === 'given_back_otherwise' || reason === 'is_test';

/** A refund that is over counts against what was captured only where the buyer has the money. */
export const isCounted = (refund: { state: RefundState; reason: RefundReason }): boolean => {
  const isOver = refund.state === 'withdrawn' || refund.state === 'done';
  const { reason } = refund;
  return !isOver || reason === 'paid_out' || reason === 'given_back_otherwise';
};
