// A hold: the buyer has paid, and the node keeps the money between the two until the merchant says
// to charge it or to give it back. The buyer's money and the channels on its way are locked
// meanwhile, so each hold has an end, well before the node would end it by itself or a channel
// would be closed for it.
import { accountOf, type Posting } from './ledger.ts';
import { msat, shareRoundedDown, type Minor, type Msat } from './money.ts';
import { isUnpaid, type PaymentState } from './payment.ts';

/** The CLTV delta that a hold invoice asks of its payer, in blocks: about two days. */
export const holdCltvBlocks = 312;

/** LND cancels a held invoice so many blocks before its HTLCs time out. Source: LND 0.21. */
const nodeMarginBlocks = 18;
/** So many blocks before that we give the money back ourselves. */
const ourMarginBlocks = 6;

/** Blocks may come quicker than every ten minutes; over two days they are never that quick. */
const quickBlockMs = 8 * 60_000;

/** A capture that was asked for in the last moment may come so much later. */
const graceMs = 10 * 60_000;

const blocksLeft = (about: { heldUntilHeight: number; height: number }): number =>
  Math.max(0, about.heldUntilHeight - nodeMarginBlocks - ourMarginBlocks - about.height);

/** Until when it may be charged, as Shopify is told: earlier than the height would allow. */
export const holdEndsAt = (about: { heldUntilHeight: number; height: number; now: Date }): Date =>
  new Date(about.now.getTime() + blocksLeft(about) * quickBlockMs);

/** Before anybody has paid: by when it is given back at the latest, if it is paid in time. */
export const latestHoldEnd = (lapsesAt: Date): Date =>
  new Date(lapsesAt.getTime() + holdCltvBlocks * quickBlockMs);

/** Whether it is to be given back, by the height of the chain or by the time that was told. */
export const isHoldOver = (about: {
  heldUntilHeight: number;
  height: number;
  endsAt: Date;
  now: Date;
}): boolean => blocksLeft(about) === 0 || about.now.getTime() > about.endsAt.getTime() + graceMs;

/** Whether what was held has timed out by itself, whatever its node knows of it. */
export const isHoldPast = (about: { heldUntilHeight: number; height: number }): boolean =>
  about.height >= about.heldUntilHeight;

/** So old the reading of an order may be on which its money is charged. */
export const orderFreshMs = 60_000;
/** A wish to charge on so old a reading is with no node any more: each call has its deadline. */
export const staleWishMs = 2 * orderFreshMs;

/** What became of a charge or of a giving back. Only the first two are a yes. */
export const holdOutcomes = {
  captured: 'It was charged.',
  voided: 'The buyer has the money back, and nothing was charged.',
  expired: 'The time to charge it was over: the buyer has the money back.',
  captured_before: 'It was charged before.',
  not_held: 'No money is held for it.',
  wrong_amount: 'The amount is none, or more than what is held.',
  order_over: 'The order was cancelled, or needs no money any more: the buyer has it back.',
} as const satisfies Record<string, string>;
export type HoldOutcome = keyof typeof holdOutcomes;

export type HoldAsked =
  | { kind: 'capture'; isCapturing: boolean; amountMinor: Minor | null; currency: string | null }
  | { kind: 'void' };

/** How a payment stands towards what is asked of its hold. */
export type HoldStanding = {
  state: PaymentState;
  isAuthorization: boolean;
  /** Shopify has taken the word that it is authorized. */
  isTold: boolean;
  /** Another request is to get its money, or has got it. */
  isCapturing: boolean;
  owedMinor: Minor;
  currency: string;
};

export type HoldDecision =
  { do: 'capture' } | { do: 'release' } | { do: 'wait' } | { do: 'answer'; outcome: HoldOutcome };

/**
 * What follows from Shopify's question. Money that is on its way back stays on its way, and is no
 * answer before the node has said so; money that is being charged is no void any more.
 */
export function decideHold(asked: HoldAsked, payment: HoldStanding): HoldDecision {
  const answer = (outcome: HoldOutcome): HoldDecision => ({ do: 'answer', outcome });
  if (!payment.isAuthorization) return answer('not_held');
  switch (payment.state) {
    case 'open':
      return answer('not_held');
    case 'closing':
      return { do: 'wait' };
    case 'lapsed':
    case 'rejected':
      return answer(asked.kind === 'void' ? 'voided' : 'expired');
    case 'held':
      return decideHeld(asked, payment);
    case 'settled':
    case 'resolved':
    case 'stranded':
      // Whoever captured it is told by the payment's own step.
      return asked.kind === 'capture' && asked.isCapturing
        ? { do: 'wait' }
        : answer('captured_before');
  }
}

