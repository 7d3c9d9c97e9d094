// The shares of a shop as a file: who gets how much of which payment, by which rule, and what of it
// was paid out. The names are those that the shop gave.
import { decimalOfCode, minor } from '../core/money.ts';
import { partText, shareStates } from '../core/share.ts';
import type { ShareLine } from '../db/views/export.ts';
import { price, sats, utc, type Columns } from './export-file.ts';

/** By the promise under which the money came, to the nearest coin; a half goes up. */
function valueOf({ amount_msat, quoted_msat, fiat_minor, currency }: ShareLine): string {
  if (quoted_msat === null || fiat_minor === null || currency === null) return '';
  const whole = BigInt(quoted_msat);
  const twice = 2n * BigInt(fiat_minor) * BigInt(amount_msat);
  return decimalOfCode(minor((twice + whole) / (2n * whole)), currency);
}

const ruleOf = ({ part_bp, fixed_msat }: ShareLine): string =>
  part_bp === null ? `${sats(fixed_msat)} sats` : `${partText(part_bp)} %`;

export const shareColumns: Columns<ShareLine> = {
  share_id: ({ id }) => id,
  share_booked_at: ({ made_at }) => utc(made_at),
  share_booked_in_shop_time: ({ made_at }, { local }) => local(made_at),
  payment_id: ({ payment_id }) => payment_id,
  order: ({ order_name }) => order_name,
  shopify_id: ({ origin_id }) => origin_id,
  share_receiver: ({ receiver }) => receiver,
  share_address: ({ address }) => address,
  share_vendor: ({ vendor }) => vendor ?? '',
  share_rule: ruleOf,
  share_booked_sats: ({ base_msat }) => sats(base_msat),
  share_sats: ({ amount_msat }) => sats(amount_msat),
  share_fiat_value: valueOf,
  currency: ({ currency }) => currency ?? '',
  price_of_one_bitcoin: ({ price_e8 }) => price(price_e8),
  share_state: ({ state }) => state,
  share_state_means: ({ state }) => shareStates[state],
  share_paid_at: ({ paid_at }) => utc(paid_at),
  share_payment_hash: ({ hash }) => hash ?? '',
};
