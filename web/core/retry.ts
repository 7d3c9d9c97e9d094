// When to try again. One place, so that nothing else in the code has an opinion about waiting.

const second = 1_000;
const minute = 60 * second;
const hour = 60 * minute;

/**
 * After which time a verdict is told again: about a day of steps, then every four hours for ever.
 */
const tellSteps = [
  ...[0, 5, 10, 30, 45].map((n) => n * second),
  ...[1, 2, 5, 12, 38].map((n) => n * minute),
  ...[1, 2, 4].map((n) => n * hour),
];

/** So long ago Shopify must have refused first to hear the end of a refund. */
export const believeRefusalMs = hour;

/** How long an order that Shopify does not know yet is looked for, at least. */
export const lookForOrderMs = hour;
/** In these steps. */
const sightingSteps = [1, 2, 3, 5, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_200, 1_800].map(
  (n) => n * second,
);

/** How long an unpaid order is tried to be cancelled: about four hours, in all. */
const cancelSteps = [5, 10, 30, 60, 120, 300, 600, 1_200, 1_800, 3_600, 7_200].map(
  (n) => n * second,
);

/** An invoice whose time is over is looked at until the node has said what became of it. */
const expirySteps = [2, 5, 15, 30, 60].map((n) => n * second);

/** How long a lane stays paused after its n-th failed probe in a row. */
const pauseSteps = [1, 2, 4, 8, 15, 30].map((n) => n * second);

const step = (steps: readonly number[], n: number): number =>
  steps[Math.min(Math.max(n, 0), steps.length - 1)] ?? 0;

export const tellAgainMs = (attempts: number): number => step(tellSteps, attempts);
export const pauseMs = (failures: number): number => step(pauseSteps, failures - 1);
export const lookAfterExpiryMs = (looks: number): number => step(expirySteps, looks);

/** Undefined when an order has been looked for long enough: then it was never there. */
export function lookForOrderAgainMs(attempts: number): number | undefined {
  return attempts > sightingSteps.length ? undefined : step(sightingSteps, attempts - 1);
}

/** Undefined when it has been tried for long enough: then the order is the merchant's. */
export function cancelOrderAgainMs(attempts: number): number | undefined {
  return attempts > cancelSteps.length ? undefined : step(cancelSteps, attempts - 1);
}

/** A live invoice is looked at this often, so that a silent stream costs less than a minute. */
export const lookWhileLiveMs = 30 * second;
/** So it is while the node's stream tells what is settled; some look whether it does. */
export const lookWhileToldMs = 90 * second;
/** Between two looks at what is payable at one node, to see whether its stream is silent. */
export const sampleStreamMs = 25 * second;
/** The node's stream is just being brought up to date. */
export const lookAfterStreamMs = 5 * second;
/** An invoice that was never acknowledged by the node: it is asked for it again. */
export const lookAfterCreateMs = 12 * second;

/** +-20 %, from a number in [0, 1) that the caller draws, so that retries do not march in step. */
export function spreadMs(ms: number, draw: number): number {
  return Math.round(ms * (0.8 + 0.4 * draw));
}
