// Which waiting row of a lane goes next: the one that is expected to be over soonest, with a weight
// that grows while it waits, so that nobody waits for ever. It decides about order, never whether.

/** Running estimates of what each operation of one lane takes, in milliseconds. */
export type Costs = {
  readonly byOperation: Map<string, number>;
  /** The latest calls of all operations, for the lane's median and its 95th percentile. */
  readonly latest: number[];
};

const alpha = 0.1;
const latestAtMost = 64;
/** What nothing is known of costs this much. */
const unknownMs = 50;
const leastMs = 0.1;

export const newCosts = (known: Readonly<Record<string, number>> = {}): Costs => ({
  byOperation: new Map(Object.entries(known).filter(([, ms]) => ms > 0 && Number.isFinite(ms))),
  latest: [],
});

export function learnCost(costs: Costs, operation: string, tookMs: number): void {
  const before = costs.byOperation.get(operation) ?? tookMs;
  costs.byOperation.set(operation, Math.max(leastMs, before + alpha * (tookMs - before)));
  costs.latest.push(tookMs);
  if (costs.latest.length > latestAtMost) costs.latest.shift();
}

/** Of so many values that part lies below; undefined without any. */
export function quantileOf(values: readonly number[], part: number): number | undefined {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))];
}

/** What the operation is expected to take; an unknown one takes what most of the lane take. */
export function predictedMs(costs: Costs, operation: string): number {
  const { byOperation, latest } = costs;
  const known = byOperation.get(operation) ?? quantileOf(latest, 0.5);
  const usual = known ?? quantileOf([...byOperation.values()], 0.5) ?? unknownMs;
  return Math.max(leastMs, Math.min(usual, quantileOf(latest, 0.95) ?? usual));
}

export type Waiting = { operation: string; dueAt: Date };

/** Whoever waits for longer than this, or than three times its fair share, goes first. */
const oldMs = 2_000;

/**
 * The order in which the rows are to be worked. `width`: how many at once, which says how long a
 * row would wait if all had the same right.
 */
export function inOrder<W extends Waiting>(
  waiting: readonly W[],
  about: { costs: Costs; now: Date; width: number },
): W[] {
  const { costs, now, width } = about;
  const predictions = new Map<string, number>();
  const costOf = (operation: string): number => {
    const cost = predictions.get(operation) ?? predictedMs(costs, operation);
    predictions.set(operation, cost);
    return cost;
  };
  const all = waiting.map((row) => {
    const ms = costOf(row.operation);
    const ageMs = Math.max(0, now.getTime() - row.dueAt.getTime());
    return { row, ms, ageMs, weight: (ageMs + ms) / ms };
  });
  const shareMs = all.reduce((sum, { ms }) => sum + ms, 0) / Math.max(1, width);
  const limitMs = Math.max(oldMs, 3 * shareMs);
  const isOld = ({ ageMs }: { ageMs: number }): boolean => ageMs > limitMs;
  return all
    .sort((a, b) => {
      if (isOld(a) !== isOld(b)) return isOld(a) ? -1 : 1;
      if (isOld(a)) return b.ageMs - a.ageMs;
      return b.weight - a.weight || a.ms - b.ms || b.ageMs - a.ageMs;
    })
    .map(({ row }) => row);
}

/** Whether the order makes a difference: of these operations one costs twice another. */
export function costsDiffer({ byOperation }: Costs, prefix: string): boolean {
  let least = Infinity;
  let most = 0;
  for (const [operation, ms] of byOperation) {
    if (!operation.startsWith(prefix)) continue;
    least = Math.min(least, ms);
    most = Math.max(most, ms);
  }
  return most > 2 * least;
}
