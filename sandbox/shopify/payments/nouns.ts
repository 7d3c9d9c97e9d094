/**
 * What the payments side keeps: how a shop's gateway stands, every session with the bytes that were
 * sent for it, and what happened to it. It survives as JSON (bigints as "123n").
 */

import type { OrderInput } from '../order-acts.ts';

/** What `shopify.extension.toml` says of an offsite method. */
export type PaymentsOptions = {
  /** https, on the door that asks for a client certificate. */
  paymentSessionUrl: string;
  refundSessionUrl: string;
  /** With both of these a session may be an authorization. */
  captureSessionUrl?: string;
  voidSessionUrl?: string;
  /** The buyer's and the merchant's name of the method. Default "Bitcoin (Lightning)". */
  label?: string;
  /** Must equal the version in the address of its GraphQL calls. Default 2026-07. */
  apiVersion?: string;
  /** Where the admin sends the merchant who opens the app. Default: appUrl and /payments. */
  applicationUrl?: string;
  /** Default: appUrl and /payments/auth/callback. */
  redirectUrls?: string[];
};

export type PaymentsExtension = Required<
  Omit<PaymentsOptions, 'captureSessionUrl' | 'voidSessionUrl'>
> & { captureSessionUrl: string | null; voidSessionUrl: string | null };

/** One per (app, shop). Offered at the checkout when it is ready and active. */
export type Gateway = {
  clientId: string;
  shop: string;
  ready: boolean;
  externalHandle: string | null;
  active: boolean;
  test: boolean;
};

/** One request that we sent, and what came back. */
export type Exchange = {
  at: number;
  requestId: string;
  /** The HTTP status, or why there was none: "ECONNRESET", "no answer within 5 s". */
  answer: string;
  /** What was answered, as text. */
  body: string;
  ms: number;
  /** Sent on purpose with other content under the same id. */
  changed: boolean;
};

export type SessionKind = 'sale' | 'authorization';

export type PaymentSession = {
  id: string;
  clientId: string;
  shop: string;
  group: string;
  checkoutToken: string;
  kind: SessionKind;
  currency: string;
  amountMinor: bigint;
  test: boolean;
  proposedAt: number;
  /** The bytes of the request; a retry sends the same. */
  sent: string;
  exchanges: Exchange[];
  redirectUrl: string | null;
  state: 'open' | 'pending' | 'resolved' | 'rejected';
  pendingReason: string | null;
  pendingExpiresAt: number | null;
  authorizationExpiresAt: string | null;
  rejection: Rejection | null;
  /** What its order will be made of. */
  order: OrderInput;
  orderId: number | null;
};

export type Rejection = { code: string; merchantMessage: string | null; source: string | null };

export type MoneyKind = 'refund' | 'capture' | 'void';

/** A refund, a capture or a void: asked by POST, answered later by a mutation. */
export type MoneySession = {
  id: string;
  what: MoneyKind;
  clientId: string;
  shop: string;
  /** The id of the payment session. */
  paymentId: string;
  orderId: number;
  currency: string;
  amountMinor: bigint;
  test: boolean;
  proposedAt: number;
  sent: string;
  exchanges: Exchange[];
  /** refused: the app did not take it, and the merchant has to ask again. */
  state: 'open' | 'refused' | 'resolved' | 'rejected';
  rejection: Rejection | null;
};

/** The stand-in's own record, in order: what happened to sessions, and by which call. */
export type SessionEffect = {
  at: number;
  shop: string;
  sessionId: string;
  group: string;
  what:
    | 'asked'
    | 'pending'
    | 'resolved'
    /** A second session of the same group: also a violation. */
    | 'resolved_again'
    | 'rejected'
    | 'order_made'
    | 'order_paid'
    | `${MoneyKind}_${'asked' | 'resolved' | 'rejected'}`;
  orderId: number | null;
  amountMinor: bigint | null;
  call: string;
  requestId: string | null;
};
