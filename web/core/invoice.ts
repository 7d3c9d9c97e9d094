// An invoice: a BOLT11 at one node for one payment. A payment may have several over time, at most
// one of them payable. Only the node's word makes one settled or canceled; our clock never does.
import { decimalOfCode, type Currency, type Minor, type Msat } from './money.ts';

declare const brand: unique symbol;
/** 32 bytes, lower-case hex. */
export type PaymentHash = string & { readonly [brand]: 'PaymentHash' };
/** 32 bytes, lower-case hex, whose SHA-256 is the payment hash. A secret until the node settled. */
export type Preimage = string & { readonly [brand]: 'Preimage' };

const hex32 = /^[0-9a-f]{64}$/;
export const paymentHash = (hex: string): PaymentHash | undefined =>
  hex32.test(hex) ? (hex as PaymentHash) : undefined;
export const preimage = (hex: string): Preimage | undefined =>
  hex32.test(hex) ? (hex as Preimage) : undefined;

/** What each state of an invoice means. */
export const invoiceStates = {
  made: 'Its hash and secret are stored; the node has not confirmed it yet.',
  live: 'The node has it, and it can be paid.',
  settled: 'The node says that it was paid.',
  canceled: 'The node says that it can never be paid.',
} as const satisfies Record<string, string>;
export type InvoiceState = keyof typeof invoiceStates;

/** Why an invoice is to end. Shown in the payment's timeline. */
export const endings = {
  quote_over: 'Its price ran out.',
  amount_changed: 'The order owes another amount.',
  order_over: 'The order is not to be paid any more.',
  node_replaced: 'The merchant connected another node.',
  never_issued: 'The node never had it.',
} as const satisfies Record<string, string>;
export type Ending = keyof typeof endings;

/** So many letters of shop and order at most: with the amount, less than BOLT 11's 639 bytes. */
const namedLetters = 100;

/**
 * What a BOLT11 says that it is for, as in `example #1001, 12.30 EUR`: the wallet shows it, the
 * node signs it, and a receipt is held against it. Nothing of the buyer. The order may be cut, the
 * amount never is.
 */
export function memoOf(
  of: { shopDomain: string; orderName: string },
  asked: { fiatMinor: Minor; currency: Currency },
): string {
  const named = `${of.shopDomain.replace('.myshopify.com', '')} ${of.orderName}`.trim();
  const amount = `${decimalOfCode(asked.fiatMinor, asked.currency)} ${asked.currency}`;
  return `${Array.from(named).slice(0, namedLetters).join('')}, ${amount}`;
}

/** What a node says of an invoice at a moment. Amounts in msat, times on the node's clock. */
export type Observation = {
  hash: PaymentHash;
  state: 'open' | 'accepted' | 'settled' | 'canceled';
  amountMsat: Msat;
  /** Only meaningful when settled: LND keeps it on canceled hold invoices. */
  receivedMsat: Msat;
  preimage: Preimage | undefined;
  /** While `accepted`: the lowest block height at which a part of what is held times out. */
  heldUntilHeight?: number | undefined;
  settleIndex: bigint | undefined;
  settledAt: Date | undefined;
  addIndex: bigint;
  expiresAt: Date;
  /** The BOLT11. Empty for keysend and AMP. */
  request: string;
};

/** What is known of a node at the moment of a "not found". See `meansCanceled`. */
export type NotFoundEvidence = {
  /** The payee key of the node was seen to be the one that made the invoice. */
  sameIdentity: boolean;
  /** Since when the settle stream has been up without a hole; undefined when it is not. */
  streamWholeSince: Date | undefined;
  /** A settled invoice of ours is missing too, or the counters went back. */
  restoreSuspected: boolean;
};

/** How long its stream is to be whole before what a node does not know counts for anything. */
const wholeForMs = 60_000;
export const isHeardWell = (
  { streamWholeSince }: Pick<NotFoundEvidence, 'streamWholeSince'>,
  now: Date,
): boolean =>
  streamWholeSince !== undefined && now.getTime() - streamWholeSince.getTime() >= wholeForMs;

/**
 * LND may delete canceled invoices, and then says "not found". This is the one place where that
 * counts as the node's word: the same node, expired for more than ten minutes, its stream whole for
 * a minute, and no sign that it was restored from a backup.
 */
export function meansCanceled(
  invoice: { expiresAt: Date },
  evidence: NotFoundEvidence,
  now: Date,
): boolean {
  const { sameIdentity, restoreSuspected } = evidence;
  if (!sameIdentity || restoreSuspected || !isHeardWell(evidence, now)) return false;
  return now.getTime() - invoice.expiresAt.getTime() > 10 * 60_000;
}

export type InvoiceDecision =
  { do: 'settle' } | { do: 'cancel' } | { do: 'wait' } | { do: 'distrust'; why: string };

/** What follows from an observation of one of our invoices. Only `settled` is money. */
export function decideFromNode(
  invoice: { hash: PaymentHash; amountMsat: Msat },
  seen: Observation,
): InvoiceDecision {
  if (seen.hash !== invoice.hash) return { do: 'distrust', why: 'answered_for_another_hash' };
  switch (seen.state) {
    case 'open':
    case 'accepted':
      return { do: 'wait' };
    case 'canceled':
      return { do: 'cancel' };
    case 'settled':
      if (seen.preimage === undefined) return { do: 'distrust', why: 'settled_without_preimage' };
      if (seen.receivedMsat < invoice.amountMsat) {
        return { do: 'distrust', why: 'settled_with_too_little' };
      }
      return { do: 'settle' };
  }
}
