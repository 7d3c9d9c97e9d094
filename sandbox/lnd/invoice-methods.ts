/**
 * The methods that a shop's credential may call: making, looking up, listing, canceling and
 * settling invoices.
 */
import type { Invoice } from './invoice.ts';
import type { NodeState } from './node-state.ts';
import { routeHints } from './channels.ts';
import { RpcError, STATUS } from './rpc-error.ts';
import { shownInvoice } from './shown-invoice.ts';

type AddRequest = {
  memo: string;
  r_preimage: Buffer;
  hash: Buffer;
  value: string;
  value_msat: string;
  description_hash: Buffer;
  expiry: string;
  fallback_addr: string;
  cltv_expiry: string;
  private: boolean;
};
type HashRequest = { r_hash: Buffer; r_hash_str: string; payment_hash: Buffer };
type ListRequest = {
  index_offset: string;
  num_max_invoices: string;
  reversed: boolean;
  pending_only: boolean;
  creation_date_start: string;
  creation_date_end: string;
};

const amountOf = (request: AddRequest): bigint => {
  const [sat, msat] = [BigInt(request.value), BigInt(request.value_msat)];
  if (sat !== 0n && msat !== 0n) {
    throw new RpcError('sat and msat arguments are mutually exclusive');
  }
  if (sat < 0n || msat < 0n) throw new RpcError('amount cannot be negative');
  return msat || sat * 1000n;
};

const add = (node: NodeState, request: AddRequest, of: { kind: 'ordinary' | 'hold' }): Invoice => {
  const amountMsat = amountOf(request);
  const invoice = node.registry.add({
    ...of,
    amountMsat,
    memo: request.memo,
    secret: of.kind === 'hold' ? '' : request.r_preimage.toString('hex'),
    hash: of.kind === 'hold' ? request.hash.toString('hex') : '',
    descriptionHash: request.description_hash.toString('hex'),
    expirySeconds: Number(request.expiry),
    cltvDelta: Number(request.cltv_expiry),
    fallbackAddress: request.fallback_addr,
    hints: request.private ? routeHints(node.channels, node.publicKey, amountMsat) : [],
  });
  return invoice;
};
const added = (node: NodeState, invoice: Invoice): object => ({
  r_hash: Buffer.from(invoice.hash, 'hex'),
  payment_request: node.faults.garbageRequests ? 'lnbcrt1garbage' : invoice.request,
  add_index: String(invoice.addIndex),
  payment_addr: Buffer.from(invoice.paymentSecret, 'hex'),
});

const hashOf = (request: HashRequest): string => {
  const hash = request.r_hash.length > 0 ? request.r_hash.toString('hex') : request.r_hash_str;
  if (hash.length !== 64) {
    throw new RpcError(
      `payment hash must be exactly 32 bytes, is instead ${String(hash.length / 2)}`,
    );
  }
  return hash;
};

/**
 * Forwards: indexes above the offset, oldest first. Reversed: the newest below it, still sorted
 * oldest first.
 */
const list = (node: NodeState, request: ListRequest): object => {
  const offset = Number(request.index_offset);
  const limit = Number(request.num_max_invoices) || 100;
  const [from, to] = [Number(request.creation_date_start), Number(request.creation_date_end)];
  const wanted = node.registry.all().filter((invoice) => {
    const createdAt = Math.floor(invoice.createdAtMs / 1000);
    const isPending = invoice.state === 'OPEN' || invoice.state === 'ACCEPTED';
    if (request.pending_only && !isPending) return false;
    if ((from > 0 && createdAt < from) || (to > 0 && createdAt > to)) return false;
    if (!request.reversed) return invoice.addIndex > offset;
    return offset === 0 || invoice.addIndex < offset;
  });
  const page = request.reversed ? wanted.slice(-limit) : wanted.slice(0, limit);
  return {
    invoices: page.map((invoice) => shownInvoice(node, invoice)),
    first_index_offset: String(page.at(0)?.addIndex ?? 0),
    last_index_offset: String(page.at(-1)?.addIndex ?? 0),
  };
};

const deleteCanceled = (node: NodeState, request: { invoice_hash: string }): object => {
  const invoice = node.registry.find(request.invoice_hash, STATUS.notFound);
  if (invoice.state !== 'CANCELED') throw new RpcError('invoice not canceled');
  node.registry.forget(invoice.hash);
  return { status: `canceled invoice deleted successfully: invoice hash ${invoice.hash}` };
};

export const invoiceMethods: Record<string, (node: NodeState, request: never) => object> = {
  '/lnrpc.Lightning/AddInvoice': (node, request: AddRequest) =>
    added(node, add(node, request, { kind: 'ordinary' })),
  '/invoicesrpc.Invoices/AddHoldInvoice': (node, request: AddRequest) =>
    added(node, add(node, request, { kind: 'hold' })),
  '/lnrpc.Lightning/LookupInvoice': (node, request: HashRequest) =>
    shownInvoice(node, node.registry.find(hashOf(request), STATUS.notFound)),
  '/invoicesrpc.Invoices/LookupInvoiceV2': (node, request: HashRequest) =>
    shownInvoice(node, node.registry.find(request.payment_hash.toString('hex'), STATUS.notFound)),
  '/lnrpc.Lightning/ListInvoices': (node, request: ListRequest) => list(node, request),
  '/invoicesrpc.Invoices/CancelInvoice': (node, request: HashRequest) => {
    node.registry.cancel(request.payment_hash.toString('hex'));
    return {};
  },
  '/invoicesrpc.Invoices/SettleInvoice': (node, request: { preimage: Buffer }) => {
    if (request.preimage.length !== 32) {
      throw new RpcError(`invalid preimage length of ${String(request.preimage.length)}, want 32`);
    }
    node.registry.settleHeld(request.preimage.toString('hex'));
    return {};
  },
  '/lnrpc.Lightning/DeleteCanceledInvoice': (node, request: { invoice_hash: string }) =>
    deleteCanceled(node, request),
};
