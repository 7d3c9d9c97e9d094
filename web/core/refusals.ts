// Refusals: the world is fine, the answer is no. They are returned, never thrown, and each door has
// a line for each of them, or it does not compile.

/**
 * Why there is no invoice to pay. Shown to buyers, so each is about the shop and never about them.
 */
export const quoteRefusals = [
  'rates_unavailable',
  'rates_apart',
  'node_unreachable',
  'shop_unreachable',
  'no_node',
  'no_test_node',
  'nothing_owed',
  'amount_too_small',
  'amount_too_large',
  'currency_unknown',
] as const;
export type QuoteRefusal = (typeof quoteRefusals)[number];

/**
 * Why a node's credential or address is not taken. Each leaves the merchant with one thing to do.
 */
export const connectRefusals = [
  'link_broken',
  'not_a_macaroon',
  'credential_can_spend',
  'credential_lacks_permission',
  'credential_not_revocable',
  'credential_has_foreign_caveat',
  'credential_expired',
  'credential_refused_by_node',
  'node_without_macaroons',
  'address_forbidden',
  'node_unreachable',
  'node_silent',
  'certificate_wrong',
  'network_wrong',
  'wallet_locked',
  'node_not_lnd',
  'identity_changed',
  'test_invoice_failed',
] as const;
export type ConnectRefusal = (typeof connectRefusals)[number];

/** Why the payment of an order is not opened. */
export const openRefusals = [
  'no_such_order',
  'payment_exists_with_different_amount',
  'currency_unknown',
] as const;
export type OpenRefusal = (typeof openRefusals)[number];

/** Why a refund is not opened, or not changed. */
export const refundRefusals = [
  'unknown_payment',
  'unknown_refund',
  'nothing_captured',
  'more_than_captured',
  'other_currency',
  'amount_unreadable',
  'refund_exists_with_other_content',
  'nothing_to_give_back',
  'not_approvable',
  'not_withdrawable',
] as const;
export type RefundRefusal = (typeof refundRefusals)[number];

/** Why what a buyer gave for a refund is not taken. Each leaves the buyer with one thing to do. */
export const claimRefusals = [
  'unknown_refund',
  'refund_not_claimable',
  'claim_exists',
  'request_unreadable',
  'other_network',
  'any_amount',
  'wrong_amount',
  'request_expired',
  'own_invoice',
  'request_used_before',
] as const;
export type ClaimRefusal = (typeof claimRefusals)[number];

export type Refusal = QuoteRefusal | ConnectRefusal | OpenRefusal | RefundRefusal | ClaimRefusal;

export type Answer<T, R extends Refusal = Refusal> =
  ({ ok: true } & T) | { ok: false; refusal: R; sentence?: string };

export function refuse<R extends Refusal>(
  refusal: R,
  sentence?: string,
): { ok: false; refusal: R; sentence?: string } {
  return sentence === undefined ? { ok: false, refusal } : { ok: false, refusal, sentence };
}
