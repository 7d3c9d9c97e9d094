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
 */
export const accountKinds = [
  ...(['node', 'awaiting', 'resolved', 'stranded', 'overpaid'] as const),
  ...(['given_back', 'kept'] as const),
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
