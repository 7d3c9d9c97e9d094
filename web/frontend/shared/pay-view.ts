// What the pay page, its status answer and the thank-you block show of a payment. One shape for all
// three, made by the server. No name, address, e-mail or item of the buyer is in it.

export type PayState =
  'open' | 'held' | 'closing' | 'settled' | 'resolved' | 'stranded' | 'lapsed' | 'rejected';

/** Why there is no invoice at the moment. The answers of `GET /pay/<id>/status` use these words. */
export type PayRefusal =
  | 'rates_unavailable'
  | 'rates_apart'
  | 'node_unreachable'
  | 'shop_unreachable'
  | 'no_node'
  | 'no_test_node'
  | 'nothing_owed'
  | 'amount_too_small'
  | 'amount_too_large'
  | 'currency_unknown';

export type PayView = {
  state: PayState;
  /** Changes whenever anything that is shown changes: the page fetches itself again then. */
  revision: string;
  /** Nothing will change any more. */
  final: boolean;
  /** The server's clock, ISO 8601. */
  now: string;
  /** The address of the page, absolute. */
  payUrl: string;
  /** 22 letters: the last part of `payUrl`. */
  id: string;
  shopName: string;
  /** As Shopify shows it, such as `#1001`. */
  orderName: string;
  test: boolean;
  /** What the order owes: a decimal string and an ISO 4217 code. */
  fiat: { amount: string; currency: string };
  /** There while it can be paid; kept in `settled` and `resolved` without `request`. */
  invoice?: PayInvoice;
  /** `open` only: the last price ran out, and the buyer asks for a new one with one tap. */
  expired?: true;
  /**
   * `open` only: the price ran out, and the node is being asked whether somebody paid in the last
   * second. Whoever has paid must do nothing; a new price may be asked for.
   */
  checking?: true;
  /** `open` only: another request is making the invoice at this moment. */
  preparing?: true;
  /** `open` only: why there is no invoice. */
  refusal?: PayRefusal;
  /**
   * The shop looks at the order before it charges: if it does not, what was paid is back with its
   * buyer by then. Of an order, while it can be paid and while it is held.
   */
  holdEndsAt?: string;
  /** More arrived than was owed: the shop will give it back. */
  overpaid?: true;
  /** What arrived and was not owed, and what became of it; absent: nothing did. */
  surplus?: { sats: string; became: 'owed' | 'given_back' | 'kept' };
  /** `resolved`: the shop says that it has settled it with the buyer; the order did not take it. */
  byHand?: true;
  /** `resolved`: the order grew after the price was promised, and a part of it is paid. */
  part?: true;
  /** Of such an order the payment for what is left, once there is one that can be paid. */
  rest?: { payUrl: string; fiat: { amount: string; currency: string } };
  /** `lapsed`, `rejected`, `closing` and `stranded`: why the order is not to be paid any more. */
  over?: 'order_cancelled' | 'order_paid_otherwise' | 'order_owes_nothing' | 'given_back' | 'other';
  /** It was chosen at checkout, where the buyer goes back to: a payment of the payments app. */
  session?: true;
  /** Of a session: the buyer may say that the money is on its way, and wait at the shop. */
  mayWait?: true;
  /** Of a session: the buyer said so, and the shop is being told. */
  waits?: true;
  /** Of a session: the shop has its verdict and wants its buyer here. The page leads there. */
  returnUrl?: string;
  /** The way back to the shop; of a session that is not paid the address that cancels it. */
  backUrl: string;
  /** What the merchant says on top, by language. Plain text of somebody else's choice. */
  shopWords?: Readonly<Record<string, string>>;
  /** Short, for support: the first letters of the payment's id. */
  reference: string;
  settledAt?: string;
  /** The page on which a refund of it is to be claimed, absolute; absent: there is none. */
  refundUrl?: string;
  /** What its buyer gets back by the shop's rule; absent: nothing, or not any more. */
  reward?: PayReward;
};

export type PayReward = {
  state: 'waiting' | 'claimable' | 'claimed' | 'paid';
  /** Whole satoshis, a decimal string. */
  sats: string;
  /** `waiting`: from when on; `claimable`: until when. ISO 8601. */
  at?: string;
  /** `claimable` only: where, absolute. */
  url?: string;
};

export type PayInvoice = {
  /** BOLT11 in lower case. Absent once it cannot be paid any more. */
  request?: string;
  /** Decimal string of msat. */
  amountMsat: string;
  /** Whole satoshis and decimals where there are any, such as `21000` or `1.5`. */
  sats: string;
  /** Until when the price holds, ISO 8601. */
  lapsesAt: string;
  /** Of the market: currency units for one BTC, a decimal string. */
  price: string;
  /**
   * What the shop adds to the sats of that price, in hundredths of a percent; below zero it is a
   * discount. Absent: nothing.
   */
  adjustmentBp?: number;
  /** Names of the exchanges behind the price. */
  sources: readonly string[];
};
