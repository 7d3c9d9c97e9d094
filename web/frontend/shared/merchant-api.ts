// What the merchant's page and the server say to each other under /api. Amounts are decimal
// strings, times ISO 8601, msat decimal strings of whole millisatoshis.
import type { PayState } from './pay-view.ts';

/** `GET /api/shop`: installs the shop at first sight. */
export type ShopAnswer = {
  installed: true;
  shop: string;
  node: NodeAnswer | null;
  method: { name: string };
  /** The line that makes a credential which can receive and nothing else. */
  bake: string;
  /** How many payments are in each state. */
  counts: Record<PayState, number>;
  /** What needs a person, worst first. */
  problems: readonly Problem[];
};

export type Problem = {
  what: 'no_node' | 'node_unreachable' | 'stranded' | 'overpaid' | 'nothing_receivable';
  sentence: string;
  paymentId?: string;
  orderName?: string;
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
  /** Sentences of advice about the node: an old version, no channels, locked wallet. */
  advice: readonly string[];
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

/** `GET /api/payments?state=&after=`: newest first, at most 25. */
export type PaymentsAnswer = { payments: readonly PaymentRow[]; after: string | null };
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
};

/** `GET /api/payments/:id`. */
export type PaymentAnswer = PaymentRow & {
  payUrl: string;
  hash: string | null;
  preimage: string | null;
  /** Oldest first. */
  timeline: readonly TimelineEntry[];
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
