/**
 * sandbox/prices: three exchanges, answering in their real shapes at the addresses that
 * `OUTSIDE_ORIGIN` makes of theirs (`{OUTSIDE_ORIGIN}/api.kraken.com/0/public/Ticker?pair=XBTEUR`).
 *
 * They play outsiders, so they share no code with `web/`. They must never be more orderly than the
 * real ones: names differ, currencies differ, errors differ, and two of the three give no time.
 */
import { Router } from 'express';
import { bitstamp } from './bitstamp.ts';
import { coinbase } from './coinbase.ts';
import { faulty } from './faulty.ts';
import { kraken } from './kraken.ts';
import { market } from './market.ts';
import type { Market } from './market.ts';

export { priceControls } from './controls.ts';
export { market } from './market.ts';
export type { Controls, Market, PriceFault, Source } from './market.ts';

export const HOSTS = {
  kraken: 'api.kraken.com',
  coinbase: 'api.coinbase.com',
  bitstamp: 'www.bitstamp.net',
} as const;

/** Mount it at the root of the outside's server; every path begins with the host's name. */
export const pricePages = (of: Market = market()): Router => {
  const router = Router();
  router.use(`/${HOSTS.kraken}`, faulty(of, 'kraken'), kraken(of));
  router.use(`/${HOSTS.coinbase}`, faulty(of, 'coinbase'), coinbase(of));
  router.use(`/${HOSTS.bitstamp}`, faulty(of, 'bitstamp'), bitstamp(of));
  return router;
};
