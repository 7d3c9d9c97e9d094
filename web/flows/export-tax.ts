// What a shop was paid, as its bookkeeper asks for it: one line for each invoice by which money
// came, with its value at that moment, and by which price of whom. A payment has a second one where
// its buyer paid twice: each stands in the days in which its money came.
import type { TaxLine } from '../db/views/export.ts';
import { fiat, price, sats, utc, type Columns } from './export-file.ts';

const sourcesOf = ({ sources }: TaxLine): string =>
  (sources ?? []).map(({ source, price: said }) => `${source} ${said}`).join('; ');

/** In words: a bare number below zero would be taken for a formula. Empty where there is none. */
function adjustmentOf({ adjustment_bp }: TaxLine): string {
  if (adjustment_bp === null || adjustment_bp === 0) return '';
  const digits = String(Math.abs(adjustment_bp)).padStart(3, '0');
  const percent = `${digits.slice(0, -2)}.${digits.slice(-2)}%`;
  return `${adjustment_bp < 0 ? 'discount' : 'markup'} ${percent}`;
}

export const taxColumns: Columns<TaxLine> = {
  payment_id: ({ id }) => id,
  order: ({ order_name }) => order_name,
  origin: ({ origin }) => origin,
  shopify_id: ({ origin_id }) => origin_id,
  test: ({ test }) => (test ? 'yes' : 'no'),
  state: ({ state }) => state,
  received_at: ({ settled_at }) => utc(settled_at),
  received_in_shop_time: ({ settled_at }, { local }) => local(settled_at),
  received_msat: ({ received_msat }) => received_msat,
  received_sats: ({ received_msat }) => sats(received_msat),
  fiat_value_at_receipt: ({ fiat_minor, currency }) => fiat(fiat_minor, currency),
  currency: ({ currency }) => currency,
  price_of_one_bitcoin: ({ price_e8 }) => price(price_e8),
  price_agreed_at: ({ agreed_at }) => utc(agreed_at),
  price_sources: sourcesOf,
  price_adjustment: adjustmentOf,
  amount_told_to_shopify: ({ told_minor, currency }) => fiat(told_minor, currency),
  told_to_shopify_at: ({ told_at }) => utc(told_at),
  overpaid_msat: ({ overpaid_msat }) => overpaid_msat,
  to_give_back_msat: ({ to_give_back_msat }) => to_give_back_msat,
  given_back_msat: ({ given_back_msat }) => given_back_msat,
  kept_msat: ({ kept_msat }) => kept_msat,
  payment_hash: ({ hash }) => hash ?? '',
  network: ({ network }) => network ?? '',
  shared_msat: ({ shared_msat }) => shared_msat,
};
