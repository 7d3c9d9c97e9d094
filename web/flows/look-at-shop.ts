// Once a day, and at once when it was installed: Shopify is asked for the shop's currency and time
// zone, and the figures of days that are over are folded. Nothing that a shopper waits for hangs on
// it, so trouble here leaves everything as it was, and the next sweep tries again.
import { Trouble } from '../core/trouble.ts';
import { storeShopFacts, type ShopRow } from '../db/shops.ts';
import { foldTallies } from '../db/tallies.ts';
import type { Deps } from './flow.ts';

const dayMs = 86_400_000;

export async function lookAtShop(
  deps: Pick<Deps, 'db' | 'clock' | 'log' | 'askShop'>,
  shop: Pick<ShopRow, 'id' | 'timeZone' | 'factsAskedAt'>,
): Promise<void> {
  const now = deps.clock();
  if (shop.factsAskedAt !== null && now.getTime() - shop.factsAskedAt.getTime() < dayMs) return;
  try {
    const facts = await deps.askShop(shop.id);
    const timeZone = await storeShopFacts(deps.db, { shopId: shop.id, ...facts, at: now });
    await foldTallies(deps.db, { shopId: shop.id, timeZone, now });
  } catch (error) {
    if (!(error instanceof Trouble)) throw error;
    deps.log.warn({ shopId: shop.id, what: error.what }, 'shop.not_looked_at');
  }
}
