// What the page of a refund and its status answer show. One shape for both, made by the server. No
// name, e-mail or item of the buyer is in it, and no place that the sats go to.

/**
 * - `preparing`: it waits for its price or for the shop.
 * - `claimable`: the buyer says where the sats are to go.
 * - `claimed`: the buyer has said so, and they are to be sent.
 * - `paid`: the buyer has them.
 * - `expired`: nobody claimed it in time.
 * - `withdrawn`: the shop took it back, or gives the money back in another way.
 */
export type ClaimState = 'preparing' | 'claimable' | 'claimed' | 'paid' | 'expired' | 'withdrawn';

/** Why what the buyer gave is not taken. Each has its sentence on the page. */
export const claimProblems = [
  'refund_not_claimable',
  'claim_exists',
  'request_unreadable',
  'other_network',
  'any_amount',
  'wrong_amount',
  'request_expired',
  'own_invoice',
  'request_used_before',
  'address_silent',
  'address_refuses',
  'address_limits',
  'address_differs',
  'too_often',
] as const;
export type ClaimProblem = (typeof claimProblems)[number];

export type ClaimView = {
  state: ClaimState;
  /** Changes whenever anything that is shown changes: the page fetches itself again then. */
  revision: string;
  /** Nothing will change any more. */
  final: boolean;
  /** The server's clock, ISO 8601. */
  now: string;
  /** The address of the page, absolute. */
  claimUrl: string;
  /** 22 letters: the last part of `claimUrl`. */
  id: string;
  shopName: string;
  /** As Shopify shows it, such as `#1001`. */
  orderName: string;
  test: boolean;
  /** It is no refund: the shop gives it by rule. */
  reward?: true;
  /** Of a reward that is `preparing`: from when on it can be claimed, ISO 8601. */
  claimableAt?: string;
  /** What is given back: a decimal string and an ISO 4217 code. Absent: only sats are meant. */
  fiat?: { amount: string; currency: string };
  /** Whole satoshis, a decimal string; absent until its price is certain. */
  sats?: string;
  /** Until when it can be claimed, ISO 8601; `claimable` only. */
  claimEndsAt?: string;
  /** `claimed` only: it was given a while ago, and has not been sent yet. */
  slow?: true;
  /** `claimable` only: what was given before could not be paid. */
  failedBefore?: true;
  /** The address that a wallet asks (LUD-03), absolute; `claimable` only. */
  lnurlAt?: string;
  /** The way back to the shop. */
  backUrl: string;
  /** Short, for support: the first letters of the payment's id. */
  reference: string;
};
