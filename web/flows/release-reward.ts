// asked -> claimable, of a reward: the days for a return are over. What its order has given back,
// or that it was cancelled, may have been told to nobody of us: Shopify is asked once more.
import { paymentById } from '../db/payments.ts';
import type { RefundRow } from '../db/refunds.ts';
import { rewardById, rewardIsReady } from '../db/rewards.ts';
import type { Deps, StepEnd } from './flow.ts';
import { lookAtOrderNow } from './look-at-order.ts';
import { openOrderRefunds } from './open-order-refunds.ts';

/** Shopify is just being told of a payment of the order. */
const againMs = 30_000;

export async function releaseReward(
  deps: Deps,
  { refund, leaseNo }: { refund: RefundRow; leaseNo: number },
): Promise<StepEnd> {
  const { id, paymentId, shopId } = refund;
  const claimableAt = (await rewardById(deps.db, id))?.claimableAt.getTime();
  // No step helps where its row is missing: it was written by hand, and a person has to look.
  if (claimableAt === undefined) throw new Error('a reward of which nothing was booked');
  const leftMs = claimableAt - deps.clock().getTime();
  if (leftMs > 0) return { dueInMs: leftMs, attempt: false, asked: false };
  const payment = await paymentById(deps.db, paymentId);
  if (payment?.origin === 'order') {
    const seen = await lookAtOrderNow(deps, payment);
    const hasRefunds = seen.is === 'payment' && seen.hasRefunds;
    if (hasRefunds && (await openOrderRefunds(deps, payment)) === 'wait') {
      return { dueInMs: againMs, attempt: true };
    }
  }
  if (await rewardIsReady(deps.db, { id, paymentId, leaseNo })) {
    deps.log.info({ refundId: id, paymentId, shopId, to: 'claimable' }, 'reward.ready');
  }
  return 'stored';
}
