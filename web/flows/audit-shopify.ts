// Shopify is asked for the orders of our method, and then for those that it was told of and did not
// name: what it has as paid by us somebody paid, and what it was told it has. Nothing is mended and
// nothing changes: what differs is named for the operator, and a shop that could not be asked is
// named too. The payments app may not read orders, and of its sessions Shopify keeps no list.
import { breaks, judgeOrder, type BreakWord } from '../core/reconcile.ts';
import type { OrderReading } from '../core/payment.ts';
import type { Storefront } from '../core/ports.ts';
import { Trouble } from '../core/trouble.ts';
import type { Violation } from '../db/audit.ts';
import { shopsToAudit, toldOrders, type AuditedShop } from '../db/audit-outside.ts';
import { ourOrders } from '../db/reconcile-sides.ts';
import type { Deps } from './flow.ts';

/** Shopify gives no more orders at once. */
const mostPerPage = 50;

/** The ledger's side of what an order and our payments of it say; what is still owed is not. */
const aboutMoney: ReadonlySet<BreakWord> = new Set<BreakWord>([
  ...(['order_paid_without_money', 'money_without_order_paid'] as const),
]);

export type ShopifyAudited = {
  violations: Violation[];
  /** How many orders Shopify gave. */
  orders: number;
  /** Shops that were not compared to the end, each with a word for why. */
  notAsked: { shop: string; why: string }[];
};

type About = { since: Date; shop: string | undefined; pagesAtMost: number };
type AuditDeps = Pick<Deps, 'db' | 'storefronts' | 'clock'>;

/** Orders that changed, and payments that came, since then. One shop after the other. */
export async function auditShopify(deps: AuditDeps, about: About): Promise<ShopifyAudited> {
  const audited: ShopifyAudited = { violations: [], orders: 0, notAsked: [] };
  for (const shop of await shopsToAudit(deps.db, about.shop)) {
    try {
      const left = await auditShop(deps, { ...about, shop }, audited);
      if (left !== undefined) audited.notAsked.push({ shop: shop.domain, why: left });
    } catch (error) {
      if (!(error instanceof Trouble)) throw error;
      audited.notAsked.push({ shop: shop.domain, why: error.what });
    }
  }
  return audited;
}

type OneShop = { since: Date; shop: AuditedShop; pagesAtMost: number };

/** Undefined: all of it was compared. */
async function auditShop(
  deps: AuditDeps,
  about: OneShop,
  audited: ShopifyAudited,
): Promise<string | undefined> {
  const { shop, since, pagesAtMost } = about;
  const { id: shopId, methodName } = shop;
  const storefront = await deps.storefronts.of(shopId);
  const named = new Set<string>();
  let after: string | undefined;
  for (let pages = 0; pages === 0 || after !== undefined; pages += 1) {
    if (pages === pagesAtMost) return 'too_many_orders';
    const page = await storefront.ordersOfMethod({ methodName, updatedSince: since, after });
    audited.orders += page.orders.length;
    for (const { originId } of page.orders) named.add(originId);
    audited.violations.push(...(await differing(deps, { shop, storefront, read: page.orders })));
    ({ after } = page);
  }
  let mark: Awaited<ReturnType<typeof toldOrders>>[number] | undefined;
  for (;;) {
    const page = await toldOrders(deps.db, { shopId, since, after: mark, limit: mostPerPage });
    const unnamed = [...new Set(page.map(({ originId }) => originId))].filter(
      (originId) => !named.has(originId),
    );
    if (unnamed.length > 0) {
      const read = await storefront.readOrders(unnamed);
      audited.orders += read.length;
      const gone = unnamed.filter((id) => !read.some(({ originId }) => originId === id));
      const found = await differing(deps, { shop, storefront, read, gone });
      audited.violations.push(...found);
    }
    mark = page.at(-1);
    if (mark === undefined || page.length < mostPerPage) return undefined;
  }
}

type Page = {
  shop: AuditedShop;
  storefront: Pick<Storefront, 'readOrders'>;
  read: readonly OrderReading[];
  /** Orders that Shopify does not return. */
  gone?: readonly string[];
};

/** What differs in two readings: Shopify may have been told between an order and our rows. */
async function differing(deps: AuditDeps, page: Page): Promise<Violation[]> {
  const { shop, storefront, read, gone = [] } = page;
  const first = await judged(deps, { shop, read, gone });
  if (first.size === 0) return [];
  const again = [...first.keys()];
  const later = await storefront.readOrders(again);
  const missing = again.filter((id) => !later.some(({ originId }) => originId === id));
  const second = await judged(deps, { shop, read: later, gone: missing });
  return [...second].flatMap(([originId, { name, words }]) =>
    words
      .filter((word) => first.get(originId)?.words.includes(word) === true)
      .map((word) => ({
        rule: 'I2',
        says: breaks[word],
        what: `${name} (${originId}) of ${shop.domain}`,
      })),
  );
}

type Judged = Map<string, { name: string; words: BreakWord[] }>;

async function judged(
  deps: AuditDeps,
  page: { shop: AuditedShop; read: readonly OrderReading[]; gone: readonly string[] },
): Promise<Judged> {
  const { shop, read, gone } = page;
  const { id: shopId, methodName, installedAt } = shop;
  const originIds = [...read.map(({ originId }) => originId), ...gone];
  const known = await ourOrders(deps.db, { shopId, originIds });
  const found: Judged = new Map();
  for (const originId of originIds) {
    const order = read.find((each) => each.originId === originId);
    const ours = known.get(originId);
    const about = { ours: ours?.payments ?? [], methodName, installedAt, now: deps.clock() };
    const words = judgeOrder(order ?? 'gone', about)
      .map(({ what }) => what)
      .filter((what) => aboutMoney.has(what));
    const name = order?.name ?? ours?.orderName ?? '';
    if (words.length > 0) found.set(originId, { name, words });
  }
  return found;
}
