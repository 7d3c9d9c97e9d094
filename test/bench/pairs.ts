// Two things measured alternately in one run, and what may be said of their ratio. A machine that
// is busy with others is so for both of a pair; what is left is chance, and its width is told
// beside every figure: a verdict needs the whole interval on the right side of the bar.
import { calibrate, type Calibration } from './machine.ts';

/** The figures of one leg by their names. The smaller one is the better one, unless told. */
export type Leg = Readonly<Record<string, number>>;
export type Pair = { ours: Leg; peer: Leg };
export type Interval = readonly [low: number, high: number];
export type Estimate = { value: number; interval: Interval };

/** A bar: `atMost` or `atLeast`, and the aim beyond it where there is one. */
export type Bar = { way: 'at_most' | 'at_least'; must: number; aim?: number };
export type Verdict = { met: boolean; aimMet: boolean | null };

const resamples = 10_000;

/** Numbers in [0, 1) that are the same for the same seed (mulberry32). */
export function drawsFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** The value below which this share of the numbers lies; 0 of none. */
export function quantile(numbers: readonly number[], share: number): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  const place = (sorted.length - 1) * share;
  const low = sorted[Math.floor(place)] ?? 0;
  const high = sorted[Math.ceil(place)] ?? 0;
  return low + (high - low) * (place - Math.floor(place));
}

export const median = (numbers: readonly number[]): number => quantile(numbers, 0.5);

/** The median with the interval in which 95 % of the medians of resamples lie. */
export function estimate(numbers: readonly number[], seed: number): Estimate {
  const draw = drawsFrom(seed);
  const medians = Array.from({ length: numbers.length === 0 ? 0 : resamples }, () =>
    median(numbers.map(() => numbers[Math.floor(draw() * numbers.length)] ?? 0)),
  );
  const interval = [quantile(medians, 0.025), quantile(medians, 0.975)] as const;
  return { value: median(numbers), interval };
}

/** Ours divided by the peer's, pair by pair. */
export const ratiosOf = (pairs: readonly Pair[], figure: string): number[] =>
  pairs.map(({ ours, peer }) => (ours[figure] ?? Number.NaN) / (peer[figure] ?? Number.NaN));

/** The whole interval has to be on the right side: a point alone is no verdict. */
export function judge({ interval: [low, high] }: Estimate, bar: Bar): Verdict {
  const reaches = (to: number): boolean => (bar.way === 'at_most' ? high <= to : low >= to);
  return { met: reaches(bar.must), aimMet: bar.aim === undefined ? null : reaches(bar.aim) };
}

/** How wide the interval is, as a part of the value. */
export const widthOf = ({ value, interval: [low, high] }: Estimate): number =>
  value === 0 ? 0 : (high - low) / Math.abs(value);

export type PairPlan = {
  ours: () => Promise<Leg>;
  peer: () => Promise<Leg>;
  /** The figure whose ratio decides how many pairs are needed. */
  figure: string;
  seed: number;
  say: (line: string) => void;
  /** 7 and 21 unless told otherwise. */
  least?: number;
  most?: number;
  /** No further pair is begun after this, once the least number is there. */
  withinMs?: number;
  /** So many pairs and no more, sound or not: for trying out. */
  onlyPairs?: number | undefined;
  /** Takes pairs also from a machine that changes its speed, and says so. For trying out. */
  restless?: boolean;
  calibrate?: () => Calibration;
};

export type Measured = {
  pairs: Pair[];
  voidPairs: number;
  /** Too few pairs were sound: nothing may be said. */
  unsound: boolean;
};

const widestApart = 0.2;
/** A leg whose load came later than it was meant to says so under this name. */
const lateness = 'lateP99';
/** Every hundredth may be this late; on two cores the asker shares them with who is asked. */
const latestMs = 5;
const wideEnough = 0.15;

/** Measures pairs until their ratio is known well enough. Who goes first alternates. */
export async function measurePairs(plan: PairPlan): Promise<Measured> {
  const { figure, seed, say, least = 7, withinMs = 120_000 } = plan;
  const most = plan.onlyPairs ?? plan.most ?? 21;
  const pairs: Pair[] = [];
  const startedAt = performance.now();
  let voidPairs = 0;
  while (pairs.length < most && voidPairs <= 2 * least) {
    const oursFirst = (pairs.length + voidPairs) % 2 === 0;
    const first = await calibrated(oursFirst ? plan.ours : plan.peer, plan);
    const second = await calibrated(oursFirst ? plan.peer : plan.ours, plan);
    const apart = Math.abs(first.spinMs - second.spinMs) / Math.min(first.spinMs, second.spinMs);
    const lateMs = Math.max(first.leg[lateness] ?? 0, second.leg[lateness] ?? 0);
    const why =
      apart > widestApart
        ? `the machine's speed changed by ${(apart * 100).toFixed(0)} %`
        : lateMs > latestMs
          ? `who asks was ${short(lateMs)} ms late itself`
          : undefined;
    if (why !== undefined) {
      voidPairs += 1;
      say(`  a pair is void: ${why}`);
      if (plan.restless !== true) continue;
    }
    const [ours, peer] = oursFirst ? [first.leg, second.leg] : [second.leg, first.leg];
    pairs.push({ ours, peer });
    const known = estimate(ratiosOf(pairs, figure), seed);
    const ratio = (ours[figure] ?? Number.NaN) / (peer[figure] ?? Number.NaN);
    say(
      `  pair ${String(pairs.length)}: ${figure} ${short(ours[figure])} to ` +
        `${short(peer[figure])}, ratio ${short(ratio)}`,
    );
    if (pairs.length < least) continue;
    if (widthOf(known) <= wideEnough || performance.now() - startedAt > withinMs) break;
  }
  return { pairs, voidPairs, unsound: pairs.length < least };
}

async function calibrated(
  measure: () => Promise<Leg>,
  plan: PairPlan,
): Promise<{ leg: Leg; spinMs: number }> {
  const { spinMs } = (plan.calibrate ?? calibrate)();
  return { spinMs, leg: await measure() };
}

/** Three digits that matter. */
export const short = (value: number | undefined): string =>
  value === undefined || Number.isNaN(value) ? '?' : String(Number(value.toPrecision(3)));
