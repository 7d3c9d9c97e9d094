// asked, claimable -> withdrawn: a member of staff takes a refund back, or says that the buyer has
// the money in another way; or its buyer did not claim it in time. What is claimed may be on its
// way to the buyer at this moment, and is not withdrawn.
import { refundById, withdrawRefund as withdraw } from '../db/refunds.ts';
import { refundOfShop } from '../db/views/refunds.ts';
import type { Database } from '../db/database.ts';
import type { Log, Step } from './flow.ts';

export type RefundWithdrawn =
  { ok: true } | { ok: false; refusal: 'unknown_refund' | 'not_withdrawable' };

export async function withdrawRefund(
  deps: { db: Database; log: Log },
  asked: {
    shopId: number;
    refundId: string;
    /**
     * `given_back_otherwise`: the buyer has the money; it counts as refunded, and Shopify hears so.
     * `taken_back`: the buyer gets nothing, and the amount may be refunded again.
     */
    because: 'given_back_otherwise' | 'taken_back';
    staffId: string | undefined;
  },
): Promise<RefundWithdrawn> {
  const refund = await refundOfShop(deps.db, { shopId: asked.shopId, id: asked.refundId });
  if (refund === null) return { ok: false, refusal: 'unknown_refund' };
  const { id, paymentId, shopId } = refund;
  const { because, staffId } = asked;
  const by = staffId ?? 'unknown';
  if (!(await withdraw(deps.db, { id, paymentId, because, by }))) {
    return { ok: false, refusal: 'not_withdrawable' };
  }
  const facts = { refundId: id, paymentId, shopId, because, staffId: by, to: 'withdrawn' };
  deps.log.info(facts, 'refund.withdrawn');
  return { ok: true };
}

/** The step of a refund that can be claimed: its time is over. */
export const endClaimTime: Step = async (deps, row) => {
  const refund = await refundById(deps.db.pool, row.id);
  if (refund?.state !== 'claimable') return { dueInMs: undefined, attempt: false };
  const leftMs = (refund.claimEndsAt?.getTime() ?? 0) - deps.clock().getTime();
  if (leftMs > 0) return { dueInMs: leftMs, attempt: false, asked: false };
  const { id, paymentId, shopId } = refund;
  const because = 'claim_time_over';
  await withdraw(deps.db, { id, paymentId, because, leaseNo: row.leaseNo });
  deps.log.info({ refundId: id, paymentId, shopId, because, to: 'withdrawn' }, 'refund.withdrawn');
  return 'stored';
};
