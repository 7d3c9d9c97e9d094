// The app was removed from a shop: its tokens are wiped at once, its open payments close, and live
// invoices are canceled at the node before its credential is wiped. Payments stay for the books.
import type { Database } from '../db/database.ts';
import { uninstallShop } from '../db/shops.ts';
import type { Log } from './flow.ts';

export async function forgetShop(deps: { db: Database; log: Log }, shopId: number): Promise<void> {
  await uninstallShop(deps.db, shopId);
  deps.log.info({ shopId }, 'shop.uninstalled');
}
