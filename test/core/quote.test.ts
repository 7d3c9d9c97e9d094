// A price is agreed by a quorum that no single source can move, and a promise is rounded one way.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  currencyOf,
  exponentOf,
  minor,
  msat,
  MSAT_PER_BTC,
  type Currency,
} from '../../web/core/money.ts';
import {
  adjustmentLimitsBp,
  agreePrice,
  appliedPriceE8RoundedDown,
  makeQuote,
  priceAlone,
  priceInMsatRoundedUp,
  quotePolicy,
  type AgreedPrice,
  type Price,
} from '../../web/core/quote.ts';

const eur = currencyOf('EUR') as Currency;
const now = new Date('2026-11-21T12:00:00Z');
const said = (source: string, price: string, ageMs = 0): Price => ({
  source,
  currency: eur,
  price,
  at: new Date(now.getTime() - ageMs),
});
const agree = (...prices: Price[]) =>
  agreePrice(prices, { currency: eur, now, policy: quotePolicy });

test('two of three within one percent agree', () => {
  const agreed = agree(said('a', '100000'), said('b', '100500.5'), said('c', '150000'));
  expect(agreed).toMatchObject({ ok: true });
  expect(agreed.ok && agreed.agreed.sources.map(({ source }) => source)).toEqual(['a', 'b']);
  expect(agreed.ok && agreed.agreed.priceE8).toBe(10_025_025_000_000n);
});

test.each<[string, Price[], string]>([
  ['one source', [said('a', '100000')], 'rates_unavailable'],
  ['nobody', [], 'rates_unavailable'],
  ['one source twice', [said('a', '100000'), said('a', '100000')], 'rates_unavailable'],
  ['stale ones', [said('a', '100000', 61_000), said('b', '100000')], 'rates_unavailable'],
  ['one from the future', [said('a', '100000', -61_000), said('b', '100000')], 'rates_unavailable'],
  ['zero', [said('a', '0'), said('b', '100000')], 'rates_unavailable'],
  ['negative', [said('a', '-100000'), said('b', '100000')], 'rates_unavailable'],
  ['no number', [said('a', 'NaN'), said('b', '100000')], 'rates_unavailable'],
  ['absurd', [said('a', '1000000000000000000000'), said('b', '100000')], 'rates_unavailable'],
  ['two that differ', [said('a', '100000'), said('b', '102000')], 'rates_apart'],
  ['three that differ', [said('a', '1000'), said('b', '1100'), said('c', '1200')], 'rates_apart'],
])('%s is refused with its reason', (_name, prices, refusal) => {
  expect(agree(...prices)).toMatchObject({ ok: false, refusal });
});

test('one liar of three stops no price, and moves it by no more than the tolerance', () => {
  const honest = fc.integer({ min: 1_000, max: 1_000_000 });
  const lie = fc.integer({ min: 1, max: 100_000_000 });
  fc.assert(
    fc.property(honest, lie, (price, lied) => {
      const agreed = agree(
        said('a', String(price)),
        said('b', String(price)),
        said('c', String(lied)),
      );
      if (!agreed.ok) throw new Error(agreed.refusal);
      const e8 = BigInt(price) * 10n ** 8n;
      const off =
        agreed.agreed.priceE8 > e8 ? agreed.agreed.priceE8 - e8 : e8 - agreed.agreed.priceE8;
      expect(off * 100n).toBeLessThanOrEqual(e8);
    }),
  );
});

const priced = (currency: Currency, priceE8: bigint): AgreedPrice => ({
  currency,
  priceE8,
  sources: [],
  spreadBasisPoints: 0,
  at: now,
});

test('rounded up to a satoshi, by less than one, and never down', () => {
  const currencies = fc
    .constantFrom('JPY', 'EUR', 'KWD')
    .map((code) => currencyOf(code) as Currency);
  const amounts = fc.bigInt({ min: 1n, max: 10n ** 15n });
  const prices = fc.bigInt({ min: 10n ** 9n, max: 10n ** 17n });
  fc.assert(
    fc.property(currencies, amounts, prices, (currency, amount, priceE8) => {
      const agreed = priced(currency, priceE8);
      const asked = priceInMsatRoundedUp(minor(amount), agreed);
      const exact = amount * MSAT_PER_BTC * 10n ** 8n;
      const unit = 10n ** BigInt(exponentOf(currency)) * priceE8;
      expect(asked % 1_000n).toBe(0n);
      expect(asked * unit).toBeGreaterThanOrEqual(exact);
      expect((asked - 1_000n) * unit).toBeLessThan(exact);
      expect(priceInMsatRoundedUp(minor(amount + 1n), agreed)).toBeGreaterThanOrEqual(asked);
    }),
  );
});

