/**
 * The market that the three exchanges quote from, with the switches that make them drift apart,
 * lie, age, or fall silent.
 */
import { perDollar, SCALE, toScaled } from './currencies.ts';
import type { Currency } from './currencies.ts';

export const SOURCES = ['kraken', 'coinbase', 'bitstamp'] as const;
export type Source = (typeof SOURCES)[number];
export const isSource = (name: string): name is Source => SOURCES.some((one) => one === name);

export type PriceFault =
  /** HTTP 503 with an HTML page, as a gateway gives. */
  | 'unavailable'
  /** HTTP 429. */
  | 'too-many'
  /** Accepts the request and never answers. */
  | 'silence'
  /** Answers what it said when this was switched on, with the times of then. */
  | 'stale'
  | 'zero'
  | 'negative'
  /** A thousand times too much. */
  | 'absurd'
  /** HTTP 200 with something that is no JSON. */
  | 'garbage';
export const PRICE_FAULTS: readonly PriceFault[] = [
  'unavailable',
  'too-many',
  'silence',
  'stale',
  'zero',
  'negative',
  'absurd',
  'garbage',
];

export type Controls = {
  /** What a bitcoin costs, in dollars, as decimal text; other currencies follow. */
  dollarsPerBitcoin: string;
  /** The whole market moves by so many hundredths of a per cent per minute. */
  driftBasisPointsPerMinute: number;
  /** Each source is off the market by so many hundredths of a per cent; a liar by a lot. */
  offBasisPoints: Record<Source, number>;
  faults: Record<Source, PriceFault | null>;
  /** How old a stale answer says it is, in milliseconds. */
  staleMs: number;
};

const ONE = 10n ** BigInt(SCALE);

const calm = (): Controls => ({
  dollarsPerBitcoin: '60431.27',
  driftBasisPointsPerMinute: 0,
  offBasisPoints: { kraken: 2, coinbase: -1, bitstamp: -3 },
  faults: { kraken: null, coinbase: null, bitstamp: null },
  staleMs: 600_000,
});

export type Market = ReturnType<typeof market>;

export const market = (options: { now?: () => number } = {}) => {
  const now = options.now ?? Date.now;
  const controls = calm();
  let movedAtMs = now();
  const frozenAtMs: Partial<Record<Source, number>> = {};

  /** Millionths, so that a minute of one basis point is 100. */
  const drifted = (price: bigint, atMs: number): bigint => {
    const millionths = Math.round(
      ((atMs - movedAtMs) / 60_000) * controls.driftBasisPointsPerMinute * 100,
    );
    return (price * BigInt(1_000_000 + millionths)) / 1_000_000n;
  };
  const momentOf = (source: Source): number =>
    controls.faults[source] === 'stale' ? (frozenAtMs[source] ?? now()) : now();

  const bent = (honest: bigint, source: Source): bigint => {
    const fault = controls.faults[source];
    if (fault === 'zero') return 0n;
    if (fault === 'negative') return -honest;
    return fault === 'absurd' ? honest * 1000n : honest;
  };

  return {
    controls,
    now,
    /** What the source says a bitcoin costs: whole 10^-8 units of the currency. */
    price: (source: Source, currency: Currency): bigint => {
      const dollars = drifted(toScaled(controls.dollarsPerBitcoin), momentOf(source));
      const off = BigInt(10_000 + controls.offBasisPoints[source]);
      const honest = (dollars * perDollar(currency) * off) / ONE / 10_000n;
      return bent(honest, source);
    },
    /** What one unit of `base` costs in `quote` there: whole 10^-8 units. */
    cross: (source: Source, base: Currency, quote: Currency): bigint => {
      const price = (perDollar(quote) * ONE) / perDollar(base);
      return bent((price * BigInt(10_000 + controls.offBasisPoints[source])) / 10_000n, source);
    },
    /** The moment that the source's answer is from, in milliseconds. */
    time: (source: Source): number =>
      controls.faults[source] === 'stale' ? now() - controls.staleMs : now(),
    set: (changes: Partial<Pick<Controls, 'dollarsPerBitcoin' | 'staleMs'>>): void => {
      if (changes.dollarsPerBitcoin !== undefined) {
        toScaled(changes.dollarsPerBitcoin);
        movedAtMs = now();
      }
      Object.assign(controls, changes);
    },
    drift: (basisPointsPerMinute: number): void => {
      movedAtMs = now();
      controls.driftBasisPointsPerMinute = basisPointsPerMinute;
    },
    /** A source that is off by this much. */
    lie: (source: Source, basisPoints: number): void => {
      controls.offBasisPoints[source] = basisPoints;
    },
    fault: (source: Source, fault: PriceFault | null): void => {
      frozenAtMs[source] = now();
      controls.faults[source] = fault;
    },
    reset: (): void => {
      Object.assign(controls, calm());
      movedAtMs = now();
    },
  };
};
