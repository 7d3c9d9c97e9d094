// A person has done what a payment asked for, and says so. Money moves in the books only: what was
// given back went from the merchant's own wallet, and we could not send it.
import { isAnswerable, mayAnswer, type Answer } from '../core/attention.ts';
import type { Msat } from '../core/money.ts';
import { endAttention } from '../db/attentions.ts';
import type { Database } from '../db/database.ts';
import { paymentById } from '../db/payments.ts';
import type { Log } from './flow.ts';

export type Answered =
  | { ok: true }
  | {
      ok: false;
      /** It is not this shop's; or it asks for something else by now, or for another amount. */
      refusal: 'unknown_payment' | 'not_asked';
    };

export async function answerAttention(
  deps: { db: Database; log: Log },
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
  if (
    !fits ||
    !(await endAttention(deps.db, { shopId, paymentId, attention, answer, seenMsat, by }))
  ) {
    return { ok: false, refusal: 'not_asked' };
  }
  deps.log.info({ paymentId, shopId, attention, answer, staffId }, 'payment.answered');
  return { ok: true };
}
