// Each case of the table is played against the database, the simulated node and Shopify, in each of
// its ways.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { allIsSound, inItsWays, names, playsAsTheTableSays } from './cases-played.ts';
import { plays } from './cases-plays.ts';
import { openShop, type Shop } from './cases-shop.ts';

let shop: Shop;
beforeAll(async () => {
  shop = await openShop();
}, 120_000);
afterAll(async () => {
  try {
    await allIsSound(shop);
  } finally {
    await shop.close();
  }
});

test('each case of the table has its play, and each play its case', () => {
  for (const way of ['order', 'payment_session'] as const) {
    expect(inItsWays.filter(([, its]) => its === way).length).toBeGreaterThanOrEqual(14);
  }
  expect(names.length).toBeGreaterThanOrEqual(16);
  expect(Object.keys(plays).sort()).toEqual(names.toSorted());
});

test.each(inItsWays)('%s: %s', (name, way) => playsAsTheTableSays(shop, name, way), 120_000);
