// Which face each state of a payment has. A state without a line here does not compile.
import type { Invoice, Over, Payment, Refusal, State } from './answer.ts';

export type Tone = 'live' | 'success' | 'warning' | 'info';

export type Face = {
  /** `<words>.head` and `<words>.text` of `locales/`. */
  words: string;
  /** `live`: something is under way, and a spinner says so. */
  tone: Tone;
  /** The button to our page. Without one there is nothing to do there. */
  button?: 'open' | 'renew';
  /** The buyer may have to talk to the shop about it. */
  withReference?: true;
};

const refused: Record<Refusal, Face> = {
  rates_unavailable: { words: 'refusal.rates_unavailable', tone: 'warning', button: 'open' },
  rates_apart: { words: 'refusal.rates_apart', tone: 'warning', button: 'open' },
  node_unreachable: { words: 'refusal.node_unreachable', tone: 'warning', button: 'open' },
  shop_unreachable: { words: 'refusal.shop_unreachable', tone: 'warning', button: 'open' },
  no_node: { words: 'refusal.no_node', tone: 'warning' },
  // A test of the payments app, which has no block: said for completeness.
  no_test_node: { words: 'refusal.no_node', tone: 'warning' },
  nothing_owed: { words: 'refusal.nothing_owed', tone: 'info' },
  amount_too_small: { words: 'refusal.amount_too_small', tone: 'warning' },
  amount_too_large: { words: 'refusal.amount_too_large', tone: 'warning' },
  currency_unknown: { words: 'refusal.currency_unknown', tone: 'warning' },
};

const ended: Record<Over, Face> = {
  order_cancelled: { words: 'lapsed.order_cancelled', tone: 'info' },
  order_paid_otherwise: { words: 'lapsed.order_paid_otherwise', tone: 'info' },
  order_owes_nothing: { words: 'lapsed.order_owes_nothing', tone: 'info' },
  given_back: { words: 'lapsed.given_back', tone: 'info' },
  other: { words: 'lapsed.other', tone: 'info' },
};

const byState: Record<State, (payment: Payment) => Face> = {
  open: (payment) => {
    if (payment.checking) return { words: 'checking', tone: 'live', button: 'open' };
    if (payment.refusal !== undefined) return refused[payment.refusal];
    if (payment.expired) return { words: 'expired', tone: 'info', button: 'renew' };
    return { words: 'preparing', tone: 'live' };
  },
  held: () => ({ words: 'held', tone: 'success', button: 'open' }),
  closing: (payment) => ({
    words: payment.over === 'given_back' ? 'giving_back' : 'closing',
    tone: 'live',
  }),
  settled: paid,
  resolved: paid,
  stranded: () => ({ words: 'stranded', tone: 'warning', withReference: true }),
  lapsed: over,
  rejected: over,
};

/** Shopify may have been told of the end, or not: to the buyer it is one. */
function over(payment: Payment): Face {
  if (payment.surplus) {
    return { words: 'late', tone: 'warning', withReference: true, button: 'open' };
  }
  return ended[payment.over ?? 'other'];
}

function paid(payment: Payment): Face {
  if (payment.byHand) {
    return { words: 'by_hand', tone: 'info', withReference: true, button: 'open' };
  }
  if (payment.overpaid) return { words: 'overpaid', tone: 'success', withReference: true };
  // Without a payment of ours the order was paid in some other way, and nobody is to be thanked.
  return { words: payment.payUrl === undefined ? 'already_paid' : 'paid', tone: 'success' };
}

/** The face of a payment that shows no invoice at the moment. */
export const faceOf = (payment: Payment): Face =>
  payment.state === undefined
    ? { words: 'unknown', tone: 'live', button: 'open' }
    : byState[payment.state](payment);

/** The invoice while it can be paid. */
export function payable(payment: Payment): (Invoice & { request: string }) | undefined {
  const { invoice, state } = payment;
  if (state !== 'open' || invoice?.request === undefined) return undefined;
  return { ...invoice, request: invoice.request };
}
