// What the merchant's pages and the server say to each other about refunds.

export const refundStateNames = [
  'asked',
  'claimable',
  'claimed',
  'paid',
  'withdrawn',
  'done',
] as const;
export type RefundStateName = (typeof refundStateNames)[number];

/** A word, and its sentence in English. */
export type Word = { code: string; sentence: string };

export type RefundShown = {
  id: string;
  paymentId: string;
  orderName: string;
  state: RefundStateName;
  sentence: string;
  because: Word;
  /** Null: only sats are meant. A decimal string and an ISO 4217 code. */
  fiat: { amount: string; currency: string } | null;
  /** Whole satoshis, a decimal string; null until its price is certain. */
  sats: string | null;
  origin: 'order_refund' | 'refund_session' | 'admin' | 'attention' | 'reward';
  note: string | null;
  test: boolean;
  /** ISO 8601, as every moment here. */
  openedAt: string;
  /** `claimable`: until when. */
  claimEndsAt: string | null;
  /** The page of its buyer, while there is something to do or to see. */
  claimUrl: string | null;
  /** The newest claim. Where the sats go is never shown. */
  claim: { kind: 'invoice' | 'address' | 'lnurlw'; givenAt: string } | null;
  /** `claimed`: why nothing has been sent yet. */
  waits: Word | null;
  mayApprove: boolean;
  mayWithdraw: boolean;
};

export type RefundsAnswer = {
  refunds: readonly RefundShown[];
  /** Where the next page begins; null: there is none. */
  older: string | null;
  /** How many are in each state, and how many there are. */
  counts: Readonly<Record<RefundStateName, number>>;
  isOn: boolean;
  timeZone: string;
};

export type RefundPricingName = 'fiat_today' | 'sats_paid' | 'lower';

export type PaymentRefundsAnswer = {
  refunds: readonly RefundShown[];
  isOn: boolean;
  pricing: RefundPricingName;
  claimDays: number;
  /** What may still be refunded; null: nothing of it was recorded as paid. */
  left: { amount: string; currency: string } | null;
  /** What came and nobody owed, in msat; "0": nothing. */
  giveBackMsat: string;
  /** Whether a claim link can be sent by e-mail. */
  canMail: boolean;
};

/** What a refund of so much would be at this moment. */
export type RefundPreview =
  | {
      ok: true;
      sats: string;
      /** Which of the two it is. */
      used: 'fiat_today' | 'sats_paid';
      wantsApproval: boolean;
    }
  | RefundRefused;

export type RefundRefused = {
  ok: false;
  refusal: string;
  sentence: string;
  /** With `more_than_captured`: what may still be refunded. */
  left?: { amount: string; currency: string };
};

export type RefundOpenedAnswer = { ok: true; refund: RefundShown } | RefundRefused;
export type RefundChangedAnswer = { ok: true } | RefundRefused;
