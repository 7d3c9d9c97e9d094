/**
 * An invoice as this node shows it: the truth, unless the node has been told to lie about it.
 */
import type { Invoice } from './invoice.ts';
import { invoiceMessage } from './invoice-message.ts';
import type { NodeState } from './node-state.ts';

export const shownInvoice = (node: NodeState, invoice: Invoice): object => {
  const message = invoiceMessage(invoice);
  const lie = node.lies.get(invoice.hash) ?? node.lies.get('*');
  if (lie?.state !== undefined) {
    message['state'] = lie.state;
    message['settled'] = lie.state === 'SETTLED';
    message['settle_index'] = String(lie.settleIndex ?? invoice.settleIndex);
    message['settle_date'] = String(Math.floor(node.clock.now() / 1000));
  }
  if (lie?.receivedMsat !== undefined) {
    message['amt_paid'] = lie.receivedMsat.toString();
    message['amt_paid_msat'] = lie.receivedMsat.toString();
    message['amt_paid_sat'] = (lie.receivedMsat / 1000n).toString();
  }
  if (lie?.secret !== undefined) message['r_preimage'] = Buffer.from(lie.secret, 'hex');
  if (node.faults.garbageRequests) message['payment_request'] = 'lnbcrt1garbage';
  if (node.faults.memoBytes > 0) message['memo'] = 'x'.repeat(node.faults.memoBytes);
  return message;
};
