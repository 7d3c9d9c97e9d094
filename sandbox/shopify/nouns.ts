/**
 * What the stand-in keeps: orders, installations, tokens, deliveries. All of it survives as JSON
 * (bigints as "123n").
 */

import type { Rate } from './money.ts';
import type {
  Gateway,
  MoneySession,
  PaymentSession,
  PaymentsExtension,
  PaymentsOptions,
  SessionEffect,
} from './payments/nouns.ts';
import type { AppProxy } from './toml.ts';

export type Subscription = { topics: string[]; uri: string; name?: string };

export type AppOptions = {
  name: string;
  clientId: string;
  secret: string;
  /** Where the app answers, e.g. http://127.0.0.1:3000. */
  appUrl: string;
  scopes?: string[];
  webhooks?: Subscription[];
  /** As it stands in addresses of the admin: /store/{store}/apps/{handle}. */
  handle?: string;
  /** Its place in the shop's own addresses; null: it has none. */
  proxy?: AppProxy | null;
  /** Folder of its UI extension; null: it has none. */
  extension?: string | null;
  /** A payments app instead: not embedded, no Admin API, its own two scopes. */
  payments?: PaymentsOptions | null;
};

export type App = Required<Omit<AppOptions, 'payments'>> & { payments: PaymentsExtension | null };

export type Plan = 'standard' | 'advanced' | 'plus' | 'enterprise' | 'development' | 'old';

export type ShopOptions = {
  /** store-name.myshopify.com */
  domain: string;
  currency?: string;
  plan?: Plan;
  name?: string;
  /** Manual payment methods, by the names the merchant gave them. */
  methods?: string[];
};

export type Shop = Required<ShopOptions>;

/** `quantity` counts pieces; `unitMinor` is in the presentment currency. */
export type Line = {
  id: number;
  title: string;
  quantity: number;
  removed: number;
  unitMinor: bigint;
  vendor?: string;
};

export type TransactionKind = 'SALE' | 'AUTHORIZATION' | 'CAPTURE' | 'REFUND' | 'VOID';

export type Transaction = {
  id: number;
  kind: TransactionKind;
  status: 'PENDING' | 'SUCCESS' | 'FAILURE';
  gateway: string;
  manual: boolean;
  amountMinor: bigint;
  createdAt: number;
  processedAt: number;
  parentId: number | null;
};

export type Refund = {
  id: number;
  note: string | null;
  createdAt: number;
  amountMinor: bigint;
  transactionId: number | null;
};

export type Metafield = {
  id: number;
  namespace: string;
  key: string;
  type: string;
  value: string;
  updatedAt: number;
};

export type CancelReason = 'CUSTOMER' | 'DECLINED' | 'FRAUD' | 'INVENTORY' | 'OTHER' | 'STAFF';

/**
 * Amounts in minor units of the presentment currency; `rate` gives the shop's side. Moments in ms.
 */
export type Order = {
  id: number;
  shop: string;
  number: number;
  name: string;
  confirmationNumber: string;
  /** Empty: no checkout made it. */
  checkoutToken: string;
  currency: string;
  presentmentCurrency: string;
  rate: Rate;
  test: boolean;
  createdAt: number;
  updatedAt: number;
  cancelledAt: number | null;
  cancelReason: CancelReason | null;
  edited: boolean;
  note: string | null;
  tags: string[];
  lines: Line[];
  transactions: Transaction[];
  refunds: Refund[];
  metafields: Metafield[];
  /** Before these moments the Admin API does not return it, by id and by search. */
  readableAt: number;
  searchableAt: number;
  deleted: boolean;
  /** Its goods are not held back for it. */
  stockReleased?: true;
  /** Everything was handed to a carrier at this moment. */
  fulfilledAt?: number;
};

export type Install = { clientId: string; shop: string; installed: boolean; scopes: string[] };

export type Token = {
  clientId: string;
  shop: string;
  access: string;
  scopes: string[];
  online: boolean;
  issuedAt: number;
  /** null: never expires. */
  expiresAt: number | null;
  refresh: string | null;
  refreshExpiresAt: number | null;
  /** When the refresh token was first used. */
  usedAt: number | null;
  /** The refresh token that made this pair. */
  from: string | null;
  /** The refresh token is dead (its replacement was used). */
  spent: boolean;
  revoked: boolean;
};

/** Of the authorization code grant. */
export type Code = {
  code: string;
  clientId: string;
  shop: string;
  endsAt: number;
  used: boolean;
};

export type Delivery = {
  webhookId: string;
  eventId: string;
  clientId: string;
  shop: string;
  topic: string;
  uri: string;
  name: string | null;
  body: string;
  triggeredAt: number;
  attempts: number;
  dueAt: number;
  state: 'waiting' | 'delivered' | 'given_up' | 'dropped';
  lastAnswer: string | null;
};

export type CancelJob = {
  id: string;
  orderId: number;
  reason: CancelReason;
  by: string;
  restock: boolean;
  dueAt: number;
  done: boolean;
};

/** The stand-in's own record of what was done to an order, and by whom. */
export type Effect = {
  at: number;
  orderId: number;
  what:
    | 'marked_paid'
    | 'part_paid'
    | 'captured'
    | 'card_paid'
    | 'offsite_paid'
    | 'authorized'
    | 'voided'
    | 'cancelled'
    | 'restocked'
    | 'fulfilled'
    | 'edited'
    | 'refunded'
    | 'deleted';
  amountMinor: bigint | null;
  /** Who: an app's name, or "staff", "buyer". */
  by: string;
  /** The call that did it: an operation's name, or what was pressed. */
  call: string;
  requestId: string | null;
};

export type Checkout = {
  token: string;
  shop: string;
  currency: string;
  lines: { product: string; quantity: number }[];
  orderId: number | null;
  /** Decimal text instead of lines: what a checkout without a cart costs. */
  total?: string;
};

export type State = {
  counter: number;
  orderNumbers: Record<string, number>;
  methods: Record<string, string[]>;
  blocks: Record<string, string[]>;
  orders: Order[];
  installs: Install[];
  tokens: Token[];
  deliveries: Delivery[];
  cancelJobs: CancelJob[];
  effects: Effect[];
  checkouts: Checkout[];
  codes: Code[];
  gateways: Gateway[];
  sessions: PaymentSession[];
  moneySessions: MoneySession[];
  sessionEffects: SessionEffect[];
};
