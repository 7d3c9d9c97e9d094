// What the merchant's pages and the server say to each other about rewards: sats back for buyers.

export type RewardsAnswer = {
  isOn: boolean;
  /** Of what was paid, such as `1.5`: a decimal string. */
  percent: string;
  /** Whole satoshis, decimal strings: the smallest payment that earns one, and the most of one. */
  leastSats: string;
  mostSats: string;
  /** Whole days: until it can be claimed, and how long then. */
  waitDays: string;
  claimDays: string;
  /** The operator has given the signer a paying credential for this shop. */
  canPay: boolean;
};

/** What the page sends: as it was typed. */
export type RewardTermsWish = Omit<RewardsAnswer, 'canPay'>;

export type RewardsChangedAnswer = { ok: true } | { ok: false; refusal: string; sentence: string };
