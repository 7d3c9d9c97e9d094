// The books. A posting moves msat from one account to another, so it balances by construction.
// Settled money is in exactly one place: waiting for its verdict, resolved, stranded or overpaid.
import type { Msat } from './money.ts';
import { msat, shareRoundedDown } from './money.ts';
import type { Verdict } from './payment.ts';
import { assert } from './trouble.ts';

/** What is on each account. `node`, `fees` and `topped_up` grow negative by what they gave. */
export const accounts = {
  node: 'What the node received, below zero: it went to the other accounts.',
  awaiting: 'Settled, and Shopify has not accepted it yet.',
  resolved: 'Settled and accepted by Shopify.',
  stranded: 'Settled, and Shopify will not take it.',
  overpaid: 'More than was asked, or a second payment; to be given back.',
  given_back: 'A person says that the buyer has it back, from the merchant’s own wallet.',
  kept: 'A person says that the buyer leaves it to the shop.',
  refunding: 'Owed to a buyer as a refund that has its price.',
  paid_out: 'What the paying node sent to buyers, with the fees of the way.',
  fees: 'Fees of the way, below zero: what the shop paid of its own.',
  topped_up:
    'What a refund costs beyond the sats that came for it, because the price moved, and what ' +
    'others and the buyer are owed again when such a refund has taken it; below zero: paid by ' +
    'the shop.',
  sharing: 'Set aside by rule for others, and owed to them.',
  shared: 'What the paying node sent to them, with the fees of the way.',
  rewarding: 'Set aside by rule for the buyer, and owed to them as a reward.',
} as const satisfies Record<string, string>;
export type AccountKind = keyof typeof accounts;
export const accountKinds = Object.keys(accounts) as readonly AccountKind[];

/** What follows from invoices: a promise that may lapse is no claim, and is not booked. */
export const derivedAccounts = {
  receivable: 'What buyers may still pay at this moment; it follows from the open invoices.',
  rounding: 'What rounding up to whole satoshis brought; it is a part of what came in.',
} as const satisfies Record<string, string>;

/** `account` is a kind with a number behind it, such as `resolved:7`. */
export function meaningOfAccount(account: string): string {
  const [kind = ''] = account.split(':');
  const known: Readonly<Record<string, string>> = { ...accounts, ...derivedAccounts };
  return known[kind] ?? '';
}

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
