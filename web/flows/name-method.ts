// The merchant names the manual payment method. Orders of the last day are looked through under the
// name at once, because some may have been made before it was known.
import type { Database } from '../db/database.ts';
import { nudge, shopLane } from '../db/lanes.ts';
import { nameMethod as store } from '../db/shops.ts';

export async function nameMethod(
  deps: { db: Database },
  given: { shopId: number; name: string },
): Promise<void> {
  await store(deps.db, given.shopId, given.name);
  await nudge(deps.db.pool, [shopLane(given.shopId)]);
}
