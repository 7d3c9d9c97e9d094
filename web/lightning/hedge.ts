// A read that takes longer than almost all others is asked once more over another connection, and
// the first answer counts: one stalled connection then costs little. Only reads, since a repeated
// wish may be done twice; and within a budget, since a slow node is not helped by more calls.
// Source: Dean and Barroso, The Tail at Scale.

/** What each read earns, and what a second call costs. */
const earned = 0.03;
const cost = 1;
const mostSaved = 10;
/** Reads that are remembered, and that must be known before any is asked again. */
const remembered = 100;
const known = 20;
const part = 0.95;

export type Hedge = {
  /** `first` is asked at once; `second` perhaps, after a while. Rejects as `first` does. */
  read: <T>(first: () => Promise<T>, second: () => Promise<T>) => Promise<T>;
  /** Calls that were made twice, of all. */
  counts: () => { reads: number; hedges: number };
  /** How many reads may be asked twice. */
  budget: () => number;
};

export type HedgeTime = {
  now: () => number;
  /** Calls back after so many milliseconds, unless it is called off. */
  after: (ms: number, work: () => void) => () => void;
};

const realTime: HedgeTime = {
  now: () => performance.now(),
  after: (ms, work) => {
    const timer = setTimeout(work, ms);
    return () => clearTimeout(timer);
  },
};

export type HedgeOptions = {
  time?: HedgeTime;
  /** A read was asked, or asked a second time. */
  counted?: (what: 'read' | 'hedge') => void;
};

/** One node's. */
export function hedging({ time = realTime, counted }: HedgeOptions = {}): Hedge {
  const tookMs: number[] = [];
  let budget = 0;
  const counts = { reads: 0, hedges: 0 };

  const usualMs = (): number | undefined => {
    if (tookMs.length < known) return undefined;
    return [...tookMs].sort((a, b) => a - b)[Math.floor(tookMs.length * part)];
  };
  const timed = async <T>(ask: () => Promise<T>): Promise<T> => {
    const since = time.now();
    const answer = await ask();
    tookMs.push(time.now() - since);
    if (tookMs.length > remembered) tookMs.shift();
    return answer;
  };
  return {
    counts: () => ({ ...counts }),
    budget: () => budget,
    read: (first, second) => {
      counts.reads += 1;
      counted?.('read');
      budget = Math.min(mostSaved, budget + earned);
      const asked = timed(first);
      const waitMs = usualMs();
      if (waitMs === undefined || budget < cost) return asked;
      return new Promise((resolve, reject) => {
        const callOff = time.after(waitMs, () => {
          // Many may wait at this moment: the budget is for all of them.
          if (budget < cost) return;
          budget -= cost;
          counts.hedges += 1;
          counted?.('hedge');
          // What became of the second call is nobody's concern: the first one decides in the end.
          second().then(resolve, () => undefined);
        });
        asked.then(resolve, reject).finally(callOff);
      });
    },
  };
}
