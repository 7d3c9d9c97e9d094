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
  /**
   * Shopify was too busy for a call and told no figures: THROTTLED alone, 429, a page for people.
   * Calls are paced from here on, by a rate that begins lower than the one that was too much.
   */
  refused: () => void;
  /** The size of the bucket, once Shopify has told it. */
  maximum: () => number | undefined;
  /** How full it is at this moment, as far as it is known from what Shopify told. */
  now: () => ThrottleStatus | undefined;
};

/** A wait is never shorter: somebody else may spend from the same bucket. */
const shortestMs = 250;

/** Calls a second below which nobody is paced. */
const slowestRate = 1;
/** Of the rate that was too much, what is tried next; and how fast it is found again. */
const beta = 0.7;
const scale = 0.4;
const smoothing = 0.8;
/** After so long without a refusal there is nothing to pace. */
const forgottenAfterMs = 300_000;

/** Milliseconds that never go back: a clock that is set back must not let calls wait for it. */
function neverBack(clock: Clock): () => number {
  let last = clock().getTime();
  let behind = 0;
  return () => {
    const said = clock().getTime();
    behind = Math.max(behind, last - said);
    last = said + behind;
    return last;
  };
}

/**
 * A rate found without any figure from outside: after a refusal it falls, comes back to where it
 * was in ever smaller steps, stays there for a while and then goes beyond. CUBIC, as AWS' clients
 * use it. Source: RFC 9438; smithy's DefaultRateLimiter.
 */
function cubicRate(nowMs: () => number) {
  let counted = { since: nowMs(), calls: 0 };
  let measured = 0;
  let refusedAt: number | undefined;
  let most = 0;
  let tokens = { has: 1, at: 0 };

  const rate = (): number | undefined => {
    const ms = refusedAt === undefined ? Infinity : nowMs() - refusedAt;
    if (ms > forgottenAfterMs) return undefined;
    const plateau = Math.cbrt((most * (1 - beta)) / scale);
    return Math.max(slowestRate, scale * (ms / 1_000 - plateau) ** 3 + most);
  };
  const measure = (): void => {
    const ms = nowMs() - counted.since;
    if (ms < 1_000) return;
    measured = smoothing * ((counted.calls * 1_000) / ms) + (1 - smoothing) * measured;
    counted = { since: nowMs(), calls: 0 };
  };
  return {
    /** Milliseconds until the next call may go; zero takes its place. */
    take: (): number => {
      measure();
      const perSecond = rate();
      if (perSecond !== undefined) {
        const filled = tokens.has + ((nowMs() - tokens.at) * perSecond) / 1_000;
        tokens = { has: Math.min(Math.max(1, perSecond), filled), at: nowMs() };
        if (tokens.has < 1) return Math.ceil(((1 - tokens.has) * 1_000) / perSecond);
        tokens.has -= 1;
      }
      counted.calls += 1;
      return 0;
    },
    refused: (): void => {
      // Calls that were out together are refused together: that is one word, not many.
      if (refusedAt !== undefined && nowMs() - refusedAt < 1_000) return;
      // In its first second a rate is what was counted so far.
      const current = Math.max(measured, counted.calls);
      most = Math.max(slowestRate, Math.min(current, rate() ?? Infinity));
      refusedAt = nowMs();
      tokens = { has: 0, at: refusedAt };
    },
  };
}

/**
 * Shopify's bucket of one (app, shop), mirrored from its answers. No number is assumed: before the
 * first answer every call is admitted. Calls under way count in full, so that many at once do not
 * all see the same free points.
 */
export function makeThrottle(clock: Clock): Throttle {
  let told: (ThrottleStatus & { at: number }) | undefined;
  let underWay = 0;
  const nowMs = neverBack(clock);
  const paced = cubicRate(nowMs);
  const available = (status: ThrottleStatus & { at: number }): number => {
    const restored = (status.restoreRate * (nowMs() - status.at)) / 1_000;
    return Math.min(status.maximumAvailable, status.currentlyAvailable + restored);
  };
  return {
    admit: (points) => {
      if (told !== undefined) {
        const lack = Math.min(points, told.maximumAvailable) + underWay - available(told);
        const waitMs = Math.ceil((lack * 1_000) / Math.max(told.restoreRate, 1));
        if (lack > 0) return Math.max(waitMs, shortestMs);
      }
      const waitMs = paced.take();
      if (waitMs > 0) return Math.max(waitMs, shortestMs);
      underWay += points;
      return 0;
    },
    saw: (points, status) => {
      underWay = Math.max(0, underWay - points);
      if (status !== undefined) told = { ...status, at: nowMs() };
    },
    refused: paced.refused,
    maximum: () => told?.maximumAvailable,
    now: () => {
      if (told === undefined) return undefined;
      const { maximumAvailable, restoreRate } = told;
      const currentlyAvailable = Math.max(0, Math.floor(available(told) - underWay));
      return { maximumAvailable, restoreRate, currentlyAvailable };
    },
  };
}
