// Figures that are read from counts: how long most waited, told from how many waited for how long.
import { assert } from './trouble.ts';

/**
 * How many waits took at most 1.1^step ms. Steps grow by a tenth, so what is read from them is at
 * most a tenth above the true figure and never below it.
 */
export type WaitStep = { step: number; told: bigint };

/** The longest wait of a step, in ms. */
export const longestOfStepMs = (step: number): number => Math.round(1.1 ** step);

/**
 * The wait that this share of all does not exceed, in ms; undefined without any. `permille` is 500
 * for the median and 990 for the 99th percentile.
 */
export function waitOf(steps: readonly WaitStep[], permille: bigint): number | undefined {
  assert(permille > 0n && permille <= 1_000n, 'a share above zero, and at most all');
  const rising = steps.toSorted((a, b) => a.step - b.step);
  const all = rising.reduce((sum, { told }) => sum + told, 0n);
  // The smallest rank that has this share at or below it, counted from one.
  const rank = (all * permille + 999n) / 1_000n;
  let seen = 0n;
  for (const { step, told } of rising) {
    seen += told;
    if (told > 0n && seen >= rank) return longestOfStepMs(step);
  }
  return undefined;
}
