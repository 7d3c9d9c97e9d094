// What the payments app's page is drawn from. Times are ISO 8601, amounts millisatoshis as text.
import type { AdviceShown } from '../shared/merchant-api.ts';
import type { PayState } from '../shared/pay-view.ts';

/** A node as its merchant sees it. Never a credential. */
export type ShownNode = {
  alias: string;
  address: string;
  network: string;
  version: string;
  health: 'reachable' | 'unreachable' | 'locked' | 'not_asked';
  healthSince: string | null;
  receivableMsat: string | null;
  largestPartMsat: string | null;
  credentialEndsAt: string | null;
  advice: readonly AdviceShown[];
  /** It was connected for this shop in the merchant app, and serves here as well. */
  isShared: boolean;
};

export type ShownRefusal = {
  refusal: string;
  sentence: string;
  excess: readonly { permission: string; allows: string }[];
  bake: string;
  /** What was typed and is no secret. */
  typed: { way: 'link' | 'parts'; host: string; certificate: string };
};

/** A payment of this app's buyers. Never a name, an address or a link to its page. */
export type ShownPayment = {
  id: string;
  /** Shopify's id of the session, by which its staff and logs know it. */
  reference: string;
  state: PayState;
  /** A word; null: nobody has to look. */
  attention: string | null;
  /** In units of the currency, such as `12.50`. */
  amount: string;
  /** ISO 4217. */
  currency: string;
  /** What its latest invoice asked; null: nobody has opened its page. */
  amountMsat: string | null;
  openedAt: string;
  test: boolean;
};

/** What a person may say of a payment: the words of the server's `answersTo`. */
export type AnswerWord = 'given_back' | 'kept' | 'seen_to' | 'never_paid' | 'seen_paid';

/** A payment that asks for a person. */
export type AskingPayment = ShownPayment & {
  /** The way in which its money came, where that has a name. `sentence`: English. */
  case: { name: string; sentence: string } | null;
  /** To be given back, in msat; "0": nothing. */
  overpaidMsat: string;
  /** What its buyer can claim, in msat: that, or all where Shopify takes none; "0": nothing. */
  giveBackMsat: string;
  /** Of its invoice, by which the node knows it. */
  hash: string | null;
  /** What may be said to what it asks. */
  answers: readonly AnswerWord[];
};

/** A refund that waits for its buyer. Whoever has its link says where the sats go. */
export type WaitingRefund = {
  /** As of its payment. */
  reference: string;
  amountMsat: string;
  claimUrl: string;
  claimEndsAt: string;
  test: boolean;
};

/** A refund that a person approves before its buyer can claim it. */
export type AskedRefund = {
  id: string;
  reference: string;
  amountMsat: string;
  openedAt: string;
  test: boolean;
};

/** A refund whose buyer has said where the sats go, and has not got them yet. */
export type ClaimedRefund = {
  reference: string;
  amountMsat: string;
  givenAt: string;
  test: boolean;
  /** Why not, in a word and a sentence; null: nobody has looked at it yet. `sentence`: English. */
  waits: { word: string; sentence: string } | null;
};

/** Why Shopify did not take the word that the shop is ready. */
/** The form of the settings, as it is typed: percent, minutes, days and whole satoshis. */
export type TypedSettings = {
  adjustment: 'none' | 'discount' | 'markup';
  adjustmentSize: string;
  quoteMinutes: string;
  spread: string;
  alone: 'pause' | 'widen';
  aloneMinutes: string;
  aloneDrift: string;
  smallest: string;
  largest: string;
  pricing: 'fiat_today' | 'sats_paid' | 'lower';
  claimDays: string;
  approval: string;
  /** What nobody owed becomes a refund without a person. */
  wrong: boolean;
  email: string;
};

export type ShownSettings = {
  /** They are those of the merchant app, and changed there. */
  setInAdmin: boolean;
  /** Counts up with each change: given back when saving. */
  version: number;
  values: TypedSettings;
  /** `saved`: by the form before this page. `wrong`: nothing was. */
  state: 'shown' | 'saved' | 'wrong';
  /** `sentence`: English. */
  wrong: Partial<Record<keyof TypedSettings, { fault: string; sentence: string }>>;
  /** What holds where a field is left empty. */
  usual: Partial<Record<keyof TypedSettings, string>>;
  sendsEmail: boolean;
};

/** The terms of rewards, as they are typed. */
export type TypedRewards = {
  percent: string;
  mostSats: string;
  leastSats: string;
  waitDays: string;
  claimDays: string;
};

export type ShownRewards = {
  /** The shop has the merchant app as well: there they are chosen. */
  setInAdmin: boolean;
  isOn: boolean;
  /** There is a purse from which they can be paid. */
  canPay: boolean;
  values: TypedRewards;
  /** Nothing was saved. `sentence`: English. */
  wrong?: { field: keyof TypedRewards; refusal: string; sentence: string };
};

export type ReadyFailure = 'away' | 'refused' | 'signed_off';

export type SettingsView = {
  shop: string;
  /** Goes with every form; another site cannot know it. */
  formToken: string;
  node: ShownNode | null;
  /** The line that makes a credential which can receive and nothing else. */
  bake: string;
  /** Whether purchases may be authorized first, and whether the node's credential may hold. */
  holds: { on: boolean; nodeCanHold: boolean };
  /** Whether refunds are given, and whether the settings of the merchant app say so. */
  refunds: { on: boolean; setInAdmin: boolean };
  settings: ShownSettings;
  rewards: ShownRewards;
  readyToldAt: string | null;
  /** When the first buyer chose the method; null: nobody has. */
  firstSessionAt: string | null;
  /** Newest first. What needs a person stands in both. */
  payments: {
    needing: readonly AskingPayment[];
    latest: readonly ShownPayment[];
    shownAtMost: number;
    /** Those that wait for their buyers, the newest first. */
    refunds: readonly WaitingRefund[];
    /** Those that wait for the merchant, the oldest first. */
    toApprove: readonly AskedRefund[];
    /** Those that are being paid, the oldest first. */
    underWay: readonly ClaimedRefund[];
  };
  /** Where the merchant activates the method. */
  gatewaySettingsUrl: string;
  refused?: ShownRefusal;
  /** A node was connected by the form before this page. */
  justConnected?: boolean;
  readyFailure?: ReadyFailure;
};

/** Pages without a shop behind them: each has its words `message.<name>.head` and `.text`. */
export const messages = [
  'not_signed_in',
  'signed_out',
  'grant_unproven',
  'grant_over',
  'grant_not_begun',
  'grant_declined',
  'shop_away',
  'too_often',
  'form_old',
  'changed_meanwhile',
  'order_still_owes',
  'database_away',
] as const;
export type Message = (typeof messages)[number];
