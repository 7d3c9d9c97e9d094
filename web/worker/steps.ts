// What a due row needs next. A state without a line does not compile; null is a place of rest.
import type { PaymentState } from '../core/payment.ts';
import type { ClaimedRow } from '../db/due.ts';
import type { DueTable } from '../db/lanes.ts';
import type { Step } from '../flows/flow.ts';
import { lookAtInvoice } from '../flows/look-at-invoice.ts';
import { lookAtOrder } from '../flows/look-at-order.ts';
import { reconcilePart } from '../flows/reconcile-part.ts';
import { reconcileShop } from '../flows/reconcile-shop.ts';
import { sendAlert } from '../flows/send-alert.ts';
import { tellShopify } from '../flows/tell-shopify.ts';
import { tellUnpaid } from '../flows/tell-unpaid.ts';
import { waitForMoney } from '../flows/wait-for-money.ts';

const ofPayment: Record<PaymentState, Step | null> = {
  open: waitForMoney,
  closing: null,
  settled: tellShopify,
  resolved: null,
  stranded: null,
  lapsed: tellUnpaid,
  rejected: null,
};

const ofTable: Record<Exclude<DueTable, 'payment'>, Step> = {
  invoice: lookAtInvoice,
  sighting: lookAtOrder,
  shop: reconcileShop,
  alert: sendAlert,
  reconcile_part: reconcilePart,
};

export type StepOf = (row: Pick<ClaimedRow, 'table' | 'state'>) => Step | null;

export const stepOf: StepOf = ({ table, state }) => {
  if (table !== 'payment') return ofTable[table];
  // The database's states are the core's: the row was written by this program or an older one.
  return ofPayment[state as PaymentState];
};
