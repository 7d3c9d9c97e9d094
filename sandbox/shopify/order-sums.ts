/**
 * What an order owes and what it is called. Pure sums in the presentment currency's minor units.
 */

import type { Order, Transaction } from './nouns.ts';

export type FinancialStatus =
  | 'PENDING'
  | 'AUTHORIZED'
  | 'PARTIALLY_PAID'
  | 'PAID'
  | 'PARTIALLY_REFUNDED'
  | 'REFUNDED'
  | 'VOIDED';

const sum = (order: Order, counts: (transaction: Transaction) => boolean): bigint =>
  order.transactions.reduce((total, it) => (counts(it) ? total + it.amountMinor : total), 0n);

/** What the goods cost, without what was removed by edits. */
export const total = (order: Order): bigint =>
  order.lines.reduce(
    (all, line) => all + line.unitMinor * BigInt(line.quantity - line.removed),
    0n,
  );

/** Money that came in, before refunds. */
export const received = (order: Order): bigint =>
  sum(order, (it) => it.status === 'SUCCESS' && (it.kind === 'SALE' || it.kind === 'CAPTURE'));

export const refunded = (order: Order): bigint =>
  sum(order, (it) => it.status === 'SUCCESS' && it.kind === 'REFUND');

/** "Not yet transacted". Negative when the shop owes the buyer; nothing after a cancel. */
export const outstanding = (order: Order): bigint =>
  order.cancelledAt === null ? total(order) - received(order) : 0n;

const has = (order: Order, kind: Transaction['kind']): boolean =>
  order.transactions.some((it) => it.kind === kind && it.status === 'SUCCESS');

export function financialStatus(order: Order): FinancialStatus {
  const came = received(order);
  const went = refunded(order);
  if (came === 0n && (order.cancelledAt !== null || has(order, 'VOID'))) return 'VOIDED';
  if (came === 0n && has(order, 'AUTHORIZATION')) return 'AUTHORIZED';
  if (came > 0n && went >= came) return 'REFUNDED';
  if (went > 0n) return 'PARTIALLY_REFUNDED';
  if (outstanding(order) <= 0n) return 'PAID';
  return came > 0n ? 'PARTIALLY_PAID' : 'PENDING';
}

export const canMarkAsPaid = (order: Order): boolean =>
  order.cancelledAt === null &&
  outstanding(order) > 0n &&
  ['PENDING', 'PARTIALLY_PAID'].includes(financialStatus(order));

/** Names as the merchant sees them, each once, in the order of use. */
export const gatewayNames = (order: Order): string[] => [
  ...new Set(order.transactions.filter((it) => it.kind !== 'REFUND').map((it) => it.gateway)),
];

/** The manual sale that still waits for its money. */
export const pendingSale = (order: Order): Transaction | undefined =>
  order.transactions.find(
    (it) => it.kind === 'SALE' && it.status === 'PENDING' && manuallyCapturable(order, it),
  );

export const manuallyCapturable = (order: Order, transaction: Transaction): boolean =>
  transaction.manual &&
  transaction.status === 'PENDING' &&
  order.cancelledAt === null &&
  outstanding(order) > 0n;
