import type { Clock } from '../core/ports.ts';

/** What Shopify says of the bucket of this app at this shop, in points. */
export type ThrottleStatus = {
  maximumAvailable: number;
  currentlyAvailable: number;
  restoreRate: number;
};

export type Throttle = {
  /** Zero: go, and the points are reserved until `saw`. Else the milliseconds to wait. */
  admit: (points: number) => number;
  /** The call with these points is over. `status` is undefined when no answer told it. */
  saw: (points: number, status: ThrottleStatus | undefined) => void;
  /** The size of the bucket, once Shopify has told it. */
  maximum: () => number | undefined;
};

/** A wait is never shorter: somebody else may spend from the same bucket. */
const shortestMs = 250;

/**
 * Shopify's bucket of one (app, shop), mirrored from its answers. No number is assumed: before the
 * first answer every call is admitted. Calls under way count in full, so that many at once do not
 * all see the same free points.
 */
export function makeThrottle(clock: Clock): Throttle {
  let told: (ThrottleStatus & { at: number }) | undefined;
  let underWay = 0;
  const available = (status: ThrottleStatus & { at: number }): number => {
    const restored = (status.restoreRate * (clock().getTime() - status.at)) / 1_000;
    return Math.min(status.maximumAvailable, status.currentlyAvailable + restored);
  };
  return {
    admit: (points) => {
      if (told !== undefined) {
        const lack = Math.min(points, told.maximumAvailable) + underWay - available(told);
        const waitMs = Math.ceil((lack * 1_000) / Math.max(told.restoreRate, 1));
        if (lack > 0) return Math.max(waitMs, shortestMs);
      }
      underWay += points;
      return 0;
    },
    saw: (points, status) => {
      underWay = Math.max(0, underWay - points);
      if (status !== undefined) told = { ...status, at: clock().getTime() };
    },
    maximum: () => told?.maximumAvailable,
  };
}
