// Signs that the shop is set up, seen once: its thank-you block has asked us something. Each costs
// one statement at most once, and no door waits for it.
import { blockWasSeen } from '../db/shops.ts';
import type { ShopRow } from '../db/shops.ts';
import type { Deps } from './flow.ts';

/** The block of this shop has asked: it stands where the merchant put it. */
export function seeBlock(
  deps: Pick<Deps, 'db' | 'log'>,
  shop: Pick<ShopRow, 'id' | 'blockSeenAt'>,
): void {
  if (shop.blockSeenAt !== null) return;
  blockWasSeen(deps.db, shop.id).catch((error: unknown) => {
    deps.log.warn({ shopId: shop.id, err: error }, 'shop.block_not_noted');
  });
}
