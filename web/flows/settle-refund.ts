// claimed -> paid, or back to claimable: what the signer wrote of a claim is taken over. Nothing is
// paid here. While the signer says nothing the refund waits, and nothing of it is lost; the signer
// wakes it.
import { claimIsOver, refundById, refundIsPaid } from '../db/refunds.ts';
import type { Step } from './flow.ts';

/** For a signer that was killed between its word and the nudge. */
const lookAgainMs = 60_000;

export const settleRefund: Step = async (deps, row) => {
  const refund = await refundById(deps.db.pool, row.id);
  if (refund?.state !== 'claimed') return { dueInMs: undefined, attempt: false };
  const { id, paymentId, shopId } = refund;
  const { leaseNo } = row;
  if (await refundIsPaid(deps.db, { id, leaseNo })) {
    deps.log.info({ refundId: id, paymentId, shopId, to: 'paid' }, 'refund.paid');
    return 'stored';
  }
  const because = await claimIsOver(deps.db, { id, leaseNo });
  if (because !== undefined) {
    deps.log.warn({ refundId: id, paymentId, shopId, because, to: 'claimable' }, 'refund.unpaid');
    return 'stored';
  }
  return { dueInMs: lookAgainMs, attempt: false, asked: false };
};
