// What a due row needs next. A state without a line does not compile; null is a place of rest.
import type { PaymentState } from '../core/payment.ts';
import type { RefundState } from '../core/refund.ts';
import type { ClaimedRow } from '../db/due.ts';
import type { DueTable } from '../db/lanes.ts';
import type { Step } from '../flows/flow.ts';
import { bookReward } from '../flows/book-reward.ts';
import { bookShares } from '../flows/book-shares.ts';
import { answerRequest } from '../flows/answer-hold-request.ts';
import { lookAtInvoice } from '../flows/look-at-invoice.ts';
import { lookAtOrder } from '../flows/look-at-order.ts';
import { payOutShares } from '../flows/pay-out-shares.ts';
import { priceRefund } from '../flows/price-refund.ts';
import { reconcilePart } from '../flows/reconcile-part.ts';
import { reconcileShop } from '../flows/reconcile-shop.ts';
import { sendAlert } from '../flows/send-alert.ts';
import { settleRefund } from '../flows/settle-refund.ts';
import { tellHeld } from '../flows/tell-held.ts';
import { tellRefund } from '../flows/tell-refund.ts';
import { tellShopify } from '../flows/tell-shopify.ts';
import { tellUnpaid } from '../flows/tell-unpaid.ts';
import { waitForMoney } from '../flows/wait-for-money.ts';
import { endClaimTime } from '../flows/withdraw-refund.ts';

const ofPayment: Record<PaymentState, Step | null> = {
  open: waitForMoney,
  held: tellHeld,
  closing: null,
  settled: tellShopify,
  resolved: null,
  stranded: null,
  lapsed: tellUnpaid,
  rejected: null,
};

const ofRefund: Record<RefundState, Step | null> = {
  asked: priceRefund,
  claimable: endClaimTime,
  claimed: settleRefund,
  paid: tellRefund,
  withdrawn: tellRefund,
  done: null,
};

const ofTable: Record<Exclude<DueTable, 'payment' | 'refund'>, Step> = {
  invoice: lookAtInvoice,
  sighting: lookAtOrder,
  hold_request: answerRequest,
  shop: reconcileShop,
  alert: sendAlert,
  reconcile_part: reconcilePart,
  share_task: bookShares,
  reward_task: bookReward,
  share_receiver: payOutShares,
};

export type StepOf = (row: Pick<ClaimedRow, 'table' | 'state'>) => Step | null;

export const stepOf: StepOf = ({ table, state }) => {
  // The database's states are the core's: the row was written by this program or an older one.
  if (table === 'refund') return ofRefund[state as RefundState];
  if (table !== 'payment') return ofTable[table];
  return ofPayment[state as PaymentState];
};
