// The shop's sweep: orders that nobody paid within the hours that the merchant gives. Each is read
// before anything is done, and only its payment is closed here; the order itself is cancelled after
// the node has said that no money can come any more.
import { decideUnpaid } from '../core/unpaid.ts';
import { settingsOf } from '../db/settings.ts';
import { sight } from '../db/sightings.ts';
import {
  closeUnpaid as close,
  methodNamesOf,
  unpaidIsLeft,
  unpaidPayments,
  type UnpaidPayment,
} from '../db/unpaid.ts';
import type { Deps } from './flow.ts';

/** What one sweep looks at, in one call to Shopify. The rest waits for the next. */
const ordersAtOnce = 50;

export async function closeUnpaid(deps: Deps, shopId: number): Promise<void> {
  const { settings } = await settingsOf(deps.db, shopId);
  const { unpaidHours: hours, methodName } = settings;
  if (hours === null) return;
  const unpaid = await unpaidPayments(deps.db, { shopId, hours, limit: ordersAtOnce });
  if (unpaid.length === 0) return;
  const storefront = await deps.storefronts.of(shopId);
  const orders = await storefront.readOrders(unpaid.map(({ originId }) => originId));
  const byId = new Map(orders.map((order) => [order.originId, order]));
  const left: string[] = [];
  const names = await namesOf(deps, { shopId, present: methodName, unpaid });
  for (const { paymentId, originId, methodName: opened } of unpaid) {
    const methodNames = names.get(opened) ?? [methodName];
    const order = byId.get(originId) ?? 'gone';
    const verdict = decideUnpaid(order, { sentAgoMs: undefined, methodNames });
    if (verdict.do === 'cancel') {
      const closed = await close(deps.db, paymentId);
      if (closed) deps.log.info({ paymentId, shopId, to: 'closing' }, 'payment.closing');
      continue;
    }
    // Fifty that can only be waited for must not keep the younger ones from being looked at.
    left.push(paymentId);
    if (verdict.do !== 'wait') {
      // Paid, cancelled, gone or another app's: whoever looks at orders brings the payment in line
      // with it.
      await sight(deps.db.pool, { shopId, originId, because: 'sweep' });
    }
  }
  if (left.length > 0) await unpaidIsLeft(deps.db, left);
}

/** By which names an order is ours, for each name under which these payments were opened. */
async function namesOf(
  deps: Deps,
  about: { shopId: number; present: string; unpaid: readonly UnpaidPayment[] },
): Promise<Map<string | null, string[]>> {
  const { shopId, present, unpaid } = about;
  const names = new Map<string | null, string[]>();
  for (const opened of new Set(unpaid.map(({ methodName }) => methodName))) {
    names.set(opened, await methodNamesOf(deps.db, { shopId, present, opened }));
  }
  return names;
}
