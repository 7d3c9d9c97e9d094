// lapsed -> settled: a member of staff takes money that came late for an order that still stands.
// The order is read first: one that is over is not brought back by this. What it owes by now may be
// another amount; Shopify is then told of a part, or the rest is to be given back.
import { stillDue } from '../core/payment.ts';
import { latePayment, takeLate } from '../db/late.ts';
import type { Deps } from './flow.ts';

export type LateTaken =
  | { ok: true }
  | {
      ok: false;
      /**
       * No late money of an order waits there; the order owes nothing in this currency any more; or
       * it was decided otherwise in this moment.
       */
      refusal: 'not_asked' | 'order_over' | 'changed_meanwhile';
    };

/** Throws Trouble when Shopify cannot be asked. */
export async function takeLatePayment(
  deps: Deps,
  about: {
    shopId: number;
    paymentId: string;
    /** Shopify's id of the staff member, from the session token; undefined where it names none. */
    staffId: string | undefined;
  },
): Promise<LateTaken> {
  const { shopId, paymentId, staffId } = about;
  const late = await latePayment(deps.db, about);
  if (late?.came === undefined) return { ok: false, refusal: 'not_asked' };
  const { currency } = late.came.money;
  const storefront = await deps.storefronts.of(shopId);
  const order = await storefront.readOrder(late.originId);
  const isOwed =
    order !== 'gone' && stillDue(order).is === 'owed' && order.currencyCode === currency;
  if (!isOwed) return { ok: false, refusal: 'order_over' };
  if (!(await takeLate(deps.db, { shopId, paymentId, by: staffId ?? 'unknown' }))) {
    return { ok: false, refusal: 'changed_meanwhile' };
  }
  const because = 'taken_late';
  deps.log.info({ paymentId, shopId, because, staffId, to: 'settled' }, 'payment.settled');
  return { ok: true };
}
