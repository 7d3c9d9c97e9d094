// A page, a block or a webhook says that an order is worth a look. Written down, and looked at by
// the pool: whoever says it is not believed, and is not kept waiting either.
import type { Database } from '../db/database.ts';
import { sight } from '../db/sightings.ts';

/** Far more than a shop has buyers on its thank-you pages. */
const waitingAtMost = 1_000;

/** `because`: who said so; a word for the history of the sighting. */
export async function noticeOrder(
  deps: { db: Database },
  seen: { shopId: number; originId: string; because: 'page' | 'block' },
): Promise<void> {
  await sight(deps.db.pool, { ...seen, waitingAtMost });
}
