/**
 * api.kraken.com, `/0/public/Ticker`: always HTTP 200; errors stand in an array.
 *
 * A pair is answered under Kraken's own name (`XBTEUR` -> `XXBTZEUR`, but `XBTCHF` stays). There is
 * no time in the answer. Source: docs.kraken.com, Get Ticker Information.
 */
import { Router } from 'express';
import { toDecimal } from './currencies.ts';
import type { Currency } from './currencies.ts';
import type { Market } from './market.ts';

type Base = 'XBT' | Currency;

/** Kraken's own names of the pairs with bitcoin, and of those with US dollars. */
const PAIRS: readonly (readonly [Base, Currency, string])[] = [
  ['XBT', 'USD', 'XXBTZUSD'],
  ['XBT', 'EUR', 'XXBTZEUR'],
  ['XBT', 'GBP', 'XXBTZGBP'],
  ['XBT', 'CAD', 'XXBTZCAD'],
  ['XBT', 'JPY', 'XXBTZJPY'],
  ['XBT', 'CHF', 'XBTCHF'],
  ['XBT', 'AUD', 'XBTAUD'],
  ['EUR', 'USD', 'ZEURZUSD'],
  ['GBP', 'USD', 'ZGBPZUSD'],
  ['AUD', 'USD', 'AUDUSD'],
  ['USD', 'CAD', 'ZUSDZCAD'],
  ['USD', 'JPY', 'ZUSDZJPY'],
  ['USD', 'CHF', 'USDCHF'],
];

const find = (asked: string) =>
  PAIRS.find(([base, quote, name]) =>
    [name, base + quote, `${base}/${quote}`].includes(asked.toUpperCase()),
  );

const perMille = (price: bigint, thousandths: bigint): string =>
  toDecimal((price * thousandths) / 1000n, 5);

const ticker = (price: bigint): object => {
  const text = toDecimal(price, 5);
  const tick = price / 500_000n;
  return {
    a: [toDecimal(price + tick, 5), '1', '1.000'],
    b: [toDecimal(price - tick, 5), '1', '1.000'],
    c: [text, '0.00123000'],
    v: ['412.51834019', '1893.08117755'],
    p: [perMille(price, 998n), perMille(price, 996n)],
    t: [9214, 41876],
    l: [perMille(price, 991n), perMille(price, 987n)],
    h: [perMille(price, 1004n), perMille(price, 1011n)],
    o: perMille(price, 994n),
  };
};

export const kraken = (market: Market): Router => {
  const router = Router();
  router.get('/0/public/Ticker', (request, response) => {
    const asked = request.query['pair'];
    const names = typeof asked === 'string' ? asked.split(',') : PAIRS.map(([, , name]) => name);
    const result: Record<string, object> = {};
    for (const pair of names.map(find)) {
      if (pair === undefined) {
        response.json({ error: ['EQuery:Unknown asset pair'] });
        return;
      }
      const [base, quote, name] = pair;
      const price =
        base === 'XBT' ? market.price('kraken', quote) : market.cross('kraken', base, quote);
      result[name] = ticker(price);
    }
    response.json({ error: [], result });
  });
  return router;
};
