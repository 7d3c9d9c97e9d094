// The files that a merchant can have of the shop's books, and their columns in order. What each
// column holds stands in the page's words, under `export.column.` and its name: a name that stands
// in two files means the same in both.

export const exportColumns = {
  payments: [
    ...(['payment_id', 'order', 'origin', 'shopify_id', 'test', 'state', 'state_means'] as const),
    ...(['reason', 'reason_means', 'needs_person', 'currency', 'amount'] as const),
    ...(['amount_told_to_shopify', 'sats_asked', 'sats_received'] as const),
    ...(['price_of_one_bitcoin', 'opened_at', 'opened_in_shop_time', 'paid_at'] as const),
    ...(['paid_in_shop_time', 'told_to_shopify_at', 'payment_hash', 'node'] as const),
    ...(['node_identity', 'network'] as const),
  ],
  refunds: [
    ...(['refund_id', 'refund_opened_at', 'refund_opened_in_shop_time', 'payment_id'] as const),
    ...(['order', 'shopify_id', 'test', 'refund_asked_by', 'refund_key', 'refund_state'] as const),
    ...(['refund_state_means', 'refund_reason', 'refund_reason_means', 'refund_note'] as const),
    ...(['refund_amount', 'currency', 'refund_msat', 'refund_sats', 'refund_pricing'] as const),
    ...(['price_of_one_bitcoin', 'price_sources', 'refund_approved_at'] as const),
    ...(['refund_paid_at', 'refund_fee_msat', 'refund_payment_hash', 'refund_told_at'] as const),
  ],
  shares: [
    ...(['share_id', 'share_booked_at', 'share_booked_in_shop_time', 'payment_id'] as const),
    ...(['order', 'shopify_id', 'share_receiver', 'share_address', 'share_vendor'] as const),
    ...(['share_rule', 'share_booked_sats', 'share_sats', 'share_fiat_value', 'currency'] as const),
    ...(['price_of_one_bitcoin', 'share_state', 'share_state_means', 'share_paid_at'] as const),
    ...(['share_payment_hash'] as const),
  ],
  ledger: [
    ...(['posting_id', 'booked_at', 'booked_in_shop_time', 'journal', 'payment_id'] as const),
    ...(['order', 'shopify_id', 'test', 'from_account', 'to_account', 'amount_msat'] as const),
    ...(['amount_sats', 'fiat_value', 'currency', 'price_of_one_bitcoin'] as const),
  ],
  balances: [
    ...(['account', 'account_means', 'account_booked', 'opening_msat', 'in_msat'] as const),
    ...(['out_msat', 'closing_msat', 'closing_sats'] as const),
  ],
  tax: [
    ...(['payment_id', 'order', 'origin', 'shopify_id', 'test', 'state', 'received_at'] as const),
    ...(['received_in_shop_time', 'received_msat', 'received_sats'] as const),
    ...(['fiat_value_at_receipt', 'currency', 'price_of_one_bitcoin'] as const),
    ...(['price_agreed_at', 'price_sources', 'price_adjustment'] as const),
    ...(['amount_told_to_shopify', 'told_to_shopify_at', 'overpaid_msat'] as const),
    ...(['to_give_back_msat', 'given_back_msat', 'kept_msat', 'payment_hash'] as const),
    ...(['network', 'shared_msat'] as const),
  ],
} as const;
export type ExportKind = keyof typeof exportColumns;
