// The payments app's form of the terms of rewards. What was typed is read by `core/reward.ts`.
import { z } from 'zod';
import { satsOf } from '../../core/money.ts';
import { rewardRefusals, type RewardRefusal } from '../../core/reward.ts';
import { partText } from '../../core/share.ts';
import { hasPurse, rewardTermsOf, siblingsOf } from '../../db/views.ts';
import type { ShownRewards, TypedRewards } from '../../frontend/payments/view.ts';
import type { Doors } from '../doors.ts';

const typed = z.string().max(20);

/** What the page sends. A browser leaves out a box that is not ticked. */
export const rewardsForm = z.object({
  on: z.literal('yes').optional(),
  ...{ percent: typed, mostSats: typed, leastSats: typed, waitDays: typed, claimDays: typed },
});

const fieldOf: Record<RewardRefusal, keyof TypedRewards> = {
  ...{ part_unreadable: 'percent', most_unreadable: 'mostSats', least_unreadable: 'leastSats' },
  ...{ wait_unreadable: 'waitDays', claim_unreadable: 'claimDays', unreadable: 'percent' },
};

export type RefusedRewards = Pick<ShownRewards, 'isOn' | 'values' | 'wrong'>;

/** What was typed, and why it is not taken. */
export function refusedRewards(about: {
  typed: TypedRewards;
  isOn: boolean;
  refusal: RewardRefusal;
}): RefusedRewards {
  const { typed: values, isOn, refusal } = about;
  const sentence = rewardRefusals[refusal];
  return { isOn, values, wrong: { field: fieldOf[refusal], refusal, sentence } };
}

/** What is stored. */
export async function shownRewards({ deps: { db } }: Doors, shopId: number): Promise<ShownRewards> {
  const [terms, canPay, others] = await Promise.all([
    rewardTermsOf(db, shopId),
    hasPurse(db, shopId),
    siblingsOf(db, shopId),
  ]);
  return {
    ...{ setInAdmin: others.length > 0, isOn: terms.rewardsOn, canPay },
    values: {
      percent: partText(terms.partBp),
      ...{ mostSats: satsOf(terms.mostMsat), leastSats: satsOf(terms.leastMsat) },
      ...{ waitDays: String(terms.waitDays), claimDays: String(terms.claimDays) },
    },
  };
}
