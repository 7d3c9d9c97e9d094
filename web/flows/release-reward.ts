// asked -> claimable, of a reward: the days for a return are over. Also what becomes of the rewards
// of an order that is cancelled: what nobody has claimed goes back to the shop.
import type { RefundRow } from '../db/refunds.ts';
import { withdrawRefund } from '../db/refunds.ts';
import { endRewardsOfOrder, rewardById, rewardIsReady } from '../db/rewards.ts';
import type { Deps, StepEnd } from './flow.ts';

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
  if (await rewardIsReady(deps.db, { id, paymentId, leaseNo })) {
    deps.log.info({ refundId: id, paymentId, shopId, to: 'claimable' }, 'reward.ready');
  }
  return 'stored';
}

/** Whoever dies on the way looks at the order again, and finds what is left. */
export async function takeBackRewards(
  deps: Pick<Deps, 'db' | 'log'>,
  order: { shopId: number; originId: string },
): Promise<void> {
  const because = 'order_cancelled';
  for (const { id, paymentId } of await endRewardsOfOrder(deps.db, order)) {
    if (!(await withdrawRefund(deps.db, { id, paymentId, because }))) continue;
    const facts = { refundId: id, paymentId, shopId: order.shopId, because, to: 'withdrawn' };
    deps.log.info(facts, 'refund.withdrawn');
  }
}
