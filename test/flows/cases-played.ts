// What is asked of each case that was played, wherever its node is: it ends in the state, in the
// accounts and with the question that the table says, and the way out that it offers is one.
import { expect } from 'vitest';
import { answersTo, isAnswerable } from '../../web/core/attention.ts';
import { caseOf, cases, signs, type Case, type CaseName, type Way } from '../../web/core/cases.ts';
import { msat } from '../../web/core/money.ts';
import { audit } from '../../web/db/audit.ts';
import { timeline } from '../../web/db/views.ts';
import { answerAttention } from '../../web/flows/answer-attention.ts';
import { settleByHand } from '../../web/flows/settle-by-hand.ts';
import { takeLatePayment } from '../../web/flows/take-late-payment.ts';
import { plays, type Played } from './cases-plays.ts';
import type { Bill, Shop } from './cases-shop.ts';

const table: Record<CaseName, Case> = cases;
export const names = Object.keys(cases) as CaseName[];
export const inItsWays = names.flatMap((name) =>
  table[name].ways.map((way): [CaseName, Way] => [name, way]),
);

/** What the table says of the accounts, in the amounts that came in this play. */
function inAccounts(name: CaseName, { came }: Played): Record<string, bigint> {
  const money = Object.entries(table[name].money);
  expect(money.map(([, part]) => part).sort()).toEqual(Object.keys(came).sort());
  return Object.fromEntries(money.map(([account, part]) => [account, came[part] ?? 0n]));
}

async function named(shop: Shop, bill: Bill): Promise<CaseName | undefined> {
  const { state } = await shop.read(bill.paymentId);
  return caseOf({ state, lines: await timeline(shop.db, bill.paymentId) });
}

/** The one way out that the table offers. */
async function takeWayOut(shop: Shop, name: CaseName, { bill, byItself }: Played): Promise<void> {
  const { then, ends, asks } = table[name];
  if (bill === undefined) return;
  if (then === 'by_itself') {
    // At rest nothing is left to be done; anywhere else it is shown that it ends.
    expect(byItself !== undefined || (ends === 'resolved' && asks === null)).toBe(true);
    await byItself?.();
    return;
  }
  const { paymentId, shopId } = bill;
  const about = { shopId, paymentId, staffId: '77' };
  const before = await shop.accountsOf(bill);
  if (then === 'settle_by_hand') {
    expect(await settleByHand(shop.deps, about)).toEqual({ ok: true });
    expect(await shop.stands(bill)).toEqual({ state: 'resolved', attention: null });
    const whole = Object.values(before).reduce((sum, each) => sum + each, 0n);
    expect(await shop.accountsOf(bill)).toEqual({ resolved: whole });
    return;
  }
  if (then === 'take_late') {
    expect(await takeLatePayment(shop.deps, about)).toEqual({ ok: true });
    expect((await shop.stands(bill)).state).toBe('settled');
    await shop.tell(bill);
    expect(await shop.stands(bill)).toEqual({ state: 'resolved', attention: null });
    expect(await shop.accountsOf(bill)).toEqual({ resolved: before['overpaid'] });
    expect(await takeLatePayment(shop.deps, about)).toEqual({ ok: false, refusal: 'not_asked' });
    return;
  }
  if (asks === null || !isAnswerable(asks)) throw new Error(`${name} asks nothing of a person`);
  expect(answersTo[asks]).toContain(then);
  const { overpaid = 0n, ...others } = before;
  const answer = { ...about, attention: asks, answer: then, seenMsat: msat(overpaid) };
  expect(await answerAttention(shop.deps, answer)).toEqual({ ok: true });
  expect(await shop.stands(bill)).toEqual({ state: ends, attention: null });
  const back = overpaid === 0n ? {} : { [then]: overpaid };
  expect(await shop.accountsOf(bill)).toEqual({ ...others, ...back });
}

/** Plays it in one of its ways, and looks. */
export async function playsAsTheTableSays(shop: Shop, name: CaseName, way: Way): Promise<void> {
  const { ends, asks } = table[name];
  const played = await plays[name](shop, way);
  const { bill } = played;
  if (bill === undefined) {
    expect(ends).toBeNull();
  } else {
    expect(bill.way).toBe(way);
    expect(await shop.stands(bill)).toEqual({ state: ends, attention: asks });
    expect(await shop.accountsOf(bill)).toEqual(inAccounts(name, played));
    expect(await named(shop, bill)).toBe(Object.hasOwn(signs, name) ? name : undefined);
  }
  await takeWayOut(shop, name, played);
}

/** After all of them the books are right, and Shopify was never asked what it does not know. */
export async function allIsSound({ db, shopify }: Shop): Promise<void> {
  expect(await audit(db)).toEqual([]);
  // How fast the door answers is the machine's.
  const late = /^No answer in time/;
  expect(shopify.violations.filter((each) => !late.test(each))).toEqual([]);
}
