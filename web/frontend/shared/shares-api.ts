// What the merchant's pages and the server say to each other about shares.

/** A word, and its sentence in English. */
type Word = { code: string; sentence: string };

export type ShareRuleShown = {
  id: string;
  name: string;
  /** A Lightning address. */
  address: string;
  /** Null: of the whole. */
  vendor: string | null;
  /** A percentage such as `12.5`, or whole satoshis of each payment: decimal strings. */
  amount: { kind: 'part'; percent: string } | { kind: 'fixed'; sats: string };
};

export type ShareReceiverShown = {
  id: string;
  name: string;
  address: string;
  /** Whole satoshis, decimal strings: what waits, what is on its way, and what was paid out. */
  owedSats: string;
  underWaySats: string;
  paidSats: string;
  /** Why nothing is paid out at the moment; null: nothing speaks against it. */
  waits: Word | null;
};

export type ShareBatchShown = {
  id: string;
  name: string;
  address: string;
  sats: string;
  /** Of how many payments it is a part. */
  shares: number;
  state: 'given' | 'paid' | 'failed';
  because: Word | null;
  /** ISO 8601, as every moment here. */
  givenAt: string;
  endedAt: string | null;
};

export type SharesAnswer = {
  isOn: boolean;
  isPaused: boolean;
  leastSats: string;
  /** The operator has given the signer a paying credential for this shop. */
  canPay: boolean;
  rules: readonly ShareRuleShown[];
  receivers: readonly ShareReceiverShown[];
  batches: readonly ShareBatchShown[];
  timeZone: string;
};

/** What the page sends. */
export type ShareTermsWish = { isOn: boolean; isPaused: boolean; leastSats: string };
export type ShareRuleWish = {
  name: string;
  address: string;
  /** Empty: of the whole. */
  vendor: string;
  kind: 'part' | 'fixed';
  amount: string;
};

export type ShareChangedAnswer = { ok: true } | { ok: false; refusal: string; sentence: string };
