import { z } from 'zod';
import type { Currency } from '../core/money.ts';
import type { RateSource } from '../core/ports.ts';
import {
  askExchange,
  decimalText,
  middleOf,
  perDollar,
  trouble,
  type ExchangeDeps,
  type Rate,
} from './exchange.ts';

const side = z.tuple([z.string().regex(decimalText)]).rest(z.string());
const answer = z.object({
  error: z.array(z.string()),
  result: z.record(z.string(), z.object({ a: side, b: side })).optional(),
});

const unlisted = /"EQuery:(Unknown asset pair|Invalid asset pair)"/;

/**
 * Kraken. Every answer is HTTP 200; errors stand in a list. A pair comes back under Kraken's own
 * name (XBTEUR as XXBTZEUR), and there is no time in it. The price is between the best bid and ask.
 * Source: docs.kraken.com, Get Ticker Information.
 */
export function kraken(deps: ExchangeDeps): RateSource {
  const rateOf = async (pair: string): Promise<Rate | undefined> => {
    const given = await askExchange(deps, {
      url: `https://api.kraken.com/0/public/Ticker?pair=${pair}`,
      answer,
      isUnlisted: ({ text }) => unlisted.test(text),
    });
    if (given === undefined) return undefined;
    const [ticker] = Object.values(given.answer.result ?? {});
    if (ticker === undefined || given.answer.error.length > 0) throw trouble('exchange_failing');
    return { rate: middleOf(ticker.b[0], ticker.a[0]), at: given.at };
  };
  return {
    name: 'kraken',
    price: async (currency) => {
      const now = await rateOf(`XBT${currency}`);
      return now && { source: 'kraken', currency, price: now.rate, at: now.at };
    },
    perDollar: (currency: Currency) => perDollar(rateOf, `USD${currency}`, `${currency}USD`),
  };
}