function decideHeld(asked: HoldAsked, payment: HoldStanding): HoldDecision {
  if (asked.kind === 'void') {
    return payment.isCapturing ? { do: 'wait' } : { do: 'release' };
  }
  if (asked.isCapturing) return { do: 'wait' };
  if (payment.isCapturing) return { do: 'answer', outcome: 'captured_before' };
  const { amountMinor, currency } = asked;
  const fits =
    amountMinor !== null &&
    amountMinor > 0n &&
    amountMinor <= payment.owedMinor &&
    currency === payment.currency;
  if (!fits) return { do: 'answer', outcome: 'wrong_amount' };
  return payment.isTold ? { do: 'capture' } : { do: 'wait' };
}

/** Before its end the merchant is told once more that somebody has to decide. */
export const holdEndsSoonMs = 6 * 3_600_000;
/** So often the order of what is held is read again, whoever has told us of it. */
const lookAtHeldOrderMs = 10 * 60_000;

/** When a held payment of an order is looked at next: to read its order, or to tell of its end. */
export function nextLookAtHeld(about: { endsAt: Date; now: Date }): number {
  const warnInMs = about.endsAt.getTime() - holdEndsSoonMs - about.now.getTime();
  return warnInMs > 0 ? Math.min(lookAtHeldOrderMs, warnInMs + 1_000) : lookAtHeldOrderMs;
}

/** `charge`: once its order was read again, and still owes. */
export type StaffDecision = Exclude<HoldDecision, { do: 'capture' }> | { do: 'charge' };

/**
 * What follows from what a member of staff asked of a held order. `closedBecause`: why no money was
 * wanted any more, where that is so. Shopify knows nothing of a hold there, and is not answered.
 */
export function decideStaff(
  asked: { kind: 'capture' | 'void'; isCapturing: boolean },
  payment: { state: PaymentState; isCapturing: boolean; closedBecause: string | undefined },
): StaffDecision {
  const { state, isCapturing, closedBecause } = payment;
  const answer = (outcome: HoldOutcome): StaffDecision => ({ do: 'answer', outcome });
  if (state === 'open') return answer('not_held');
  if (state === 'closing') return { do: 'wait' };
  if (state === 'held') {
    if (asked.kind === 'void') return isCapturing ? { do: 'wait' } : { do: 'release' };
    return isCapturing ? answer('captured_before') : { do: 'charge' };
  }
  if (isUnpaid(state)) {
    if (asked.kind === 'void' || closedBecause === 'hold_voided') return answer('voided');
    const isOver = closedBecause === undefined || closedBecause === 'hold_over';
    return answer(isOver ? 'expired' : 'order_over');
  }
  return answer(asked.isCapturing ? 'captured' : 'captured_before');
}

/**
 * What a capture moves: what it asked for to `resolved`, and of the rest whole satoshis to
 * `overpaid`, since no less can be given back.
 */
export function postingsOfCapture(
  captured: { toldMinor: Minor; surplusMinor: Minor },
  money: { shopId: number; awaitingMsat: Msat },
): Posting[] {
  const { toldMinor, surplusMinor } = captured;
  const { shopId, awaitingMsat } = money;
  const restMsat = shareRoundedDown(awaitingMsat, {
    part: surplusMinor,
    whole: toldMinor + surplusMinor,
  });
  const surplusMsat = msat(restMsat - (restMsat % 1_000n));
  const from = accountOf('awaiting', shopId);
  const toldMsat = msat(awaitingMsat - surplusMsat);
  return [
    { from, to: accountOf('resolved', shopId), amountMsat: toldMsat },
    { from, to: accountOf('overpaid', shopId), amountMsat: surplusMsat },
  ].filter((posting) => posting.amountMsat > 0n);
}

/** Shopify's words for a no. Source: Payments Apps API, CaptureSession- and VoidSession-. */
export type HoldRejection = 'AUTHORIZATION_EXPIRED' | 'PROCESSING_ERROR';
export const rejectionOfCapture = (outcome: HoldOutcome): HoldRejection =>
  outcome === 'expired' ? 'AUTHORIZATION_EXPIRED' : 'PROCESSING_ERROR';

const outcomes: ReadonlySet<string> = new Set(Object.keys(holdOutcomes));
/** Our own word, read back. */
export const holdOutcomeOf = (stored: string | null): HoldOutcome | undefined =>
  stored !== null && outcomes.has(stored) ? (stored as HoldOutcome) : undefined;
