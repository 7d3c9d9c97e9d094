// What the first page and the server say to each other. Amounts are decimal strings, sats whole or
// with decimals, times ISO 8601, days YYYY-MM-DD in the shop's time zone.

export const periods = [1, 7, 30, 90] as const;
/** Whole days, the last of which is today. */
export type PeriodDays = (typeof periods)[number];

/** `GET /api/dashboard?days=`: figures of the shop; test payments are in none of them. */
export type DashboardAnswer = {
  days: PeriodDays;
  /** IANA name: where days begin. */
  timeZone: string;
  /** Of the shop; null while Shopify has not said it yet. */
  currency: string | null;
  /** Orders that chose this way of paying in the period. */
  opened: number;
  /** Orders that were paid in the period. */
  paid: number;
  /** All of them together: sats are the same in every currency. */
  sats: string;
  /** What they were worth, as promised when they were paid. Currencies are never added up. */
  amounts: readonly { currency: string; amount: string; paid: number }[];
  /** From money on the node to Shopify having the order as paid; null: nothing was told yet. */
  wait: { told: number; medianMs: number; p99Ms: number } | null;
  /** Pay pages first opened in the period, and how many of those were paid since. */
  pages: { viewed: number; paid: number };
  /** The currency of the amounts by day: the shop's, or the one that brought most orders. */
  dayCurrency: string | null;
  /** Every day of the period, oldest first. */
  byDay: readonly DayShown[];
};
export type DayShown = {
  day: string;
  paid: number;
  sats: string;
  /** In `dayCurrency` only. */
  amount: string;
};

/** `POST /api/payments/:id/settle-by-hand` `{ confirmed: true }`: 200, or 422 when refused. */
export type SettleByHandAnswer =
  { ok: true } | { ok: false; refusal: 'not_stranded' | 'not_confirmed'; sentence: string };
