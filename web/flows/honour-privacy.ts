// Shopify asks in the name of a person's privacy, or of a shop that left. It is written down at
// once, done by the pool as soon as no payment of it is under way, and reported in words: what was
// found, what was deleted, and what is kept for the books without a person in it.
import { isDatabaseAway, type Queryable } from '../db/database.ts';
import {
  doPrivacyRequest,
  forgetShop,
  forgetSightings,
  linksLeft,
  mayForgetShop,
  openPrivacyRequests,
  paymentsHeld,
  privacyIsTried,
  privacyTopics,
  takePrivacyRequest,
  unlinkPayments,
  type NotYet,
  type PrivacyReport,
  type PrivacyRow,
  type PrivacyTopic,
} from '../db/privacy.ts';
import { shopById, type ShopRow } from '../db/shops.ts';
import { sight } from '../db/sightings.ts';
import type { Deps } from './flow.ts';
import { installationOrigin } from './forget-shop.ts';

/** Shopify's own deadline, in days. */
const dueInDays = 30;
/** So long before the deadline a person is called. */
const callBeforeMs = 5 * 24 * 3_600_000;
/** Requests of one round, and portions of payments of one request: the others want their turn. */
const roundAtMost = 50;
const portionsAtMost = 40;
/** More orders than a request of Shopify's names. */
const ordersAtMost = 10_000;

export const isPrivacyTopic = (topic: string): topic is PrivacyTopic =>
  privacyTopics.some((known) => known === topic);

/** Writes a genuine request down. `shop` is null for one that we never knew. */
export async function noticePrivacy(
  deps: Pick<Deps, 'db' | 'log'>,
  asked: {
    id: string;
    topic: PrivacyTopic;
    shopDomain: string;
    shop: Pick<ShopRow, 'id' | 'uninstalledAt'> | null;
    body: unknown;
  },
): Promise<'taken' | 'repeated'> {
  const { id, topic, shopDomain, shop, body } = asked;
  const orderIds = ordersIn(body, topic);
  const taken = await takePrivacyRequest(deps.db, {
    ...{ id, topic, shopDomain, orderIds, dueInDays },
    shopId: shop?.id,
  });
  if (taken) deps.log.info({ topic, shop: shopDomain, orders: orderIds.length }, 'privacy.asked');
  if (taken && topic === 'shop/redact' && shop?.uninstalledAt === null) {
    // We never heard that the app was removed: Shopify is asked whether it was.
    const because = 'app/uninstalled';
    await sight(deps.db.pool, { shopId: shop.id, originId: installationOrigin, because });
  }
  return taken ? 'taken' : 'repeated';
}

/** The orders that a request names. Nothing else of its body is kept: it holds a person. */
function ordersIn(body: unknown, topic: PrivacyTopic): string[] {
  const key = topic === 'customers/data_request' ? 'orders_requested' : 'orders_to_redact';
  const list: unknown = Object.entries(body ?? {}).find(([name]) => name === key)?.[1];
  if (!Array.isArray(list)) return [];
  const numbers = list.map(String).filter((text) => /^\d{1,20}$/.test(text));
  return numbers.slice(0, ordersAtMost).map((number) => `gid://shopify/Order/${number}`);
}

/** One round over what is still to be done. One that fails holds up nobody else. */
export async function honourPrivacy(deps: Pick<Deps, 'db' | 'log' | 'clock'>): Promise<void> {
  for (const request of await openPrivacyRequests(deps.db, roundAtMost)) {
    const about = { request: request.id, topic: request.topic, shop: request.shopDomain };
    const done = await tryOne(deps, request).catch((error: unknown) => {
      // Nobody's request is the reason, and the next one would fare no better.
      if (isDatabaseAway(error)) throw error;
      deps.log.error({ ...about, err: error }, 'privacy.failed');
      return 'failed' as const;
    });
    if (done === 'done') deps.log.info(about, 'privacy.done');
    else if (done === 'elsewhere') continue;
    else if (request.dueBy.getTime() - deps.clock().getTime() < callBeforeMs) {
      deps.log.error({ ...about, dueBy: request.dueBy }, 'privacy.late');
    }
  }
}

