// The refunds of a shop as a file: what was asked, what it was worth and by which price, and what
// became of it. Where the sats went is nobody's business but the buyer's.
import { refundReasons, refundStates } from '../core/refund.ts';
import type { RefundLine } from '../db/views/export.ts';
import { fiat, price, sats, utc, type Columns } from './export-file.ts';

/** Empty where only sats are meant. */
const amountOf = ({ amount_minor, currency }: RefundLine): string =>
  amount_minor === '0' ? '' : fiat(amount_minor, currency);

const sourcesOf = ({ sources }: RefundLine): string =>
  (sources ?? []).map(({ source, price: said }) => `${source} ${said}`).join('; ');

export const refundColumns: Columns<RefundLine> = {
  refund_id: ({ id }) => id,
  refund_opened_at: ({ opened_at }) => utc(opened_at),
  refund_opened_in_shop_time: ({ opened_at }, { local }) => local(opened_at),
  payment_id: ({ payment_id }) => payment_id,
  order: ({ order_name }) => order_name,
  shopify_id: ({ payment_origin_id }) => payment_origin_id,
  test: ({ test }) => (test ? 'yes' : 'no'),
  refund_asked_by: ({ origin }) => origin,
  refund_key: ({ origin_id }) => origin_id,
  refund_state: ({ state }) => state,
  refund_state_means: ({ state }) => refundStates[state],
  refund_reason: ({ reason }) => reason,
  refund_reason_means: ({ reason }) => refundReasons[reason],
  refund_note: ({ note }) => note ?? '',
  refund_amount: amountOf,
  currency: ({ currency }) => currency,
  refund_msat: ({ amount_msat }) => amount_msat ?? '',
  refund_sats: ({ amount_msat }) => sats(amount_msat),
  refund_pricing: ({ amount_msat, pricing }) => (amount_msat === null ? '' : pricing),
  price_of_one_bitcoin: ({ price_e8 }) => price(price_e8),
  price_sources: sourcesOf,
  refund_approved_at: ({ approved_at }) => utc(approved_at),
  refund_paid_at: ({ paid_at }) => utc(paid_at),
  refund_fee_msat: ({ fee_msat }) => fee_msat ?? '',
  refund_payment_hash: ({ hash }) => hash ?? '',
  refund_told_at: ({ told_at }) => utc(told_at),
};
