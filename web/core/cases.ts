// Every way in which money comes, or fails to come, to a payment: what happened, where the payment
// and each msat end, and what is asked of whom. The tests play each of them and hold the program
// against this table; `explain` names the one that a payment tells of.
import type { Answer, Answerable } from './attention.ts';
import type { AccountKind } from './ledger.ts';
import { currencyOf, minorOf } from './money.ts';
import type { PaymentState, Reason } from './payment.ts';

/** What of the money is meant. All that comes is one of them; what is left out did not come. */
export const moneyParts = {
  promised: 'What the invoice asked for by which the payment was paid.',
  owed: 'Of that, what the order still owed when Shopify was told.',
  unowed: 'Of that, what the order did not owe any more.',
  more: 'What came by that invoice above what it asked for.',
  again: 'All that came when the payment did not wait for money.',
} as const satisfies Record<string, string>;
export type MoneyPart = keyof typeof moneyParts;

/** For whom the payment was opened. */
export type Way = 'order' | 'payment_session';

export type Case = {
  ways: readonly Way[];
  happened: string;
  /** Null: it is none of our payments, and nothing of it is stored. */
  ends: PaymentState | null;
  /** In which account of the shop each part of the money ends. Empty: no money is ours. */
  money: Partial<Record<Exclude<AccountKind, 'node'>, MoneyPart>>;
  /** What a person is asked for: the word of the payment's attention. */
  asks: Answerable | 'stranded' | 'untold' | null;
  /** The way out of it: the program's own, or what is offered to the person. */
  then: 'by_itself' | 'settle_by_hand' | 'take_late' | Answer;
  wayOut: string;
};

const both = ['order', 'payment_session'] as const;
const order = ['order'] as const;
const session = ['payment_session'] as const;

