/**
 * The methods that answer with a stream.
 */
import type { Call } from './grpc-server.ts';
import type { Invoice } from './invoice.ts';
import { paymentMessage } from './payments.ts';
import type { SendRequest, SentPayment } from './payments.ts';
import { blockHash } from './node-methods.ts';
import type { NodeState } from './node-state.ts';
import { shownInvoice } from './shown-invoice.ts';

/** One open stream; `cut` breaks its connection. */
export type Stream = {
  call: Call;
  send: (message: object) => void;
  finish: () => void;
  cut: () => void;
};

type SubscribeRequest = { add_index: string; settle_index: string };

const subscribeInvoices = (node: NodeState, stream: Stream, request: SubscribeRequest) => {
  const show = (invoice: Invoice): void => {
    if (node.faults.silentStreams) return;
    const message = shownInvoice(node, invoice);
    for (let copy = 0; copy < node.faults.eventCopies; copy += 1) stream.send(message);
  };
  const from = {
    addIndex: BigInt(request.add_index),
    settleIndex: BigInt(request.settle_index),
  };
  return node.subscriptions.subscribe(from, {
    live: show,
    replayed: (invoices) => {
      const cutAt = node.faults.cutReplayAfter;
      for (const invoice of cutAt === null ? invoices : invoices.slice(0, cutAt)) show(invoice);
      // What was sent has to reach the wire first.
      if (cutAt !== null && invoices.length > cutAt) setTimeout(stream.cut, 20).unref();
    },
  });
};

const subscribeSingle = (node: NodeState, stream: Stream, request: { r_hash: Buffer }) =>
  node.subscriptions.subscribeSingle(request.r_hash.toString('hex'), (invoice) => {
    if (node.faults.silentStreams) return;
    stream.send(shownInvoice(node, invoice));
    if (invoice.state === 'SETTLED' || invoice.state === 'CANCELED') stream.finish();
  });

const follow = (node: NodeState, stream: Stream, message: () => object) => {
  const tell = (): void => {
    stream.send(message());
  };
  node.watchers.add(tell);
  tell();
  return () => node.watchers.delete(tell);
};

type Tracking = { no_inflight_updates: boolean };

/** Where it stands, and every change until it is over. */
const trackPayment = (
  node: NodeState,
  stream: Stream,
  of: { payment: SentPayment } & Tracking,
): (() => void) => {
  const show = (payment: SentPayment): void => {
    if (payment.hash !== of.payment.hash) return;
    const isOver = node.payments.isOver(payment);
    if (node.faults.silentStreams) return;
    if (isOver || !of.no_inflight_updates) stream.send(paymentMessage(node, payment));
    if (isOver) stream.finish();
  };
  const stop = node.payments.onChange(show);
  show(of.payment);
  return stop;
};

/** Each returns how to stop. */
export const streamMethods: Record<
  string,
  (node: NodeState, stream: Stream, request: never) => () => void
> = {
  '/lnrpc.Lightning/SubscribeInvoices': (node, stream, request: SubscribeRequest) =>
    subscribeInvoices(node, stream, request),
  '/invoicesrpc.Invoices/SubscribeSingleInvoice': (node, stream, request: { r_hash: Buffer }) =>
    subscribeSingle(node, stream, request),
  '/routerrpc.Router/SendPaymentV2': (node, stream, request: SendRequest) =>
    trackPayment(node, stream, { payment: node.payments.send(request), ...request }),
  '/routerrpc.Router/TrackPaymentV2': (
    node,
    stream,
    request: { payment_hash: Buffer } & Tracking,
  ) => {
    const payment = node.payments.find(request.payment_hash.toString('hex'));
    return trackPayment(node, stream, { payment, ...request });
  },
  '/lnrpc.State/SubscribeState': (node, stream) =>
    follow(node, stream, () => ({ state: node.phase })),
  '/chainrpc.ChainNotifier/RegisterBlockEpochNtfn': (node, stream) =>
    follow(node, stream, () => ({ hash: blockHash(node.height), height: node.height })),
};
