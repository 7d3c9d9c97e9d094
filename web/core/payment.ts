// A payment: what one order owes us. Its states, the arrows between them, and what moves it.
// Money truth comes from the node, order truth from Shopify; here is what follows from both.
import type { Minor } from './money.ts';
import { assert } from './trouble.ts';

/** What each state means. The same sentence stands in the README and on the merchant's page. */
export const paymentStates = {
  open: 'The order waits for its payment.',
  held: 'The node holds the money until it is charged or given back.',
  closing: 'The order is not to be paid any more, and we asked the node to cancel its invoice.',
  settled: 'The node says that it was paid, and the books have it.',
  resolved: 'Shopify has the order as paid.',
  stranded: 'We hold money that Shopify will not take for this order: a person must look.',
  lapsed: 'The node says that its invoice can never be paid.',
  rejected: 'It can never be paid, and Shopify was told so.',
} as const satisfies Record<string, string>;
export type PaymentState = keyof typeof paymentStates;

/** The whole story. An arrow that is not here does not compile and is refused by the database. */
export const paymentMoves = {
  open: ['settled', 'held', 'closing'],
  held: ['settled', 'closing', 'lapsed'],
  closing: ['settled', 'lapsed'],
  settled: ['resolved', 'stranded'],
  stranded: ['resolved'],
  resolved: [],
  lapsed: ['rejected', 'settled'],
  rejected: [],
} as const satisfies Record<PaymentState, readonly PaymentState[]>;

/** One arrow of the table. */
export type Move = {
  [From in PaymentState]: { from: From; to: (typeof paymentMoves)[From][number] };
}[PaymentState];

/** Why a payment is where it is. State says where, reason says why: two columns. */
export const reasons = {
  order_seen: 'Shopify has an order with our payment method that waits for its money.',
  node_says_settled: 'The node reported the invoice as settled.',
  order_cancelled: 'The order was cancelled in Shopify.',
  order_paid_otherwise: 'The order was paid in another way.',
  order_owes_nothing: 'The order owes nothing.',
  other_app: 'Another app collects the money for the order.',
  order_gone: 'Shopify does not know the order any more.',
  shop_uninstalled: 'The app was removed from the shop.',
  node_says_canceled: 'The node reported that the invoice is canceled.',
  never_issued: 'No invoice was out that anybody could have paid.',
  told_shopify: 'Shopify accepted the payment.',
  told_part: 'Shopify recorded the part that was paid; the rest of the order is open.',
  told_before: 'Shopify had the payment already from our earlier call, whose answer was lost.',
  marked_by_hand: 'A person marked the order as paid in Shopify when the money had come.',
  session_seen: 'A shopper chose to pay at checkout, and Shopify waits for the outcome.',
  session_refused: 'The payment session cannot be paid here.',
  session_timed_out: 'The shopper did not pay within the time that Shopify was told to wait.',
  group_paid_otherwise: 'Another payment session of the same purchase was paid.',
  session_gone: 'Shopify does not take this payment session any more.',
  order_unpaid_too_long: 'The order was not paid within the time that the merchant gives.',
  told_not_paid: 'Shopify accepted that it will not be paid.',
  settled_by_hand: 'A person settled it with the buyer.',
  node_says_held: 'The node reported that it holds the money.',
  hold_voided: 'It is not to be charged, and the buyer gets the money back.',
  hold_over: 'The time to charge it was over, and the buyer gets the money back.',
  refund_opened: 'Its buyer is given the money back as a refund.',
  never_paid: 'A person says that nobody paid it at a node that cannot say.',
  seen_paid: 'A person saw it paid at a node that cannot say, and settled the order by hand.',
  taken_late: 'Its money came late, and is taken for the order all the same.',
} as const satisfies Record<string, string>;
export type Reason = keyof typeof reasons;

/** No money is awaited any more, and none came. */
export const isUnpaid = (state: PaymentState): boolean =>
  state === 'lapsed' || state === 'rejected';

/** A successful sale or capture that Shopify shows on an order. */
export type Sale = {
  id: string;
  amountMinor: Minor;
  gateway: string;
  /** When Shopify wrote it down, where that was asked for. */
  at?: Date | undefined;
};

/** An order as Shopify tells it, amounts in the presentment currency. */
export type OrderReading = {
  originId: string;
  name: string;
  checkoutToken: string | undefined;
  /** Random letters and digits that its buyer was told, on the thank-you page and by e-mail. */
  confirmationNumber: string | undefined;
  /** The code as Shopify gives it; it may be one that we have no exponent for. */
  currencyCode: string;
  /** Undefined when the currency has no exponent that we know. Zero or below: nothing is owed. */
  outstandingMinor: Minor | undefined;
  cancelled: boolean;
  canMarkAsPaid: boolean;
  /** Methods that the merchant collects for by hand. */
  gatewayNames: readonly string[];
  /** It names no method at all, such as an order of zero. */
  namesNoMethod: boolean;
  sales: readonly Sale[];
  /** What of the sales was given back; zero in a currency that has no exponent that we know. */
  refundedMinor: Minor;
  /** Some of it is on its way to the buyer, or somebody was asked to send it. */
  isBeingFulfilled: boolean;
  /** Shopify holds back the stock of its goods. */
  stockReserved: boolean;
  test: boolean;
};

/**
 * The merchant's manual method, matched by the exact name that was given, without case and space.
 */
export function usesMethod(order: Pick<OrderReading, 'gatewayNames'>, methodName: string): boolean {
  return order.gatewayNames.some((name) => sameName(name, methodName));
}

