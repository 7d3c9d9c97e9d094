// What the merchant's doors share: who is asking, and how an answer is given to it.
import express, { type Request, type Response } from 'express';
import { Trouble } from '../../core/trouble.ts';
import type { ShopRow } from '../../db/views.ts';
import { bearerOf, proveMerchant } from '../../shopify/requests.ts';
import { answerJson } from '../answers.ts';
import { makeBudget, type Budget } from '../budget.ts';
import { callerOf } from '../caller.ts';
import type { Doors, Route } from '../doors.ts';

export type Seen = {
  shop: ShopRow;
  /** Shopify's id of the member of staff; undefined where the token names none. */
  staffId: string | undefined;
  request: Request;
  response: Response;
};

/** Tokens that one address may make us ask Shopify for: more than an office needs. */
const exchangesOfCaller = { calls: 60, perMs: 60_000, keysAtMost: 10_000 };
const budgets = new WeakMap<Doors, Budget>();
/** One for all routes of the same doors. */
function exchangesOf(doors: Doors): Budget {
  const budget = budgets.get(doors) ?? makeBudget(exchangesOfCaller);
  budgets.set(doors, budget);
  return budget;
}

const json = express.json({ limit: '32kb' });

/** A route under /api: only the shop that its session token names is ever seen behind it. */
export function merchantRoute(
  doors: Doors,
  at: Pick<Route, 'path' | 'before'> & { method: 'get' | 'post'; policy: 'merchant' },
  answer: (seen: Seen) => Promise<void>,
): Route {
  const before = at.before ?? (at.method === 'post' ? [json] : []);
  return {
    method: at.method,
    path: at.path,
    policy: at.policy,
    ...(before.length > 0 ? { before } : {}),
    answer: async (request, response) => {
      const known = await shopOfToken(doors, request);
      if (known === undefined) {
        // App Bridge fetches a fresh token and repeats the call once.
        response.set('X-Shopify-Retry-Invalid-Session-Request', '1');
        answerJson(response, 401, { error: 'The session token is missing, wrong or over.' });
        return;
      }
      await answer({ ...known, request, response });
    },
  };
}

/** The same for a page of many doors, each of which is a function of the doors and the caller. */
export const merchantRouteOf =
  (doors: Doors) =>
  (
    method: 'get' | 'post',
    path: string,
    answer: (doors: Doors, seen: Seen) => Promise<void>,
  ): Route =>
    merchantRoute(doors, { method, path, policy: 'merchant' }, (seen) => answer(doors, seen));

/** Installs the shop at first sight; exchanges the token where there is none that works. */
async function shopOfToken(
  doors: Doors,
  request: Request,
): Promise<Pick<Seen, 'shop' | 'staffId'> | undefined> {
  const sessionToken = bearerOf(request.get('authorization'));
  const proof = await proveMerchant(sessionToken, await doors.registrations('merchant'));
  if (!proof.ok || sessionToken === undefined) {
    doors.countRefusedProof('merchant');
    return undefined;
  }
  const { id: registrationId } = proof.app;
  try {
    const mayAsk = (): boolean => exchangesOf(doors).spend(callerOf(request));
    const seen = { registrationId, domain: proof.shop, sessionToken, mayAsk };
    const shop = await doors.install(seen);
    return { shop, staffId: proof.user };
  } catch (error) {
    // Shopify does not take it any more, such as right after the app was removed.
    if (error instanceof Trouble && error.what === 'session_token_refused') return undefined;
    throw error;
  }
}

export const iso = (date: Date | null): string | null => date?.toISOString() ?? null;
