// The buyer of a session says that the money is on its way, while the node that would know does not
// answer: Shopify shall wait, and the buyer may go. It is not believed; it only keeps the session
// open for a day. Somebody who could simply be shown the outcome is not let wait.
import { pendingMs } from '../core/payment-session.ts';
import { currentInvoice } from '../db/invoices.ts';
import { nodeById } from '../db/nodes.ts';
import { paymentById } from '../db/payments.ts';
import { wantPending } from '../db/sessions.ts';
import type { Deps } from './flow.ts';

/** False: there is nothing to wait for. */
export async function askToWait(
  deps: Pick<Deps, 'db' | 'clock' | 'log'>,
  paymentId: string,
): Promise<boolean> {
  const payment = await paymentById(deps.db, paymentId);
  if (payment?.state !== 'open' || payment.origin !== 'payment_session') return false;
  const invoice = await currentInvoice(deps.db, paymentId);
  if (invoice?.state !== 'live') return false;
  const node = await nodeById(deps.db, invoice.nodeId);
  if (node?.trouble == null) return false;
  const until = new Date(deps.clock().getTime() + pendingMs);
  const wanted = await wantPending(deps.db, { paymentId, until });
  if (wanted) deps.log.info({ paymentId, shopId: payment.shopId }, 'session.wait_wanted');
  return wanted;
}
