// TELLS THE STORY. One verb-noun file per arrow; the list of files in this room is the story.
// A flow reads, asks the outside through a port, lets the core decide and lets the database write.
// It never holds a transaction while it asks, and it never decides about retrying.
import type { AlertWays } from '../core/alert.ts';
import type { AskPayAddress } from '../core/pay-address.ts';
import type {
  Clock,
  Nodes,
  PaymentSessionsOf,
  Rates,
  ReadRequest,
  Sealer,
  Stamp,
  Storefronts,
  ShopFacts,
} from '../core/ports.ts';
import type { QuotePolicy } from '../core/quote.ts';
import type { ClaimedRow } from '../db/due.ts';
import type { Database } from '../db/database.ts';
import type { Lane } from '../db/lanes.ts';

export type Log = {
  info: (about: Record<string, unknown>, what: string) => void;
  warn: (about: Record<string, unknown>, what: string) => void;
  error: (about: Record<string, unknown>, what: string) => void;
};

/** What every flow may use. Built once, in wiring. */
export type Deps = {
  db: Database;
  clock: Clock;
  log: Log;
  nodes: Nodes;
  storefronts: Storefronts;
  paymentSessions: PaymentSessionsOf;
  /** A shop's currency and time zone, as Shopify says. Throws Trouble. */
  askShop: (shopId: number) => Promise<ShopFacts>;
  rates: Rates;
  sealer: Sealer;
  stamp: Stamp;
  readRequest: ReadRequest;
  askPayAddress: AskPayAddress;
  alertWays: AlertWays;
  quotePolicy: QuotePolicy;
  /** Life of a quote, in seconds. */
  quoteSeconds: number;
  /** How often Shopify is asked for orders that nobody told us of, in seconds. */
  sweepSeconds: number;
  /** Only mainnet nodes are asked for what is no test. False in development, on free coins. */
  realMoneyOnly: boolean;
  /** 32 random bytes, for a secret. */
  randomSecret: () => Uint8Array;
  /**
   * What was just committed here made rows of this lane due: a pool works them at once if it can,
   * and says whether it does. The nudge in the database stays the guarantee.
   */
  touched?: (lane: Lane) => boolean;
};

/**
 * What a step leaves behind. `stored`: the statement that moved the row has also given it back.
 * Otherwise the row is due again in so many milliseconds, or at rest; `attempt` burns a try, and
 * `afresh` gives all burnt ones back: it went well.
 */
export type StepEnd =
  | 'stored'
  | {
      dueInMs: number | undefined;
      attempt: boolean;
      afresh?: boolean;
      /** False: the outside was not asked, so this says nothing of it. */
      asked?: boolean;
    };

/** One step of one claimed row. Throws Trouble; the lane's turn decides what that means. */
export type Step = (deps: Deps, row: ClaimedRow) => Promise<StepEnd>;
