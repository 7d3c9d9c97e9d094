// How far a node's settles are recorded without a hole. Payments that leave no trace for us (AMP)
// use up an index, so holes are normal: what comes beyond one is recorded at once, but the cursor
// waits until a whole replay has shown that nothing is in it. It may be too low, never too high.
import type { Observation } from '../core/invoice.ts';

type Seen = Pick<Observation, 'hash' | 'settleIndex'>;

/** Indexes that did not come, both ends included. */
export type Hole = { from: bigint; to: bigint };

export type SettleCursor = {
  /** This index and all below it are recorded, or known to be empty. */
  at: () => bigint;
  /** Where the cursor will be once these are recorded too. */
  after: (observations: readonly Seen[]) => bigint;
  /** These are recorded. */
  recorded: (observations: readonly Seen[]) => void;
  /** Could not be recorded: the cursor stays below them. */
  failed: (observations: readonly Seen[]) => void;
  /** What is missing up to this index, if that was replayed. */
  holesUpTo: (index: bigint) => Hole[];
  /** A replay from the cursor went past this index: what it did not bring does not exist. */
  replayedTo: (index: bigint) => void;
  /** Before the first settle of all: what comes next is the beginning, not beyond a hole. */
  startHere: () => void;
  /** The counters went back: this live settle has an index that another one had. */
  goesBack: (seen: Seen) => boolean;
  /** Something did not come, or could not be recorded. */
  hasHole: () => boolean;
  /** How many recorded indexes wait beyond a hole. */
  beyond: () => number;
  /** How many runs of indexes are missing below what is recorded. */
  holes: () => number;
};

/** So many indexes are remembered, to tell a repeated event from a counter that went back. */
const rememberedAtMost = 5_000;

const ascending = (a: bigint, b: bigint): number => (a < b ? -1 : a > b ? 1 : 0);

/** Which payment had which of the newest indexes. */
function newestHashes() {
  const hashes = new Map<bigint, string>();
  return {
    of: (index: bigint): string | undefined => hashes.get(index),
    add: (index: bigint, hash: string): void => {
      hashes.set(index, hash);
      const [oldest] = hashes.keys();
      if (oldest !== undefined && hashes.size > rememberedAtMost) hashes.delete(oldest);
    },
  };
}

/** The last index of the unbroken run that begins above this one. */
function runFrom(from: bigint, has: (index: bigint) => boolean): bigint {
  let at = from;
  while (has(at + 1n)) at += 1n;
  return at;
}

/** As far as it goes without that one. */
const below = (index: bigint, first: bigint | undefined): bigint =>
  first === undefined || first > index ? index : first - 1n;

/** Before each run of what waits something is missing. */
const runsBeyond = (waiting: ReadonlySet<bigint>, cursor: bigint): number =>
  [...waiting].filter((index) => index > cursor + 1n && !waiting.has(index - 1n)).length;

/** Begins at a stored cursor; 0: nothing was ever recorded from this node. */
export function settleCursor(start: bigint): SettleCursor {
  let cursor = start;
  let mayStart = false;
  const waiting = new Set<bigint>();
  const failed = new Set<bigint>();
  const hashes = newestHashes();
  let empty: Hole[] = [];

  const after = (observations: readonly Seen[]): bigint => {
    const fresh = new Set(observations.flatMap(({ settleIndex }) => settleIndex ?? []));
    const known = cursor === 0n && mayStart ? [...waiting, ...fresh, ...failed] : [];
    const first = known.sort(ascending)[0];
    const from = first === undefined ? cursor : first - 1n;
    return runFrom(from, (index) => waiting.has(index) || fresh.has(index));
  };
  const moveTo = (index: bigint): void => {
    if (index > cursor) cursor = index;
    for (const each of waiting) if (each <= cursor) waiting.delete(each);
  };
  const belowFailed = (index: bigint): bigint => below(index, [...failed].sort(ascending)[0]);
  const holesUpTo = (reached: bigint): Hole[] => {
    const index = belowFailed(reached);
    const seen = [...waiting].filter((each) => each <= index).sort(ascending);
    const holes: Hole[] = [];
    let at = cursor;
    for (const next of [...seen, index + 1n]) {
      if (next > at + 1n) holes.push({ from: at + 1n, to: next - 1n });
      at = next;
    }
    return holes;
  };
  return {
    at: () => cursor,
    after,
    recorded: (observations) => {
      const next = after(observations);
      for (const { settleIndex, hash } of observations) {
        if (settleIndex === undefined) continue;
        hashes.add(settleIndex, hash);
        waiting.add(settleIndex);
        failed.delete(settleIndex);
      }
      moveTo(next);
    },
    failed: (observations) => {
      for (const { settleIndex } of observations) {
        if (settleIndex !== undefined && settleIndex > cursor) failed.add(settleIndex);
      }
    },
    holesUpTo,
    replayedTo: (reached) => {
      empty = [...empty, ...holesUpTo(reached)].slice(-1_000);
      const index = belowFailed(reached);
      moveTo(runFrom(index > cursor ? index : cursor, (each) => waiting.has(each)));
    },
    startHere: () => {
      mayStart = true;
    },
    goesBack: ({ settleIndex: index, hash }) => {
      if (index === undefined || (index > cursor && !waiting.has(index))) return false;
      if (hashes.of(index) === hash) return false;
      return !empty.some(({ from, to }) => from <= index && index <= to);
    },
    hasHole: () => waiting.size > 0 || failed.size > 0,
    beyond: () => waiting.size,
    holes: () => runsBeyond(waiting, cursor),
  };
}
