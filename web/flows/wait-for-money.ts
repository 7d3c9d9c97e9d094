// An open payment is due. Nothing is to be done for most of them: a buyer pays, or does not.
import { paymentById } from '../db/payments.ts';
import { shopById } from '../db/shops.ts';
import type { Step } from './flow.ts';
import { waitForSession } from './tell-session.ts';

export const waitForMoney: Step = async (deps, row) => {
  const payment = await paymentById(deps.db, row.id);
  const rests = { dueInMs: undefined, attempt: false };
  if (payment?.state !== 'open' || payment.origin !== 'payment_session') return rests;
  const shop = await shopById(deps.db, payment.shopId);
  // A shop that removed the app closes its payments itself.
  if (shop === null || shop.uninstalledAt !== null) return rests;
  return waitForSession(deps, { row, payment });
};
