// Reconciliation: what Shopify, we and a node say of one order or invoice, held against each other.
// What does not fit has a name and a way to be put right: another look, or a person. Nothing here
// moves money or a state: whatever is found goes through the same doors as a webhook or a stream.
import {
  decideFromNode,
  type InvoiceState,
  type Observation,
  type PaymentHash,
} from './invoice.ts';
import type { Minor, Msat } from './money.ts';
import {
  isUnpaid,
  sameName,
  stillDue,
  usesMethod,
  type OrderReading,
  type PaymentState,
} from './payment.ts';
import { isSelfTestOrder } from './self-test.ts';

/** What may not fit, in one sentence each. */
export const breaks = {
  pending_order_unknown: 'Shopify has an order that waits for our method, and we have no payment.',
  owed_differs: 'The order owes another amount than we would take for it.',
  open_but_over: 'We would still take money for an order that needs none any more.',
  order_paid_without_money: 'Shopify has the order as paid by our method; no such money came.',
  money_without_order_paid: 'Money came for the order, and Shopify does not have it as paid.',
  settled_at_node_unrecorded:
    'The node says that an invoice was paid, and we have not recorded it.',
  recorded_not_at_node: 'We recorded money that the node does not have.',
  amount_differs: 'The node shows another amount for the invoice than we have.',
  live_not_at_node: 'We show an invoice that the node does not know.',
  live_unwatched: 'An invoice can be paid, and nobody is going to look at it.',
  ended_payable_at_node: 'We ended an invoice that the node would still take money for.',
} as const satisfies Record<string, string>;
export type BreakWord = keyof typeof breaks;

/** How it is put right. Each is only a look or a wish that is repeated; `person`: nothing helps. */
export const heals = {
  look_at_order: 'The order is looked at, as after a webhook.',
  tell: 'The verdict is woken.',
  observe: 'What the node says is recorded, as of the stream.',
  look_at_invoice: 'The invoice is looked at on its node.',
  person: 'Somebody has to look.',
} as const satisfies Record<string, string>;
export type Heal = keyof typeof heals;

export type Found = {
  what: BreakWord;
  heal: Heal;
  /** What its sentence says besides the order. Amounts in minor units of the order, or in msat. */
  amountMinor?: Minor;
  hereMsat?: Msat;
  thereMsat?: Msat;
};

/** One payment of an order, as we have it. */
export type OurPayment = {
  state: PaymentState;
  sequence: number;
  currency: string;
  owedMinor: Minor;
  /** What Shopify has taken of it. */
  toldMinor: Minor | null;
  /** What its settled invoice was promised to be worth; null: no money came. */
  paidMinor: Minor | null;
  settledAt: Date | null;
  openedAt: Date;
  verdictWanted: string | null;
  /** What the method was called when the order was opened, and when Shopify was told. */
  openedMethod: string | null;
  tellMethod: string | null;
  /** Somebody is going to work on it. */
  isDue: boolean;
};

export const reconcileRules = {
  /** A settled payment that Shopify does not have after this long is told of. */
  tellWithinMs: 10 * 60_000,
  /** Shopify shows older orders only to apps that may read all of them. */
  ordersShownMs: 59 * 86_400_000,
  /** How long a look may take to put something right, before it counts as unmatched. */
  healWithinMs: 20_000,
  /** Runs, and what they found, are kept for so long. */
  keptMs: 90 * 86_400_000,
  /** The nightly run goes back this far, so that a day that was missed is not missed twice. */
  nightMs: 3 * 86_400_000,
  /** A run that the merchant asks for goes back this far. */
  askedMs: 30 * 86_400_000,
  /** Searches and clocks are not exact: a run begins so much before the end of the last one. */
  overlapMs: 6 * 3_600_000,
  /** A node that gives no answer for so long is left out of the run. */
  unreachedMs: 10 * 60_000,
  /** The same of a node that is known to be away. */
  pausedMs: 30_000,
} as const;

const sum = (amounts: readonly (Minor | null)[]): Minor =>
  amounts.reduce<bigint>((all, amount) => all + (amount ?? 0n), 0n) as Minor;

const latest = (ours: readonly OurPayment[]): OurPayment | undefined =>
  ours.toSorted((a, b) => b.sequence - a.sequence)[0];

/** What an order's reading and our payments of it say of each other. */
export function judgeOrder(
  order: OrderReading | 'gone',
  about: {
    ours: readonly OurPayment[];
    methodName: string;
    /** Sales from before are of a time when we could not know. */
    installedAt: Date;
    now: Date;
  },
): Found[] {
  const { ours, now } = about;
  const untold = ours.flatMap((payment) => judgeUntold(payment, now));
  // What Shopify was told of it, or is to be told, is not certain at this moment.
  if (ours.some(({ state }) => state === 'settled')) return untold;
  if (order === 'gone') return judgeGone(ours, now);
  return [...judgeOwed(order, about), ...judgeSales(order, about)];
}

/** Settled, and nobody is going to tell Shopify, or it takes long. Also of payment sessions. */
export function judgeUntold(payment: OurPayment, now: Date): Found[] {
  if (payment.state !== 'settled') return [];
  const waitedMs = now.getTime() - (payment.settledAt?.getTime() ?? 0);
  if (payment.isDue && waitedMs < reconcileRules.tellWithinMs) return [];
  const amountMinor = payment.paidMinor ?? payment.owedMinor;
  return [{ what: 'money_without_order_paid', heal: 'tell', amountMinor }];
}

function judgeGone(ours: readonly OurPayment[], now: Date): Found[] {
  const told = ours.filter(({ toldMinor }) => toldMinor !== null && toldMinor > 0n);
  const shown = told.filter(
    ({ openedAt }) => now.getTime() - openedAt.getTime() < reconcileRules.ordersShownMs,
  );
  if (shown.length === 0) return [];
  const amountMinor = sum(shown.map(({ toldMinor }) => toldMinor));
  return [{ what: 'money_without_order_paid', heal: 'person', amountMinor }];
}

