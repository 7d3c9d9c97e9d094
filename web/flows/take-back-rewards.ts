// asked, claimable -> withdrawn, of the rewards of an order that is cancelled: what nobody has
// claimed goes back to the shop.
import { withdrawRefund } from '../db/refunds.ts';
import { endRewardsOfOrder } from '../db/rewards.ts';
import type { Deps } from './flow.ts';

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
