// A flood of invented orders spends a budget, and not a shop's points or our table.
import { expect, test, vi } from 'vitest';
import type { Database } from '../../web/db/database.ts';
import { noticeOrder } from '../../web/flows/notice-order.ts';
import { makeBudget } from '../../web/http/budget.ts';
import { aShop } from '../builders.ts';
import { databaseOfFile } from '../database-of-file.ts';

let db: Database;
databaseOfFile((made) => {
  db = made;
});
test('a key has its calls in each window, and others have theirs', () => {
  vi.useFakeTimers();
  try {
    const budget = makeBudget({ calls: 2, perMs: 1_000, keysAtMost: 3 });
    expect([budget.spend('a'), budget.spend('a'), budget.spend('a')]).toEqual([true, true, false]);
    expect(budget.spend('b')).toBe(true);
    vi.advanceTimersByTime(1_000);
    expect(budget.spend('a')).toBe(true);
    for (const key of ['c', 'd', 'e', 'f']) expect(budget.spend(key)).toBe(true);
  } finally {
    vi.useRealTimers();
  }
});

test('invented orders fill the table up to a bound; a known one is still looked at', async () => {
  const { id: shopId } = await aShop(db);
  const notice = (n: number): Promise<void> =>
    noticeOrder({ db }, { shopId, originId: `gid://shopify/Order/${String(n)}`, because: 'block' });
  for (let n = 1; n <= 1_010; n += 1) await notice(n);
  expect(await db.prisma.sighting.count({ where: { shopId } })).toBe(1_000);
  await notice(7);
  const seven = await db.prisma.sighting.findFirst({
    where: { originId: 'gid://shopify/Order/7' },
  });
  expect(seven?.times).toBe(2);
});
