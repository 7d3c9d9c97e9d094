/**
 * Payments that nobody asked for: keysend and AMP. They take indexes and appear in everybody's
 * stream.
 */
import type { Invoice } from './invoice.ts';
import type { NodeState } from './node-state.ts';

export const receiveUnasked = (
  node: NodeState,
  payment: { kind: 'keysend' | 'amp'; amountMsat: bigint },
): Invoice => {
  const invoice = node.registry.add(payment);
  void node.registry.receive({
    hash: invoice.hash,
    paymentSecret: invoice.paymentSecret,
    amountMsat: payment.amountMsat,
    totalMsat: payment.amountMsat,
    expiryHeight: node.height + invoice.cltvDelta + 3,
    channelId: node.channels[0]?.id ?? '0',
  });
  return invoice;
};
