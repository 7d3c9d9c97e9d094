import { z } from 'zod';
import type { RateSource } from '../core/ports.ts';
import {
  askExchange,
  decimalText,
  earlier,
  middleOf,
  perDollar,
  type ExchangeDeps,
  type Rate,
} from './exchange.ts';

const ticker = z.object({
  bid: z.string().regex(decimalText),
  ask: z.string().regex(decimalText),
  /** Seconds. */
  timestamp: z.string().regex(/^\d{9,11}$/),
});

/**
 * Bitstamp. It lists few currencies, answers 404 with a page of HTML for the others, and says when
 * its ticker was made. The price is between the best bid and ask. Source: bitstamp.net/api, Ticker.
 */
export function bitstamp(deps: ExchangeDeps): RateSource {
  const rateOf = async (pair: string): Promise<Rate | undefined> => {
    const given = await askExchange(deps, {
      url: `https://www.bitstamp.net/api/v2/ticker/${pair.toLowerCase()}/`,
      answer: ticker,
      isUnlisted: ({ status }) => status === 404,
    });
    if (given === undefined) return undefined;
    const said = new Date(Number(given.answer.timestamp) * 1_000);
    const { bid, ask } = given.answer;
    return { rate: middleOf(bid, ask), at: earlier(said, given.at) };
  };
  return {
    name: 'bitstamp',
    price: async (currency) => {
      const now = await rateOf(`BTC${currency}`);
      return now && { source: 'bitstamp', currency, price: now.rate, at: now.at };
    },
    perDollar: (currency) => perDollar(rateOf, `USD${currency}`, `${currency}USD`),
  };
}
