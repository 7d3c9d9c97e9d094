// How many calls one outside thing may have under way at once. Two estimates, and the smaller one
// counts: how its latency compares with what it is when nobody waits (a gradient), and whether
// calls are lost (AIMD). It learns width, never whether: a wrong estimate costs time only. Pure:
// times come from outside.
// Source: Netflix' concurrency-limits (GradientLimit, Gradient2Limit, AIMDLimit) with a minimum of
// one, and the probe of Envoy's gradient controller: without it the queue that we make ourselves is
// taken for the normal latency, and the limit creeps up for ever.

export type PaceLimits = { initial: number; min: number; max: number };

/** What is learned. It may be written down and read again; see `warmPace`. */
export type Pace = {
  readonly limits: PaceLimits;
  /** The gradient's limit, and AIMD's. */
  gradient: number;
  loss: number;
  /** Of each operation, its latency when nobody waits, in milliseconds. */
  readonly bases: Map<string, number>;
  /** Until the first sign of crowding, and when there is room again, the limit doubles. */
  starting: boolean;
  /** While the base is measured anew, the width is a half. */
  probing: boolean;
  /** Windows since the last probe, and how many in a row were crowded or had room. */
  sinceProbe: number;
  crowded: number;
  roomy: number;
  window: Window;
};
type Window = {
  since: number | undefined;
  lost: number;
  mostOut: number;
  calls: number;
  /** Of each operation. */
  readonly took: Map<string, { calls: number; sumMs: number }>;
};

/** One call that is over. All times in milliseconds. */
export type Ended = {
  now: number;
  tookMs: number;
  /** Operations take different times: each is compared with itself. At most some dozens. */
  operation: string;
  /** Calls under way while it was, itself included. */
  out: number;
  /** No answer: the outside was away, full, or too late. */
  lost: boolean;
};

export const paceLimits: PaceLimits = { initial: 4, min: 1, max: 100 };

/** A window is judged when it has so many calls and is as long as that. */
const windowCalls = 10;
const windowMs = 1_000;
/** How much slower than the base is still normal. */
const tolerance = 1.2;
const smoothing = 0.4;
const backOff = 0.9;
/** Below this the outside is crowded for sure: a start is over. */
const crowdedBelow = 0.75;
const probeEvery = 60;

const clamp = (value: number, { min, max }: PaceLimits): number =>
  Math.min(max, Math.max(min, value));

const emptyWindow = (since?: number): Window => ({
  ...{ since, calls: 0, lost: 0, mostOut: 0, took: new Map<string, never>() },
});

export const newPace = (limits: PaceLimits = paceLimits): Pace => ({
  ...{ limits, gradient: limits.initial, loss: limits.initial },
  bases: new Map<string, number>(),
  ...{ starting: true, probing: false, sinceProbe: 0, crowded: 0, roomy: 0 },
  window: emptyWindow(),
});

/** Calls that may be under way at once: a whole number, at least `min`. */
export function widthOfPace(pace: Pace): number {
  const limit = clamp(Math.min(pace.gradient, pace.loss), pace.limits);
  return Math.floor(pace.probing ? Math.max(limit / 2, pace.limits.min) : limit);
}

/** Says that a call is over. True: a window was judged, and the width may be another. */
export function callEnded(pace: Pace, ended: Ended): boolean {
  const { window } = pace;
  const { now, tookMs, operation, out, lost } = ended;
  // What began in the window before still tells of the width that was.
  if (window.since !== undefined && !lost && now - tookMs < window.since) return false;
  window.since ??= now - tookMs;
  window.mostOut = Math.max(window.mostOut, out);
  if (lost) window.lost += 1;
  else {
    const { calls, sumMs } = window.took.get(operation) ?? { calls: 0, sumMs: 0 };
    window.took.set(operation, { calls: calls + 1, sumMs: sumMs + tookMs });
    window.calls += 1;
  }
  const isFull = window.calls + window.lost >= windowCalls;
  const isLong = now - window.since >= windowMs;
  if (!isFull || (!isLong && !pace.starting)) return false;
  judge(pace, window);
  pace.window = emptyWindow(now);
  return true;
}