export const cases = {
  exact: {
    ways: both,
    happened: 'The buyer paid what was asked.',
    ends: 'resolved',
    money: { resolved: 'promised' },
    asks: null,
    then: 'by_itself',
    wayOut: 'Shopify has it as paid.',
  },
  too_little: {
    ways: both,
    happened: 'The buyer sent less than was asked, and the node did not take it.',
    ends: 'open',
    money: {},
    asks: null,
    then: 'by_itself',
    wayOut: 'The buyer has the money still, and may pay the whole.',
  },
  too_little_by_the_node: {
    ways: both,
    happened:
      'The node calls an invoice settled with less than it asked for, which LND never does.',
    ends: 'open',
    money: {},
    asks: 'too_little',
    then: 'by_itself',
    wayOut:
      'It is not believed and asked again, and a person looks at the node meanwhile. The buyer ' +
      'may pay the whole.',
  },
  too_much: {
    ways: both,
    happened: 'The buyer sent more than was asked.',
    ends: 'resolved',
    money: { resolved: 'promised', overpaid: 'more' },
    asks: 'overpaid',
    then: 'given_back',
    wayOut: 'The rest is given back to the buyer, who may also leave it to the shop.',
  },
  older_paid: {
    ways: both,
    happened: 'The price was promised anew, and the buyer paid the older invoice after all.',
    ends: 'resolved',
    money: { resolved: 'promised' },
    asks: null,
    then: 'by_itself',
    wayOut: 'The newer invoice is ended, so that nobody pays it as well.',
  },
  paid_twice: {
    ways: both,
    happened: 'A second invoice of the same payment was paid as well.',
    ends: 'resolved',
    money: { resolved: 'promised', overpaid: 'again' },
    asks: 'overpaid',
    then: 'given_back',
    wayOut: 'The second amount is given back to the buyer.',
  },
  second_tab: {
    ways: session,
    happened: 'Two tabs of one purchase were paid, and this is the second.',
    ends: 'stranded',
    money: { overpaid: 'promised' },
    asks: 'overpaid',
    then: 'settle_by_hand',
    wayOut: 'Shopify has the other one; this one is given back, and then settled by hand.',
  },
  after_its_price: {
    ways: both,
    happened: 'The price had run out for us, and the node still took the payment.',
    ends: 'resolved',
    money: { resolved: 'promised' },
    asks: null,
    then: 'by_itself',
    wayOut: 'It counts at the price that was promised.',
  },
  after_lapse: {
    ways: order,
    happened:
      'The node had said that the invoice can never be paid, and came out of a backup in which ' +
      'it could.',
    ends: 'lapsed',
    money: { overpaid: 'again' },
    asks: 'overpaid',
    then: 'given_back',
    wayOut: 'The order was over by then: the money is given back.',
  },
  after_rejection: {
    ways: session,
    happened:
      'Shopify had been told that the session will never be paid, and the node came out of a ' +
      'backup in which its invoice could be paid.',
    ends: 'rejected',
    money: { overpaid: 'again' },
    asks: 'overpaid',
    then: 'given_back',
    wayOut: 'The checkout went another way by then: the money is given back.',
  },
  after_unpaid: {
    ways: order,
    happened:
      'The order was to be cancelled as not paid in time, and the node came out of a backup in ' +
      'which its invoice could be paid.',
    ends: 'lapsed',
    money: { overpaid: 'again' },
    asks: 'overpaid',
    then: 'take_late',
    wayOut: 'The order is left as it is, and a person takes the money for it, or gives it back.',
  },
  late_by_policy: {
    ways: order,
    happened:
      'The order was to be cancelled as not paid in time, and its money came after all. The shop ' +
      'takes late money for an order that owes as much, while its stock is held back and the ' +
      'sats are worth enough.',
    ends: 'resolved',
    money: { resolved: 'again' },
    asks: null,
    then: 'by_itself',
    wayOut: 'It is taken for the order, and Shopify has it as paid.',
  },
  after_cancel: {
    ways: order,
    happened: 'The order was cancelled, and the buyer paid before the invoice was.',
    ends: 'stranded',
    money: { stranded: 'promised' },
    asks: 'stranded',
    then: 'settle_by_hand',
    wayOut: 'The merchant agrees with the buyer, and says so.',
  },
  after_card: {
    ways: order,
    happened: 'The order was paid in another way as well.',
    ends: 'stranded',
    money: { stranded: 'promised' },
    asks: 'stranded',
    then: 'settle_by_hand',
    wayOut: 'The merchant gives one of the two back, and says so.',
  },
  card_while_marked: {
    ways: order,
    happened: 'The order was paid in another way in the moment in which it was to be marked.',
    ends: 'stranded',
    money: { stranded: 'promised' },
    asks: 'stranded',
    then: 'settle_by_hand',
    wayOut: 'The merchant gives one of the two back, and says so.',
  },
  edited_up: {
    ways: order,
    happened: 'The order grew after its price was promised, so that a part of it is paid.',
    ends: 'resolved',
    money: { resolved: 'promised' },
    asks: null,
    then: 'by_itself',
    wayOut: 'The part is recorded, and the rest is a payment of its own.',
  },
  edited_down: {
    ways: order,
    happened:
      'The order owes less than was promised: it became smaller after that, or a gift card paid ' +
      'a part of it.',
    ends: 'resolved',
    money: { resolved: 'owed', overpaid: 'unowed' },
    asks: 'overpaid',
    then: 'given_back',
    wayOut: 'What the order does not owe any more is given back.',
  },
  edited_up_while_marked: {
    ways: order,
    happened: 'The order grew in the moment in which it was marked, and Shopify has all as paid.',
    ends: 'resolved',
    money: { resolved: 'promised' },
    asks: 'marked_too_much',
    then: 'seen_to',
    wayOut: 'The merchant looks at the order before the goods are sent.',
  },
  edited_up_before: {
    ways: order,
    happened: 'The order grew before anybody paid, with an invoice for the smaller amount out.',
    ends: 'resolved',
    money: { resolved: 'promised' },
    asks: null,
    then: 'by_itself',
    wayOut: 'The invoice is ended and the node refuses it; the larger amount is promised anew.',
  },
  edited_down_before: {
    ways: order,
    happened: 'The order became smaller before anybody paid, with an invoice for all of it out.',
    ends: 'resolved',
    money: { resolved: 'promised' },
    asks: null,
    then: 'by_itself',
    wayOut: 'The invoice is ended and the node refuses it; the smaller amount is promised anew.',
  },
  gift_card_before: {
    ways: order,
    happened: 'A gift card paid a part before anybody paid the invoice for the whole.',
    ends: 'resolved',
    money: { resolved: 'promised' },
    asks: null,
    then: 'by_itself',
    wayOut: 'The invoice is ended and the node refuses it; only the rest is promised anew.',
  },
  rest_paid: {
    ways: order,
    happened: 'The order grew after a part of it was paid, and its rest was paid by itself.',
    ends: 'resolved',
    money: { resolved: 'promised' },
    asks: null,
    then: 'by_itself',
    wayOut: 'The order has two payments, and Shopify has both.',
  },
  cancelled_unpaid: {
    ways: order,
    happened: 'The order was cancelled and its goods were put back, with its invoice unpaid.',
    ends: 'lapsed',
    money: {},
    asks: null,
    then: 'by_itself',
    wayOut: 'The invoice is ended, and the node refuses whoever pays it after that.',
  },
  rest_of_gift_card: {
    ways: order,
    happened: 'A gift card paid a part, and Lightning the rest.',
    ends: 'resolved',
    money: { resolved: 'promised' },
    asks: null,
    then: 'by_itself',
    wayOut: 'Only what was outstanding is asked for and told.',
  },
  order_gone: {
    ways: order,
    happened: 'Shopify does not know the order any more.',
    ends: 'stranded',
    money: { stranded: 'promised' },
    asks: 'stranded',
    then: 'settle_by_hand',
    wayOut: 'The merchant agrees with the buyer, and says so.',
  },
  session_over: {
    ways: session,
    happened: 'Shopify has closed the payment session, and refuses its payment.',
    ends: 'stranded',
    money: { stranded: 'promised' },
    asks: 'stranded',
    then: 'settle_by_hand',
    wayOut: 'The merchant agrees with the buyer, and says so; the purchase may be paid anew.',
  },
  not_taken: {
    ways: order,
    happened: 'Shopify refuses the payment for a reason that is not the order.',
    ends: 'settled',
    money: { awaiting: 'promised' },
    asks: 'untold',
    then: 'by_itself',
    wayOut: 'It is told again until Shopify takes it, or the order says why it never will.',
  },
  uninstalled: {
    ways: both,
    happened: 'The app was removed from the shop before Shopify was told.',
    ends: 'settled',
    money: { awaiting: 'promised' },
    asks: 'untold',
    then: 'by_itself',
    wayOut: 'The money is at the node of the merchant; Shopify is told if the app comes back.',
  },
  before_live: {
    ways: both,
    happened: 'The payment was heard of before the answer in which the node confirms the invoice.',
    ends: 'resolved',
    money: { resolved: 'promised' },
    asks: null,
    then: 'by_itself',
    wayOut: 'Its hash was stored before the node was asked.',
  },
  heard_twice: {
    ways: both,
    happened: 'The stream and a lookup told of the same payment.',
    ends: 'resolved',
    money: { resolved: 'promised' },
    asks: null,
    then: 'by_itself',
    wayOut: 'It is booked once.',
  },
  retired_node: {
    ways: both,
    happened: 'The buyer paid an invoice of a node that the merchant has taken out.',
    ends: 'resolved',
    money: { resolved: 'promised' },
    asks: null,
    then: 'by_itself',
    wayOut: 'A node is watched until the last of its invoices has ended.',
  },
  node_gone: {
    ways: both,
    happened: 'The node was taken out, and has been away for two weeks: only it knows who paid.',
    ends: 'open',
    money: {},
    asks: 'node_gone',
    then: 'by_itself',
    wayOut:
      'Connected again, the node is asked, and its word ends the question. A person who knows ' +
      'may say whether it was paid there.',
  },
  told_by_another_node: {
    ways: both,
    happened: 'A node tells of an invoice that another node has made.',
    ends: 'open',
    money: {},
    asks: null,
    then: 'by_itself',
    wayOut: 'It moves nothing: only the node that made the invoice is believed.',
  },
  foreign_invoice: {
    ways: both,
    happened: 'Another program of the merchant was paid on the same node.',
    ends: null,
    money: {},
    asks: null,
    then: 'by_itself',
    wayOut: 'It is not ours, and leaves no trace.',
  },
} as const satisfies Record<string, Case>;
export type CaseName = keyof typeof cases;

