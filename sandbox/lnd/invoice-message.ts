/**
 * An invoice as LND's `lnrpc.Invoice` message says it: whole seconds, satoshis rounded down, and
 * the fields that LND leaves empty left empty.
 */
import { INVOICE_FEATURES } from './bolt11.ts';
import type { RouteHint } from './bolt11.ts';
import type { Invoice, Part } from './invoice.ts';

const seconds = (ms: number): string => String(Math.floor(ms / 1000));
const hex = (text: string | null): Buffer => Buffer.from(text ?? '', 'hex');

const features = Object.fromEntries(
  INVOICE_FEATURES.map(({ bit, name, required }) => [
    bit,
    { name, is_required: required, is_known: true },
  ]),
);

const partMessage = (part: Part): object => ({
  chan_id: part.channelId,
  htlc_index: String(part.index),
  amt_msat: part.amountMsat.toString(),
  accept_height: part.acceptHeight,
  accept_time: seconds(part.acceptedAtMs),
  resolve_time: seconds(part.resolvedAtMs),
  expiry_height: part.expiryHeight,
  state: part.state,
  mpp_total_amt_msat: part.totalMsat.toString(),
});

const channelNumber = (id = '0x0x0'): string => {
  const [block = 0n, index = 0n, output = 0n] = id.split('x').map((part) => BigInt(part));
  return ((block << 40n) | (index << 16n) | output).toString();
};
const hintMessage = ([peer, hop]: RouteHint): object => ({
  hop_hints: [
    {
      node_id: peer?.public_key ?? '',
      chan_id: channelNumber(hop?.channel),
      fee_base_msat: Number(hop?.base_fee_mtokens ?? '0'),
      fee_proportional_millionths: hop?.fee_rate ?? 0,
      cltv_expiry_delta: hop?.cltv_delta ?? 0,
    },
  ],
});

/** AMP payments carry no hash, no secret and no settle index. */
export const invoiceMessage = (invoice: Invoice): Record<string, unknown> => {
  const isAmp = invoice.kind === 'amp';
  const received = invoice.receivedMsat;
  return {
    memo: invoice.memo,
    r_preimage: isAmp ? Buffer.alloc(0) : hex(invoice.secret),
    r_hash: isAmp ? Buffer.alloc(0) : hex(invoice.hash),
    value: (invoice.amountMsat / 1000n).toString(),
    value_msat: invoice.amountMsat.toString(),
    settled: invoice.state === 'SETTLED',
    creation_date: seconds(invoice.createdAtMs),
    settle_date: seconds(invoice.settledAtMs),
    payment_request: invoice.request,
    description_hash: hex(invoice.descriptionHash),
    expiry: String(invoice.expirySeconds),
    fallback_addr: invoice.fallbackAddress,
    cltv_expiry: String(invoice.cltvDelta),
    route_hints: invoice.hints.map(hintMessage),
    private: invoice.hints.length > 0,
    add_index: String(invoice.addIndex),
    settle_index: isAmp ? '0' : String(invoice.settleIndex),
    amt_paid: received.toString(),
    amt_paid_sat: (received / 1000n).toString(),
    amt_paid_msat: received.toString(),
    state: invoice.state,
    htlcs: invoice.parts.map(partMessage),
    features,
    is_keysend: invoice.kind === 'keysend',
    payment_addr: hex(invoice.paymentSecret),
    is_amp: isAmp,
  };
};
