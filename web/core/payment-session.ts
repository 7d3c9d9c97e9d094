// A payment that the payments app was asked for: Shopify's payment session. Its amount never
// changes, so all that can be known of it is known at once; what became of it is told by a
// verdict.
import { currencyOf, minor, minorOf, type Currency, type Minor } from './money.ts';
import type { QuoteRefusal } from './refusals.ts';

/** Why it can never be paid here, in Shopify's words. Source: PaymentSessionStateRejectedReason. */
export const rejectionCodes = {
  currency_unknown: 'INVALID_CURRENCY',
  amount_unreadable: 'INVALID_AMOUNT',
  amount_too_small: 'AMOUNT_TOO_SMALL',
  amount_too_large: 'AMOUNT_TOO_LARGE',
  authorization: 'INVALID_PURCHASE_TYPE',
  timed_out: 'PROCESSING_ERROR',
} as const satisfies Record<string, string>;
export type NeverBecause = keyof typeof rejectionCodes;
export type RejectionCode = (typeof rejectionCodes)[NeverBecause];

const codes: ReadonlySet<string> = new Set(Object.values(rejectionCodes));
/** Our own word, read back. */
export const rejectionCodeOf = (stored: string | null): RejectionCode =>
  stored !== null && codes.has(stored) ? (stored as RejectionCode) : rejectionCodes.timed_out;

export type SessionKind = 'sale' | 'authorization';

export type Judged = { currency: Currency; owedMinor: Minor; never: NeverBecause | undefined };

/** What a session asks for. `amount` is a decimal; a currency is kept as its code in any case. */
export function judgeSession(asked: {
  kind: SessionKind;
  amount: string;
  currencyCode: string;
  /** The shop takes authorizations. */
  mayHold?: boolean;
}): Judged {
  const currency = currencyOf(asked.currencyCode);
  if (currency === undefined) {
    const code = asked.currencyCode as Currency;
    return { currency: code, owedMinor: minor(0n), never: 'currency_unknown' };
  }
  const owedMinor = minorOf(asked.amount, currency);
  if (owedMinor === undefined || owedMinor <= 0n) {
    return { currency, owedMinor: minor(0n), never: 'amount_unreadable' };
  }
  const never =
    asked.kind === 'authorization' && asked.mayHold !== true ? 'authorization' : undefined;
  return { currency, owedMinor, never };
}

/** A refusal that asking again will not change, since the amount of a session never does. */
export function neverAfter(refusal: QuoteRefusal): NeverBecause | undefined {
  switch (refusal) {
    case 'currency_unknown':
    case 'amount_too_small':
    case 'amount_too_large':
      return refusal;
    case 'nothing_owed':
      return 'amount_unreadable';
    case 'rates_unavailable':
    case 'rates_apart':
    case 'node_unreachable':
    case 'shop_unreachable':
    case 'no_node':
    case 'no_test_node':
      return undefined;
  }
}

/** How long Shopify is told to wait for a buyer who says that the money is on its way. */
export const pendingMs = 24 * 3_600_000;

/** So often Shopify may say no before it is believed: its replicas lag. */
const refusalsBelieved = 3;
export const isFinalNo = (refusals: number): boolean => refusals >= refusalsBelieved;