test('21.00 EUR at 100,000 EUR is 21,000 sats, promised until the quote lapses', () => {
  const agreed = priced(eur, 10_000_000_000_000n);
  const owed = { amountMinor: minor(2_100n), currency: eur };
  expect(makeQuote(owed, agreed, { now, seconds: 600 })).toEqual({
    ok: true,
    amountMsat: 21_000_000n,
    lapsesAt: new Date('2026-11-21T12:10:00Z'),
  });
});

test('an amount that is worth less than a satoshi is not rounded up to one', () => {
  const cheap = priced(eur, 10n ** 18n);
  const owed = { amountMinor: minor(1n), currency: eur };
  const refused = makeQuote(owed, cheap, { now, seconds: 600 });
  expect(refused).toMatchObject({ ok: false, refusal: 'amount_too_small' });
});

test.each([
  [0n, 'nothing_owed'],
  [-1n, 'nothing_owed'],
  [10n ** 15n, 'amount_too_large'],
])('%s cents are refused as %s', (amountMinor, refusal) => {
  const agreed = priced(eur, 10_000_000_000_000n);
  const owed = { amountMinor: minor(amountMinor), currency: eur };
  expect(makeQuote(owed, agreed, { now, seconds: 600 })).toMatchObject({ ok: false, refusal });
});

describe('a shop’s own discount or markup', () => {
  const owed = { amountMinor: minor(2_100n), currency: eur };
  const market = priced(eur, 10_000_000_000_000n);
  const adjusted = fc.integer({ min: adjustmentLimitsBp.from, max: adjustmentLimitsBp.to });
  const currencies = fc
    .constantFrom('JPY', 'EUR', 'KWD')
    .map((code) => currencyOf(code) as Currency);
  const amounts = fc.bigInt({ min: 1n, max: 10n ** 15n });
  const prices = fc.bigInt({ min: 10n ** 8n, max: 10n ** 19n });

  test.each([
    [-200, 20_580_000n],
    [-2_000, 16_800_000n],
    [0, 21_000_000n],
    [250, 21_525_000n],
    [2_000, 25_200_000n],
  ])('%i hundredths of a percent of 21,000 sats', (adjustmentBp, amountMsat) => {
    const quote = makeQuote(owed, market, { now, seconds: 600, adjustmentBp });
    expect(quote).toMatchObject({ ok: true, amountMsat });
  });

  test('exact to the satoshi, rounded up once; fewer with a discount, more with a markup', () => {
    fc.assert(
      fc.property(
        currencies,
        amounts,
        prices,
        adjusted,
        (currency, amount, priceE8, adjustmentBp) => {
          const agreed = priced(currency, priceE8);
          const plain = priceInMsatRoundedUp(minor(amount), agreed);
          const asked = priceInMsatRoundedUp(minor(amount), agreed, adjustmentBp);
          const whole = amount * MSAT_PER_BTC * 10n ** 8n;
          const exact = whole * BigInt(10_000 + adjustmentBp);
          const unit = 10n ** BigInt(exponentOf(currency)) * priceE8 * 10_000n;
          expect(asked).toBeGreaterThan(0n);
          expect(asked % 1_000n).toBe(0n);
          expect(asked * unit).toBeGreaterThanOrEqual(exact);
          expect((asked - 1_000n) * unit).toBeLessThan(exact);
          const moved = whole * BigInt(adjustmentBp);
          if (adjustmentBp <= 0) expect(asked).toBeLessThanOrEqual(plain);
          if (adjustmentBp >= 0) expect(asked).toBeGreaterThanOrEqual(plain);
          // Whatever moves it by a satoshi is seen.
          if (moved <= -1_000n * unit) expect(asked).toBeLessThan(plain);
          if (moved >= 1_000n * unit) expect(asked).toBeGreaterThan(plain);
        },
      ),
    );
  });

  test('what is promised is at least a satoshi, or refused with a word', () => {
    fc.assert(
      fc.property(
        currencies,
        amounts,
        prices,
        adjusted,
        (currency, amount, priceE8, adjustmentBp) => {
          const agreed = priced(currency, priceE8);
          const about = { amountMinor: minor(amount), currency };
          const quote = makeQuote(about, agreed, { now, seconds: 600, adjustmentBp });
          if (quote.ok) expect(quote.amountMsat).toBeGreaterThanOrEqual(1_000n);
          else expect(['amount_too_small', 'amount_too_large']).toContain(quote.refusal);
        },
      ),
    );
  });

  test('the shop’s own limits are of the sats that are asked', () => {
    const limits = { now, seconds: 600, smallestMsat: msat(20_900_000n) };
    expect(makeQuote(owed, market, limits)).toMatchObject({ ok: true });
    const discount = makeQuote(owed, market, { ...limits, adjustmentBp: -200 });
    expect(discount).toMatchObject({ ok: false, refusal: 'amount_too_small' });
  });

  test.each([-2_001, 2_001, -10_000, 0.5, Number.NaN])('%d is no adjustment', (adjustmentBp) => {
    const terms = { now, seconds: 600, adjustmentBp };
    expect(() => makeQuote(owed, market, terms)).toThrow('no shop may choose');
  });

  test('the price that it comes to, as a person reads it', () => {
    expect(appliedPriceE8RoundedDown(10_000_000_000_000n, -200)).toBe(10_204_081_632_653n);
    expect(appliedPriceE8RoundedDown(10_000_000_000_000n, 2_000)).toBe(8_333_333_333_333n);
    expect(appliedPriceE8RoundedDown(10_000_000_000_000n, 0)).toBe(10_000_000_000_000n);
  });
});

