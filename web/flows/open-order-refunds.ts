// An order shows that something of it was given back in Shopify: its refunds are read, and what
// went back by the merchant's own method is owed to its buyer in sats. Webhooks may come early,
// late, twice or out of order; Shopify's id of the refund makes it one.
import { sameName } from '../core/payment.ts';
import { minor, type Minor } from '../core/money.ts';
import type { RefundReading, Storefront } from '../core/ports.ts';
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
  const hasUnnamed = readings.some(({ parts }) => parts.some(isUnnamed));
  const about = { originId: at.originId, payments };
  const unnamedIsOurs = hasUnnamed && (await isUnnamedOurs(storefront, about));
  if (unnamedIsOurs === 'gone') return 'done';
  // What is just being told may stand there without a name.
  const mayBeOurs = hasUnnamed && !unnamedIsOurs;
  if (mayBeOurs && payments.some(({ isBeingTold }) => isBeingTold)) return 'wait';
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
      const wishes = shareOut(reading, refundables, unnamedIsOurs);
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

/** So Shopify calls a manual payment without a name: ours, or by another method of the shop. */
const unnamed = 'manual';

const isUnnamed = ({ gateway }: { gateway: string }): boolean => sameName(gateway, unnamed);
const namesOf = (payments: readonly RefundablePayment[]): string[] =>
  payments.flatMap(({ methodNames }) => methodNames);

/**
 * Whether what has no name may be ours: where all that Shopify accepted of us stands under our name
 * it is another method of the merchant's. Asked only where something went back without a name.
 */
async function isUnnamedOurs(
  storefront: Pick<Storefront, 'readOrder'>,
  of: { originId: string; payments: readonly RefundablePayment[] },
): Promise<boolean | 'gone'> {
  const order = await storefront.readOrder(of.originId);
  if (order === 'gone') return 'gone';
  const names = namesOf(of.payments);
  const named = order.sales
    .filter(({ gateway }) => names.some((name) => sameName(name, gateway)))
    .reduce((sum, { amountMinor }) => sum + amountMinor, 0n);
  const captured = of.payments.reduce((sum, { capturedMinor }) => sum + (capturedMinor ?? 0n), 0n);
  return named < captured;
}

const nothing = minor(0n);

/**
 * What of a refund went back by our method, on the payments of its order, the newest first. What is
 * more than all of them have left is refused as a whole: nobody guesses which part of it is ours.
 */
export function shareOut(
  reading: RefundReading,
  payments: readonly RefundablePayment[],
  unnamedIsOurs: boolean,
): NewRefund[] {
  const { originId, currencyCode } = reading;
  const captured = payments.filter(({ capturedMinor }) => capturedMinor !== null);
  const [first] = captured;
  if (first === undefined) return [];
  const names = [...namesOf(captured), ...(unnamedIsOurs ? [unnamed] : [])];
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
