import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { currencyOf, type Currency } from '../../web/core/money.ts';
import type { Rates } from '../../web/core/ports.ts';
import { outbound } from '../../web/outbound.ts';
import { makeRates } from '../../web/rates/agreed.ts';
import { bitstamp } from '../../web/rates/bitstamp.ts';
import { coinbase } from '../../web/rates/coinbase.ts';
import { inverse, middle, product } from '../../web/rates/decimal.ts';
import { kraken } from '../../web/rates/kraken.ts';
import { openExchanges, type Listed, type TestExchanges } from './exchange-for-tests.ts';

const of = (code: string): Currency => currencyOf(code) as Currency;
const day = (): Listed => ({
  kraken: { XBTUSD: '60000.0', XBTEUR: '54000.0', USDPLN: '4.0000' },
  coinbase: {
    prices: { 'BTC-USD': '60060.12', 'BTC-EUR': '54054.9', 'BTC-PLN': '241000' },
    dollar: { PLN: '4.01', NOK: '10.5', ISK: '137' },
  },
  bitstamp: { btcusd: '59990', btceur: '53990', nokusd: '0.0952380952' },
});

let exchanges: TestExchanges;
let nowMs: number;
let rates: Rates;
let outcomes: string[];

beforeEach(async () => {
  exchanges = await openExchanges(day());
  nowMs = Date.now() + 2_000;
  outcomes = [];
  const clock = (): Date => new Date(nowMs);
  const { fetchOutside } = outbound({ origin: exchanges.origin });
  rates = makeRates({
    sources: [kraken, coinbase, bitstamp].map((source) => source({ fetchOutside, clock })),
    clock,
    saw: ({ source, outcome }) => void outcomes.push(`${source} ${outcome}`),
  });
});
afterEach(() => exchanges.close());

const told = async (code: string): Promise<Record<string, string>> => {
  const prices = await rates.pricesFor(of(code));
  return Object.fromEntries(prices.map((price) => [price.source, price.price]));
};

test('half way between bid and ask, and nothing where nobody bids', () => {
  expect(middle('53999.5', '54000.25')).toBe('53999.875');
  expect(middle('0.000000000001', '0.000000000002')).toBe('0.000000000001');
  expect([middle('0', '54000'), middle('-1', '2'), middle('x', '1')]).toEqual(
    Array(3).fill(undefined),
  );
});

describe('a currency that is listed', () => {
  test('has the prices of all who list it', async () => {
    expect(await told('EUR')).toEqual({
      kraken: '54000',
      coinbase: '54054.9',
      bitstamp: '53990',
    });
    expect(outcomes.sort()).toEqual(['bitstamp given', 'coinbase given', 'kraken given']);
  });

  test('by two is not crossed', async () => {
    delete exchanges.listed.bitstamp['btceur'];
    expect(Object.keys(await told('EUR'))).toEqual(['kraken', 'coinbase']);
    expect(exchanges.asked.join()).not.toContain('USD');
  });
});

describe('a currency that fewer than two list', () => {
  test('is crossed through dollars when two agree on the cross', async () => {
    expect(await told('PLN')).toEqual({
      coinbase: '241000',
      'kraken via USD': '240000',
      'bitstamp via USD': '239960',
    });
  });

  test('is crossed where nobody lists it, also against the direction of a market', async () => {
    const prices = await told('NOK');
    expect(Object.keys(prices).sort()).toEqual([
      'bitstamp via USD',
      'coinbase via USD',
      'kraken via USD',
    ]);
    expect(Number(prices['kraken via USD'])).toBeCloseTo(630_000, 0);
  });

  test('is not crossed by the word of one', async () => {
    expect(await told('ISK')).toEqual({});
  });

  test('is not crossed when the two differ by more than a hundredth', async () => {
    exchanges.listed.coinbase.dollar['PLN'] = '4.09';
    expect(await told('PLN')).toEqual({ coinbase: '241000' });
  });

  test.each(['0', '-4', '0.0', '-0.1'])('is not crossed with a rate of %s', async (rate) => {
    exchanges.listed.coinbase.dollar['PLN'] = rate;
    expect(await told('PLN')).toEqual({ coinbase: '241000' });
  });

  test('is as old as the oldest part of it', async () => {
    const prices = await rates.pricesFor(of('PLN'));
    for (const price of prices) expect(nowMs - price.at.getTime()).toBeGreaterThanOrEqual(1_000);
  });
});

describe('what is remembered', () => {
  test('a crowd asks each exchange once', async () => {
    await Promise.all(Array.from({ length: 50 }, () => rates.pricesFor(of('EUR'))));
    expect(exchanges.asked).toHaveLength(3);
  });

  test('a price keeps its own time, and is asked for anew before it is old', async () => {
    const [first] = await rates.pricesFor(of('EUR'));
    exchanges.listed.kraken['XBTEUR'] = '55000.0';
    nowMs += 2_000;
    const [again] = await rates.pricesFor(of('EUR'));
    expect(again).toEqual(first);
    expect(exchanges.asked).toHaveLength(3);
    nowMs += 2_000;
    expect((await rates.pricesFor(of('EUR')))[0]).toEqual(first);
    // The answer in the background has come: the next one who asks does not wait for it.
    await expect.poll(() => exchanges.asked.length).toBe(6);
    await expect.poll(async () => (await told('EUR'))['kraken']).toBe('55000');
  });

  test('nothing older than ten seconds is given out', async () => {
    await rates.pricesFor(of('EUR'));
    exchanges.listed.kraken['XBTEUR'] = '55000.0';
    nowMs += 10_001;
    expect((await told('EUR'))['kraken']).toBe('55000');
  });

  test('what an exchange does not list is not asked for again and again', async () => {
    await rates.pricesFor(of('ISK'));
    const asked = exchanges.asked.length;
    nowMs += 30_000;
    await rates.pricesFor(of('ISK'));
    const again = exchanges.asked.slice(asked);
    expect(again.filter((path) => path.includes('ISK'))).toEqual([]);
  });
});

describe('decimals', () => {
  test('are multiplied and inverted without a float', () => {
    expect(product('60000.0', '4.0000')).toBe('240000');
    expect(product('0.1', '0.2')).toBe('0.02');
    expect(product('123456789.123456789', '25000.5')).toBe('3086481456480.9814533945');
    expect(inverse('4')).toBe('0.25');
    expect(inverse('3')).toBe('0.333333333333');
    for (const bad of ['0', '-1', '', 'NaN', '1e5', 'Infinity']) {
      expect(inverse(bad), bad).toBeUndefined();
      expect(product(bad, '1'), bad).toBeUndefined();
    }
  });

  test('an inverse comes back to where it was', () => {
    fc.assert(
      fc.property(fc.bigInt(1_000n, 10n ** 9n), (thousandths) => {
        const rest = String(thousandths % 1_000n).padStart(3, '0');
        const decimal = `${String(thousandths / 1_000n)}.${rest}`;
        const back = product(decimal, inverse(decimal) ?? '');
        return Math.abs(Number(back) - 1) < 1e-5;
      }),
    );
  });
});
