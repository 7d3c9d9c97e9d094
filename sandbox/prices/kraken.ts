/**
 * api.kraken.com, `/0/public/Ticker`: always HTTP 200; errors stand in an array.
 *
 * A pair is answered under Kraken's own name (`XBTEUR` -> `XXBTZEUR`, but `XBTCHF` stays). There is
 * no time in the answer. Source: docs.kraken.com, Get Ticker Information.
 */
import { Router } from 'express';
import { SCALE, toDecimal } from './currencies.ts';
import type { Currency } from './currencies.ts';
import type { Market } from './market.ts';

/** Kraken's name of each market in bitcoin. */
const NAMES: Partial<Record<Currency, string>> = {
  USD: 'XXBTZUSD',
  EUR: 'XXBTZEUR',
  GBP: 'XXBTZGBP',
  CAD: 'XXBTZCAD',
  JPY: 'XXBTZJPY',
  CHF: 'XBTCHF',
  AUD: 'XBTAUD',
};
const listed = Object.entries(NAMES) as [Currency, string][];

const currencyOf = (pair: string): Currency | undefined =>
  listed.find(([currency, name]) =>
    [name, `XBT${currency}`, `XBT/${currency}`].includes(pair.toUpperCase()),
  )?.[0];

const perMille = (price: bigint, thousandths: bigint): string =>
  toDecimal((price * thousandths) / 1000n, 5);

const ticker = (price: bigint): object => {
  const text = toDecimal(price, 5);
  const tick = 10n ** BigInt(SCALE - 1);
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
    const pairs = typeof asked === 'string' ? asked.split(',') : listed.map(([, name]) => name);
    const result: Record<string, object> = {};
    for (const pair of pairs) {
      const currency = currencyOf(pair);
      if (currency === undefined) {
        response.json({ error: ['EQuery:Unknown asset pair'] });
        return;
      }
      result[NAMES[currency] ?? pair] = ticker(market.price('kraken', currency));
    }
    response.json({ error: [], result });
  });
  return router;
};
