/**
 * www.bitstamp.net, `/api/v2/ticker/btceur/`: bitcoin in whole units, a time in seconds. Few
 * currencies; an unknown pair is an HTML page with status 404. Source: bitstamp.net/api, Ticker.
 */
import { Router } from 'express';
import { toDecimal } from './currencies.ts';
import type { Currency } from './currencies.ts';
import type { Market } from './market.ts';

type Pair = { base: 'BTC' | Currency; quote: Currency; places: number };
const PAIRS: Record<string, Pair> = {
  btcusd: { base: 'BTC', quote: 'USD', places: 0 },
  btceur: { base: 'BTC', quote: 'EUR', places: 0 },
  btcgbp: { base: 'BTC', quote: 'GBP', places: 0 },
  eurusd: { base: 'EUR', quote: 'USD', places: 5 },
  gbpusd: { base: 'GBP', quote: 'USD', places: 5 },
};

const NOT_FOUND =
  '<!DOCTYPE html><html><head><title>Bitstamp</title></head><body>404</body></html>';

export const bitstamp = (market: Market): Router => {
  const router = Router();
  router.get('/api/v2/ticker/:pair', (request, response) => {
    const pair = PAIRS[request.params.pair];
    if (pair === undefined) {
      response.status(404).type('html').send(NOT_FOUND);
      return;
    }
    const { base, quote, places } = pair;
    const price =
      base === 'BTC' ? market.price('bitstamp', quote) : market.cross('bitstamp', base, quote);
    const perMille = (thousandths: bigint): string =>
      toDecimal((price * thousandths) / 1000n, places);
    response.json({
      timestamp: String(Math.floor(market.time('bitstamp') / 1000)),
      open: perMille(995n),
      high: perMille(1010n),
      low: perMille(988n),
      last: perMille(1000n),
      volume: '1210.48819402',
      vwap: perMille(998n),
      bid: perMille(1000n),
      ask: perMille(1000n),
      side: '0',
      open_24: perMille(993n),
      percent_change_24: '0.70',
      market_type: 'SPOT',
    });
  });
  return router;
};
