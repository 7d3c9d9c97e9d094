// SPEAKS SHOPIFY. One shop's GraphQL, its tokens, and the proofs of those who knock at our
// doors. What Shopify says is checked with zod before anybody believes it, and every failure is
// Trouble that keeps "nothing was done", "nobody knows" and "no" apart. This room must never store
// anything, never follow a redirect with a token, and never put a token into an error or a log.
import type { z } from 'zod';
import type { ApiWord } from '../core/api-version.ts';
import type { Clock } from '../core/ports.ts';
import { Trouble } from '../core/trouble.ts';
import type { FetchOutside, OutsideAnswer } from '../outbound.ts';
import {
  fromNoAnswer,
  fromStatus,
  readGraphql,
  throttled,
  tokenRefused,
  unclear,
  type GraphqlAnswer,
} from './answers.ts';
import { API_VERSION } from './version.ts';
import type { Throttle } from './throttle.ts';

/** The access token of one (registration, shop). See `tokenSource` in auth.ts. */
export type TokenSource = {
  /** A token that should be good. Throws Trouble. */
  current: () => Promise<string>;
  /** Another one, because Shopify answered 401 to this. Throws Trouble `token_refused`. */
  insteadOf: (refused: string) => Promise<string>;
  /** Shopify answered 401 to a fresh token: only the merchant can help. */
  giveUp: (refused: string) => Promise<void>;
};

/** A GraphQL document, with the shape of its answer. Each of the two APIs has a list of its own. */
export type ShopDocument<T> = {
  name: string;
  text: string;
  answer: z.ZodType<T>;
  /** What it costs before Shopify has told its own figure, in points, for one order. */
  points: number;
  /** A page that waits for a reading answers its buyer within five seconds. */
  timeoutMs: number;
};

/** Which of Shopify's two GraphQL APIs: a registration may speak to one of them only. */
export type ApiPath = 'admin/api' | 'payments_apps/api';

export type ShopApiDeps = {
  /** x.myshopify.com */
  shop: string;
  tokens: TokenSource;
  fetchOutside: FetchOutside;
  throttle: Throttle;
  clock: Clock;
  apiVersion?: string;
  /** For the metrics. `outcome` is `done` or the word of the Trouble. */
  saw?: (call: { operation: string; outcome: string; ms: number }) => void;
  /** What Shopify says that a call asked of its bucket. */
  sawCost?: (cost: { operation: string; points: number }) => void;
  /** The version that really answered, and what Shopify says will go. Must not throw. */
  sawVersion?: (word: ApiWord) => void;
};

export type ShopApi = {
  /** `orders`: for how many orders it asks, which decides about its cost. Throws Trouble. */
  ask: <T>(document: ShopDocument<T>, variables: object, orders?: number) => Promise<T>;
  /** How many orders of this document the bucket can take in one call: 1 to `most`. */
  ordersPerCall: (document: ShopDocument<unknown>, most: number) => number;
};

/** Fifty orders with their transactions. */
const maxBytes = 4 * 1_048_576;

export function shopApi(deps: ShopApiDeps, path: ApiPath): ShopApi {
  const { throttle, clock } = deps;
  /** Points for one order, as Shopify last told them for each document. */
  const learned = new Map<string, number>();
  const pointsFor = (document: ShopDocument<unknown>): number =>
    learned.get(document.name) ?? document.points;

  const send = async <T>(document: ShopDocument<T>, variables: object, orders: number) => {
    const points = Math.ceil(pointsFor(document) * orders);
    const waitMs = throttle.admit(points);
    if (waitMs > 0) throw throttled(waitMs);
    let status;
    try {
      const body = JSON.stringify({ query: document.text, variables });
      const answer = await withToken(deps, { path, body, timeoutMs: document.timeoutMs });
      if (answer.status === 429) throttle.refused();
      if (answer.status !== 200) throw fromStatus(answer, clock());
      tellVersion(deps, document.name, answer.headers);
      const { outcome, cost } = readGraphql(answer.text);
      status = cost?.status;
      if (status === undefined && isRefusal(outcome)) throttle.refused();
      if (cost !== undefined) {
        const { requested } = cost;
        deps.sawCost?.({ operation: document.name, points: requested });
        learned.set(document.name, Math.max(1, requested / orders));
      }
      if (outcome.is === 'trouble') throw outcome.trouble;
      return checked(document, outcome.content);
    } finally {
      throttle.saw(points, status);
    }
  };

  return {
    ask: async (document, variables, orders = 1) => {
      const startedAt = clock().getTime();
      const saw = (outcome: string): void =>
        deps.saw?.({ operation: document.name, outcome, ms: clock().getTime() - startedAt });
      try {
        const answer = await send(document, variables, orders);
        saw('done');
        return answer;
      } catch (error) {
        saw(error instanceof Trouble ? error.what : 'defect');
        throw error;
      }
    },
    ordersPerCall: (document, most) => {
      const maximum = throttle.maximum() ?? Infinity;
      return Math.min(most, Math.max(1, Math.floor(maximum / 2 / pointsFor(document))));
    },
  };
}

/** Too many calls, told without a figure; or a page that was meant for a person. */
const isRefusal = (outcome: GraphqlAnswer['outcome']): boolean =>
  outcome.is === 'trouble' && ['throttled', 'answer_unreadable'].includes(outcome.trouble.what);

/** Longer reasons are cut: they are for people. */
const longestReason = 500;

/** Source: shopify.dev, "API versioning", the headers of every answer. */
function tellVersion(deps: ShopApiDeps, operation: string, headers: Headers): void {
  const version = headers.get('x-shopify-api-version');
  if (version === null || !/^[\w-]{1,20}$/.test(version)) return;
  const deprecated = headers.get('x-shopify-api-deprecated-reason')?.slice(0, longestReason);
  deps.sawVersion?.({ operation, version, deprecated: deprecated ?? null });
}

function checked<T>(document: ShopDocument<T>, content: Record<string, unknown>): T {
  const parsed = document.answer.safeParse(content);
  if (!parsed.success) throw unclear('answer_unexpected', { away: false });
  return parsed.data;
}

type Call = { path: ApiPath; body: string; timeoutMs: number };

/** A token that Shopify refuses is replaced once; a second refusal is final. */
async function withToken(deps: ShopApiDeps, call: Call): Promise<OutsideAnswer> {
  const token = await deps.tokens.current();
  const answer = await post(deps, token, call);
  if (answer.status !== 401) return answer;
  const fresh = await deps.tokens.insteadOf(token);
  const second = await post(deps, fresh, call);
  if (second.status !== 401) return second;
  await deps.tokens.giveUp(fresh);
  throw tokenRefused();
}

async function post(
  deps: ShopApiDeps,
  token: string,
  { path, ...call }: Call,
): Promise<OutsideAnswer> {
  const { shop, apiVersion = API_VERSION } = deps;
  try {
    return await deps.fetchOutside(`https://${shop}/${path}/${apiVersion}/graphql.json`, {
      method: 'POST',
      headers: {
        'Content-Type': 'application/json',
        Accept: 'application/json',
        'X-Shopify-Access-Token': token,
      },
      ...call,
      maxBytes,
    });
  } catch (error) {
    throw fromNoAnswer(error);
  }
}
