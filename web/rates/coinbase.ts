import { z } from 'zod';
import type { RateSource } from '../core/ports.ts';
import { askExchange, decimalText, trouble, type ExchangeDeps } from './exchange.ts';

const decimal = z.string().regex(decimalText);
const spot = z.object({
  data: z.object({ amount: decimal, base: z.literal('BTC'), currency: z.string() }),
});
const rates = z.object({
  data: z.object({ currency: z.literal('USD'), rates: z.record(z.string(), z.string()) }),
});

/**
 * Coinbase. It prices a bitcoin in nearly every currency, most of them through its own dollar
 * rates. There is no time in the answers. Source: docs.cdp.coinbase.com, Prices and Exchange rates.
 */
export function coinbase(deps: ExchangeDeps): RateSource {
  return {
    name: 'coinbase',
    price: async (currency) => {
      const given = await askExchange(deps, {
        url: `https://api.coinbase.com/v2/prices/BTC-${currency}/spot`,
        answer: spot,
        isUnlisted: ({ status }) => status === 404 || status === 400,
      });
      if (given === undefined) return undefined;
      const { amount, currency: answered } = given.answer.data;
      if (answered !== currency) throw trouble('answer_unexpected');
      return { source: 'coinbase', currency, price: amount, at: given.at };
    },
    perDollar: async (currency) => {
      const given = await askExchange(deps, {
        url: 'https://api.coinbase.com/v2/exchange-rates?currency=USD',
        answer: rates,
        isUnlisted: () => false,
      });
      const rate = given?.answer.data.rates[currency];
      if (given === undefined || rate === undefined) return undefined;
      if (!decimalText.test(rate)) throw trouble('answer_unexpected');
      return { rate, at: given.at };
    },
  };
}
