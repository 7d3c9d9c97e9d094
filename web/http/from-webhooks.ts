// Shopify's webhooks knock, signed over their exact bytes. What they say is never believed: they say
// where to look. Checked, written down, answered at once; Shopify is asked later, by the pool.
import express, { type Request, type Response } from 'express';
import { usesMethod } from '../core/payment.ts';
import { latestPayment } from '../db/payments.ts';
import { shopOf, type ShopRow } from '../db/shops.ts';
import { firstDelivery, sight } from '../db/sightings.ts';
import { installationOrigin } from '../flows/forget-shop.ts';
import { isGenuineWebhook } from '../shopify/requests.ts';
import { shopDomain } from '../shopify/shop-domain.ts';
import { answerJson } from './answers.ts';
import type { Doors, Route } from './doors.ts';

/** An order with hundreds of lines is large; Shopify documents no limit. */
const rawBody = express.raw({ type: () => true, limit: '5mb' });

/** Where the order's id stands in the body of each topic that we look after. */
const orderIdIn: Record<string, readonly (readonly string[])[]> = {
  'orders/create': [['admin_graphql_api_id'], ['id']],
  'orders/updated': [['admin_graphql_api_id'], ['id']],
  'orders/cancelled': [['admin_graphql_api_id'], ['id']],
  'orders/paid': [['admin_graphql_api_id'], ['id']],
  'orders/edited': [['order_edit', 'order_id']],
  'refunds/create': [['order_id']],
};

export function webhookRoutes(doors: Doors): Route[] {
  const answer = async (request: Request, response: Response): Promise<void> => {
    const body: unknown = request.body;
    const topic = request.get('x-shopify-topic') ?? '';
    const hmac = request.get('x-shopify-hmac-sha256');
    const registration = (await doors.registrations()).find(
      ({ secrets }) => Buffer.isBuffer(body) && isGenuineWebhook(body, { hmac, secrets }),
    );
    if (registration === undefined) {
      doors.countWebhook(topic, 'refused');
      answerJson(response, 401, { error: 'The signature does not fit.' });
      return;
    }
    const domain = shopDomain(request.get('x-shopify-shop-domain') ?? '');
    const shop =
      domain === undefined
        ? null
        : await shopOf(doors.deps.db, { registrationId: registration.id, domain });
    if (shop === null || domain === undefined) {
      answerJson(response, 200, {});
      return;
    }
    const id = request.get('x-shopify-webhook-id');
    const fresh =
      id === undefined ||
      id.length > 100 ||
      (await firstDelivery(doors.deps.db.pool, { id, topic, shopDomain: domain }));
    if (fresh) await take(doors, { topic, shop, body: parseLossless(body as Buffer) });
    doors.countWebhook(topic, fresh ? 'taken' : 'repeated');
    answerJson(response, 200, {});
  };
  return [
    { method: 'post', path: '/webhooks', policy: 'shopify-webhook', before: [rawBody], answer },
  ];
}

async function take(
  doors: Doors,
  about: { topic: string; shop: ShopRow; body: unknown },
): Promise<void> {
  const { topic, shop, body } = about;
  const { db } = doors.deps;
  if (topic === 'app/uninstalled' || topic === 'app/scopes_update') {
    await sight(db.pool, { shopId: shop.id, originId: installationOrigin, because: topic });
    return;
  }
  const originId = orderOf(topic, body);
  if (originId === undefined || shop.uninstalledAt !== null) return;
  // A shop sells by card as well. An order that names other methods and that we do not know is not
  // read: Shopify's points belong to ours.
  const gatewayNames = textsIn(body, 'payment_gateway_names');
  if (gatewayNames.length > 0 && !usesMethod({ gatewayNames }, shop.methodName)) {
    const known = await latestPayment(db, { shopId: shop.id, originId });
    if (known === null) return;
  }
  await sight(db.pool, { shopId: shop.id, originId, because: topic });
}

const at = (value: unknown, key: string): unknown =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)[key]
    : undefined;

function textsIn(body: unknown, key: string): string[] {
  const list = at(body, key);
  return Array.isArray(list) ? list.filter((each) => typeof each === 'string') : [];
}

function orderOf(topic: string, body: unknown): string | undefined {
  for (const path of orderIdIn[topic] ?? []) {
    const value = path.reduce<unknown>((inner, key) => at(inner, key), body);
    const text = typeof value === 'string' || typeof value === 'number' ? String(value) : '';
    const number = /^(?:gid:\/\/shopify\/Order\/)?(\d{1,20})$/.exec(text)?.[1];
    if (number !== undefined) return `gid://shopify/Order/${number}`;
  }
  return undefined;
}

/** Ids are JSON numbers that may be larger than 2^53: those are kept as their text. */
function parseLossless(body: Buffer): unknown {
  const keepText = (_key: string, value: unknown, context?: { source?: string }): unknown =>
    typeof value === 'number' && !Number.isSafeInteger(value) ? (context?.source ?? value) : value;
  try {
    return JSON.parse(body.toString('utf8'), keepText);
  } catch {
    return undefined;
  }
}
