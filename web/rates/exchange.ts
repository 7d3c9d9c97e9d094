// KNOWS PRICES. One file per exchange, each in its own words; agreed.ts asks them all. No file here
// decides what a bitcoin costs: core/quote does. A price must never be given a younger time than it
// has, and one exchange in trouble must never delay or spoil another.
import type { z } from 'zod';
import type { Clock } from '../core/ports.ts';
import { Trouble } from '../core/trouble.ts';
import { inverse, middle } from './decimal.ts';
import { NoAnswer, type FetchOutside, type OutsideAnswer } from '../outbound.ts';

/** Units of a currency for one other, a plain decimal. */
export type Rate = { rate: string; at: Date };

export type ExchangeDeps = { fetchOutside: FetchOutside; clock: Clock };

/** A buyer waits for this. */
const timeoutMs = 2_000;
const maxBytes = 262_144;

/** A decimal as exchanges print it. Negative ones are left to core/quote, which drops them. */
export const decimalText = /^-?\d{1,24}(\.\d{1,24})?$/;

export const trouble = (what: string, cause?: unknown): Trouble =>
  new Trouble(what, { from: 'rates', then: 'retry', ...(cause === undefined ? {} : { cause }) });

/**
 * Asks an exchange. Undefined when `isUnlisted` recognises that it does not have what was asked
 * for. Throws Trouble `retry` for everything else that is not the expected answer.
 */
export async function askExchange<T>(
  deps: ExchangeDeps,
  ask: {
    url: string;
    answer: z.ZodType<T>;
    isUnlisted: (answer: { status: number; text: string }) => boolean;
  },
): Promise<{ answer: T; at: Date } | undefined> {
  let given: OutsideAnswer;
  try {
    const headers = { Accept: 'application/json' };
    given = await deps.fetchOutside(ask.url, { headers, timeoutMs, maxBytes });
  } catch (error) {
    if (!(error instanceof NoAnswer)) throw error;
    throw trouble(error.failure === 'timeout' ? 'timeout' : 'no_answer', error);
  }
  if (ask.isUnlisted(given)) return undefined;
  if (given.status === 429) throw trouble('throttled');
  if (given.status !== 200) throw trouble('exchange_failing');
  const parsed = ask.answer.safeParse(jsonOf(given.text));
  if (!parsed.success) throw trouble('answer_unexpected');
  return { answer: parsed.data, at: timeOf(given.headers, deps.clock()) };
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/**
 * When the answer was made: `Date` and `Age` of HTTP, since a cache may stand between us and the
 * exchange. Never in the future, whatever their clock says. Source: RFC 9110 6.6.1, RFC 9111 5.1.
 */
function timeOf(headers: Headers, now: Date): Date {
  const age = headers.get('age') ?? '';
  const cachedMs = /^\d{1,9}$/.test(age) ? Number(age) * 1_000 : 0;
  const saidMs = Date.parse(headers.get('date') ?? '');
  const byAgeMs = now.getTime() - cachedMs;
  return new Date(Number.isNaN(saidMs) ? byAgeMs : Math.min(saidMs, byAgeMs));
}

/** The earlier of two moments. */
export const earlier = (a: Date, b: Date): Date => (a < b ? a : b);

/**
 * Between what is bid and what is asked now. A last trade may be an hour old where few trade, and
 * bear no time. An exchange at which nobody buys or sells has no price.
 */
export function middleOf(bid: string, ask: string): string {
  const price = middle(bid, ask);
  if (price === undefined) throw trouble('answer_unexpected');
  return price;
}

/** Currencies are traded in one direction only: the pound, the euro and the aussie in dollars. */
export async function perDollar(
  rateOf: (pair: string) => Promise<Rate | undefined>,
  pair: string,
  reversed: string,
): Promise<Rate | undefined> {
  const straight = await rateOf(pair);
  if (straight !== undefined) return straight;
  const other = await rateOf(reversed);
  const rate = other && inverse(other.rate);
  return other === undefined || rate === undefined ? undefined : { rate, at: other.at };
}
