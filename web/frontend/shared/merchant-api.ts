// What the merchant's page and the server say to each other under /api. Amounts are decimal
// strings, times ISO 8601, msat decimal strings of whole millisatoshis.
import type { HoldShown } from './holds-api.ts';
import type { PayState } from './pay-view.ts';

/** `GET /api/shop`: installs the shop at first sight. */
export type ShopAnswer = {
  installed: true;
  shop: string;
  node: NodeAnswer | null;
  method: { name: string };
  /** The line that makes a credential which can receive and nothing else. */
  bake: string;
  /** How many payments are in each state; 1,000 means 1,000 or more. */
  counts: Record<PayState, number>;
  /** Which steps of the setup were seen to work. */
  setup: Readonly<Record<'node' | 'receive' | 'method' | 'block' | 'test', boolean>>;
  /** What needs a person, worst first. */
  problems: readonly Problem[];
};

export type Problem = {
  what:
    | 'held'
    | 'no_node'
    | 'node_unreachable'
    | 'one_node_unreachable'
    | 'nothing_receivable'
    | 'receivable_low'
    | 'credential_ends'
    | 'stranded'
    | 'untold'
    | 'overpaid'
    | 'paid_late'
    | 'marked_too_much'
    | 'too_little'
    | 'cancelled_paid'
    | 'not_cancelled'
    | 'node_gone'
    | 'hold_lost'
    | 'not_charged'
    | 'refund_untold'
    | 'refund_undone'
    | 'refund_unread'
    | 'look'
    | 'unmatched'
    | 'refunds_unseen'
    | 'refunds_stuck'
    | 'refunds_off'
    | 'shares_unpaid'
    | 'refunds_to_approve'
    | 'token_refused'
    | 'scopes_missing'
    | 'api_retires'
    | 'api_differs'
    | 'api_deprecated';
  sentence: string;
  paymentId?: string;
  orderName?: string;
  /** What the sentence says besides, for a page in another language; sats as decimal strings. */
  values?: Readonly<Record<string, string>>;
};

export type NodeAnswer = {
  id: number;
  /** Host and port as the merchant gave them. */
  address: string;
  alias: string;
  /** 33 bytes hex: who signs the invoices. */
  identity: string;
  network: 'mainnet' | 'testnet' | 'signet' | 'regtest';
  version: string;
  connectedAt: string;
  /** What the program saw when it last asked. */
  health: 'reachable' | 'unreachable' | 'locked' | 'not_asked';
  healthSince: string | null;
  /** Null when the credential may not see the channels. */
  receivableMsat: string | null;
  largestPartMsat: string | null;
  channels: { active: number; all: number } | null;
  /** When the credential ends by itself; null: never. */
  credentialEndsAt: string | null;
  /** What is good to know of the node: an old version, no channels. A code of core/advice.ts. */
  advice: readonly AdviceShown[];
};

/** `POST /api/node`: either the whole link, or its parts. */
export type ConnectRequest =
  { lndconnect: string } | { host: string; certificate: string; macaroon: string };

/** 200 when connected; 422 with `ok: false` when refused. */
export type ConnectAnswer =
  | { ok: true; node: NodeAnswer }
  | {
      ok: false;
      refusal: string;
      /** What is wrong and what to do, for a merchant. */
      sentence: string;
      /** What the credential may do and must not, each with what it would allow. */
      excess: readonly { permission: string; allows: string }[];
      /** The line to run on the node. */
      bake: string;
    };

/** `POST /api/method` `{ name }`: 200 with the stored name; 422 with a sentence. */
export type MethodAnswer = { ok: true; name: string } | { ok: false; sentence: string };

/**
 * `GET /api/payments?state=&view=&since=&until=&test=&min=&max=&node=&q=&after=&before=`: newest
 * first, at most 25. `newer` goes into `before`, `older` into `after`; null: there is none.
 */
export type PaymentsAnswer = {
  payments: readonly PaymentRow[];
  newer: string | null;
  older: string | null;
  /** Counted up to a thousand. */
  count: { counted: number; isMore: boolean };
  /** IANA name of the shop's time zone. */
  timeZone: string;
};
/** `POST /api/payments/find` `{ text }`: the payment hash of a hash or a preimage. */
export type FoundAnswer = { hash: string; was: 'hash' | 'preimage' | 'unknown' };

