// What did not fit: a person's word holds for what they have seen, what is accepted can still heal,
// and of very many breaks nobody gets very many letters.
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { openDatabase, type Database } from '../../web/db/database.ts';
import {
  acceptBreak,
  beginReconciliation,
  endReconcilePart,
  forgetReconciliations,
  openBreaks,
  reconcilePartById,
  storeReconcilePage,
  type FoundBreak,
  type PartRow,
} from '../../web/db/reconciliations.ts';
import { checkBreaks } from '../../web/flows/reconcile-again.ts';
import { aShop } from '../builders.ts';
import { testDatabase, type TestDatabase } from '../database.ts';
import { depsOn } from '../worker/play.ts';

let place: TestDatabase;
let db: Database;
let shopId: number;
beforeAll(async () => {
  place = await testDatabase();
  db = openDatabase({ url: place.url, connections: 5 });
});
afterAll(async () => {
  await db.close();
  await place.close();
});
beforeEach(async () => {
  shopId = (await aShop(db)).id;
  await db.pool.query(
    `insert into settings (shop_id, alert_url) values ($1, 'https://alerts.example/hook')`,
    [shopId],
  );
});

async function aRun(): Promise<PartRow> {
  const run = await beginReconciliation(db, { shopId, because: 'operator', atLeastMs: 0 });
  const parts = await db.prisma.reconcilePart.findMany({
    where: { reconciliationId: BigInt(run?.id ?? '0') },
  });
  const part = await reconcilePartById(db, String(parts[0]?.id));
  if (parts.length !== 1 || part === undefined) throw new Error('a run of one part');
  return part;
}
const paid = (n: number, amount: string): FoundBreak => ({
  ...{ what: 'order_paid_without_money', heal: 'person', nodeId: null, paymentId: null },
  key: `gid://shopify/Order/${String(n)}`,
  about: { orderName: `#${String(n)}`, amount, currency: 'EUR' },
});
const store = (part: PartRow, more: { found?: FoundBreak[]; confirmed?: string[] }) =>
  storeReconcilePage(db, { part, leaseNo: 0, next: {}, dueInMs: 0, ...more });
const end = (part: PartRow) => endReconcilePart(db, { part, outcome: 'asked' });
const all = () => db.prisma.reconcileBreak.findMany({ where: { shopId }, orderBy: { id: 'asc' } });
const only = async () => {
  const [found] = await all();
  if (found === undefined) throw new Error('nothing was found');
  return found;
};
const letters = (what: string) =>
  db.prisma.alert.findMany({ where: { shopId, what }, orderBy: { id: 'asc' } });

/** A break that a person has accepted, in a run of its own. */
async function accepted(): Promise<string> {
  const part = await aRun();
  await store(part, { found: [paid(1, '50.00')] });
  const id = String((await only()).id);
  await store(part, { confirmed: [id] });
  await end(part);
  expect(await acceptBreak(db, { shopId, id, staffId: '77' })).toBe(true);
  return id;
}

test('a person’s word holds for the amounts that they have seen, and no others', async () => {
  const id = await accepted();
  const part = await aRun();
  await store(part, { found: [paid(1, '50.00')] });
  expect(await only()).toMatchObject({ id: BigInt(id), acceptedBy: '77' });
  expect((await only()).acceptedAt).not.toBeNull();
  await store(part, { found: [paid(1, '80.00')] });
  expect(await only()).toMatchObject({
    ...{ acceptedAt: null, acceptedBy: null, confirmedAt: null },
    about: { amount: '80.00' },
  });
});

/** One page of the first round of looking again, as the part's turn works it. */
async function lookAgain(part: PartRow, still: FoundBreak | undefined): Promise<void> {
  const row = { table: 'reconcile_part', id: part.id, leaseNo: 0, attempts: 0, state: '' } as const;
  await checkBreaks(
    depsOn(db),
    { part, row },
    {
      limit: 5,
      lookAgain: (open) => Promise.resolve(open.map((each) => ({ open: each, still }))),
      end: () => Promise.resolve('stored'),
    },
  );
}

test('what is accepted is looked at again, heals, and is forgotten', async () => {
  await accepted();
  await lookAgain(await aRun(), undefined);
  expect((await only()).healedAt).not.toBeNull();
  await db.pool.query(`update reconcile_break set healed_at = now() - interval '1 year'`);
  await forgetReconciliations(db);
  expect(await all()).toEqual([]);
});

test('what is found in the place of what was accepted is certain after another look', async () => {
  await accepted();
  const part = await aRun();
  await lookAgain(part, paid(1, '80.00'));
  expect(await only()).toMatchObject({ acceptedAt: null, confirmedAt: null });
  expect(await letters('reconcile_break')).toHaveLength(1);
  const ask = { shopId, nodeId: null, isNotCertain: true, after: undefined, limit: 5 };
  expect(await openBreaks(db, ask)).toHaveLength(1);
});

test('what is accepted and still so keeps no run from its end', async () => {
  await accepted();
  await lookAgain(await aRun(), paid(1, '50.00'));
  expect((await only()).acceptedAt).not.toBeNull();
  const ask = { shopId, nodeId: null, isNotCertain: true, after: undefined, limit: 5 };
  expect(await openBreaks(db, ask)).toEqual([]);
});

test('twenty breaks of a run are told of one by one, of the others their number', async () => {
  for (const run of [1, 2]) {
    const part = await aRun();
    const found = Array.from({ length: 45 }, (_, n) => paid(run * 100 + n, '5.00'));
    await store(part, { found });
    const open = (await all()).filter(({ confirmedAt }) => confirmedAt === null);
    await store(part, { confirmed: open.map(({ id }) => String(id)) });
    expect(await letters('reconcile_break')).toHaveLength(run * 20);
    expect(await letters('reconcile_breaks')).toHaveLength(run - 1);
    await end(part);
    const counts = await letters('reconcile_breaks');
    expect(counts).toHaveLength(run);
    expect(counts.at(-1)).toMatchObject({ key: part.runId, about: { count: '25' } });
  }
});

test('a few breaks are told of one by one only', async () => {
  const part = await aRun();
  await store(part, { found: Array.from({ length: 20 }, (_, n) => paid(n, '5.00')) });
  await store(part, { confirmed: (await all()).map(({ id }) => String(id)) });
  await end(part);
  expect(await letters('reconcile_break')).toHaveLength(20);
  expect(await letters('reconcile_breaks')).toEqual([]);
});

test('the run under way ends just before it is read: another one begins', async () => {
  const part = await aRun();
  // As another process would: after our statement found a run, and before it is read.
  await db.pool.query(`
    create function end_the_run() returns trigger language plpgsql as $$
    begin
      update reconciliation set ended_at = now() where id = ${part.runId};
      return null;
    end $$;
    create trigger end_the_run after insert on reconciliation for each statement
      execute function end_the_run()`);
  try {
    const run = await beginReconciliation(db, { shopId, because: 'operator', atLeastMs: 0 });
    expect(run).toMatchObject({ begun: true });
    expect(run?.id).not.toBe(part.runId);
  } finally {
    await db.pool.query('drop function end_the_run cascade');
  }
});
