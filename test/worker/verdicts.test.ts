// A verdict that is wanted is never forgotten: what lies at rest although its shop is there is made
// due again, whoever let it lie.
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { audit } from '../../web/db/audit.ts';
import type { Database } from '../../web/db/database.ts';
import { wakeVerdicts } from '../../web/db/due.ts';
import { shopLane } from '../../web/db/lanes.ts';
import { closePayment } from '../../web/db/payments.ts';
import type { Step } from '../../web/flows/flow.ts';
import { startPool } from '../../web/worker/pool.ts';
import { aPayment, aShop } from '../builders.ts';
import { testDatabase, type TestDatabase } from '../database.ts';
import { depsOn, open, playing, until } from './play.ts';

let home: TestDatabase;
let db: Database;
let shopId: number;
beforeAll(async () => {
  home = await testDatabase();
  db = open(home.url);
});
afterAll(async () => {
  await db.close();
  await home.close();
});
beforeEach(async () => {
  shopId = (await aShop(db)).id;
});

type Resting = { state: 'open' | 'lapsed'; wanted: string | null; dueInMs?: number };

/** A payment in this state, as an older version of the program left it behind. */
async function resting({ state, wanted, dueInMs }: Resting): Promise<string> {
  const { id } = await aPayment(db, { shopId });
  if (state === 'lapsed') await closePayment(db, { paymentId: id, because: 'order_gone' });
  await db.prisma.payment.update({
    where: { id },
    data: {
      ...{ verdictWanted: wanted, attempts: 3 },
      pendingUntil: wanted === 'pending' ? new Date(Date.now() + 3_600_000) : null,
      dueAt: dueInMs === undefined ? null : new Date(Date.now() + dueInMs),
    },
  });
  return id;
}
const isDue = async (id: string): Promise<boolean> => {
  const { dueAt, attempts } = await db.prisma.payment.findUniqueOrThrow({ where: { id } });
  return dueAt !== null && dueAt.getTime() <= Date.now() && attempts === 0;
};
const wanted = ['reject', 'pending', 'cancel_order'].map((each) => ({
  ...{ state: 'lapsed' as const, wanted: each },
}));
const waiting = { state: 'open', wanted: 'pending' } as const;

test('what is wanted and rests is due now, and nothing else is', async () => {
  const due = await Promise.all([...wanted, waiting].map(resting));
  const left = await Promise.all(
    [
      { state: 'lapsed', wanted: null } as const,
      { state: 'open', wanted: null } as const,
      // It is tried again later, or waits for its end.
      { state: 'lapsed', wanted: 'reject', dueInMs: 60_000 } as const,
      { ...waiting, dueInMs: 60_000 },
    ].map(resting),
  );
  expect((await audit(db)).map(({ rule }) => rule)).toContain('I12');
  expect(await wakeVerdicts(db)).toBe(4);
  expect(await Promise.all(due.map(isDue))).toEqual([true, true, true, true]);
  expect(await Promise.all(left.map(isDue))).toEqual([false, false, false, false]);
  expect(await audit(db)).toEqual([]);
  expect(await wakeVerdicts(db)).toBe(0);
  const { rows } = await db.pool.query<{ n: number }>(
    `select count(*)::int as n from graphile_worker.jobs where key = 'lane:' || $1`,
    [shopLane(shopId)],
  );
  expect(rows).toEqual([{ n: 1 }]);
});

test('a shop that is gone is not told; once it is back its verdicts are', async () => {
  const id = await resting({ state: 'lapsed', wanted: 'reject' });
  const uninstalled = (uninstalledAt: Date | null) =>
    db.prisma.shop.update({ where: { id: shopId }, data: { uninstalledAt } });
  await uninstalled(new Date());
  expect(await wakeVerdicts(db)).toBe(0);
  expect(await isDue(id)).toBe(false);
  await uninstalled(null);
  expect(await wakeVerdicts(db)).toBe(1);
  expect(await isDue(id)).toBe(true);
});

test('every pool looks for them by itself', async () => {
  const id = await resting({ state: 'lapsed', wanted: 'reject' });
  const ran: string[] = [];
  const step: Step = (_deps, row) => {
    ran.push(row.id);
    return Promise.resolve({ dueInMs: 3_600_000, attempt: false });
  };
  const pool = startPool(depsOn(db), playing(step, { sweeps: { housekeepingMs: 200 } }));
  try {
    await until('its step has run', () => ran.includes(id));
  } finally {
    await pool.stop();
  }
});
