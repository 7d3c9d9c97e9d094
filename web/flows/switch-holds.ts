// The merchant of the payments app says whether purchases may be authorized first and charged
// later. What is held when it is switched off goes on to its end.
import type { Database } from '../db/database.ts';
import { switchHolds as store } from '../db/holds.ts';
import type { Log } from './flow.ts';

export async function switchHolds(
  deps: { db: Database; log: Log },
  about: { shopId: number; on: boolean },
): Promise<void> {
  await store(deps.db, about);
  deps.log.info(about, 'holds.switched');
}
