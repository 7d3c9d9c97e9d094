/**
 * api.coinbase.com: `/v2/prices/BTC-EUR/spot` and `/v2/exchange-rates?currency=BTC`. Nearly every
 * currency is listed.
 *
 * Without `currency`, exchange-rates answers for US dollars. There is no time in the answers.
 * Source: docs.cdp.coinbase.com, Data API.
 */
import { Router } from 'express';
import { CURRENCIES, isCurrency, perDollar, SCALE, toDecimal } from './currencies.ts';
import type { Currency } from './currencies.ts';
import type { Market } from './market.ts';

const ONE = 10n ** BigInt(SCALE);

const WITHOUT_MINOR = ['CLP', 'ISK', 'JPY', 'KRW', 'PYG', 'UGX', 'VND', 'XAF', 'XOF', 'XPF'];
const WITH_THREE = ['BHD', 'IQD', 'JOD', 'KWD', 'OMR', 'TND'];
/** A spot price is a mid price: one place more than the currency has. */
const placesOf = (currency: Currency): number => {
  if (WITHOUT_MINOR.includes(currency)) return 1;
  return WITH_THREE.includes(currency) ? 4 : 3;
};

const failure = (id: string, message: string): object => ({ errors: [{ id, message }] });

const ratesOf = (market: Market, base: 'BTC' | Currency): Record<string, string> => {
  const dollars = market.price('coinbase', 'USD');
  const perBase = base === 'BTC' ? dollars : (ONE * ONE) / perDollar(base);
  const bitcoins = dollars === 0n ? 0n : (perBase * ONE) / dollars;
  return {
    ...Object.fromEntries(
      CURRENCIES.map((one) => [one, toDecimal((perBase * perDollar(one)) / ONE, SCALE)]),
    ),
    BTC: base === 'BTC' ? '1' : toDecimal(bitcoins, SCALE),
  };
};

export const coinbase = (market: Market): Router => {
  const router = Router();
  router.get('/v2/prices/:pair/:kind', (request, response) => {
    const [base, currency = ''] = request.params.pair.toUpperCase().split('-');
    const isSpot = request.params.kind === 'spot';
    if (!isSpot || base !== 'BTC' || !isCurrency(currency)) {
      response.status(404).json(failure('not_found', 'Invalid currency'));
      return;
    }
    const amount = toDecimal(market.price('coinbase', currency), placesOf(currency));
    response.json({ data: { amount, base: 'BTC', currency } });
  });
  router.get('/v2/exchange-rates', (request, response) => {
    const asked = request.query['currency'];
    const currency = typeof asked === 'string' ? asked.toUpperCase() : 'USD';
    if (currency !== 'BTC' && !isCurrency(currency)) {
      response.status(400).json(failure('invalid_request', 'Currency is invalid'));
      return;
    }
    response.json({ data: { currency, rates: ratesOf(market, currency) } });
  });
  return router;
};
