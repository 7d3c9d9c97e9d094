// The payments of a shop as a file: whatever their state, as the merchant's list has them.
import { paymentStates, reasons } from '../core/payment.ts';
import type { ListedPayment } from '../db/views/payments.ts';
import { fiat, price, sats, utc, type Columns } from './export-file.ts';

export const paymentColumns: Columns<ListedPayment> = {
  payment_id: ({ id }) => id,
  order: ({ order_name }) => order_name,
  origin: ({ origin }) => origin,
  shopify_id: ({ origin_id }) => origin_id,
  test: ({ test }) => (test ? 'yes' : 'no'),
  state: ({ state }) => state,
  state_means: ({ state }) => paymentStates[state],
  reason: ({ reason }) => reason,
  reason_means: ({ reason }) => reasons[reason],
  needs_person: ({ attention }) => attention ?? '',
  currency: ({ currency }) => currency,
  amount: (line) => fiat(line.owed_minor, line.currency),
  amount_told_to_shopify: (line) => fiat(line.told_minor, line.currency),
  sats_asked: ({ amount_msat }) => sats(amount_msat),
  sats_received: ({ paid_msat }) => sats(paid_msat),
  price_of_one_bitcoin: ({ price_e8 }) => price(price_e8),
  opened_at: ({ opened_at }) => utc(opened_at),
  opened_in_shop_time: ({ opened_at }, { local }) => local(opened_at),
  paid_at: ({ settled_at }) => utc(settled_at),
  paid_in_shop_time: ({ settled_at }, { local }) => (settled_at === null ? '' : local(settled_at)),
  told_to_shopify_at: ({ told_at }) => utc(told_at),
  payment_hash: ({ hash }) => hash ?? '',
  node: ({ node_alias }) => node_alias ?? '',
  node_identity: ({ node_identity }) => node_identity ?? '',
  network: ({ network }) => network ?? '',
};