function judge(pace: Pace, window: Window): void {
  judgeLoss(pace, window);
  // Where demand or losses keep the width below it, nothing is learned of the gradient's limit.
  const limited = window.mostOut * 2 >= pace.gradient;
  if (window.calls > 0) judgeLatency(pace, window, limited);
}

/** AIMD: errors and time-outs say what latency cannot. */
function judgeLoss(pace: Pace, window: Window): void {
  const { limits } = pace;
  if (window.lost > 0) {
    pace.starting = false;
    pace.loss = Math.max(limits.min, Math.floor(backOff * pace.loss));
  } else if (window.mostOut * 2 >= pace.loss) {
    pace.loss = clamp(pace.starting ? pace.loss * 2 : pace.loss + 1, limits);
  }
}

function judgeLatency(pace: Pace, window: Window, limited: boolean): void {
  let expectedMs = 0;
  let sumMs = 0;
  for (const [operation, took] of window.took) {
    expectedMs += took.calls * learnBase(pace, operation, took.sumMs / took.calls);
    sumMs += took.sumMs;
  }
  if (pace.probing) {
    pace.probing = false;
    return;
  }
  if (!limited) return;
  const gradient = Math.min(1, Math.max(0.5, (tolerance * expectedMs) / Math.max(sumMs, 1e-6)));
  grow(pace, gradient);
  pace.sinceProbe += 1;
  pace.crowded = gradient < crowdedBelow ? pace.crowded + 1 : 0;
  const shouldProbe = pace.sinceProbe >= probeEvery || (pace.crowded >= 5 && pace.sinceProbe >= 10);
  if (!pace.starting && shouldProbe) {
    pace.probing = true;
    pace.sinceProbe = 0;
  }
}

function grow(pace: Pace, gradient: number): void {
  const { limits } = pace;
  pace.roomy = gradient >= 1 ? pace.roomy + 1 : 0;
  if (pace.starting) {
    if (gradient < crowdedBelow) {
      // What was before the last doubling was enough.
      pace.starting = false;
      pace.gradient = clamp(pace.gradient / 2, limits);
      // The base of a start is that of few calls.
      pace.sinceProbe = Math.max(pace.sinceProbe, probeEvery - 5);
    } else pace.gradient = clamp(pace.gradient * 2, limits);
    return;
  }
  if (pace.roomy >= 2 && pace.gradient < limits.max) pace.starting = true;
  const next = gradient * pace.gradient + Math.sqrt(pace.gradient);
  pace.gradient = clamp((1 - smoothing) * pace.gradient + smoothing * next, limits);
}

/** Quickly down, and up only by a probe: what we wait for ourselves is not the base. */
function learnBase(pace: Pace, operation: string, shortMs: number): number {
  const before = pace.bases.get(operation) ?? shortMs;
  const weight = pace.probing ? 0.5 : shortMs < before ? 0.1 : 0;
  const baseMs = before + weight * (shortMs - before);
  pace.bases.set(operation, baseMs);
  return baseMs;
}

export type Learned = { gradient: number; loss: number; bases: Readonly<Record<string, number>> };
export const learnedOf = ({ gradient, loss, bases }: Pace): Learned => ({
  ...{ gradient, loss, bases: Object.fromEntries(bases) },
});

/** Goes on with what was learned before a restart. What makes no sense is not believed. */
export function warmPace(learned: Learned, limits: PaceLimits = paceLimits): Pace {
  const { gradient, loss } = learned;
  const pace = newPace(limits);
  const fits = (limit: number): boolean => limit >= limits.min && limit <= limits.max;
  const known = Object.entries(learned.bases).filter(([, ms]) => ms > 0 && Number.isFinite(ms));
  if (!fits(gradient) || !fits(loss) || known.length === 0) return pace;
  for (const [operation, ms] of known) pace.bases.set(operation, ms);
  return { ...pace, gradient, loss, starting: false };
}
