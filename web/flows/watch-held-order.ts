// The node holds the money of an order. Shopify knows nothing of a hold here, so the order is read
// again and again: one that was cancelled or paid otherwise gives the money back by itself. The
// merchant is told that there is something to decide, and once more before its end.
import { holdEndsSoonMs, nextLookAtHeld } from '../core/hold.ts';
import { makeHoldAlerts } from '../db/alerts.ts';
import { releaseHeld } from '../db/holds.ts';
import { paymentById, type PaymentRow } from '../db/payments.ts';
import { shopById } from '../db/shops.ts';
import type { Deps, StepEnd } from './flow.ts';
import { lookAtOrderNow } from './look-at-order.ts';

export async function watchHeldOrder(deps: Deps, payment: PaymentRow): Promise<StepEnd> {
  const { id: paymentId, shopId } = payment;
  const rests = { dueInMs: undefined, attempt: false };
  const shop = await shopById(deps.db, shopId);
  if (shop === null || shop.uninstalledAt !== null) {
    await releaseHeld(deps.db, { paymentId, because: 'shop_uninstalled', evenIfCharging: true });
    return rests;
  }
  // Whoever waits for the merchant is told of before Shopify is asked, which may be away.
  await makeHoldAlerts(deps.db, { paymentId, soonMs: holdEndsSoonMs });
  await lookAtOrderNow(deps, payment);
  const again = await paymentById(deps.db, paymentId);
  if (again?.state !== 'held') return rests;
  const now = deps.clock();
  return { dueInMs: nextLookAtHeld({ endsAt: again.holdEndsAt ?? now, now }), attempt: false };
}
