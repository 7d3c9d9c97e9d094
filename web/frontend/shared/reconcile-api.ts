// What the first page and the server say to each other about reconciliation. Times ISO 8601.

/**
 * `GET /api/reconciliation`; `POST` begins a run, or finds one under way, and answers the same.
 * 429 when it was asked for too often.
 */
export type ReconciliationAnswer = {
  running: RunShown | null;
  /** The last that came to its end; null: there was none yet. */
  last: (RunShown & { endedAt: string }) | null;
  /** The last one was the shop's nightly one, less than a day ago. */
  isLastNight: boolean;
  /** What is certain and open at this moment; 1,000 means 1,000 or more. */
  unmatched: number;
  /** IANA name of the shop's time zone. */
  timeZone: string;
};

export type RunShown = {
  id: string;
  /** night, outage, merchant or operator. */
  because: string;
  since: string;
  startedAt: string;
  /** False: Shopify lets the app read no orders, and only payments and invoices were compared. */
  readsOrders: boolean;
  /** False: a node could not be asked. */
  isWhole: boolean;
  orders: number;
  payments: number;
  invoices: number;
  /** What did not fit at first, and does. */
  healed: number;
};

/** `POST /api/reconciliation/breaks/:id/accept`: 200, or 404 when it is not open any more. */
export type AcceptBreakAnswer = { ok: boolean };
