/**
 * The simulated node's own clock, with its alarms.
 *
 * It follows the machine's clock, plus an offset that a test moves with `advance`. Alarms that fall
 * due on the way ring at their own moment and in order, so that a test of an hour's expiry takes no
 * hour.
 */
export type Alarm = { cancel: () => void };

export type Clock = {
  /** Milliseconds since 1970. */
  now: () => number;
  /** Calls `ring` at the given moment; at once (but not before this returns) when it has passed. */
  at: (momentMs: number, ring: () => void) => Alarm;
  /** Moves the clock forward and rings everything that fell due. */
  advance: (ms: number) => void;
  /** Forgets every alarm; the process may end. */
  stop: () => void;
};

/** Node's timers count in 31 bits. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

type Entry = { at: number; order: number; ring: () => void; gone: boolean };

/** A binary heap, earliest first; equal moments keep the order in which they were set. */
const heapOfEntries = () => {
  const heap: Entry[] = [];
  const before = (a: Entry, b: Entry): boolean =>
    a.at < b.at || (a.at === b.at && a.order < b.order);
  const entry = (index: number): Entry => heap[index] as Entry;
  const swap = (a: number, b: number): void => {
    const kept = entry(a);
    heap[a] = entry(b);
    heap[b] = kept;
  };
  const push = (added: Entry): void => {
    let at = heap.push(added) - 1;
    while (at > 0 && before(entry(at), entry((at - 1) >> 1))) {
      swap(at, (at - 1) >> 1);
      at = (at - 1) >> 1;
    }
  };
  const pop = (): Entry | undefined => {
    const first = heap[0];
    const last = heap.pop();
    if (first === undefined || last === undefined || heap.length === 0) return first;
    heap[0] = last;
    for (let at = 0; ;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && before(entry(child + 1), entry(child))) child += 1;
      if (!before(entry(child), entry(at))) break;
      swap(at, child);
      at = child;
    }
    return first;
  };
  const clear = (): void => {
    heap.length = 0;
  };
  return { push, pop, first: () => heap[0], clear };
};

export const systemClock = (): Clock => {
  const heap = heapOfEntries();
  let offsetMs = 0;
  let order = 0;
  let timer: NodeJS.Timeout | undefined;
  let armedFor = Infinity;
  const now = (): number => Date.now() + offsetMs;

  const ringDue = (until: number): void => {
    for (let next = heap.first(); next && next.at <= until; next = heap.first()) {
      heap.pop();
      if (!next.gone) next.ring();
    }
  };
  const arm = (): void => {
    for (let next = heap.first(); next?.gone; next = heap.first()) heap.pop();
    const next = heap.first();
    if (!next || (timer && armedFor <= next.at)) return;
    clearTimeout(timer);
    armedFor = next.at;
    const waitMs = Math.min(Math.max(next.at - now(), 0), LONGEST_TIMER_MS);
    timer = setTimeout(() => {
      timer = undefined;
      ringDue(now());
      arm();
    }, waitMs);
    timer.unref();
  };
  return {
    now,
    at: (momentMs, ring) => {
      order += 1;
      const added: Entry = { at: momentMs, order, ring, gone: false };
      heap.push(added);
      arm();
      return {
        cancel: () => {
          added.gone = true;
        },
      };
    },
    advance: (ms) => {
      const until = now() + ms;
      for (let next = heap.first(); next && next.at <= until; next = heap.first()) {
        offsetMs += Math.max(next.at - now(), 0);
        ringDue(next.at);
      }
      offsetMs += Math.max(until - now(), 0);
      clearTimeout(timer);
      timer = undefined;
      arm();
    },
    stop: () => {
      clearTimeout(timer);
      timer = undefined;
      heap.clear();
    },
  };
};
