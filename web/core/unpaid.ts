// An order that nobody paid in time, in a shop whose merchant wants such orders cancelled. Here is
// decided whether that is right, from Shopify's own word on the order. Whoever has paid, in part or
// by another way, keeps the order; so does whoever is being sent the goods.
import { stillDue, usesMethod, type OrderReading } from './payment.ts';

/** Why an order is left as it is. Each is about the order, as Shopify tells it. */
export type LeftBecause =
  | 'order_gone'
  | 'order_paid'
  | 'order_partly_paid'
  | 'order_owes_nothing'
  | 'order_being_fulfilled'
  | 'other_method'
  | 'currency_unknown';

export type UnpaidVerdict =
  | { do: 'cancel' }
  /**
   * It is cancelled: by our own word, or because somebody else was faster. `attention`: by our
   * word, and somebody has paid for it in another way meanwhile, who has the money not back.
   */
  | {
      do: 'accept';
      because: 'told_not_paid' | 'order_cancelled';
      attention: 'cancelled_paid' | undefined;
    }
  | { do: 'leave'; because: LeftBecause }
  /** Nothing can be said at the moment. */
  | { do: 'wait' };

/** Shopify cancels by a job of its own. So long after our word it is not said a second time. */
export const cancelAgainMs = 60_000;

/**
 * `sentAgoMs`: how long ago we last asked for the cancellation; undefined: never. The mutation is
 * not idempotent and its effect comes later, so it is repeated only when its job had its time.
 * `methodNames`: the merchant's manual method, as it is called, and as it was called when the
 * payment was opened, if that name is proven to be ours. An order of another is not ours to cancel,
 * such as cash on delivery, or one that another app collects for under the same name.
 */
export function decideUnpaid(
  order: OrderReading | 'gone',
  about: { sentAgoMs: number | undefined; methodNames: readonly string[] },
): UnpaidVerdict {
  const { sentAgoMs, methodNames } = about;
  if (order === 'gone') return { do: 'leave', because: 'order_gone' };
  if (order.cancelled) {
    if (sentAgoMs === undefined) {
      return { do: 'accept', because: 'order_cancelled', attention: undefined };
    }
    const attention = keepsMoney(order) ? 'cancelled_paid' : undefined;
    return { do: 'accept', because: 'told_not_paid', attention };
  }
  const due = stillDue(order);
  if (order.sales.length > 0) {
    return { do: 'leave', because: due.is === 'over' ? 'order_paid' : 'order_partly_paid' };
  }
  if (due.is === 'over') return { do: 'leave', because: 'order_owes_nothing' };
  if (due.is === 'currency_unknown') return { do: 'leave', because: 'currency_unknown' };
  if (!methodNames.some((name) => usesMethod(order, name)))
    return { do: 'leave', because: 'other_method' };
  if (order.isBeingFulfilled) return { do: 'leave', because: 'order_being_fulfilled' };
  // A card payment or an authorisation is under way: its outcome decides.
  if (!order.canMarkAsPaid) return { do: 'wait' };
  if (sentAgoMs !== undefined && sentAgoMs < cancelAgainMs) return { do: 'wait' };
  return { do: 'cancel' };
}

/** More was paid for it than was given back. Amounts that cannot be compared count as kept. */
function keepsMoney({ sales, refundedMinor }: OrderReading): boolean {
  const paid = sales.reduce((all, sale) => all + sale.amountMinor, 0n);
  return sales.length > 0 && (paid === 0n || paid > refundedMinor);
}
