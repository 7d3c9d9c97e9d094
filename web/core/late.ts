// Money came for an order whose payment was over. Shopify cannot bring back a cancelled order; one
// that still stands may be given the money after all. Here is decided whether that is right without
// a person, from Shopify's own word on the order and the price of the moment.
import type { Minor, Msat } from './money.ts';
import { priceInMsatRoundedUp, type AgreedPrice } from './quote.ts';
import { stillDue, usesMethod, type OrderReading } from './payment.ts';

/** Why late money is not taken without a person. Each has its sentence on the merchant's page. */
export const lateReasons = {
  order_gone: 'Its money came late, and Shopify does not know the order any more.',
  order_cancelled:
    'Its money came late, and the order was cancelled, which Shopify does not take back.',
  order_paid_otherwise: 'Its money came late, and the order was paid in another way.',
  order_owes_nothing: 'Its money came late, and the order owes nothing.',
  owes_another_amount: 'Its money came late, and the order owes another amount by then.',
  other_method: 'Its money came late, and the order is to be paid in another way.',
  stock_not_reserved: 'Its money came late, and Shopify holds back no stock for the order.',
  nothing_whole:
    'Its money came late, and of no invoice is there still as much as was asked: the rest went ' +
    'another way.',
  price_moved: 'Its money came late, and its sats are worth too little by then.',
} as const satisfies Record<string, string>;
export type LateBecause = keyof typeof lateReasons;

export type LateVerdict =
  | { do: 'take' }
  | { do: 'leave'; because: LateBecause }
  /** Nothing can be said at the moment. */
  | { do: 'wait' };

/** What came late: how much, and for which promise. */
export type LateMoney = {
  paidMsat: Msat;
  /** The fiat value that was promised for the sats, and the shop's own discount or markup in it. */
  fiatMinor: Minor;
  currency: string;
  adjustmentBp: number;
};

/** An order that is not returned may be a replica's lag; so long after the money it is gone. */
const goneForGoodMs = 60 * 60_000;

/**
 * `driftBp`: how much less than what was promised the sats may be worth by now, in hundredths of a
 * percent. Worth more is no reason against it: the buyer paid what was asked. `agreed` undefined:
 * there is no price. `stockReserved` is all that Shopify says of the stock of an order that stands.
 */
export function decideLate(
  order: OrderReading | 'gone',
  about: {
    money: LateMoney;
    methodNames: readonly string[];
    agreed: AgreedPrice | undefined;
    driftBp: number;
    cameAgoMs: number;
  },
): LateVerdict {
  const { money, agreed, driftBp } = about;
  const leave = (because: LateBecause): LateVerdict => ({ do: 'leave', because });
  if (order === 'gone') {
    return about.cameAgoMs < goneForGoodMs ? { do: 'wait' } : leave('order_gone');
  }
  const due = stillDue(order);
  if (due.is === 'over') return leave(due.because);
  if (due.is === 'currency_unknown' || order.currencyCode !== money.currency) {
    return leave('owes_another_amount');
  }
  if (!about.methodNames.some((name) => usesMethod(order, name))) return leave('other_method');
  if (due.amountMinor !== money.fiatMinor) return leave('owes_another_amount');
  if (!order.stockReserved) return leave('stock_not_reserved');
  if (!order.canMarkAsPaid || agreed === undefined) return { do: 'wait' };
  return isWorthIt(money, { agreed, driftBp }) ? { do: 'take' } : leave('price_moved');
}

/** What came is at least what would be asked today, but for the drift that the merchant bears. */
const isWorthIt = (money: LateMoney, at: { agreed: AgreedPrice; driftBp: number }): boolean => {
  const askedMsat = priceInMsatRoundedUp(money.fiatMinor, at.agreed, money.adjustmentBp);
  return money.paidMsat * 10_000n >= askedMsat * (10_000n - BigInt(at.driftBp));
};
