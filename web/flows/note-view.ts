// A buyer's page was opened for the first time. Only the first opening is written down, and no page
// waits for anything else because of it.
import { markViewed } from '../db/payments.ts';
import type { Database } from '../db/database.ts';

export async function noteView(
  deps: { db: Database },
  payment: { id: string; viewedAt: Date | null },
): Promise<void> {
  if (payment.viewedAt === null) await markViewed(deps.db, payment.id);
}
