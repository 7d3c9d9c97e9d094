// The link of an order's e-mail knocks, led here by Shopify's app proxy. Its signature proves the
// shop and never the caller, and order ids can be guessed: so the link carries the confirmation
// number as well, which Shopify tells the buyer only. Whoever lacks it is told the same of an order
// that is there as of one that is not. No page of this door says anything about an order.
//
// A buyer reads words: where Shopify puts an error page of its own in place of an app's, ours would
// not be read. So whoever is shown a page is answered 200, and only an unproven caller is not.
import type { Request, Response } from 'express';
import { isUnpaid } from '../core/payment.ts';
import { Trouble } from '../core/trouble.ts';
import { isDatabaseBusy, latestPayment, shopOf } from '../db/views.ts';
import { renderMessage, type PageMessage } from '../frontend/buyer/page.ts';
import { proveProxy } from '../shopify/requests.ts';
import { answerJson, toldOf } from './answers.ts';
import { makeBudget, type Budget } from './budget.ts';
import type { Doors, Registration, Route } from './doors.ts';
import { localeOf } from './from-buyer.ts';
import { isHashOf, lookPatiently, sameSecret } from './looking.ts';

/**
 * By one link as often as an impatient buyer. Each look of whoever is not proven costs ten of the
 * shop's own points at Shopify, and anybody may knock: a shop gives few of them away. A webhook
 * tells of most orders before their e-mail is read, and a buyer of those costs nothing.
 * Guessing is no way in at this pace: a confirmation number is one of 36^9.
 */
const looks = {
  ofLink: { calls: 10, perMs: 60_000, keysAtMost: 10_000 },
  ofShop: { calls: 15, perMs: 10_000, keysAtMost: 10_000 },
};

type Budgets = Record<keyof typeof looks, Budget>;
type Seen = PageMessage | { link: string };

export function proxyRoutes(doors: Doors): Route[] {
  const budgets: Budgets = {
    ofLink: makeBudget(looks.ofLink),
    ofShop: makeBudget(looks.ofShop),
  };
  return [
    {
      method: 'get',
      path: '/proxy/pay',
      policy: 'shopify-proxy',
      answer: (request, response) => answer(doors, { budgets, request, response }),
    },
  ];
}

async function answer(
  doors: Doors,
  about: { budgets: Budgets; request: Request; response: Response },
): Promise<void> {
  const { budgets, request, response } = about;
  const query = new URL(request.originalUrl, doors.appUrl).searchParams;
  response.set({ 'Cache-Control': 'no-store', 'Referrer-Policy': 'no-referrer' });
  const found = await find(doors, { budgets, query }).catch((error: unknown): Seen => {
    const { log } = doors.deps;
    if (!(error instanceof Trouble) && !isDatabaseBusy(error)) {
      log.error({ err: error }, 'proxy.failed');
      return 'failed';
    }
    log.warn(toldOf(error), 'proxy.trouble');
    return 'unavailable';
  });
  if (found === undefined) {
    doors.countRefusedProof('proxy');
    answerJson(response, 401, { error: 'The signature is missing, wrong or over.' });
    return;
  }
  if (typeof found === 'object') {
    response.redirect(302, `${doors.appUrl}/pay/${found.link}`);
    return;
  }
  const { html, headers } = renderMessage({ locale: localeOf(request), message: found });
  response.status(200).set(headers).send(html);
}

/** Where the link leads. Undefined: nobody proved that it comes through a shop. */
async function find(
  doors: Doors,
  about: { budgets: Budgets; query: URLSearchParams },
): Promise<Seen | undefined> {
  const { budgets, query } = about;
  const proof = proveProxy<Registration>(query, await doors.registrations('merchant'));
  if (!proof.ok) return undefined;
  const asked = readLink(query);
  if (asked === undefined) return 'not_found';
  const shop = await shopOf(doors.deps.db, { registrationId: proof.app.id, domain: proof.shop });
  if (shop?.uninstalledAt !== null) return 'no_payment_yet';
  const link = `${String(shop.id)} ${asked.order} ${asked.number}`;
  if (!budgets.ofLink.spend(link)) return 'too_many_looks';
  const at = { shopId: shop.id, originId: `gid://shopify/Order/${asked.order}` };
  const known = await latestPayment(doors.deps.db, at);
  const isProven = isHashOf(known?.confirmationHash, asked.number);
  if (isProven && known && !isUnpaid(known.state) && known.state !== 'resolved') {
    return { link: known.link };
  }
  // Of an order that is there as of one that is not: a stranger shall not learn which there are.
  if (!isProven && !budgets.ofShop.spend(String(shop.id))) return 'too_many_looks';
  const seen = await lookPatiently(doors, at, ({ confirmationNumber }) =>
    sameSecret(confirmationNumber, asked.number),
  );
  if (seen === 'shop_unreachable') return 'shop_unreachable';
  if (seen.is === 'not_yet') return 'no_payment_yet';
  if (seen.is === 'not_ours') return 'paid_elsewhere';
  return seen.is === 'nothing_owed' ? 'nothing_owed' : { link: seen.payment.link };
}

/** The order's id and its confirmation number, each once and in its form. */
function readLink(query: URLSearchParams): { order: string; number: string } | undefined {
  const [order = '', ...orders] = query.getAll('order');
  const [number = '', ...numbers] = query.getAll('number');
  if (orders.length + numbers.length > 0) return undefined;
  if (!/^\d{1,20}$/.test(order) || !/^[A-Za-z0-9]{6,40}$/.test(number)) return undefined;
  return { order, number };
}
