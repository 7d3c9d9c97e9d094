// Which face each state of a payment has. A state or a refusal without a line here does not
// compile.
import type { PayRefusal, PayState, PayView } from '../shared/pay-view.ts';
import type { Word } from './words.ts';

export type Tone = 'live' | 'good' | 'warn' | 'plain';

/** The words `<name>.head` and `<name>.text`. */
export type Named = Word extends infer W ? (W extends `${infer N}.head` ? N : never) : never;

export type Look = {
  name: Named;
  tone: Tone;
  /** The form that asks for a price: as the main thing to do, as a second one, or not at all. */
  form?: { word: 'quote' | 'again'; main: boolean };
};

type Over = NonNullable<PayView['over']>;

const open = {
  waiting: { name: 'waiting', tone: 'live' },
  preparing: { name: 'preparing', tone: 'live', form: { word: 'again', main: false } },
  checking: { name: 'checking', tone: 'live', form: { word: 'quote', main: false } },
  expired: { name: 'expired', tone: 'plain', form: { word: 'quote', main: true } },
  waits: { name: 'waits', tone: 'live' },
} as const satisfies Record<string, Look>;

const later = { tone: 'warn', form: { word: 'again', main: true } } as const;
const unlikely = { tone: 'plain', form: { word: 'again', main: false } } as const;

const refused: Record<PayRefusal, Look> = {
  rates_unavailable: { name: 'refusal.rates_unavailable', ...later },
  rates_apart: { name: 'refusal.rates_apart', ...later },
  node_unreachable: { name: 'refusal.node_unreachable', ...later },
  shop_unreachable: { name: 'refusal.shop_unreachable', ...later },
  no_node: { name: 'refusal.no_node', ...unlikely },
  no_test_node: { name: 'refusal.no_test_node', ...unlikely },
  nothing_owed: { name: 'refusal.nothing_owed', ...unlikely },
  amount_too_small: { name: 'refusal.amount_too_small', ...unlikely },
  amount_too_large: { name: 'refusal.amount_too_large', ...unlikely },
  currency_unknown: { name: 'refusal.currency_unknown', ...unlikely },
};

const ended: Record<Over, Look> = {
  order_cancelled: { name: 'lapsed.order_cancelled', tone: 'plain' },
  order_paid_otherwise: { name: 'lapsed.order_paid_otherwise', tone: 'plain' },
  order_owes_nothing: { name: 'lapsed.order_owes_nothing', tone: 'plain' },
  given_back: { name: 'lapsed.given_back', tone: 'plain' },
  other: { name: 'lapsed.other', tone: 'plain' },
};

/** Money came to what was over. */
const late: Record<NonNullable<PayView['surplus']>['became'], Look> = {
  owed: { name: 'late', tone: 'warn' },
  given_back: { name: 'late.given_back', tone: 'plain' },
  kept: { name: 'late.kept', tone: 'plain' },
};

const byState: Record<PayState, (view: PayView) => Look> = {
  open: (view) => {
    if (view.waits) return open.waits;
    if (requestOf(view) !== undefined) return open.waiting;
    if (view.checking) return open.checking;
    if (view.refusal !== undefined) return refused[view.refusal];
    return view.expired ? open.expired : open.preparing;
  },
  held: () => ({ name: 'held', tone: 'good' }),
  closing: (view) => ({
    name: view.over === 'given_back' ? 'giving_back' : 'closing',
    tone: 'live',
  }),
  settled: paid,
  resolved: paid,
  stranded,
  lapsed: over,
  rejected: over,
};

function stranded({ over: because }: PayView): Look {
  const isKnown = because === 'order_cancelled' || because === 'order_paid_otherwise';
  return { name: isKnown ? `stranded.${because}` : 'stranded', tone: 'warn' };
}

function over(view: PayView): Look {
  if (view.surplus !== undefined) return late[view.surplus.became];
  const { over: because = 'other' } = view;
  const isSession = view.session === true && because === 'other';
  return isSession ? { name: 'lapsed.session', tone: 'plain' } : ended[because];
}

function paid(view: PayView): Look {
  if (view.byHand) return { name: 'by_hand', tone: 'plain' };
  if (view.overpaid) return { name: 'overpaid', tone: 'good' };
  return { name: view.part ? 'paid_part' : 'paid', tone: 'good' };
}

export const lookOf = (view: PayView): Look => byState[view.state](view);

/**
 * The BOLT11 while it can be paid. It becomes an address of our page, so nothing but the letters of
 * bech32 is let through (BOLT11, "Encoding Overview").
 */
export function requestOf(view: PayView): string | undefined {
  const isShown = view.state === 'open' && view.waits !== true;
  const request = isShown ? view.invoice?.request : undefined;
  return request !== undefined && /^ln[a-z0-9]+$/.test(request) ? request : undefined;
}
