// A person has done what a payment asked for, and says so. Money moves in the books only: what was
// given back went from the merchant's own wallet, and we could not send it.
import {
  isAnswerable,
  isGoneAnswer,
  isNodeQuestion,
  mayAnswer,
  type Answer,
} from '../core/attention.ts';
import type { Msat } from '../core/money.ts';
import { stillDue } from '../core/payment.ts';
import { endAttention, endNodeGone } from '../db/attentions.ts';
import { paymentById, type PaymentRow } from '../db/payments.ts';
import type { Deps } from './flow.ts';

export type Answered =
  | { ok: true }
  | {
      ok: false;
      /**
       * It is not this shop's; or it asks for something else by now, or for another amount; or its
       * order is to be settled by hand first.
       */
      refusal: 'unknown_payment' | 'not_asked' | 'order_still_owes';
    };

export async function answerAttention(
  deps: Pick<Deps, 'db' | 'log' | 'storefronts'>,
  about: {
    shopId: number;
    paymentId: string;
    /** What the person saw it ask for, and the amount to be given back. */
    attention: string;
    seenMsat: Msat;
    answer: Answer;
    /** Shopify's id of the staff member, from the session token; undefined where it names none. */
    staffId: string | undefined;
  },
): Promise<Answered> {
  const { shopId, paymentId, attention, answer, seenMsat, staffId } = about;
  const payment = await paymentById(deps.db, paymentId);
  if (payment?.shopId !== shopId) return { ok: false, refusal: 'unknown_payment' };
  const fits = isAnswerable(attention) && mayAnswer(attention, answer);
  const by = staffId ?? 'unknown';
  if (!fits) return { ok: false, refusal: 'not_asked' };
  if (answer === 'seen_paid' && (await stillOwes(deps, payment))) {
    return { ok: false, refusal: 'order_still_owes' };
  }
  const isEnded =
    isNodeQuestion(attention) && isGoneAnswer(answer)
      ? await endNodeGone(deps.db, { shopId, paymentId, attention, answer, by })
      : await endAttention(deps.db, { shopId, paymentId, attention, answer, seenMsat, by });
  if (!isEnded) return { ok: false, refusal: 'not_asked' };
  deps.log.info({ paymentId, shopId, attention, answer, staffId }, 'payment.answered');
  return { ok: true };
}

/** There is no proof of what a person saw, so Shopify is not told: the order must have it. */
async function stillOwes(deps: Pick<Deps, 'storefronts'>, payment: PaymentRow): Promise<boolean> {
  if (payment.origin !== 'order') return false;
  const order = await (await deps.storefronts.of(payment.shopId)).readOrder(payment.originId);
  return order !== 'gone' && stillDue(order).is !== 'over';
}
