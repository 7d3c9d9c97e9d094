// The sweep of one shop: finds pending orders of our method that nobody told us of, and orders that
// changed while an invoice for them is out; there it only says where to look. Orders that nobody
// paid in time are closed, and money that came wrongly is seen to, where the merchant wants that.
import { isUnpaid, stillDue } from '../core/payment.ts';
import { payableOrders, paymentsOfOrders } from '../db/payments.ts';
import { appOfShop } from '../db/registrations.ts';
import { shopById, sweptInPart, sweptUntil } from '../db/shops.ts';
import { sight } from '../db/sightings.ts';
import { closeUnpaid } from './close-unpaid.ts';
import type { Deps, Step } from './flow.ts';
import { lookAtShop } from './look-at-shop.ts';
import { seeToWrongMoney } from './see-to-wrong-money.ts';

/** Shopify's search index lags behind its orders: a sweep begins this much before the last one. */
const overlapMs = 10 * 60_000;
/** At most so many pages of 50 in one sweep; the next one goes on behind them. */
const pagesAtMost = 20;
const ordersPerRead = 50;
const dayMs = 24 * 3_600_000;

export const reconcileShop: Step = async (deps, row) => {
  const shopId = Number(row.id);
  const shop = await shopById(deps.db, shopId);
  if (shop === null || shop.uninstalledAt !== null) return { dueInMs: undefined, attempt: false };
  // The payments app hears of its payments from Shopify, and may not read orders. A question a day
  // renews its tokens: a shop that sold nothing for 90 days could hear of no payment any more.
  if ((await appOfShop(deps.db, shopId)) === 'payments') {
    await (await deps.paymentSessions.of(shopId)).ping();
    return { dueInMs: dayMs, attempt: false };
  }
  const startedAt = shop.sweepBeganAt ?? deps.clock();
  await lookAtPayable(deps, shopId);
  await closeUnpaid(deps, shopId);
  await seeToWrongMoney(deps, shopId);
  const updatedSince = new Date(shop.sweepCursor.getTime() - overlapMs);
  const { methodName, sweepAfter } = shop;
  const from = { shopId, methodName, updatedSince, sweepAfter };
  const after = await findPending(deps, from);
  if (after === undefined) {
    await sweptUntil(deps.db, { shopId, methodName, cursor: startedAt });
  } else {
    await sweptInPart(deps.db, { shopId, methodName, after, beganAt: startedAt });
  }
  await lookAtShop(deps, shop);
  // Finding the lane, asking and looking take their time too: the promise is for all of it.
  return { dueInMs: deps.sweepSeconds * 750, attempt: false, afresh: true };
};

/**
 * Pending orders of our method without a payment of ours under way. Undefined: all pages were read;
 * else behind which page the next sweep is to go on.
 */
async function findPending(
  deps: Deps,
  about: { shopId: number; methodName: string; updatedSince: Date; sweepAfter: string | null },
): Promise<string | undefined> {
  const { shopId, methodName, updatedSince } = about;
  const storefront = await deps.storefronts.of(shopId);
  let after = about.sweepAfter ?? undefined;
  for (let page = 0; page < pagesAtMost; page += 1) {
    const found = await storefront.pendingOrders({ methodName, updatedSince, after });
    const originIds = found.orders
      .filter((order) => stillDue(order).is === 'owed')
      .map((order) => order.originId);
    const known = await paymentsOfOrders(deps.db, { shopId, originIds });
    for (const originId of originIds) {
      const state = known.get(originId);
      if (state === undefined || isUnpaid(state) || state === 'resolved') {
        await sight(deps.db.pool, { shopId, originId, because: 'sweep' });
      }
    }
    after = found.after;
    if (after === undefined) return undefined;
  }
  deps.log.warn({ shopId, pages: pagesAtMost }, 'shop.sweep_has_more');
  return after;
}

/** Orders with a payable invoice whose order is cancelled, paid or edited by now. */
async function lookAtPayable(deps: Deps, shopId: number): Promise<void> {
  const storefront = await deps.storefronts.of(shopId);
  const payable = await payableOrders(deps.db, shopId);
  for (let from = 0; from < payable.length; from += ordersPerRead) {
    const part = payable.slice(from, from + ordersPerRead);
    const orders = await storefront.readOrders(part.map((each) => each.originId));
    const byId = new Map(orders.map((order) => [order.originId, order]));
    for (const { originId, owedMinor, currency } of part) {
      const order = byId.get(originId);
      const due = order && stillDue(order);
      const same =
        due?.is === 'owed' && due.amountMinor === owedMinor && order?.currencyCode === currency;
      if (!same) await sight(deps.db.pool, { shopId, originId, because: 'sweep' });
    }
  }
}
