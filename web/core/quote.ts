// A quote: an amount of msat promised for a fiat amount until a moment, with its evidence.
// Prices come as decimal strings and are compared as integers; no source alone can move the price.
import type { Currency, Minor, Msat } from './money.ts';
import {
  dividedRoundedUp,
  exponentOf,
  msat,
  MSAT_PER_BTC,
  MSAT_PER_SAT,
  unitsOf,
} from './money.ts';
import type { Answer } from './refusals.ts';
import { refuse } from './refusals.ts';
import { assert } from './trouble.ts';

/** What one source said: `price` units of `currency` for one BTC, a plain decimal. */
export type Price = { source: string; currency: Currency; price: string; at: Date };

/** An agreed price with everything that it was made from. Stored with the quote. */
export type AgreedPrice = {
  currency: Currency;
  /** Currency units for one BTC in 10^-8: 100 EUR is 10,000,000,000n. */
  priceE8: bigint;
  sources: readonly Price[];
  /** Widest distance of a used source from the agreed price, in hundredths of a percent. */
  spreadBasisPoints: number;
  at: Date;
  /** There was no quorum: its only source spoke alone, this near to what a quorum agreed on. */
  alone?: { before: AgreedBefore; driftBasisPoints: number };
};

/** What a quorum agreed on last, in 10^-8 units for one BTC, and when. */
export type AgreedBefore = { priceE8: bigint; at: Date };

export type QuotePolicy = {
  /** A price older than this does not count. */
  freshMs: number;
  /** How far from each other sources that agree may be, in hundredths of a percent. */
  toleranceBasisPoints: number;
  /** How many sources must agree. */
  quorum: number;
};

/** Without a quorum one source may speak alone: so long after the last, so near to its price. */
export type AlonePolicy = { forMs: number; driftBasisPoints: number };

export const quotePolicy: QuotePolicy = { freshMs: 60_000, toleranceBasisPoints: 100, quorum: 2 };

/** Below this an invoice cannot be paid: channels refuse parts under 1,000 msat. Source: BOLT 2. */
export const smallestMsat = msat(MSAT_PER_SAT);
/** LND's own limit of one invoice, 100,000 BTC, is far away; this one catches absurd prices. */
export const largestMsat = msat(MSAT_PER_BTC * 1_000n);

const PRICE_EXPONENT = 8;
/** One unit of the currency to a hundred billion for one BTC: outside of it a source is broken. */
const sane = { from: 10n ** 8n, to: 10n ** 19n };

function median(sorted: readonly bigint[]): bigint {
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? 0n;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? 0n) + upper) / 2n;
}

const distanceBasisPoints = (a: bigint, b: bigint): bigint =>
  ((a > b ? a - b : b - a) * 10_000n) / b;

/**
 * The most prices of which no two are further apart than the tolerance; of several such groups the
 * narrowest. `sorted` is ascending.
 */
function agreeing<P extends { e8: bigint }>(sorted: readonly P[], tolerance: bigint): P[] {
  let best: { group: P[]; width: bigint } = { group: [], width: 0n };
  for (const [from, lowest] of sorted.entries()) {
    const group = sorted
      .slice(from)
      .filter((price) => (price.e8 - lowest.e8) * 10_000n <= lowest.e8 * tolerance);
    const width = (group.at(-1)?.e8 ?? 0n) - lowest.e8;
    const narrower = group.length === best.group.length && width < best.width;
    if (group.length > best.group.length || narrower) best = { group, width };
  }
  return best.group;
}

/** The fresh ones that can be meant, the lowest first. */
function usableOf(
  prices: readonly Price[],
  about: { currency: Currency; now: Date; policy: QuotePolicy },
): (Price & { e8: bigint })[] {
  const { currency, now, policy } = about;
  return prices
    .filter((price) => price.currency === currency)
    .filter((price) => Math.abs(now.getTime() - price.at.getTime()) <= policy.freshMs)
    .map((price) => ({ ...price, e8: readPrice(price.price) }))
    .filter((price) => price.e8 >= sane.from && price.e8 <= sane.to)
    .sort((a, b) => (a.e8 < b.e8 ? -1 : a.e8 > b.e8 ? 1 : 0));
}

