// stranded -> resolved: a person has settled it with the buyer, and says so. We hold no money and
// ask nobody; what is written is who said it and when. There is no way back.
import { accountOf } from '../core/ledger.ts';
import { transaction, type Database } from '../db/database.ts';
import { movePayment, paymentById, strandedMoney, type MoveOrder } from '../db/payments.ts';
import { freeGroup } from '../db/sessions.ts';
import type { Log } from './flow.ts';

export type SettledByHand =
  | { ok: true }
  | {
      ok: false;
      /** It is not this shop's, or not stuck any more: perhaps somebody was faster. */
      refusal: 'unknown_payment' | 'not_stranded';
    };

export async function settleByHand(
  deps: { db: Database; log: Log },
  about: {
    shopId: number;
    paymentId: string;
    /** Shopify's id of the staff member, from the session token; undefined where it names none. */
    staffId: string | undefined;
  },
): Promise<SettledByHand> {
  const { shopId, paymentId, staffId } = about;
  const payment = await paymentById(deps.db, paymentId);
  if (payment?.shopId !== shopId) return { ok: false, refusal: 'unknown_payment' };
  const money = await strandedMoney(deps.db, paymentId);
  if (money === undefined) return { ok: false, refusal: 'not_stranded' };
  const { account, amountMsat } = money;
  const move: MoveOrder = {
    paymentId,
    move: { from: 'stranded', to: 'resolved' },
    because: 'settled_by_hand',
    journal: `by_hand:${paymentId}`,
    postings: [{ from: account, to: accountOf('resolved', shopId), amountMsat }],
    details: { by: staffId ?? 'unknown' },
    // The money of a second payment is the buyer's, and stands where such money does.
    answersAttention: account === accountOf('overpaid', shopId) ? 'overpaid' : 'stranded',
  };
  const moved = await transaction(deps.db, async (on) => {
    const isMoved = await movePayment(on, move);
    // Until then nobody was asked to pay the same purchase twice. From here on a buyer who comes
    // back to the checkout would be kept out of it for ever.
    if (isMoved) await freeGroup(on, paymentId);
    return isMoved;
  });
  if (!moved) return { ok: false, refusal: 'not_stranded' };
  deps.log.info({ paymentId, shopId, because: 'settled_by_hand', staffId }, 'payment.resolved');
  return { ok: true };
}
