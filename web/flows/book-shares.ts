// A settled payment that Shopify has accepted: what its shop's rules set aside of it for others is
// booked, once for ever. Whose the goods are is read from the order, and only where a rule wants to
// know. A payment of the payments app has no order that we may read: rules of a vendor set nothing
// of it aside.
import { asksForVendors, sharesOf, type Goods } from '../core/share.ts';
import { bookShares as book, paymentToShare, type ToShare } from '../db/shares.ts';
import type { Deps, Step } from './flow.ts';

/** How often a shop that removed the app is looked at again. */
const goneShopMs = 6 * 3_600_000;
/** An order that was paid a moment ago and is not there is looked for again before it counts. */
const goneOrderMs = 10 * 60_000;
const looksForOrder = 3;

export const bookShares: Step = async (deps, row) => {
  const payment = await paymentToShare(deps.db, row.id);
  if (payment === null) return { dueInMs: undefined, attempt: false, asked: false };
  const { paymentId, shopId, rules } = payment;
  const goods = await goodsOf(deps, payment);
  if (goods === 'nobody_to_ask') return { dueInMs: goneShopMs, attempt: true, asked: false };
  // Tries may have had no answer at all: the time counts as well.
  const toldAgoMs = deps.clock().getTime() - payment.toldAt.getTime();
  const isEarly = toldAgoMs < (looksForOrder - 1) * goneOrderMs;
  if (goods === 'gone' && (isEarly || row.attempts + 1 < looksForOrder)) {
    return { dueInMs: goneOrderMs, attempt: true };
  }
  let booked = 0;
  const done = await book(
    deps.db,
    { paymentId, shopId, leaseNo: row.leaseNo },
    ({ receivedMsat }) => {
      const shares = sharesOf(rules, { receivedMsat, goods: goods === 'gone' ? undefined : goods });
      booked = shares.length;
      return shares;
    },
  );
  if (done && booked > 0) deps.log.info({ paymentId, shopId, booked }, 'shares.booked');
  return 'stored';
};

/** Undefined: they are not asked for. */
async function goodsOf(
  deps: Deps,
  payment: ToShare,
): Promise<Goods | undefined | 'gone' | 'nobody_to_ask'> {
  if (!asksForVendors(payment.rules) || payment.origin !== 'order') return undefined;
  if (payment.uninstalledAt !== null) return 'nobody_to_ask';
  const storefront = await deps.storefronts.of(payment.shopId);
  return storefront.readGoods(payment.originId);
}
