// The ports: what the story needs from the outside. Each has two implementations in the tree that
// pass one contract suite, or it would not be a port.
import type { HoldRejection } from './hold.ts';
import type { Observation, PaymentHash, Preimage } from './invoice.ts';
import type { Currency, Minor, Msat } from './money.ts';
import type { OrderReading, Sale } from './payment.ts';
import type { RejectionCode } from './payment-session.ts';
import type { Price } from './quote.ts';
import type { Goods } from './share.ts';

export type Clock = () => Date;

export type InvoiceWish = {
  hash: PaymentHash;
  /** Of a hold invoice the node is not told; `settleHeld` tells it. */
  preimage: Preimage;
  /** The node holds what is paid until `settleHeld` or `askToCancel`. Left out: it takes it. */
  hold?: boolean;
  /** Above zero. */
  amountMsat: Msat;
  /** At most 639 bytes of UTF-8. Source: LND, BOLT 11's ten-bit length. */
  memo: string;
  /** 1 to 31,536,000. */
  expirySeconds: number;
};

/** An invoice that the node has confirmed, checked against what was asked. */
export type IssuedInvoice = { request: string; addIndex: bigint; expiresAt: Date };

/**
 * One LND, reached with a credential that can receive and nothing else. Every method throws
 * `Trouble` from `node`; a time-out is `ask_again`.
 */
export type LightningNode = {
  /**
   * Makes the invoice, or reads back the one that the same secret made before. Compares what came
   * back with what was asked and with the node's stored identity; what does not fit is Trouble
   * `give_up` (`invoice_differs`, `identity_changed`), and is not shown to anyone.
   */
  createInvoice: (wish: InvoiceWish) => Promise<IssuedInvoice>;
  /** Never throws for an invoice that the node does not have. */
  lookInvoice: (hash: PaymentHash) => Promise<Observation | 'not_found'>;
  /** Asks for the cancellation. Whether it came true, only `lookInvoice` says. */
  askToCancel: (hash: PaymentHash) => Promise<void>;
  /**
   * Takes what is held, by telling the node the secret: again after success is fine. Whether it
   * came true, only `lookInvoice` says.
   */
  settleHeld: (preimage: Preimage) => Promise<void>;
  /** The height of the chain as the node sees it, in blocks. */
  height: () => Promise<number>;
  /** What can be received at most, in msat; undefined when the credential may not see it. */
  receivable: () => Promise<
    { totalMsat: Msat; largestPartMsat: Msat; channels: number; activeChannels: number } | undefined
  >;
  /**
   * One page of what the node has, oldest first: invoices with an add index above `after` that were
   * made at `createdSince` or later, by the node's clock in whole seconds. `most`: 1 to 1,000.
   * Undefined when the credential may not list. A node with many invoices may take half a minute.
   */
  listInvoices: (ask: {
    after: bigint;
    createdSince: Date;
    most: number;
  }) => Promise<InvoicePage | undefined>;
  /** Follows settles. See `SettleStream`. */
  followSettles: (from: { cursor: bigint }, on: SettleStreamEvents) => SettleStream;
};

/** Some of the node's invoices, in the order in which they were added. */
export type InvoicePage = {
  /** Those of other programs too. What has no hash (AMP) is left out. */
  invoices: readonly Observation[];
  /** Where the next page begins; undefined: there was nothing more. */
  after: bigint | undefined;
};

export type SettleStreamEvents = {
  /** The live stream is open: from here on no settle is missed unless `ended` is called. */
  opened: () => void;
  /** Settles in the order they came, at least once each, ours and foreign ones. */
  settled: (observations: readonly Observation[], from: 'live' | 'replay') => void;
  /** Every settle after the cursor that happened before `opened` has been given to `settled`. */
  replayed: () => void;
  /** Called once, with the reason. The stream is closed and never comes back by itself. */
  ended: (why: unknown) => void;
};
export type SettleStream = { close: () => void };

/** What a telling of Shopify came to. */
export type TellOutcome =
  /** `sales`: all that the order has right after it, where Shopify names no amount beforehand. */
  | { is: 'done'; sales?: readonly Sale[] }
  /**
   * Shopify's business rules refused: the order must be read again before anything is concluded.
   */
  | { is: 'refused'; why: string };

/**
 * One shop's Shopify, for orders. Every method throws `Trouble` from `shop`; a time-out, a 5xx and
 * a lost answer are `ask_again`, throttling is `retry` with `waitMs`.
 */
export type Storefront = {
  readOrder: (originId: string) => Promise<OrderReading | 'gone'>;
  /** Its successful refunds, at most 100, the oldest first. Asked only where there are some. */
  readRefunds: (originId: string) => Promise<RefundReading[] | 'gone'>;
  /** What it consists of, by vendor. Asked only where a shop shares by vendor. */
  readGoods: (originId: string) => Promise<Goods | 'gone'>;
  /** Readings of several orders; those that Shopify does not return are left out. At most 50. */
  readOrders: (originIds: readonly string[]) => Promise<OrderReading[]>;
  /**
   * Records as paid what is outstanding when it comes, which may be more than was read. Not
   * idempotent: read first.
   */
  markPaid: (originId: string) => Promise<TellOutcome>;
  /** Records a part as paid, in the presentment currency. Not idempotent: read first. */
  recordPart: (
    originId: string,
    part: { amountMinor: Minor; currency: Currency; methodName: string; paidAt: Date },
  ) => Promise<TellOutcome>;
  /**
   * Asks for the order to be cancelled and its goods to be put back. `done`: Shopify has taken the
   * wish and works on it; whether it came true, only a reading says. Not idempotent: read first.
   * `note`: at most 255 letters, for the shop's staff.
   */
  cancelOrder: (originId: string, about: { note: string }) => Promise<TellOutcome>;
  /** One page of pending orders with this method, oldest change first. */
  pendingOrders: (ask: {
    methodName: string;
    updatedSince: Date;
    after: string | undefined;
  }) => Promise<{ orders: OrderReading[]; after: string | undefined }>;
  /**
   * One page of the orders that name this method, whatever became of them, oldest change first; at
   * most 50. Shopify shows no order that is older than 60 days to an app like this. It takes at
   * most a quarter of the shop's bucket: what shoppers wait for comes first.
   */
  ordersOfMethod: (ask: {
    methodName: string;
    updatedSince: Date;
    after: string | undefined;
  }) => Promise<{ orders: OrderReading[]; after: string | undefined }>;
};

