// A member of staff sends the link of a refund to its buyer. The address is handed to the mail
// server and kept nowhere: not in a row, not in a log.
import type { AlertWays } from '../core/alert.ts';
import type { Database } from '../db/database.ts';
import { refundOfShop } from '../db/views/refunds.ts';
import type { Log } from './flow.ts';

export type LinkMailed =
  { ok: true } | { ok: false; refusal: 'unknown_refund' | 'refund_not_claimable' | 'no_mail' };

/** Throws Trouble when the mail server does not take it. */
export async function mailClaimLink(
  deps: { db: Database; log: Log; alertWays: AlertWays },
  asked: {
    shopId: number;
    refundId: string;
    to: string;
    /** In the buyer's language; the link stands in it. */
    letter: { subject: string; text: string };
  },
): Promise<LinkMailed> {
  const { email } = deps.alertWays;
  if (email === undefined) return { ok: false, refusal: 'no_mail' };
  const refund = await refundOfShop(deps.db, { shopId: asked.shopId, id: asked.refundId });
  if (refund === null) return { ok: false, refusal: 'unknown_refund' };
  if (refund.state !== 'claimable') return { ok: false, refusal: 'refund_not_claimable' };
  await email({ id: `refund-${refund.id}-${String(Date.now())}`, to: asked.to, ...asked.letter });
  const { id, paymentId, shopId } = refund;
  deps.log.info({ refundId: id, paymentId, shopId }, 'refund.link_mailed');
  return { ok: true };
}
