// All open payments of a shop end in a few statements, each exactly as one that closes alone.
import { expect, test, vi } from 'vitest';
import { audit } from '../../web/db/audit.ts';
import { closeOpenOfShop } from '../../web/db/closings.ts';
import { transaction, type Database } from '../../web/db/database.ts';
import { closePayment } from '../../web/db/payments.ts';
import { uninstallShop } from '../../web/db/shops.ts';
import { aNode, anInvoice, aPayment, aShop } from '../builders.ts';
import { databaseOfFile } from '../database-of-file.ts';

let db: Database;
databaseOfFile(
  (made) => {
    db = made;
  },
  { ended: async () => expect(await audit(db)).toEqual([]) },
);
/** A shop with three kinds of open payments: with an invoice, without, and one to be rejected. */
async function aBusyShop() {
  const shopId = (await aShop(db)).id;
  const nodeId = await aNode(db, { shopId });
  const issued = await aPayment(db, { shopId });
  const plain = await aPayment(db, { shopId });
  const rejected = await aPayment(db, { shopId });
  await anInvoice(db, { payment: issued, nodeId });
  await db.pool.query(
    `update payment set verdict_wanted = 'reject', attempts = 3, attention = 'untold'
     where id = $1::uuid`,
    [rejected.id],
  );
  return { shopId, ids: [issued.id, plain.id, rejected.id] };
}

/** What is left of them, without what differs between any two payments. */
async function leftOf(ids: readonly string[]) {
  const left = [];
  for (const id of ids) {
    const row = await db.prisma.payment.findUniqueOrThrow({
      where: { id },
      include: { invoices: true, history: { orderBy: { id: 'asc' } } },
    });
    left.push({
      ...{ state: row.state, reason: row.reason, attempts: row.attempts },
      ...{ attention: row.attention, isDue: row.dueAt !== null, leaseUntil: row.leaseUntil },
      invoices: row.invoices.map(({ state, ending, endingAt, dueAt, attempts, leaseNo }) => {
        return {
          state,
          ending,
          isEnding: endingAt !== null,
          isDue: dueAt !== null,
          attempts,
          leaseNo,
        };
      }),
      history: row.history.map(({ what, from, to, because, details }) => {
        return [what, from, to, because, Object.keys(details as object)];
      }),
    });
  }
  return left;
}

test('as if each had been closed alone', async () => {
  const [alone, together] = [await aBusyShop(), await aBusyShop()];
  for (const paymentId of alone.ids) {
    await closePayment(db, { paymentId, because: 'shop_uninstalled' });
  }
  const { shopId } = together;
  await transaction(db, (on) => closeOpenOfShop(on, { shopId, because: 'shop_uninstalled' }));
  const left = await leftOf(together.ids);
  expect(left).toEqual(await leftOf(alone.ids));
  expect(left.map(({ state, isDue }) => [state, isDue])).toEqual([
    ['closing', false],
    ['lapsed', false],
    ['lapsed', true],
  ]);
  const jobs = await db.pool.query<{ key: string }>('select key from graphile_worker.jobs');
  expect(jobs.rows.map(({ key }) => key)).toContain(`lane:shop:${String(shopId)}:admin`);
});

test('a shop with 1,200 open payments goes in a few statements', async () => {
  const shopId = (await aShop(db)).id;
  const like = await aPayment(db, { shopId });
  const other = await aPayment(db, { shopId: (await aShop(db)).id });
  await db.pool.query(
    `insert into payment (id, link, shop_id, origin_id, sequence, order_name, currency, owed_minor,
       owed_at, state, reason, lane, tell_sales_before)
     select gen_random_uuid(), 'l' || n, shop_id, 'o' || n, 1, order_name, currency, owed_minor,
       owed_at, state, reason, lane, '{}' from payment, generate_series(2, 1200) n where id = $1`,
    [like.id],
  );
  let statements = 0;
  await transaction(db, async (on) => {
    const asked = vi.spyOn(on, 'query');
    expect(await closeOpenOfShop(on, { shopId, because: 'shop_uninstalled' })).toBe(1_200);
    statements = asked.mock.calls.length;
    asked.mockRestore();
  });
  expect(statements).toBeGreaterThan(2);
  expect(statements).toBeLessThan(20);
  const open = await db.prisma.payment.groupBy({ by: ['state'], where: { shopId }, _count: true });
  expect(open).toEqual([{ state: 'lapsed', _count: 1_200 }]);
  expect((await leftOf([other.id]))[0]?.state).toBe('open');
});

test('the end of a shop is that of its open payments', async () => {
  const { shopId, ids } = await aBusyShop();
  await uninstallShop(db, shopId, { keepTokens: false });
  expect((await leftOf(ids)).map(({ state, reason }) => [state, reason])).toEqual([
    ['closing', 'shop_uninstalled'],
    ['lapsed', 'never_issued'],
    ['lapsed', 'never_issued'],
  ]);
});
