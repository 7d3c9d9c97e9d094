import { currencyOf, type Currency } from '../core/money.ts';
import type { Clock, RateSource, Rates } from '../core/ports.ts';
import { quotePolicy, type Price } from '../core/quote.ts';
import { Trouble } from '../core/trouble.ts';
import { positive, product } from './decimal.ts';
import { earlier, type Rate } from './exchange.ts';

export type RatesDeps = {
  sources: readonly RateSource[];
  clock: Clock;
  /** How long an answer is used again, in milliseconds. At most ten seconds. */
  keepMs?: number;
  /** For the metrics: `given`, `unlisted` or the word of the Trouble. */
  saw?: (answer: { source: string; outcome: string }) => void;
};

/** What one source answered to one question. */
type Heard<T> = { is: 'given'; given: T } | { is: 'unlisted' } | { is: 'trouble' };

const usualKeepMs = 5_000;
/** Exchanges list a currency, or do not, for longer than this. */
const unlistedMs = 10 * 60_000;
/** One that is in trouble is left alone for a moment, so that it does not slow down every quote. */
const troubleMs = 1_000;

/** Prices of all sources at once. Never throws: a source in trouble is left out. */
export function makeRates(deps: RatesDeps): Rates {
  const keep = keeper(deps);
  type Sources = readonly RateSource[];
  const pricesOf = (sources: Sources, currency: Currency): Promise<Heard<Price>[]> =>
    Promise.all(
      sources.map((source) => keep(source.name, `price ${currency}`, () => source.price(currency))),
    );
  const perDollarOf = (sources: Sources, currency: Currency): Promise<Heard<Rate>[]> =>
    Promise.all(
      sources.map((source) =>
        keep(source.name, `dollar ${currency}`, () => source.perDollar(currency)),
      ),
    );
  const dollar = currencyOf('USD');
  return {
    pricesFor: async (currency, among) => {
      const sources = deps.sources.filter(({ name }) => among?.includes(name) ?? true);
      const direct = await pricesOf(sources, currency);
      const unlistedBy = direct.filter((heard) => heard.is === 'unlisted').length;
      const listed = givenOf(direct);
      if (dollar === undefined || currency === dollar) return listed;
      if (sources.length - unlistedBy >= quotePolicy.quorum) return listed;
      const [inDollars, rates] = await Promise.all([
        pricesOf(sources, dollar),
        perDollarOf(sources, currency),
      ]);
      const cross = agreedCross(givenOf(rates));
      if (cross === undefined) return listed;
      const pricedDirectly = new Set(listed.map((price) => price.source));
      const rest = givenOf(inDollars).filter((price) => !pricedDirectly.has(price.source));
      return [...listed, ...rest.flatMap((price) => crossed(price, cross, currency))];
    },
  };
}

const givenOf = <T>(heard: readonly Heard<T>[]): T[] =>
  heard.flatMap((each) => (each.is === 'given' ? [each.given] : []));

function crossed(price: Price, cross: Rate, currency: Currency): Price[] {
  const inCurrency = product(price.price, cross.rate);
  if (inCurrency === undefined) return [];
  const source = `${price.source} via USD`;
  return [{ source, currency, price: inCurrency, at: earlier(price.at, cross.at) }];
}

/**
 * The dollar rate on which at least two sources agree as closely as prices must: the lowest of
 * those near the median, as old as the oldest of them. A lone source cannot move the price.
 */
function agreedCross(rates: readonly Rate[]): Rate | undefined {
  const sorted = rates
    .flatMap((rate) => {
      const units = positive(rate.rate);
      return units === undefined ? [] : [{ ...rate, units }];
    })
    .sort((a, b) => (a.units < b.units ? -1 : 1));
  const centre = sorted[sorted.length >> 1]?.units;
  if (centre === undefined) return undefined;
  const tolerance = BigInt(quotePolicy.toleranceBasisPoints);
  const near = sorted.filter(({ units }) => {
    const distance = units > centre ? units - centre : centre - units;
    return distance * 10_000n <= centre * tolerance;
  });
  const [lowest] = near;
  if (lowest === undefined || near.length < quotePolicy.quorum) return undefined;
  return { rate: lowest.rate, at: near.map(({ at }) => at).reduce(earlier) };
}

/**
 * Remembers answers for a short while, asks once for all who wait, and asks anew in the background
 * while somebody keeps asking: a buyer meets a young price without waiting for it.
 */
function keeper(deps: RatesDeps) {
  const { clock, keepMs = usualKeepMs } = deps;
  const kept = new Map<string, { heard: Heard<unknown>; at: number }>();
  const asked = new Map<string, Promise<Heard<unknown>>>();

  const hear = async <T>(source: string, question: () => Promise<T | undefined>) => {
    let heard: Heard<T>;
    let outcome = 'given';
    try {
      const given = await question();
      heard = given === undefined ? { is: 'unlisted' } : { is: 'given', given };
      if (given === undefined) outcome = 'unlisted';
    } catch (error) {
      if (!(error instanceof Trouble)) throw error;
      heard = { is: 'trouble' };
      outcome = error.what;
    }
    deps.saw?.({ source, outcome });
    return heard;
  };

  const lifeMs = (heard: Heard<unknown>): number => {
    if (heard.is === 'unlisted') return unlistedMs;
    return heard.is === 'trouble' ? troubleMs : keepMs;
  };

  return <T>(source: string, what: string, question: () => Promise<T | undefined>) => {
    const key = `${source} ${what}`;
    const ask = (): Promise<Heard<T>> => {
      const waiting = asked.get(key) as Promise<Heard<T>> | undefined;
      if (waiting !== undefined) return waiting;
      const answer = hear(source, question)
        .then((heard) => {
          const before = kept.get(key);
          const stillGood =
            before !== undefined && clock().getTime() - before.at < lifeMs(before.heard);
          // A refresh in trouble does not take away what is young enough.
          if (heard.is !== 'trouble' || !stillGood) kept.set(key, { heard, at: clock().getTime() });
          return heard;
        })
        .finally(() => asked.delete(key));
      asked.set(key, answer);
      return answer;
    };
    const entry = kept.get(key) as { heard: Heard<T>; at: number } | undefined;
    const ageMs = entry === undefined ? Infinity : clock().getTime() - entry.at;
    if (entry === undefined || ageMs >= lifeMs(entry.heard)) return ask();
    // A defect in the background meets the next one who waits for an answer.
    if (ageMs >= lifeMs(entry.heard) / 2) ask().catch(() => undefined);
    return Promise.resolve(entry.heard);
  };
}
