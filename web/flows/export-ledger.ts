// The ledger of a shop as a file: every posting, with what it was worth by the promise under which
// the money came, or by the price at which it goes back.
import { decimalOfCode, minor } from '../core/money.ts';
import type { LedgerLine } from '../db/views/export.ts';
import { price, sats, utc, type Columns } from './export-file.ts';

/**
 * The share of what was promised or refunded that these msat are, to the nearest coin; a half goes
 * up. What Shopify was told and what nobody owed come out as the coins that they were: the split of
 * the msat between them is exact to one msat, which is far less than half a coin.
 */
function valueOf({ amount_msat, quoted_msat, fiat_minor, currency }: LedgerLine): string {
  if (quoted_msat === null || fiat_minor === null || currency === null) return '';
  const whole = BigInt(quoted_msat);
  const twice = 2n * BigInt(fiat_minor) * BigInt(amount_msat);
  return decimalOfCode(minor((twice + whole) / (2n * whole)), currency);
}

export const ledgerColumns: Columns<LedgerLine> = {
  posting_id: ({ id }) => id,
  booked_at: ({ at }) => utc(at),
  booked_in_shop_time: ({ at }, { local }) => local(at),
  journal: ({ journal }) => journal,
  payment_id: ({ payment_id }) => payment_id,
  order: ({ order_name }) => order_name,
  shopify_id: ({ origin_id }) => origin_id,
  test: ({ test }) => (test ? 'yes' : 'no'),
  from_account: ({ from_account }) => from_account,
  to_account: ({ to_account }) => to_account,
  amount_msat: ({ amount_msat }) => amount_msat,
  amount_sats: ({ amount_msat }) => sats(amount_msat),
  fiat_value: valueOf,
  currency: ({ currency }) => currency ?? '',
  price_of_one_bitcoin: ({ price_e8 }) => price(price_e8),
};