/** What is many is done in portions beforehand; the rest with the report, in one transaction. */
async function tryOne(
  deps: Pick<Deps, 'db'>,
  request: PrivacyRow,
): Promise<Awaited<ReturnType<typeof doPrivacyRequest>>> {
  const { db } = deps;
  await privacyIsTried(db, request.id);
  const attempt = () => doPrivacyRequest(db, request.id, (on) => work(deps, { on, request }));
  const first = await attempt();
  if (first !== 'links_left' || request.shopId === null) return first;
  await unlinkPayments(db, { ...ordersOf(request, request.shopId), portionsAtMost });
  return attempt();
}

const ordersOf = (request: PrivacyRow, shopId: number) => ({
  shopId,
  orderIds: request.topic === 'shop/redact' ? undefined : request.orderIds,
  since: request.receivedAt,
});

const nothingHeld: PrivacyReport = {
  found: ['Nothing of this shop is stored here.'],
  deleted: [],
  kept: [],
};

async function work(
  deps: Pick<Deps, 'db'>,
  { on, request }: { on: Queryable; request: PrivacyRow },
): Promise<PrivacyReport | NotYet> {
  const shop = request.shopId === null ? null : await shopById(deps.db, request.shopId);
  if (shop === null) return nothingHeld;
  if (request.topic === 'shop/redact') return redactShop(on, { shop, request });
  const orders = ordersOf(request, shop.id);
  const held = await paymentsHeld(on, orders);
  if (request.topic === 'customers/data_request') return reportOf(held.payments, held.settled);
  // The page of a payment under way is how its buyer pays, and how we see that it was paid.
  if (held.underWay > 0) return 'later';
  if (await linksLeft(on, orders)) return 'links_left';
  await forgetSightings(on, orders);
  return { ...reportOf(held.payments, held.settled), deleted: deletedOfBuyer, kept: keptForBooks };
}

/** The shop left 48 hours ago. One that came back keeps what is its own. */
async function redactShop(
  on: Queryable,
  { shop, request }: { shop: ShopRow; request: PrivacyRow },
): Promise<PrivacyReport | NotYet> {
  // A living shop gets a token every hour; of a dead one the pool hears when it asks Shopify.
  const lives = shop.tokensStoredAt !== null && shop.tokensStoredAt > request.receivedAt;
  if (shop.uninstalledAt === null && lives) return cameBack;
  if (!(await mayForgetShop(on, shop.id))) return 'later';
  const orders = ordersOf(request, shop.id);
  if (await linksLeft(on, orders)) return 'links_left';
  const { payments, settled } = await paymentsHeld(on, orders);
  await forgetShop(on, shop.id);
  return {
    ...reportOf(payments, settled),
    deleted: [
      ...deletedOfBuyer,
      'The credential, address and name of every node, and the shop’s access tokens.',
      'Settings, alerts, saved views, self-tests and sign-ins.',
    ],
    kept: [...keptForBooks, 'The shop’s permanent domain, as the owner of these books.'],
  };
}

const cameBack: PrivacyReport = {
  found: ['The shop has the app installed again.'],
  deleted: [],
  kept: ['Everything: the shop uses it.'],
};
const deletedOfBuyer = [
  'The buyer’s link to the payment page, the proof of the checkout, and its addresses.',
];
const keptForBooks = [
  'Per payment: order, amounts, rate with its sources, hash, preimage, times and postings. ' +
    'No name, e-mail, phone number, postal address or IP address is or was stored.',
];

const reportOf = (payments: number, settled: number): PrivacyReport => ({
  found: [`${payments} payments of these orders, ${settled} of them with money.`],
  deleted: [],
  kept: payments === 0 ? [] : keptForBooks,
});
