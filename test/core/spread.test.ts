import { expect, test } from 'vitest';
import { ownerOf } from '../../web/core/spread.ts';

const nodes = Array.from({ length: 1_000 }, (_, n) => String(n + 1));
const pools = ['pool-3f9a', 'pool-77b1', 'pool-c02d', 'pool-19e4'];
const spread = (among: readonly string[]) => nodes.map((node) => ownerOf(node, among));

test('all agree, whatever the order in which they know each other', () => {
  expect(spread([...pools].reverse())).toEqual(spread(pools));
  expect(ownerOf('1', [])).toBeUndefined();
});

test('each has about its share', () => {
  for (const pool of pools) {
    const share = spread(pools).filter((owner) => owner === pool).length;
    expect(share).toBeGreaterThan(200);
    expect(share).toBeLessThan(300);
  }
});

test('when one dies, only what it had moves', () => {
  const [dead, ...alive] = pools;
  const before = spread(pools);
  const after = spread(alive);
  const moved = nodes.filter((_, at) => before[at] !== after[at]);
  expect(moved).toEqual(nodes.filter((_, at) => before[at] === dead));
});
