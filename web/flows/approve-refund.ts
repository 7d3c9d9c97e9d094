// asked -> claimable: a member of staff approves a refund that is above what goes out by itself.
import { approveRefund as approve, refundTermsOf } from '../db/refunds.ts';
import { refundOfShop } from '../db/views/refunds.ts';
import type { Database } from '../db/database.ts';
import type { Log } from './flow.ts';

export type RefundApproved =
  { ok: true } | { ok: false; refusal: 'unknown_refund' | 'not_approvable' };

export async function approveRefund(
  deps: { db: Database; log: Log },
  asked: { shopId: number; refundId: string; staffId: string | undefined },
): Promise<RefundApproved> {
  const refund = await refundOfShop(deps.db, { shopId: asked.shopId, id: asked.refundId });
  if (refund === null) return { ok: false, refusal: 'unknown_refund' };
  const { id, shopId, paymentId } = refund;
  const by = asked.staffId ?? 'unknown';
  const { claimDays } = await refundTermsOf(deps.db, shopId);
  if (!(await approve(deps.db, { id, shopId, by, claimDays }))) {
    return { ok: false, refusal: 'not_approvable' };
  }
  deps.log.info(
    { refundId: id, paymentId, shopId, staffId: by, to: 'claimable' },
    'refund.approved',
  );
  return { ok: true };
}
