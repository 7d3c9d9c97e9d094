// The merchant of a shop that has the payments app alone says whether its buyers get refunds. What
// was begun when it is switched off goes on to its end.
import type { Database } from '../db/database.ts';
import { switchRefunds as store } from '../db/refunds.ts';
import type { Log } from './flow.ts';

export async function switchRefunds(
  deps: { db: Database; log: Log },
  about: { shopId: number; on: boolean },
): Promise<void> {
  await store(deps.db, about);
  deps.log.info(about, 'refunds.switched');
}