/** `GET /api/payments/views`: saved views, and what the filters of the list offer. */
export type PaymentViewsAnswer = {
  views: readonly SavedView[];
  /** So many views of its own a shop may have. */
  limit: number;
  nodes: readonly {
    id: number;
    alias: string;
    identity: string;
    network: string;
    retired: boolean;
  }[];
  /** Of the shop; null: not known yet. */
  currency: string | null;
  timeZone: string;
};
/** `filter` has the words of the list's address. */
export type SavedView = { id: number; name: string; filter: Readonly<Record<string, string>> };
/** `POST /api/payments/views` `{ id?, name, filter }`: 200, or 422 when refused. */
export type SaveViewAnswer =
  | { ok: true; view: SavedView }
  | {
      ok: false;
      refusal: 'name_empty' | 'name_long' | 'name_taken' | 'too_many' | 'gone';
      sentence: string;
    };
export type PaymentRow = {
  id: string;
  orderName: string;
  orderId: string;
  state: PayState;
  sentence: string;
  fiat: { amount: string; currency: string };
  sats: string | null;
  openedAt: string;
  settledAt: string | null;
  attention: string | null;
  test: boolean;
  origin: 'order' | 'payment_session';
};

/** `GET /api/payments/:id`. */
/** `sentence`: what happened, in English. */
export type CaseShown = { name: string; sentence: string };
export type PaymentAnswer = PaymentRow & {
  timeZone: string;
  /** The way in which its money came, where it is one of those that have a name; see `cases`. */
  case: CaseShown | null;
  /** A word: why the payment is where it is. */
  because: string;
  payUrl: string;
  hash: string | null;
  preimage: string | null;
  /** What Shopify has recorded; null: nothing yet. */
  told: { fiat: PaymentRow['fiat']; at: string } | null;
  /** What is to be given back, in msat; "0": nothing. */
  overpaidMsat: string;
  /** What the node held for the order, or holds; null: nothing. */
  hold: HoldShown | null;
  /** Newest first, at most 50. */
  invoices: readonly InvoiceShown[];
  /** Oldest first. */
  postings: readonly PostingShown[];
  /** Oldest first. */
  timeline: readonly TimelineEntry[];
};
/**
 * `POST /api/payments/:id/answer`
 * `{ attention, answer, overpaidMsat }`, the amount as it was shown: 200, or 422 when the payment
 * asks for something else by now, or its order is to be settled in Shopify first.
 */
export type AnsweredAnswer =
  { ok: true } | { ok: false; refusal: 'not_asked' | 'order_still_owes'; sentence: string };
/** `POST /api/payments/:id/take`, for money of an order that came late: 200, or 422. */
export type TakenAnswer =
  | { ok: true }
  | {
      ok: false;
      refusal: 'not_asked' | 'order_over' | 'changed_meanwhile';
      sentence: string;
    };
export type InvoiceShown = {
  hash: string;
  preimage: string | null;
  state: 'made' | 'live' | 'settled' | 'canceled';
  /** A word: why it was to end; null: it may be paid. */
  ending: string | null;
  /** BOLT11. */
  request: string | null;
  amountMsat: string;
  paidMsat: string | null;
  madeAt: string;
  expiresAt: string;
  /** Since when the node holds its money, or when it began to; null: it never held any. */
  heldAt: string | null;
  /** By the node's clock, and when it was written down here. */
  settledAt: string | null;
  recordedAt: string | null;
  /** live, replay or lookup: how we heard of it. */
  via: string | null;
  /** Its money is the order's. */
  isOfOrder: boolean;
  quote: {
    fiat: PaymentRow['fiat'];
    /** Of the market: currency units for one BTC, a decimal string. */
    price: string;
    sources: readonly { source: string; price: string; at: string }[];
    /** Widest distance of a source from the price, in hundredths of a percent. */
    spreadBasisPoints: number | null;
    /**
     * The shop's own discount (below zero) or markup on the sats, in hundredths of a percent, and
     * the price of one BTC that it comes to. Null: none.
     */
    adjustment: { basisPoints: number; appliedPrice: string } | null;
    /** There was no quorum, and one source spoke alone: the price agreed before, and when. */
    alone: { before: string; at: string } | null;
    madeAt: string;
    lapsesAt: string;
  };
  node: { id: number; alias: string; identity: string; network: string; retired: boolean };
};
/** A booking: accounts are a kind and an id, such as `resolved:3`. */
export type PostingShown = {
  at: string;
  from: string;
  to: string;
  amountMsat: string;
  journal: string;
};
export type TimelineEntry = {
  at: string;
  sentence: string;
  /** The codes that the sentence says, for a page in another language. */
  what: string;
  /** Where a move led; null when nothing moved. */
  to: PayState | null;
  because: string;
  details: Readonly<Record<string, string>>;
};

/** `values`: what stands in its sentence, for words in another language. */
export type AdviceShown = {
  code: string;
  sentence: string;
  values: Readonly<Record<string, string>>;
};
