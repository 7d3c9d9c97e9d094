// An order shows that something of it was given back in Shopify: its refunds are read, and what
// went back by the merchant's own method is owed to its buyer in sats. Webhooks may come early,
// late, twice or out of order; Shopify's id of the refund makes it one.
import { sameName } from '../core/payment.ts';
import { minor, type Minor } from '../core/money.ts';
import type { RefundReading } from '../core/ports.ts';
import { leftOf } from '../core/refund.ts';
import { transaction } from '../db/database.ts';
import { latestPayment } from '../db/payments.ts';
import {
  insertRefund,
  lockPayments,
  refundablesOfOrder,
  refundByOrigin,
  type NewRefund,
  type RefundablePayment,
  type RefundRow,
} from '../db/refunds.ts';
import type { Deps } from './flow.ts';
import { logOpened } from './open-refund.ts';

/** `wait`: Shopify is just being told of a payment, and what was captured is not known yet. */
export async function openOrderRefunds(
  deps: Deps,
  at: { shopId: number; originId: string },
): Promise<'done' | 'wait'> {
  const payments = await refundablesOfOrder(deps.db.pool, at);
  if (!payments.some(({ capturedMinor }) => capturedMinor !== null)) {
    const latest = await latestPayment(deps.db, at);
    return latest?.state === 'settled' ? 'wait' : 'done';
  }
  const storefront = await deps.storefronts.of(at.shopId);
  const readings = await storefront.readRefunds(at.originId);
  if (readings === 'gone') return 'done';
  let waits = false;
  for (const reading of readings) {
    const opened = await transaction(deps.db, async (on): Promise<RefundRow[] | 'wait'> => {
      await lockPayments(
        on,
        payments.map(({ id }) => id),
      );
      const key = {
        shopId: at.shopId,
        origin: 'order_refund',
        originId: reading.originId,
      } as const;
      if ((await refundByOrigin(on, key)) !== null) return [];
      const rows: RefundRow[] = [];
      const refundables = await refundablesOfOrder(on, at);
      const wishes = shareOut(reading, refundables);
      const isTooMuch = wishes.some(({ never }) => never === 'more_than_captured');
      if (isTooMuch && refundables.some(({ isBeingTold }) => isBeingTold)) {
        return 'wait';
      }
      for (const wish of wishes) {
        const row = await insertRefund(on, wish);
        if (row !== null) rows.push(row);
      }
      return rows;
    });
    if (opened === 'wait') waits = true;
    else for (const refund of opened) logOpened(deps.log, { is: 'opened', refund });
  }
  return waits ? 'wait' : 'done';
}

const nothing = minor(0n);

/**
 * What of a refund went back by our method, on the payments of its order, the newest first. What is
 * more than all of them have left is refused as a whole: nobody guesses which part of it is ours.
 */
export function shareOut(
  reading: RefundReading,
  payments: readonly RefundablePayment[],
): NewRefund[] {
  const { originId, currencyCode } = reading;
  const captured = payments.filter(({ capturedMinor }) => capturedMinor !== null);
  const [first] = captured;
  if (first === undefined) return [];
  const names = [...captured.flatMap(({ methodNames }) => methodNames), 'manual'];
  const ours = reading.parts.filter(({ gateway }) => names.some((name) => sameName(name, gateway)));
  const wishOf = (payment: RefundablePayment, amountMinor: Minor | undefined): NewRefund => ({
    ...{ shopId: payment.shopId, paymentId: payment.id, origin: 'order_refund', originId },
    ...{ currencyCode, amountMinor, source: 'resolved', test: payment.test },
    ...{ openedBy: undefined, note: undefined },
  });
  if (ours.length === 0) return [];
  if (ours.some(({ amountMinor }) => amountMinor === undefined)) {
    return [{ ...wishOf(first, undefined), never: 'amount_unreadable' }];
  }
  const amountMinor = ours.reduce((sum, part) => minor(sum + (part.amountMinor ?? 0n)), nothing);
  // A refund of goods that moved no money.
  if (amountMinor <= 0n) return [];
  if (first.currency !== currencyCode) {
    return [{ ...wishOf(first, amountMinor), never: 'other_currency' }];
  }
  const leftMinor = captured.reduce((sum, payment) => sum + leftOf(payment), 0n);
  if (amountMinor > leftMinor) {
    return [{ ...wishOf(first, amountMinor), never: 'more_than_captured' }];
  }
  let rest: bigint = amountMinor;
  const wishes: NewRefund[] = [];
  for (const payment of captured) {
    const left = leftOf(payment);
    const part = minor(left < rest ? left : rest);
    if (part <= 0n) continue;
    rest -= part;
    // The first has Shopify's own id, which is what makes the refund one.
    const n = wishes.length + 1;
    const key = n === 1 ? originId : `${originId}#${String(n)}`;
    wishes.push({ ...wishOf(payment, part), originId: key });
  }
  return wishes;
}
