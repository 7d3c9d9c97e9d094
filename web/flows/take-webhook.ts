// A genuine webhook of a shop that we know. It may be early, late, repeated or out of order, and
// what it says is not believed: it is written down where to look, once for each delivery.
import { usesMethod } from '../core/payment.ts';
import type { Database } from '../db/database.ts';
import { latestPayment } from '../db/payments.ts';
import type { ShopRow } from '../db/shops.ts';
import { sight } from '../db/sightings.ts';
import { installationOrigin } from './forget-shop.ts';

/** Where the order's id stands in the body of each topic that we look after. */
const orderIdIn: Record<string, readonly (readonly string[])[]> = {
  'orders/create': [['admin_graphql_api_id'], ['id']],
  'orders/updated': [['admin_graphql_api_id'], ['id']],
  'orders/cancelled': [['admin_graphql_api_id'], ['id']],
  'orders/paid': [['admin_graphql_api_id'], ['id']],
  'orders/edited': [['order_edit', 'order_id']],
  'refunds/create': [['order_id']],
};

export type Webhook = {
  /** X-Shopify-Webhook-Id: the same for every repetition of a delivery. */
  id: string | undefined;
  topic: string;
  shop: ShopRow;
  /** Parsed JSON; ids beyond 2^53 as text. */
  body: unknown;
};

/** Shopify's are 36 characters long. */
const longestId = 100;

/** `repeated`: this delivery was taken before. */
export async function takeWebhook(
  deps: { db: Database },
  webhook: Webhook,
): Promise<'taken' | 'repeated'> {
  const { db } = deps;
  const { id, topic, shop } = webhook;
  const target = await whereToLook(db, webhook);
  // What leads nowhere costs nothing more when it is repeated.
  if (target === undefined) return 'taken';
  const named = id !== undefined && id.length <= longestId;
  // The sighting and its delivery stand together or not at all: nothing is looked at never.
  const isFirst = await sight(db.pool, {
    ...{ shopId: shop.id, originId: target, because: topic },
    ...(named ? { delivery: { id, topic, shopDomain: shop.domain } } : {}),
  });
  return isFirst ? 'taken' : 'repeated';
}

async function whereToLook(db: Database, webhook: Webhook): Promise<string | undefined> {
  const { topic, shop, body } = webhook;
  if (topic === 'app/uninstalled' || topic === 'app/scopes_update') return installationOrigin;
  const originId = orderOf(topic, body);
  if (originId === undefined || shop.uninstalledAt !== null) return undefined;
  // A shop sells by card as well. An order that names other methods and that we do not know is not
  // read: Shopify's points belong to ours.
  const gatewayNames = textsIn(body, 'payment_gateway_names');
  if (gatewayNames.length === 0 || usesMethod({ gatewayNames }, shop.methodName)) return originId;
  const known = await latestPayment(db, { shopId: shop.id, originId });
  return known === null ? undefined : originId;
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
