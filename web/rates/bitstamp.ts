import { z } from 'zod';
import type { RateSource } from '../core/ports.ts';
import {
  askExchange,
  decimalText,
  earlier,
  perDollar,
  type ExchangeDeps,
  type Rate,
} from './exchange.ts';

const ticker = z.object({
  last: z.string().regex(decimalText),
  /** Seconds. */
  timestamp: z.string().regex(/^\d{9,11}$/),
});

/**
 * Bitstamp. It lists few currencies, answers 404 with a page of HTML for the others, and says when
 * its ticker was made. Source: bitstamp.net/api, Ticker.
 */
export function bitstamp(deps: ExchangeDeps): RateSource {
  const lastTrade = async (pair: string): Promise<Rate | undefined> => {
    const given = await askExchange(deps, {
      url: `https://www.bitstamp.net/api/v2/ticker/${pair.toLowerCase()}/`,
      answer: ticker,
      isUnlisted: ({ status }) => status === 404,
    });
    if (given === undefined) return undefined;
    const said = new Date(Number(given.answer.timestamp) * 1_000);
    return { rate: given.answer.last, at: earlier(said, given.at) };
  };
  return {
    name: 'bitstamp',
    price: async (currency) => {
      const last = await lastTrade(`BTC${currency}`);
      return last && { source: 'bitstamp', currency, price: last.rate, at: last.at };
    },
    perDollar: (currency) => perDollar(lastTrade, `USD${currency}`, `${currency}USD`),
  };
}
