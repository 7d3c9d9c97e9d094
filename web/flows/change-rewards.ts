// What a merchant wishes of rewards: whether buyers get any, how much, and when. What was booked
// before stays what it was.
import { readRewardWish, type RewardRefusal, type RewardWish } from '../core/reward.ts';
import type { Database } from '../db/database.ts';
import { storeRewardTerms } from '../db/rewards.ts';
import type { Log } from './flow.ts';

export type RewardsChanged = { ok: true } | { ok: false; refusal: RewardRefusal };

export async function changeRewardTerms(
  { db, log }: { db: Database; log: Log },
  asked: RewardWish & { shopId: number; staffId: string | undefined },
): Promise<RewardsChanged> {
  const { shopId, staffId, ...wish } = asked;
  const terms = readRewardWish(wish);
  if (typeof terms === 'string') return { ok: false, refusal: terms };
  await storeRewardTerms(db, { shopId, ...terms });
  const { rewardsOn, partBp, waitDays, claimDays } = terms;
  log.info({ shopId, staffId, rewardsOn, partBp, waitDays, claimDays }, 'rewards.terms');
  return { ok: true };
}
