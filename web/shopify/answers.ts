// What a status, a header or an error code of Shopify means for us. One table; nothing else in this
// room decides about trying again. The outside's own words stay outside: messages are ours.
import { z } from 'zod';
import { Trouble } from '../core/trouble.ts';
import { NoAnswer, type OutsideAnswer } from '../outbound.ts';
import type { ThrottleStatus } from './throttle.ts';

const second = 1_000;
const minute = 60 * second;
/** A frozen or unpaid shop is asked again this often: it costs one call. */
const frozenMs = 60 * minute;
/** Shopify locks a shop's API after repeated abuse of its limits. */
const lockedMs = 5 * minute;

type About = ConstructorParameters<typeof Trouble>[1];
const trouble = (what: string, about: Omit<About, 'from'>): Trouble =>
  new Trouble(what, { from: 'shop', ...about });

/** Nothing was executed, and so many milliseconds are to be waited. */
export const throttled = (waitMs: number): Trouble =>
  trouble('throttled', { then: 'retry', waitMs });
/** The token is dead, and no new one can be had without the merchant. */
export const tokenRefused = (): Trouble =>
  trouble('token_refused', { then: 'give_up', away: true });
/** It may have been done: look before acting. */
export const unclear = (what: string, about: { away: boolean; cause?: unknown }): Trouble =>
  trouble(what, { then: 'ask_again', ...about });

/** No answer, or half of one. Only a call that never left is sure to have done nothing. */
export function fromNoAnswer(error: unknown): Trouble {
  if (!(error instanceof NoAnswer)) throw error;
  if (error.failure === 'unreachable') {
    return trouble('shop_unreachable', { then: 'retry', cause: error });
  }
  return unclear(error.failure === 'timeout' ? 'timeout' : 'answer_cut', {
    away: true,
    cause: error,
  });
}

/** `Retry-After` in seconds or as a date; at least a second, at most ten minutes. */
export function retryAfterMs(headers: Headers, now: Date): number {
  const header = headers.get('retry-after') ?? '';
  const asked = /^\d{1,6}(\.\d+)?$/.test(header)
    ? Number(header) * second
    : Date.parse(header) - now.getTime();
  const waitMs = Number.isNaN(asked) ? 2 * second : asked;
  return Math.min(Math.max(waitMs, second), 10 * minute);
}

/** Trouble for any status but 200 and 401, which mean something else to each caller. */
export function fromStatus(answer: OutsideAnswer, now: Date): Trouble {
  const { status, headers } = answer;
  switch (status) {
    case 429:
      return throttled(retryAfterMs(headers, now));
    case 402:
      return trouble('shop_frozen', { then: 'retry', waitMs: frozenMs });
    case 423:
      return trouble('shop_locked', { then: 'retry', waitMs: lockedMs });
    case 403:
      return trouble('access_denied', { then: 'give_up', away: true });
    case 404:
      return trouble('shop_not_found', { then: 'give_up', away: true });
    default:
      break;
  }
  if (status >= 500) return unclear('shop_failing', { away: true });
  if (status >= 300 && status < 400) return unclear('redirected', { away: true });
  return trouble('request_refused', { then: 'give_up' });
}

const status = z.object({
  maximumAvailable: z.number(),
  currentlyAvailable: z.number(),
  restoreRate: z.number(),
});
const envelope = z.object({
  data: z.record(z.string(), z.unknown()).nullish(),
  errors: z
    .array(z.object({ extensions: z.object({ code: z.string().optional() }).optional() }))
    .nullish(),
  extensions: z
    .object({
      cost: z
        .object({ requestedQueryCost: z.number(), throttleStatus: status.optional() })
        .optional(),
    })
    .optional(),
});

export type GraphqlAnswer = {
  outcome: { is: 'given'; content: Record<string, unknown> } | { is: 'trouble'; trouble: Trouble };
  cost: { requested: number; status: ThrottleStatus | undefined } | undefined;
};

/** Reads the body of an HTTP 200. */
export function readGraphql(text: string): GraphqlAnswer {
  let body: z.infer<typeof envelope>;
  try {
    body = envelope.parse(JSON.parse(text));
  } catch {
    const failure = unclear('answer_unreadable', { away: true });
    return { outcome: { is: 'trouble', trouble: failure }, cost: undefined };
  }
  const told = body.extensions?.cost;
  const cost = told && { requested: told.requestedQueryCost, status: told.throttleStatus };
  const codes = (body.errors ?? []).map((error) => error.extensions?.code ?? 'unknown');
  if (codes.length > 0)
    return { outcome: { is: 'trouble', trouble: fromCodes(codes, cost) }, cost };
  if (!body.data) {
    return { outcome: { is: 'trouble', trouble: unclear('no_data', { away: false }) }, cost };
  }
  return { outcome: { is: 'given', content: body.data }, cost };
}

function fromCodes(codes: readonly string[], cost: GraphqlAnswer['cost']): Trouble {
  if (codes.includes('THROTTLED')) return throttled(refillMs(cost));
  if (codes.includes('INTERNAL_SERVER_ERROR')) {
    return unclear('shop_failing', { away: false });
  }
  if (codes.includes('SHOP_INACTIVE')) {
    return trouble('shop_frozen', { then: 'retry', waitMs: frozenMs });
  }
  if (codes.includes('ACCESS_DENIED')) {
    return trouble('access_denied', { then: 'give_up', away: true });
  }
  if (codes.includes('unknown')) return unclear('error_unknown', { away: false });
  // A document or an argument of ours is wrong: MAX_COST_EXCEEDED and its like.
  return trouble('request_refused', { then: 'give_up', message: codes.join(', ') });
}

/** Until the bucket holds what the call needs; at least a second. */
function refillMs(cost: GraphqlAnswer['cost']): number {
  if (cost?.status === undefined || cost.status.restoreRate <= 0) return second;
  const lack = cost.requested - cost.status.currentlyAvailable;
  return Math.max(second, Math.ceil((lack * second) / cost.status.restoreRate));
}