/** A line of a payment's history. */
export type ToldLine = {
  what: string;
  to: PaymentState | null;
  because: string;
  details: Readonly<Record<string, string>>;
};
type Told = { state: PaymentState; lines: readonly ToldLine[] };

const saidOf = ({ lines }: Told, what: string): ToldLine[] =>
  lines.filter((line) => line.what === what);
const movedTo = ({ lines }: Told, to: PaymentState): ToldLine | undefined =>
  lines.findLast((line) => line.to === to);
const isStranded = (told: Told, because: Reason): boolean =>
  movedTo(told, 'stranded')?.because === because;

/** By which invoice it was paid: what that asked for, what came, and what it was promised for. */
function paidBy(told: Told) {
  const { hash, paidMsat } = movedTo(told, 'settled')?.details ?? {};
  const live = saidOf(told, 'invoice_live').find(({ details }) => details['hash'] === hash);
  const amountMsat = live?.details['amountMsat'];
  const quoted = saidOf(told, 'quoted').findLast(
    ({ details }) => details['amountMsat'] === amountMsat,
  );
  const fiatMinor = quoted?.details['fiatMinor'];
  if (paidMsat === undefined || amountMsat === undefined || fiatMinor === undefined) return;
  return { paidMsat: BigInt(paidMsat), amountMsat: BigInt(amountMsat), fiat: BigInt(fiatMinor) };
}

