// A settled payment that Shopify has accepted: what its buyer gets back of it by the shop's rule is
// booked, once for ever, after the shares of others and by the terms of that moment. Shopify is not
// told: it is no refund.
import { rewardOf } from '../core/reward.ts';
import { bookReward as book, paymentToReward } from '../db/rewards.ts';
import type { Step } from './flow.ts';

/** Shares are booked within moments, unless their shop cannot be asked. */
const sharesAgainMs = 1_000;
const longestAgainMs = 600_000;

export const bookReward: Step = async (deps, row) => {
  const payment = await paymentToReward(deps.db, row.id);
  if (payment === null) return { dueInMs: undefined, attempt: false, asked: false };
  if (payment.sharesWait) {
    const dueInMs = Math.min(sharesAgainMs * 2 ** Math.min(row.attempts, 20), longestAgainMs);
    return { dueInMs, attempt: true, asked: false };
  }
  const { paymentId, shopId } = payment;
  let amountMsat: bigint | undefined;
  const done = await book(deps.db, { payment, leaseNo: row.leaseNo }, (there) => {
    const reward = rewardOf(payment, there);
    amountMsat = reward;
    return reward;
  });
  if (done && amountMsat !== undefined) {
    deps.log.info({ paymentId, shopId, amountMsat: amountMsat.toString() }, 'reward.booked');
  }
  return 'stored';
};
