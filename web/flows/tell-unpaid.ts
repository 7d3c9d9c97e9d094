// A payment lapsed: the node has said that no money can come any more. Whoever asked for it to be
// told is told so; most of the time nobody did, and the buyer may come back and choose again.
import { paymentById } from '../db/payments.ts';
import { shopById } from '../db/shops.ts';
import { cancelUnpaidOrder } from './cancel-unpaid-order.ts';
import type { Step } from './flow.ts';
import { rejectSession } from './tell-session.ts';

export const tellUnpaid: Step = async (deps, row) => {
  const payment = await paymentById(deps.db, row.id);
  const rests = { dueInMs: undefined, attempt: false };
  if (payment?.state !== 'lapsed' || payment.verdictWanted === null) return rests;
  const shop = await shopById(deps.db, payment.shopId);
  // Without the app nobody can be told, and nobody's money depends on it.
  if (shop === null || shop.uninstalledAt !== null) return rests;
  if (payment.verdictWanted === 'cancel_order') return cancelUnpaidOrder(deps, row);
  // A wait was for money that, as the node says, can never come.
  return payment.origin === 'payment_session' ? rejectSession(deps, { row, payment }) : rests;
};
