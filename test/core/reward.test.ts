import fc from 'fast-check';
import { expect, test } from 'vitest';
import { msat } from '../../web/core/money.ts';
import { readRewardWish, rewardBp, rewardOf } from '../../web/core/reward.ts';

const terms = { partBp: 100, leastMsat: msat(0n), mostMsat: msat(10_000_000n) };
const of = (kept: bigint, more: Partial<typeof terms> & { left?: bigint } = {}) => {
  const { left = kept, ...others } = more;
  return rewardOf({ ...terms, ...others }, { keptMsat: msat(kept), leftMsat: msat(left) });
};

test('whatever is paid: whole sats, rounded down, within part, most and what is left', () => {
  const amount = fc.bigInt({ min: 0n, max: 21_000_000n * 100_000_000n * 1_000n });
  const sats = fc.bigInt({ min: 1n, max: 10_000_000_000n });
  const part = fc.integer({ min: rewardBp.least, max: rewardBp.most });
  fc.assert(
    fc.property(amount, amount, sats, part, (kept, taken, mostSats, partBp) => {
      const left = kept > taken ? kept - taken : 0n;
      const most = mostSats * 1_000n;
      const reward = of(kept, { left, partBp, mostMsat: msat(most) });
      const exact = kept * BigInt(partBp);
      const bounds = [exact / 10_000n, most, left];
      const bound = bounds.reduce((a, b) => (a < b ? a : b));
      if (reward === undefined) {
        expect(bound).toBeLessThan(1_000n);
        return;
      }
      expect(reward % 1_000n).toBe(0n);
      expect(reward).toBeGreaterThanOrEqual(1_000n);
      expect(reward).toBeLessThanOrEqual(bound);
      // Less than one satoshi is rounded off.
      expect(bound - reward).toBeLessThan(1_000n);
      expect(reward * 10_000n).toBeLessThanOrEqual(exact);
      expect(reward * 5n).toBeLessThanOrEqual(kept);
    }),
  );
});

test('less than a satoshi is nothing, and so is a payment below the smallest', () => {
  expect(of(99_999n)).toBeUndefined();
  expect(of(100_000n)).toBe(1_000n);
  expect(of(199_999n)).toBe(1_000n);
  expect(of(0n)).toBeUndefined();
  expect(of(999_999n, { leastMsat: msat(1_000_000n) })).toBeUndefined();
  expect(of(1_000_000n, { leastMsat: msat(1_000_000n) })).toBe(10_000n);
});

const wish = {
  ...{ isOn: true, percent: '1.5', leastSats: '0', mostSats: '10000', waitDays: '14' },
  claimDays: '90',
};

test('a wish is read as it was typed', () => {
  expect(readRewardWish({ ...wish, percent: ' 1,5 % ', waitDays: '0' })).toEqual({
    ...{ rewardsOn: true, partBp: 150, leastMsat: 0n, mostMsat: 10_000_000n },
    ...{ waitDays: 0, claimDays: 90 },
  });
});

test.for([
  [{ percent: '0' }, 'part_unreadable'],
  [{ percent: '0.09' }, 'part_unreadable'],
  [{ percent: '20.01' }, 'part_unreadable'],
  [{ percent: 'much' }, 'part_unreadable'],
  [{ leastSats: '-1' }, 'least_unreadable'],
  [{ leastSats: '1.5' }, 'least_unreadable'],
  [{ mostSats: '0' }, 'most_unreadable'],
  [{ mostSats: '10000000001' }, 'most_unreadable'],
  [{ waitDays: '366' }, 'wait_unreadable'],
  [{ waitDays: '' }, 'wait_unreadable'],
  [{ claimDays: '0' }, 'claim_unreadable'],
  [{ claimDays: '1e2' }, 'claim_unreadable'],
] as const)('%j is %s', ([some, refusal]) => {
  expect(readRewardWish({ ...wish, ...some })).toBe(refusal);
});
