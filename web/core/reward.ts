// A reward: sats that a buyer gets back by the shop's rule, as a part of what was paid. It waits
// until the days for a return are over, and is then claimed and paid as a refund is; but it is no
// refund: Shopify hears nothing of it, and it counts nowhere against what was captured. What is
// rounded off stays with the shop.
import type { Msat } from './money.ts';
import { msat, MSAT_PER_SAT } from './money.ts';
import { readPart, wholeBp } from './share.ts';
import { assert } from './trouble.ts';

/** From 0.1 % to 20 %. The database and the signer hold to a fifth of what came, whoever asks. */
export const rewardBp = { least: 10, most: 2_000 } as const;
export const mostRewardDays = 365;

export type RewardTerms = {
  rewardsOn: boolean;
  /** Of what was paid, in 1/100 %. */
  partBp: number;
  /** Whole sats; a smaller payment earns nothing. */
  leastMsat: Msat;
  /** Whole sats, of one payment. */
  mostMsat: Msat;
  /** Until it can be claimed: the days in which the goods may come back. */
  waitDays: number;
  /** So long it can be claimed then. */
  claimDays: number;
};

/** What a merchant begins with. */
export const usualRewardTerms: RewardTerms = {
  ...{ rewardsOn: false, partBp: 100, leastMsat: msat(0n), mostMsat: msat(10_000_000n) },
  ...{ waitDays: 14, claimDays: 90 },
};

/**
 * What a payment earns its buyer, rounded down to whole satoshis; undefined: nothing. `keptMsat`:
 * what Shopify accepted of it and was not refunded. `leftMsat`: what still stands in its account,
 * after the shares of others.
 */
export function rewardOf(
  terms: Pick<RewardTerms, 'partBp' | 'leastMsat' | 'mostMsat'>,
  about: { keptMsat: Msat; leftMsat: Msat },
): Msat | undefined {
  const { partBp, leastMsat, mostMsat } = terms;
  const { keptMsat, leftMsat } = about;
  assert(keptMsat >= 0n, 'a reward is of something that came');
  assert(partBp > 0 && partBp <= rewardBp.most, 'a reward is at most a fifth');
  if (keptMsat < leastMsat) return undefined;
  const part: bigint = (keptMsat * BigInt(partBp)) / BigInt(wholeBp);
  const smallest = [part, mostMsat, leftMsat].reduce<bigint>((a, b) => (a < b ? a : b), part);
  const amountMsat = smallest - (smallest % MSAT_PER_SAT);
  return amountMsat > 0n ? msat(amountMsat) : undefined;
}

/** Why a wish is not taken, as its page says it. */
export const rewardRefusals = {
  part_unreadable: 'Give a percentage from 0.1 to 20, such as 1.5.',
  least_unreadable: 'Give the smallest payment as a whole number of satoshis, or 0 for any.',
  most_unreadable: 'Give the most of one payment as a whole number of satoshis above zero.',
  wait_unreadable: 'Give the days until it can be claimed, from 0 to 365.',
  claim_unreadable: 'Give the days in which it can be claimed, from 1 to 365.',
  unreadable: 'Something in it cannot be read.',
} as const satisfies Record<string, string>;
export type RewardRefusal = keyof typeof rewardRefusals;

/** What the merchant's page sends: as it was typed. */
export type RewardWish = {
  isOn: boolean;
  percent: string;
  leastSats: string;
  mostSats: string;
  waitDays: string;
  claimDays: string;
};

/** Up to a hundred bitcoin: more than a channel holds. */
function readSats(text: string): Msat | undefined {
  const digits = text.trim();
  if (!/^\d{1,11}$/.test(digits)) return undefined;
  const amount = BigInt(digits);
  return amount <= 10_000_000_000n ? msat(amount * MSAT_PER_SAT) : undefined;
}

function readDays(text: string, least: number): number | undefined {
  const digits = text.trim();
  if (!/^\d{1,3}$/.test(digits)) return undefined;
  const days = Number(digits);
  return days >= least && days <= mostRewardDays ? days : undefined;
}

/** The terms of a wish, or why it is not taken. */
export function readRewardWish(wish: RewardWish): RewardTerms | RewardRefusal {
  const partBp = readPart(wish.percent.trim().replace(/\s*%$/, ''));
  if (partBp === undefined || partBp < rewardBp.least || partBp > rewardBp.most) {
    return 'part_unreadable';
  }
  const leastMsat = readSats(wish.leastSats);
  if (leastMsat === undefined) return 'least_unreadable';
  const mostMsat = readSats(wish.mostSats);
  if (mostMsat === undefined || mostMsat === 0n) return 'most_unreadable';
  const waitDays = readDays(wish.waitDays, 0);
  if (waitDays === undefined) return 'wait_unreadable';
  const claimDays = readDays(wish.claimDays, 1);
  if (claimDays === undefined) return 'claim_unreadable';
  return { rewardsOn: wish.isOn, partBp, leastMsat, mostMsat, waitDays, claimDays };
}
