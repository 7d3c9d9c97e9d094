// What the page of the operation and the server say to each other. Times ISO 8601; lists bounded.

/** `GET /api/operation`: how the engine works for this shop. Nothing of another shop is in it. */
export type OperationAnswer = {
  /** The database's clock: when all of this was so. */
  at: string;
  /** IANA name of the shop's time zone. */
  timeZone: string;
  /** Pools that are alive, the oldest first; at most 20 of them are listed. */
  pools: { alive: number; listed: readonly PoolShown[] };
  /** Shopify first, then the nodes, then shares and rewards, then the alerts. */
  lanes: readonly LaneShown[];
  /** The settle streams of the shop's nodes. */
  streams: readonly StreamShown[];
  /** Shopify's bucket of this shop; null: no pool has asked Shopify of late. */
  bucket: { available: number; maximum: number; restoreRate: number } | null;
  /** From the settlement until Shopify had the order as paid, in the last 24 hours. */
  wait: { told: number; medianMs: number; p99Ms: number } | null;
  /** Seconds since the oldest settlement that Shopify has not accepted; null: it has all. */
  oldestUntoldSeconds: number | null;
  reconciliation: {
    /** Certain and open; 1,000 means 1,000 or more. */
    unmatched: number;
    /** When the last comparison ended that asked everybody; null: there was none yet. */
    doneAt: string | null;
  };
  versions: {
    program: string;
    shopify: { asked: string; daysLeft: number | null };
    nodes: readonly { name: string; version: string }[];
  };
};

export type PoolShown = {
  id: string;
  version: string;
  startedAt: string;
  saidAt: string;
  /** The part of its widths that it uses, 0 to 1; below 1: its machine cannot keep up. */
  brake: number;
  /** How many streams of this shop's nodes it follows. */
  streams: number;
};

export type LaneShown = {
  kind: 'shop' | 'node' | 'share' | 'alert';
  /** The node's alias, or its identity when it has none; empty for what is no node. */
  name: string;
  /** Calls at once that it has learned to be right; null: nothing is known. */
  width: number | null;
  /** Rows that are being worked, and that are due and wait; 10,000 means 10,000 or more. */
  out: number;
  waiting: number;
  /** Seconds since the oldest waiting one was due. */
  oldestSeconds: number;
  /** What a call takes, in the mean; null: nothing is known. */
  latencyMs: number | null;
  state: 'open' | 'probing' | 'paused';
  /** Since when and until when, and why; null for one that is open. */
  pause: { since: string | null; until: string; because: string; failures: number } | null;
};

export type StreamShown = {
  nodeId: number;
  name: string;
  is: 'whole' | 'behind' | 'away';
  /** Since when it is whole. */
  wholeSince: string | null;
  /** Settles that were told and are not within the unbroken prefix yet. */
  lag: number;
  /** The pool that follows it; null: nobody does. */
  pool: string | null;
  /** Why the node does not answer, a word; null: it does. */
  trouble: string | null;
  troubleSince: string | null;
  retired: boolean;
};
