/**
 * What the simulated node keeps of an invoice. Plain values only (amounts are bigint, times are
 * milliseconds), so that a node can be written to disk, copied as a snapshot, and restored.
 */
import type { RouteHint } from './bolt11.ts';

export type InvoiceState = 'OPEN' | 'ACCEPTED' | 'SETTLED' | 'CANCELED';
/** `keysend` and `amp` arrive without an invoice having been asked for. */
export type InvoiceKind = 'ordinary' | 'hold' | 'keysend' | 'amp';

export type Part = {
  index: number;
  channelId: string;
  amountMsat: bigint;
  /** What the sender declares as the sum of all parts. */
  totalMsat: bigint;
  acceptHeight: number;
  expiryHeight: number;
  acceptedAtMs: number;
  resolvedAtMs: number;
  state: 'ACCEPTED' | 'SETTLED' | 'CANCELED';
};

export type Invoice = {
  hash: string;
  /** Hex; null while a hold invoice's secret is not known to the node. */
  secret: string | null;
  kind: InvoiceKind;
  memo: string;
  descriptionHash: string;
  /** 0: any amount. */
  amountMsat: bigint;
  createdAtMs: number;
  expirySeconds: number;
  cltvDelta: number;
  paymentSecret: string;
  hints: RouteHint[];
  fallbackAddress: string;
  request: string;
  state: InvoiceState;
  addIndex: number;
  /** 0 until settled. Not unique for ever: see `migrate`. */
  settleIndex: number;
  settledAtMs: number;
  /** Set when ACCEPTED, and it stays set when a held invoice is canceled. Only SETTLED is money. */
  receivedMsat: bigint;
  parts: Part[];
};

const bigints = (_key: string, value: unknown): unknown =>
  typeof value === 'bigint' ? { $msat: value.toString() } : value;
const revived = (_key: string, value: unknown): unknown =>
  typeof value === 'object' && value !== null && '$msat' in value
    ? BigInt(String(value.$msat))
    : value;

export const invoiceToJson = (invoice: Invoice): string => JSON.stringify(invoice, bigints);
export const invoiceFromJson = (text: string): Invoice => JSON.parse(text, revived) as Invoice;
