// The books. A posting moves msat from one account to another, so it balances by construction.
// Settled money is in exactly one place: waiting for its verdict, resolved, stranded or overpaid.
import type { Msat } from './money.ts';
import { msat, shareRoundedDown } from './money.ts';
import type { Verdict } from './payment.ts';
import { assert } from './trouble.ts';

/**
 * - `node`: what a node received; grows negative by what it gave to the accounts below.
 * - `awaiting`: settled, and Shopify has not accepted it yet.
 * - `resolved`: settled and accepted by Shopify.
 * - `stranded`: settled, and Shopify will not take it.
 * - `overpaid`: more than was asked, or a second payment; to be given back.
 * - `given_back`: a person says that the buyer has it back, from the merchant's own wallet.
 * - `kept`: a person says that the buyer leaves it to the shop.
 * - `refunding`: owed to a buyer as a refund that has its price.
 * - `paid_out`: what the paying node sent to buyers, with the fees of the way.
 * - `fees`: fees of the way; grows negative by what the shop paid of its own.
 * - `sharing`: set aside by rule for others, and owed to them.
 * - `shared`: what the paying node sent to them, with the fees of the way.
 * - `rewarding`: set aside by rule for the buyer, and owed to them as a reward; what is paid of it
 *   goes to `paid_out` as well.
 * - `topped_up`: what a refund costs beyond the sats that came for it, because the price moved, and
 *   what others and the buyer are owed again when such a refund has taken it; grows negative by
 *   what the shop paid of its own.
 */
export const accountKinds = [
  ...(['node', 'awaiting', 'resolved', 'stranded', 'overpaid'] as const),
  ...(['given_back', 'kept', 'refunding', 'paid_out', 'fees', 'topped_up'] as const),
  ...(['sharing', 'shared', 'rewarding'] as const),
] as const;
export type AccountKind = (typeof accountKinds)[number];
export type Account = `${AccountKind}:${string}`;

export const accountOf = (kind: AccountKind, id: string | number): Account =>
  `${kind}:${String(id)}`;

/** `amountMsat` is above zero, always. */
export type Posting = { from: Account; to: Account; amountMsat: Msat };

/** What a verdict moves: the told part to `resolved`, what nobody owed to `overpaid`. */
export function postingsOfVerdict(
  verdict: Exclude<Verdict, { do: 'wait' }>,
  money: { shopId: number; awaitingMsat: Msat },
): Posting[] {
  const { shopId, awaitingMsat } = money;
  assert(awaitingMsat > 0n, 'a verdict is about money that waits');
  const from = accountOf('awaiting', shopId);
  if (verdict.do === 'strand') {
    return [{ from, to: accountOf('stranded', shopId), amountMsat: awaitingMsat }];
  }
  const surplusMsat = shareRoundedDown(awaitingMsat, {
    part: verdict.surplusMinor,
    whole: verdict.toldMinor + verdict.surplusMinor,
  });
  const toldMsat = msat(awaitingMsat - surplusMsat);
  return [
    { from, to: accountOf('resolved', shopId), amountMsat: toldMsat },
    { from, to: accountOf('overpaid', shopId), amountMsat: surplusMsat },
  ].filter((posting) => posting.amountMsat > 0n);
}

/**
 * What a refund takes from its source when it has its price. `sourceMsat`: what its payment has
 * left there; what is missing the shop adds of its own.
 */
export function postingsOfRefund(
  refund: { shopId: number; source: 'resolved' | 'overpaid' | 'stranded'; amountMsat: Msat },
  sourceMsat: Msat,
): Posting[] {
  const { shopId, source, amountMsat } = refund;
  assert(amountMsat > 0n && sourceMsat >= 0n, 'a refund takes something from what is there');
  const takenMsat = amountMsat < sourceMsat ? amountMsat : sourceMsat;
  const to = accountOf('refunding', shopId);
  return [
    { from: accountOf(source, shopId), to, amountMsat: takenMsat },
    { from: accountOf('topped_up', shopId), to, amountMsat: msat(amountMsat - takenMsat) },
  ].filter((posting) => posting.amountMsat > 0n);
}