/** What the order still wants, and what we would take for it. */
function judgeOwed(
  order: OrderReading,
  about: { ours: readonly OurPayment[]; methodName: string },
): Found[] {
  const newest = latest(about.ours);
  const due = stillDue(order);
  if (newest?.state === 'open') {
    if (due.is === 'over') return [{ what: 'open_but_over', heal: 'look_at_order' }];
    if (due.is !== 'owed' || due.amountMinor === newest.owedMinor) return [];
    const amountMinor = due.amountMinor;
    return [{ what: 'owed_differs', heal: 'look_at_order', amountMinor }];
  }
  if (due.is !== 'owed' || !usesMethod(order, about.methodName)) return [];
  if (newest === undefined && isSelfTestOrder(order)) return [];
  const isOver = newest === undefined || isUnpaid(newest.state) || newest.state === 'resolved';
  const isBeingCancelled = newest?.state === 'lapsed' && newest.verdictWanted === 'cancel_order';
  if (!isOver || isBeingCancelled) return [];
  const amountMinor = due.amountMinor;
  return [{ what: 'pending_order_unknown', heal: 'look_at_order', amountMinor }];
}

/** What Shopify shows as paid by our method, and what we have and told. */
function judgeSales(
  order: OrderReading,
  about: { ours: readonly OurPayment[]; methodName: string; installedAt: Date },
): Found[] {
  const { ours, methodName, installedAt } = about;
  const withMoney = ours.filter(({ paidMinor }) => paidMinor !== null);
  // Amounts in two currencies cannot be compared, and Shopify never changes an order's.
  if (withMoney.some(({ currency }) => currency !== order.currencyCode)) return [];
  if (order.outstandingMinor === undefined || isSelfTestOrder(order)) return [];
  const called = ours.flatMap(({ openedMethod, tellMethod }) => [openedMethod, tellMethod]);
  const names = [methodName, ...called.filter((name) => name !== null)];
  const isOurs = ({ gateway }: { gateway: string }): boolean =>
    names.some((name) => sameName(name, gateway));
  const ofOurs = order.sales.filter(isOurs);
  const fresh = ofOurs.filter(({ at }) => at === undefined || at >= installedAt);
  // A manual payment without a name of its own stands under `manual`, and may be ours.
  const unnamed = order.sales.filter(({ gateway }) => sameName(gateway, 'manual'));
  const shown = sum([...ofOurs, ...unnamed].map(({ amountMinor }) => amountMinor));
  const claimed = sum(fresh.map(({ amountMinor }) => amountMinor));
  const covered = sum(withMoney.map(({ toldMinor, paidMinor }) => toldMinor ?? paidMinor));
  const told = sum(ours.map(({ toldMinor }) => toldMinor));
  if (claimed > covered) {
    const amountMinor = (claimed - covered) as Minor;
    return [{ what: 'order_paid_without_money', heal: 'person', amountMinor }];
  }
  if (told > shown) {
    const amountMinor = (told - shown) as Minor;
    return [{ what: 'money_without_order_paid', heal: 'person', amountMinor }];
  }
  return [];
}

/** An invoice of ours, as we have it. */
export type OurInvoice = {
  hash: PaymentHash;
  state: InvoiceState;
  amountMsat: Msat;
  paidMsat: Msat | null;
  /** Somebody is going to look at it. */
  isDue: boolean;
};

/** What a node and we say of one invoice. */
export function judgeInvoice(ours: OurInvoice, seen: Observation | 'not_found'): Found[] {
  return ours.state === 'settled' ? judgeRecorded(ours, seen) : judgeUnrecorded(ours, seen);
}

function judgeRecorded(ours: OurInvoice, seen: Observation | 'not_found'): Found[] {
  const hereMsat = ours.paidMsat ?? ours.amountMsat;
  if (seen === 'not_found' || seen.state !== 'settled') {
    return [{ what: 'recorded_not_at_node', heal: 'person', hereMsat }];
  }
  if (seen.receivedMsat === hereMsat) return [];
  return [{ what: 'amount_differs', heal: 'person', hereMsat, thereMsat: seen.receivedMsat }];
}

function judgeUnrecorded(ours: OurInvoice, seen: Observation | 'not_found'): Found[] {
  const { state, amountMsat: hereMsat } = ours;
  const unwatched: Found[] = ours.isDue
    ? []
    : [{ what: 'live_unwatched', heal: 'look_at_invoice' }];
  if (seen === 'not_found') {
    if (state === 'live') return [{ what: 'live_not_at_node', heal: 'look_at_invoice' }];
    return state === 'made' ? unwatched : [];
  }
  const decision = decideFromNode(ours, seen);
  if (decision.do === 'settle') return [{ what: 'settled_at_node_unrecorded', heal: 'observe' }];
  if (decision.do === 'distrust') {
    if (decision.why !== 'settled_with_too_little') {
      return [{ what: 'settled_at_node_unrecorded', heal: 'person' }];
    }
    const thereMsat = seen.receivedMsat;
    return [{ what: 'amount_differs', heal: 'person', hereMsat, thereMsat }];
  }
  if (state === 'canceled') {
    if (decision.do === 'cancel') return [];
    return [{ what: 'ended_payable_at_node', heal: 'look_at_invoice' }];
  }
  if (decision.do === 'wait' && seen.amountMsat !== hereMsat) {
    return [{ what: 'amount_differs', heal: 'person', hereMsat, thereMsat: seen.amountMsat }];
  }
  return unwatched;
}