/** How much more Shopify was told than was promised; below zero: less. */
function toldAbovePromise(told: Told): bigint {
  const { told: amount = '', currency: code = '' } = movedTo(told, 'resolved')?.details ?? {};
  const currency = currencyOf(code);
  const minor = currency && minorOf(amount, currency);
  const paid = paidBy(told);
  return minor === undefined || paid === undefined ? 0n : minor - paid.fiat;
}

function isPaidMore(told: Told): boolean {
  const paid = paidBy(told);
  return paid !== undefined && paid.paidMsat > paid.amountMsat;
}

/** What each case leaves in the history; the others leave what a payment as any other does. */
export const signs = {
  second_tab: (told) => isStranded(told, 'group_paid_otherwise'),
  session_over: (told) => isStranded(told, 'session_gone'),
  after_cancel: (told) => isStranded(told, 'order_cancelled'),
  card_while_marked: (told) =>
    isStranded(told, 'order_paid_otherwise') && saidOf(told, 'tell_refused').length > 0,
  after_card: (told) => isStranded(told, 'order_paid_otherwise'),
  order_gone: (told) => isStranded(told, 'order_gone'),
  late_by_policy: (told) => movedTo(told, 'settled')?.because === ('taken_late' satisfies Reason),
  after_unpaid: (told) => saidOf(told, 'order_left_paid').length > 0,
  after_lapse: (told) => saidOf(told, 'paid_again').some((line) => line.because === 'lapsed'),
  after_rejection: (told) => saidOf(told, 'paid_again').some((line) => line.because === 'rejected'),
  paid_twice: (told) => saidOf(told, 'paid_again').length > 0,
  too_much: isPaidMore,
  edited_up: (told) => movedTo(told, 'resolved')?.because === ('told_part' satisfies Reason),
  edited_down: (told) => toldAbovePromise(told) < 0n,
  edited_up_while_marked: (told) => toldAbovePromise(told) > 0n,
  not_taken: (told) => told.state === 'settled' && saidOf(told, 'tell_refused').length > 0,
  too_little_by_the_node: (told) =>
    told.state === 'open' &&
    saidOf(told, 'distrusted').some((line) => line.because === 'settled_with_too_little'),
  node_gone: (told) => told.state === 'open' && saidOf(told, 'node_gone').length > 0,
} as const satisfies Partial<Record<CaseName, (told: Told) => boolean>>;

/** Which case a payment's history tells of, the gravest first. Undefined: of none in particular. */
export function caseOf(told: Told): CaseName | undefined {
  const names = Object.keys(signs) as (keyof typeof signs)[];
  return names.find((name) => signs[name](told));
}
