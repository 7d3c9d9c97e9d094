// Who goes next in a lane, in virtual time.
import { describe, expect, test } from 'vitest';
import { costsDiffer, inOrder, learnCost, newCosts, predictedMs } from '../../web/core/order.ts';
import { drawing } from './capacity.ts';

const now = new Date(1_000_000);
const row = (operation: string, ageMs: number) => ({
  operation,
  dueAt: new Date(now.getTime() - ageMs),
});

describe('a prediction', () => {
  test('follows what was seen, and an unknown operation takes what most take', () => {
    const costs = newCosts();
    expect(predictedMs(costs, 'look')).toBe(50);
    for (let n = 0; n < 50; n += 1) learnCost(costs, 'look', 10);
    for (let n = 0; n < 10; n += 1) learnCost(costs, 'tell', 300);
    expect(predictedMs(costs, 'look')).toBeCloseTo(10);
    expect(predictedMs(costs, 'tell')).toBeCloseTo(300);
    expect(predictedMs(costs, 'never seen')).toBe(10);
    expect(costsDiffer(costs, '')).toBe(true);
    expect(costsDiffer(costs, 'lo')).toBe(false);
    for (let n = 0; n < 100; n += 1) learnCost(costs, 'look', 30);
    expect(predictedMs(costs, 'look')).toBeCloseTo(30, 0);
  });

  test('of nonsense is none', () => {
    const costs = newCosts({ look: Number.NaN, tell: -3, close: 20 });
    expect([...costs.byOperation.keys()]).toEqual(['close']);
    expect(predictedMs(costs, 'look')).toBe(20);
  });
});

describe('the order', () => {
  const costs = newCosts({ short: 10, long: 1_000 });

  test('is the shortest first, and of equal ones the oldest', () => {
    const rows = [row('long', 100), row('short', 5), row('short', 50)];
    const ordered = inOrder(rows, { costs, now, width: 4 });
    expect(ordered).toEqual([rows[2], rows[1], rows[0]]);
  });

  test('lets nobody wait for more than three fair shares', () => {
    const crowd = Array.from({ length: 20 }, () => row('short', 1_900));
    const old = row('long', 2_100);
    expect(inOrder([...crowd, old], { costs, now, width: 4 })[0]).toBe(old);
  });

  test('keeps every row, whatever is predicted', () => {
    const draw = drawing(11);
    for (let n = 0; n < 200; n += 1) {
      const random = newCosts({ a: draw() * 1e3, b: draw() * 1e-3, c: draw() * 1e6 });
      const rows = Array.from({ length: 30 }, () => {
        const operation = ['a', 'b', 'c', 'unknown'][Math.floor(draw() * 4)] ?? 'a';
        return row(operation, draw() * 10_000 - 1_000);
      });
      const ordered = inOrder(rows, { costs: random, now, width: 1 + draw() * 50 });
      expect(new Set(ordered)).toEqual(new Set(rows));
    }
  });
});

/** One server that takes the next of what waits; what each row waited, in milliseconds. */
function served(how: 'fifo' | 'shortest', seed: number): number[] {
  const draw = drawing(seed);
  const kinds = { short: 10, long: 400 };
  const costs = newCosts(kinds);
  let at = 0;
  const coming = Array.from({ length: 2_000 }, () => {
    at += -Math.log(1 - draw()) * 36;
    const operation: keyof typeof kinds = draw() < 0.95 ? 'short' : 'long';
    return { operation, dueAt: new Date(at), ms: kinds[operation] * (0.5 + draw()) };
  });
  const waits: number[] = [];
  let waiting: typeof coming = [];
  let free = 0;
  while (coming.length > 0 || waiting.length > 0) {
    if (waiting.length === 0) free = Math.max(free, coming[0]?.dueAt.getTime() ?? free);
    while ((coming[0]?.dueAt.getTime() ?? Infinity) <= free) waiting.push(...coming.splice(0, 1));
    if (how === 'shortest') waiting = inOrder(waiting, { costs, now: new Date(free), width: 1 });
    const next = waiting.shift();
    if (next === undefined) break;
    waits.push(free - next.dueAt.getTime());
    free += next.ms;
  }
  return waits;
}

const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;

test.each([1, 2, 3, 4, 5])('rows wait for less than first come, first served (seed %i)', (seed) => {
  const fifo = served('fifo', seed);
  const shortest = served('shortest', seed);
  expect(shortest).toHaveLength(fifo.length);
  expect(mean(shortest)).toBeLessThan(0.6 * mean(fifo));
});
