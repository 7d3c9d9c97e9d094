// What this process did, told to whoever counts it for the operator's metrics: in memory, after the
// commit, and never with a statement of its own. Nobody acts on it.
import type { PaymentState } from '../core/payment.ts';
import type { Queryable } from './database.ts';
import { afterCommit } from './database.ts';

export type Countable =
  | { is: 'moved'; from: PaymentState; to: PaymentState; times: number }
  /** Money came for a payment that was not to be paid any more. */
  | { is: 'paid_late'; amountMsat: bigint }
  /** Booked to what is to be given back. */
  | { is: 'overpaid'; amountMsat: bigint }
  /** Settles of a stream that went into one statement; how old each was, in milliseconds. */
  | { is: 'recorded'; agesMs: readonly number[] }
  /** A row was claimed so long after it was due. */
  | { is: 'waited'; table: string; ms: number }
  /** Lanes with due rows and no job. */
  | { is: 'nudges_mended'; lanes: number }
  /** Somebody else had the lease by then. */
  | { is: 'fenced'; lease: 'stream' | 'row' }
  /** A settle stream ended and is to be opened again. */
  | { is: 'stream_ended'; because: string };

const ofPools = new WeakMap<Queryable, (seen: Countable) => void>();

/** From here on all that is done through this pool is told to `counter`, which must not throw. */
export function hearCounted(pool: Queryable, counter: (seen: Countable) => void): void {
  ofPools.set(pool, counter);
}

/** Tells it once the caller's transaction is committed. Costs nothing where nobody counts. */
export function count(on: Queryable, seen: Countable): void {
  afterCommit(on, (pool) => ofPools.get(pool)?.(seen));
}
