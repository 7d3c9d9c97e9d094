/**
 * Shopify's own clock: the machine's, plus an offset that tests turn.
 *
 * Order times, token lives, cost buckets and webhook retries follow it. Session tokens do not: the
 * app checks those against the machine's clock, so they are signed and checked by it.
 */

export type Clock = {
  /** Milliseconds since 1970. */
  now: () => number;
  /** Calls `act` once, `ms` from now; the returned function calls it off. */
  after: (ms: number, act: () => void) => () => void;
  /**
   * Moves the clock forward; everything that falls due on the way happens before this returns, in
   * order.
   */
  turn: (ms: number) => void;
  stop: () => void;
};

/** Node's timers count in 31 bits. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

type Entry = { dueAt: number; order: number; act: () => void };

export function turnableClock(): Clock {
  const entries = new Set<Entry>();
  let offsetMs = 0;
  let order = 0;
  let timer: NodeJS.Timeout | undefined;
  const now = () => Date.now() + offsetMs;

  const next = (): Entry | undefined => {
    let first: Entry | undefined;
    for (const entry of entries) {
      if (
        first === undefined ||
        entry.dueAt < first.dueAt ||
        (entry.dueAt === first.dueAt && entry.order < first.order)
      )
        first = entry;
    }
    return first;
  };
  const ring = (until: number) => {
    for (let due = next(); due !== undefined && due.dueAt <= until; due = next()) {
      entries.delete(due);
      offsetMs += Math.max(0, due.dueAt - now());
      due.act();
    }
  };
  const arm = () => {
    clearTimeout(timer);
    const first = next();
    if (first === undefined) return;
    const waitMs = Math.min(Math.max(0, first.dueAt - now()), LONGEST_TIMER_MS);
    timer = setTimeout(() => {
      ring(now());
      arm();
    }, waitMs);
    timer.unref();
  };

  return {
    now,
    after: (ms, act) => {
      order += 1;
      const entry: Entry = { dueAt: now() + ms, order, act };
      entries.add(entry);
      arm();
      return () => {
        entries.delete(entry);
      };
    },
    turn: (ms) => {
      const until = now() + ms;
      ring(until);
      offsetMs += Math.max(0, until - now());
      arm();
    },
    stop: () => {
      clearTimeout(timer);
      entries.clear();
    },
  };
}
