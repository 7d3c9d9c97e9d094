// What the admin's page and its door say to each other of money that is held until the merchant
// charges it; and how a page knows the line that a node needs for it.

/** Whether this line bakes a credential for the call by which a node holds what is paid. */
export const bakesHolds = (line: string): boolean => /\/AddHoldInvoice\b/.test(line);

/** `GET /api/holds`. */
export type HoldsAnswer = {
  isOn: boolean;
  /** The node that would hold, else the preferred one; null: none is connected. */
  node: { id: number; name: string; address: string } | null;
  /** Its credential may make and settle hold invoices. */
  nodeCanHold: boolean;
  /** The line that bakes one which may. */
  bake: string;
};
/** `POST /api/holds` `{ on }`: 200, or 422 when no node can hold. */
export type HoldsSwitched =
  | ({ ok: true } & HoldsAnswer)
  | ({ ok: false; refusal: 'node_cannot_hold'; sentence: string } & HoldsAnswer);

/** What is or was held for the order of a payment. */
export type HoldShown = {
  /** Until when it can be charged. */
  endsAt: string;
  amountMsat: string;
  /** What staff asked for, as long as it is not done. */
  asked: 'charge' | 'let_go' | null;
  /** It could not be charged for so long that it can be let go after all. */
  isStuck: boolean;
  /** What became of what staff asked for last. */
  outcome: { word: string; sentence: string } | null;
};
/** `POST /api/payments/:id/hold` `{ do }`: 200 when the wish is written down, or 422. */
export type HoldAskedAnswer =
  | { ok: true }
  | { ok: false; refusal: 'not_held' | 'order_over' | 'asked_otherwise'; sentence: string };