/**
 * Without a quorum: the fresh source that is nearest to what one agreed on before, if it lies
 * within the bound and that was not too long ago. Undefined: nobody may speak alone.
 */
export function priceAlone(
  prices: readonly Price[],
  about: {
    currency: Currency;
    now: Date;
    policy: QuotePolicy;
    alone: AlonePolicy;
    before: AgreedBefore;
  },
): AgreedPrice | undefined {
  const { currency, now, alone, before } = about;
  const agoMs = now.getTime() - before.at.getTime();
  if (agoMs < 0 || agoMs > alone.forMs) return undefined;
  const offOf = ({ e8 }: { e8: bigint }): bigint =>
    e8 > before.priceE8 ? e8 - before.priceE8 : before.priceE8 - e8;
  const [nearest] = usableOf(prices, about).sort((a, b) => (offOf(a) < offOf(b) ? -1 : 1));
  if (nearest === undefined) return undefined;
  const { driftBasisPoints } = alone;
  if (offOf(nearest) * 10_000n > before.priceE8 * BigInt(driftBasisPoints)) return undefined;
  const { source, price, at, e8: priceE8 } = nearest;
  const sources = [{ source, currency, price, at }];
  const evidence = { before, driftBasisPoints };
  return { currency, priceE8, sources, spreadBasisPoints: 0, at: now, alone: evidence };
}

/**
 * The price on which enough fresh sources agree. Zero, negative, absurd and unreadable prices do
 * not
 * count; those left that agree with each other are used, and there must be `quorum` of them.
 */
export function agreePrice(
  prices: readonly Price[],
  about: { currency: Currency; now: Date; policy: QuotePolicy },
): Answer<{ agreed: AgreedPrice }, 'rates_unavailable' | 'rates_apart'> {
  const { currency, now, policy } = about;
  const usable = usableOf(prices, about);
  const heard = new Set(usable.map((price) => price.source)).size;
  if (heard < policy.quorum) {
    return refuse(
      'rates_unavailable',
      `${String(heard)} of ${String(policy.quorum)} needed price sources answered for ${currency}.`,
    );
  }
  const near = agreeing(usable, BigInt(policy.toleranceBasisPoints));
  if (new Set(near.map((price) => price.source)).size < policy.quorum) {
    return refuse('rates_apart', `The price sources disagree about ${currency}.`);
  }
  const priceE8 = median(near.map((price) => price.e8));
  const spread = near.map((price) => distanceBasisPoints(price.e8, priceE8));
  return {
    ok: true,
    agreed: {
      currency,
      priceE8,
      sources: near.map(({ source, price, at }) => ({ source, currency, price, at })),
      spreadBasisPoints: Number(
        spread.reduce((widest, each) => (each > widest ? each : widest), 0n),
      ),
      at: now,
    },
  };
}

/** A source may print more than eight decimals; what is beyond moves nothing and is cut. */
function readPrice(price: string): bigint {
  const cut = price.replace(/(\.\d{8})\d+$/, '$1');
  return unitsOf(cut, PRICE_EXPONENT) ?? 0n;
}

/**
 * What a shop may add to the sats of the market price (a markup, above zero) or take off them (a
 * discount, below zero), in hundredths of a percent. The fiat amount that is owed stays as it is.
 */
export const adjustmentLimitsBp = { from: -2_000, to: 2_000 } as const;

const WHOLE_BP = 10_000n;

/** What is asked of a whole of 10,000: at least 8,000, so that it is never nothing. */
function askedOfWhole(adjustmentBp: number): bigint {
  const { from, to } = adjustmentLimitsBp;
  const isWithin = Number.isInteger(adjustmentBp) && adjustmentBp >= from && adjustmentBp <= to;
  assert(isWithin, 'an adjustment of the price that no shop may choose');
  return WHOLE_BP + BigInt(adjustmentBp);
}

