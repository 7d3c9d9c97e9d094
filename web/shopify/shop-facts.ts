// What Shopify knows of a shop that its merchant would not want to type again: the currency of its
// books, and where its days begin.
import type { ShopFacts } from '../core/ports.ts';
import { adminApi, type AdminDeps } from './admin-api.ts';
import { shopFacts as document } from './documents.ts';

/** Throws Trouble. */
export async function shopFacts(deps: AdminDeps): Promise<ShopFacts> {
  const { shop } = await adminApi(deps).ask(document, {});
  return { currency: shop.currencyCode, timeZone: shop.ianaTimezone };
}