describe('without a quorum, where the merchant lets one source speak', () => {
  const minute = 60_000;
  const alone = { forMs: 10 * minute, driftBasisPoints: 100 };
  const before = (agoMs: number) => ({
    priceE8: 10_000_000_000_000n,
    at: new Date(now.getTime() - agoMs),
  });
  const speak = (prices: readonly Price[], agoMs = minute) =>
    priceAlone(prices, {
      ...{ currency: eur, now, policy: quotePolicy, alone },
      before: before(agoMs),
    });

  test('a fresh one near to the last agreed price does, and the evidence says so', () => {
    expect(speak([said('a', '100900')])).toMatchObject({
      priceE8: 10_090_000_000_000n,
      sources: [{ source: 'a', price: '100900' }],
      alone: { before: before(minute), driftBasisPoints: 100 },
    });
  });

  test('of several that differ it is the nearest', () => {
    const prices = [said('a', '99100'), said('b', '100500'), said('c', '150000')];
    expect(speak(prices)?.sources).toMatchObject([{ source: 'b' }]);
  });

  test.each<[string, Price[], number?]>([
    ['nobody', []],
    ['one that is off by more than the bound', [said('a', '101001')]],
    ['one below it by more', [said('a', '98999')]],
    ['a stale one', [said('a', '100000', 61_000)]],
    ['one from the future', [said('a', '100000', -61_000)]],
    [
      'one of another currency',
      [{ ...said('a', '100000'), currency: currencyOf('USD') as Currency }],
    ],
    ['zero', [said('a', '0')]],
    ['one that speaks too long after the last quorum', [said('a', '100000')], 10 * minute + 1],
    ['one that speaks before it', [said('a', '100000')], -1],
  ])('%s does not', (_name, prices, agoMs) => {
    expect(speak(prices, agoMs)).toBeUndefined();
  });

  test('the ends of both bounds count', () => {
    expect(speak([said('a', '101000')], 10 * minute)).toBeDefined();
    expect(speak([said('a', '99000')], 0)).toBeDefined();
  });

  test('whatever is said, the price is within the bound', () => {
    const lies = fc.array(fc.integer({ min: 1, max: 100_000_000 }), { maxLength: 4 });
    fc.assert(
      fc.property(lies, (all) => {
        const spoken = speak(all.map((price, at) => said(String(at), String(price))));
        if (spoken === undefined) return;
        const off = spoken.priceE8 - before(0).priceE8;
        expect((off < 0n ? -off : off) * 100n).toBeLessThanOrEqual(before(0).priceE8);
      }),
    );
  });
});