/**
 * The price that an adjustment comes to, in 10^-8 units for one BTC, rounded down: what a person
 * reads beside the market price. The sats are made from the market price, and rounded once.
 */
export const appliedPriceE8RoundedDown = (market: bigint, adjustmentBp: number): bigint =>
  (market * WHOLE_BP) / askedOfWhole(adjustmentBp);

/** An amount at the market price, with the shop's own discount or markup on its sats. */
type Adjusted = { agreed: AgreedPrice; adjustmentBp: number };

/** As a fraction: msat for the amount, times what it is divided by. */
function fractionOf(amountMinor: Minor, at: Adjusted): { msat: bigint; by: bigint } {
  const { agreed, adjustmentBp } = at;
  const market = amountMinor * MSAT_PER_BTC * 10n ** BigInt(PRICE_EXPONENT);
  return {
    msat: market * askedOfWhole(adjustmentBp),
    by: 10n ** BigInt(exponentOf(agreed.currency)) * agreed.priceE8 * WHOLE_BP,
  };
}

function worthInMsat(amountMinor: Minor, at: Adjusted): Msat {
  const fraction = fractionOf(amountMinor, at);
  return msat(dividedRoundedUp(fraction.msat, fraction.by));
}

/** The sats that buy the amount, rounded up to a whole satoshi: wallets count in satoshis. */
export function priceInMsatRoundedUp(
  amountMinor: Minor,
  agreed: AgreedPrice,
  adjustmentBp = 0,
): Msat {
  const fraction = fractionOf(amountMinor, { agreed, adjustmentBp });
  return msat(dividedRoundedUp(fraction.msat, fraction.by * MSAT_PER_SAT) * MSAT_PER_SAT);
}

/**
 * What the amount is worth, rounded down to a whole satoshi: of what is given back the rest of a
 * satoshi stays with the shop.
 */
export function priceInMsatRoundedDown(
  amountMinor: Minor,
  agreed: AgreedPrice,
  adjustmentBp = 0,
): Msat {
  const fraction = fractionOf(amountMinor, { agreed, adjustmentBp });
  return msat((fraction.msat / (fraction.by * MSAT_PER_SAT)) * MSAT_PER_SAT);
}

/**
 * `smallestMsat` and `largestMsat`: the shop's own limits, inside those of every invoice, for the
 * sats that are asked. `adjustmentBp`: the shop's own discount or markup, see `adjustmentLimitsBp`.
 */
export function makeQuote(
  owed: { amountMinor: Minor; currency: Currency },
  agreed: AgreedPrice,
  terms: {
    now: Date;
    seconds: number;
    smallestMsat?: Msat;
    largestMsat?: Msat;
    adjustmentBp?: number;
  },
): Answer<
  { amountMsat: Msat; lapsesAt: Date },
  'nothing_owed' | 'amount_too_small' | 'amount_too_large'
> {
  if (owed.amountMinor <= 0n) return refuse('nothing_owed');
  const { adjustmentBp = 0 } = terms;
  const worthMsat = worthInMsat(owed.amountMinor, { agreed, adjustmentBp });
  // Rounding up is for the rest of a satoshi, and not for an amount that is worth less than one.
  if (worthMsat < smallestMsat) return refuse('amount_too_small');
  const amountMsat = priceInMsatRoundedUp(owed.amountMinor, agreed, adjustmentBp);
  if (amountMsat > largestMsat) return refuse('amount_too_large');
  if (amountMsat < (terms.smallestMsat ?? smallestMsat)) return refuse('amount_too_small');
  if (amountMsat > (terms.largestMsat ?? largestMsat)) return refuse('amount_too_large');
  return { ok: true, amountMsat, lapsesAt: new Date(terms.now.getTime() + terms.seconds * 1_000) };
}
