// The thank-you block knocks. Its token proves the shop and the app, never the order: the order id
// is a claim, and the checkout token must be the one that Shopify has for that order. It runs in a
// worker of another origin, so every answer, errors too, carries CORS headers and none redirects.
import { timingSafeEqual } from 'node:crypto';
import express, { type Request, type RequestHandler, type Response } from 'express';
import { z } from 'zod';
import { isUnpaid } from '../core/payment.ts';
import { latestPayment, payPageById, shopOf, type PaymentRow } from '../db/views.ts';
import { hashToken } from '../flows/look-at-order.ts';
import { noticeOrder } from '../flows/notice-order.ts';
import { seeBlock } from '../flows/see-shop.ts';
import { bearerOf, proveBuyer } from '../shopify/requests.ts';
import { answerJson } from './answers.ts';
import { makeBudget, type Budget } from './budget.ts';
import type { Doors, Route } from './doors.ts';
import { lookPatiently, sameSecret, type Looked } from './looking.ts';
import { payView } from './pay-view.ts';
import type { Quoting } from './quoting.ts';

/** Looks at orders that we do not know, for each shop: real buyers need about three of them. */
const looks = { calls: 100, perMs: 10_000, keysAtMost: 10_000 };

const bodyForm = z.object({
  orderId: z.string().max(200),
  checkoutToken: z.string().max(200).nullish(),
});

export const cors: RequestHandler = (_request, response, next) => {
  response.set({
    'Access-Control-Allow-Origin': '*',
    'Access-Control-Allow-Headers': 'Authorization, Content-Type',
    'Access-Control-Allow-Methods': 'POST, OPTIONS',
    'Access-Control-Max-Age': '7200',
    'Access-Control-Expose-Headers': 'Retry-After',
  });
  next();
};

type Block = { quoting: Quoting; budget: Budget };
type Knock = { doors: Doors; quoting: Quoting; response: Response; checkoutToken: string };

export function extensionRoutes(doors: Doors, quoting: Quoting): Route[] {
  const block: Block = { quoting, budget: makeBudget(looks) };
  return [
    {
      method: 'options',
      path: '/extension/payment',
      policy: 'public',
      answer: (_request, response) => {
        response.status(204).end();
      },
    },
    {
      method: 'post',
      path: '/extension/payment',
      policy: 'extension',
      before: [express.json({ limit: '4kb' })],
      answer: (request, response) => answer(doors, { block, request, response }),
    },
  ];
}

async function answer(
  doors: Doors,
  about: { block: Block; request: Request; response: Response },
): Promise<void> {
  const { block, request, response } = about;
  const token = bearerOf(request.get('authorization'));
  const proof = await proveBuyer(token, await doors.registrations('merchant'));
  if (!proof.ok) {
    doors.countRefusedProof('extension');
    answerJson(response, 401, { error: 'The session token is missing, wrong or over.' });
    return;
  }
  const body = bodyForm.safeParse(request.body);
  if (!body.success) {
    answerJson(response, 400, { error: 'orderId and checkoutToken are needed.' });
    return;
  }
  const shop = await shopOf(doors.deps.db, { registrationId: proof.app.id, domain: proof.shop });
  const originId = orderGid(body.data.orderId);
  // An order that is there and a token that is not: that is another token than the order's.
  const checkoutToken = body.data.checkoutToken ?? '';
  if (shop?.uninstalledAt !== null || originId === undefined) {
    answerJson(response, 202, { state: 'not_yet' });
    return;
  }
  seeBlock(doors.deps, shop);
  const knock: Knock = { doors, quoting: block.quoting, response, checkoutToken };
  const at = { shopId: shop.id, originId };
  const known = await latestPayment(doors.deps.db, at);
  if (known?.checkoutTokenHash && !isUnpaid(known.state) && known.state !== 'resolved') {
    await answerPayment(knock, known);
    return;
  }
  if (!block.budget.spend(String(shop.id))) {
    response.set('Retry-After', '5');
    answerJson(response, 202, { state: 'not_yet' });
    return;
  }
  const seen = await lookPatiently(doors, at);
  if (seen === 'shop_unreachable' && known?.checkoutTokenHash) await answerPayment(knock, known);
  else await answerSeen(knock, { seen, at });
}

async function answerPayment(knock: Knock, payment: PaymentRow): Promise<void> {
  const { doors, quoting, response, checkoutToken } = knock;
  const known = payment.checkoutTokenHash;
  if (known === null || !timingSafeEqual(known, hashToken(checkoutToken))) {
    answerJson(response, 404, { refusal: 'no_such_order' });
    return;
  }
  const found = await payPageById(doors.deps.db, payment.id);
  if (found === undefined) {
    answerJson(response, 200, { state: payment.state });
    return;
  }
  const { page, quoted } = await quoting.ifDue(found);
  answerJson(response, 200, await payView(doors, page, quoted));
}

/** What a fresh look at the order came to. What Shopify does not return is looked for again. */
async function answerSeen(
  knock: Knock,
  about: { seen: Looked; at: { shopId: number; originId: string } },
): Promise<void> {
  const { doors, response, checkoutToken } = knock;
  const { seen, at } = about;
  if (seen === 'shop_unreachable' || seen.is === 'not_yet') {
    await noticeOrder(doors.deps, { ...at, because: 'block' });
    if (seen === 'shop_unreachable') {
      response.set('Retry-After', '3');
      answerJson(response, 503, { state: 'shop_unreachable' });
    } else answerJson(response, 202, { state: 'not_yet' });
    return;
  }
  if (seen.is === 'not_ours' || !sameSecret(seen.checkoutToken, checkoutToken)) {
    answerJson(response, 404, { refusal: 'no_such_order' });
    return;
  }
  if (seen.is === 'nothing_owed') {
    const state = seen.because === 'order_paid_otherwise' ? 'resolved' : 'lapsed';
    answerJson(response, 200, { state });
    return;
  }
  // The order has this token, whether or not it had one when the payment was opened.
  await answerPayment(knock, { ...seen.payment, checkoutTokenHash: hashToken(checkoutToken) });
}

/** Older thank-you pages name the order as an OrderIdentity with the same number. */
function orderGid(text: string): string | undefined {
  const number = /^gid:\/\/shopify\/Order(?:Identity)?\/(\d{1,20})$/.exec(text)?.[1];
  return number === undefined ? undefined : `gid://shopify/Order/${number}`;
}