/** Shopify shows a method's name as it was written; who compares it does not. */
export const sameName = (a: string, b: string): boolean =>
  a.trim().toLowerCase() === b.trim().toLowerCase();

export type Due =
  | { is: 'owed'; amountMinor: Minor }
  | {
      is: 'over';
      because: Extract<Reason, 'order_cancelled' | 'order_paid_otherwise' | 'order_owes_nothing'>;
    };

/** What an order still wants from its buyer. */
export function stillDue(order: OrderReading): Due | { is: 'currency_unknown' } {
  if (order.cancelled) return { is: 'over', because: 'order_cancelled' };
  if (order.outstandingMinor === undefined) return { is: 'currency_unknown' };
  if (order.outstandingMinor > 0n) return { is: 'owed', amountMinor: order.outstandingMinor };
  return {
    is: 'over',
    because: order.sales.length > 0 ? 'order_paid_otherwise' : 'order_owes_nothing',
  };
}

/** An order that Shopify has not returned for this long is gone. */
const goneForGoodMs = 60 * 60_000;

/** What to do about a settled payment, from a fresh reading of its order. */
export type Verdict =
  | { do: 'mark'; toldMinor: Minor; surplusMinor: Minor }
  | { do: 'record_part'; toldMinor: Minor; surplusMinor: Minor }
  | {
      do: 'accept';
      because: Extract<Reason, 'told_before' | 'marked_by_hand'>;
      toldMinor: Minor;
      surplusMinor: Minor;
      /** By which Shopify has it. */
      saleId: string;
    }
  | {
      do: 'strand';
      because: Extract<Reason, 'order_gone' | 'order_cancelled' | 'order_paid_otherwise'>;
    }
  | { do: 'wait' };

/** The sale by our method that was not there before a mutation of ours. */
export const saleOfOurs = (
  sales: readonly Sale[],
  about: { salesBefore: readonly string[]; methodNames: readonly string[] },
): Sale | undefined =>
  sales.find(
    (sale) =>
      !about.salesBefore.includes(sale.id) &&
      about.methodNames.some((name) => sameName(sale.gateway, name)),
  );

/**
 * Under which names a person's marking of the order would stand, and when the money came. Sales of
 * other payments of the order are none.
 */
export type ByHand = { names: readonly string[]; since: Date; notThese: readonly string[] };

/**
 * The sale by which a person has marked the order as paid, as our alert advises while Shopify
 * cannot be told. One from before the money came was about something else.
 */
const saleByHand = (sales: readonly Sale[], by: ByHand): Sale | undefined =>
  sales.find(
    ({ id, gateway, at }) =>
      at !== undefined &&
      at >= by.since &&
      !by.notThese.includes(id) &&
      by.names.some((name) => sameName(gateway, name)),
  );

/**
 * What Shopify has of ours, and what of the money nobody owed. `toldMinor` is more than was paid
 * when the order grew between our reading and the marking, which takes whatever is outstanding.
 */
export const asRecorded = (
  sale: Sale,
  paidMinor: Minor,
): { toldMinor: Minor; surplusMinor: Minor } => ({
  toldMinor: sale.amountMinor,
  surplusMinor: (paidMinor > sale.amountMinor ? paidMinor - sale.amountMinor : 0n) as Minor,
});

/**
 * Decides from Shopify's own words. `paidMinor` is the fiat value that the quote promised for the
 * sats that came. `attempt` is there once a mutation was sent whose answer we may not have: it
 * lists the sales that the order had before. None of Shopify's mutations is idempotent, so a sale
 * by our method that was not there before is our own lost answer and must not be repeated.
 */
export function decideFromShopify(
  order: OrderReading | 'gone',
  about: {
    paidMinor: Minor;
    /** Under which gateway names a sale of ours may stand: of now, and of when it was told. */
    methodNames: readonly string[];
    attempt: { salesBefore: readonly string[] } | undefined;
    /** Undefined: what stands there may be of another payment of the order. */
    byHand?: ByHand | undefined;
    /** Since when the money is there. */
    settledAgoMs: number;
  },
): Verdict {
  const { paidMinor, methodNames, attempt } = about;
  assert(paidMinor > 0n, 'a settled payment has a fiat value above zero');
  if (order === 'gone') {
    // Not returned once is no explicit no: a replica may lag, and an order comes back.
    return about.settledAgoMs < goneForGoodMs
      ? { do: 'wait' }
      : { do: 'strand', because: 'order_gone' };
  }
  const zero = 0n as Minor;
  if (attempt !== undefined) {
    const ours = saleOfOurs(order.sales, { ...attempt, methodNames });
    if (ours !== undefined) {
      const saleId = ours.id;
      return { do: 'accept', because: 'told_before', ...asRecorded(ours, paidMinor), saleId };
    }
  }
  if (order.cancelled) return { do: 'strand', because: 'order_cancelled' };
  const outstanding = order.outstandingMinor;
  if (outstanding === undefined) return { do: 'wait' };
  if (outstanding <= 0n) {
    const marked = about.byHand && saleByHand(order.sales, about.byHand);
    if (marked === undefined) return { do: 'strand', because: 'order_paid_otherwise' };
    const recorded = asRecorded(marked, paidMinor);
    return { do: 'accept', because: 'marked_by_hand', ...recorded, saleId: marked.id };
  }
  if (outstanding > paidMinor) {
    return { do: 'record_part', toldMinor: paidMinor, surplusMinor: zero };
  }
  // Nobody may mark an order with a card payment under way: its outcome decides.
  if (!order.canMarkAsPaid) return { do: 'wait' };
  return {
    do: 'mark',
    toldMinor: outstanding,
    surplusMinor: (paidMinor - outstanding) as Minor,
  };
}