/** What a telling about a payment session came to. */
export type SessionOutcome =
  /** `returnUrl`: where Shopify wants the buyer, if it said so. Not checked yet. */
  | { is: 'done'; returnUrl: string | undefined }
  /** Shopify's business rules refused: another verdict stands already, or it knows no such id. */
  | { is: 'refused'; why: string };

/**
 * One shop's Shopify, for payment sessions. Each telling is idempotent there: the first verdict of
 * a session stands, and repeating it gives the same answer. Nothing can be read back. Every method
 * throws `Trouble` from `shop`, as `Storefront` does.
 */
export type PaymentSessions = {
  /** It is paid; or, with a time, authorized until then. */
  resolve: (originId: string, authorizationExpiresAt?: Date) => Promise<SessionOutcome>;
  /** It will never be paid; the buyer cannot choose this method again for it. */
  reject: (originId: string, code: RejectionCode) => Promise<SessionOutcome>;
  /** It may still be paid until then, at most some days ahead; the buyer waits at the shop. */
  pending: (originId: string, until: Date) => Promise<SessionOutcome>;
  /** Of a refund session: the buyer has the money back. */
  resolveRefund: (originId: string) => Promise<SessionOutcome>;
  /** Of a refund session: the buyer does not get the money through us. */
  rejectRefund: (originId: string) => Promise<SessionOutcome>;
  /** Of a capture session: what was held is charged. */
  resolveCapture: (originId: string) => Promise<SessionOutcome>;
  /** Of a capture session: nothing more is charged. */
  rejectCapture: (originId: string, code: HoldRejection) => Promise<SessionOutcome>;
  /** Of a void session: what was held is the buyer's again. */
  resolveVoid: (originId: string) => Promise<SessionOutcome>;
  /** Of a void session: it was charged. */
  rejectVoid: (originId: string) => Promise<SessionOutcome>;
  /** Whether the merchant may switch the method on. `handle` is what the admin shows of us. */
  sayReady: (about: {
    handle: string;
    ready: boolean;
  }) => Promise<{ is: 'done' } | { is: 'refused'; why: string }>;
  /** Throws as the others do, and changes nothing. */
  ping: () => Promise<void>;
};

/** One refund that Shopify has on an order, in the presentment currency. */
export type RefundReading = {
  /** gid://shopify/Refund/1 */
  originId: string;
  currencyCode: string;
  /** What of it went back by which method. Undefined where its currency is not known. */
  parts: readonly { gateway: string; amountMinor: Minor | undefined }[];
};

/** One exchange. Throws `Trouble` from `rates`; a currency it does not list is undefined. */
export type RateSource = {
  name: string;
  price: (currency: Currency) => Promise<Price | undefined>;
  /** Units of the currency for one US dollar, where the exchange knows it. */
  perDollar: (currency: Currency) => Promise<{ rate: string; at: Date } | undefined>;
};

/**
 * All that the story asks of prices: the fresh ones for a currency, of every source that answered;
 * of those that are named, if some are.
 */
export type Rates = {
  pricesFor: (currency: Currency, among?: readonly string[]) => Promise<Price[]>;
};

/** The nodes of merchants, opened from their sealed credentials and kept open. */
export type Nodes = { of: (nodeId: number) => Promise<LightningNode> };
/** The shops of merchants, with tokens that are refreshed as needed. */
export type Storefronts = { of: (shopId: number) => Promise<Storefront> };

/** The shops of the payments app. Never a shop of the merchant app, and never the other way. */
export type PaymentSessionsOf = { of: (shopId: number) => Promise<PaymentSessions> };

/** What Shopify says of a shop: ISO 4217 code of its books, IANA name of its time zone. */
export type ShopFacts = { currency: string; timeZone: string };

/** What a BOLT11 says of itself, its signature checked. */
export type ReadPaymentRequest = {
  /** Lower-case hex. */
  hash: string;
  /** Undefined: the payer chooses. */
  amountMsat: bigint | undefined;
  /** Who signed it: 33 bytes hex. */
  payee: string;
  network: 'mainnet' | 'testnet' | 'signet' | 'regtest';
  expiresAt: Date;
};
/** Reads a BOLT11 that somebody gave. Undefined for whatever is none. Never throws. */
export type ReadRequest = (request: string) => ReadPaymentRequest | undefined;

/** Seals and opens short secrets that are bound to one place. */
export type Sealer = {
  seal: (plain: Uint8Array, place: SealedPlace) => Uint8Array;
  open: (sealed: Uint8Array, place: SealedPlace) => Uint8Array;
};
/** Keyed hashes for what the database keeps and must not be able to make. */
export type Stamp = {
  make: (bytes: Uint8Array) => { keyVersion: number; mac: Uint8Array };
  /** Undefined: there is no key of this version. */
  fits: (bytes: Uint8Array, made: { keyVersion: number; mac: Uint8Array }) => boolean | undefined;
};
/** Where a sealed value lives. It opens nowhere else. */
export type SealedPlace = { table: string; field: string; shop: string; record: string };
