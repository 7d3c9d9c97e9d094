// Money is recorded while another transaction closes the same payment. The one that waits for the
// other's lock must see what the other did, or the money would belong to nobody.
import { setTimeout as pause } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { audit } from '../../web/db/audit.ts';
import { transaction, type Database } from '../../web/db/database.ts';
import { recordSettlements } from '../../web/db/invoices.ts';
import { endInvoices, movePayment, paymentById } from '../../web/db/payments.ts';
import { aNode, anInvoice, aPayment, aSettle, aShop } from '../builders.ts';
import { databaseOfFile } from '../database-of-file.ts';

let db: Database;
databaseOfFile((made) => {
  db = made;
});
/** Resolves when somebody waits for a lock. */
async function somebodyWaits(): Promise<void> {
  for (;;) {
    const { rows } = await db.pool.query<{ n: number }>(
      `select count(*)::int as n from pg_stat_activity
       where datname = current_database() and wait_event_type = 'Lock'`,
    );
    if ((rows[0]?.n ?? 0) > 0) return;
    await pause(5);
  }
}

test('a settlement that waited for the closing of its payment moves it all the same', async () => {
  const shop = await aShop(db);
  const nodeId = await aNode(db, { shopId: shop.id });
  const payment = await aPayment(db, { shopId: shop.id });
  const invoice = await anInvoice(db, { payment, nodeId });
  let recording: ReturnType<typeof recordSettlements> | undefined;
  await transaction(db, async (on) => {
    const move = { from: 'open', to: 'closing' } as const;
    await movePayment(on, { paymentId: payment.id, move, because: 'order_cancelled' });
    await endInvoices(on, payment.id, 'order_over');
    recording = recordSettlements(db.pool, {
      nodeId,
      observations: [aSettle(invoice)],
      recorder: { via: 'lookup' },
    });
    await somebodyWaits();
  });
  expect((await recording)?.settled).toMatchObject([{ hash: invoice.hash, firstOfPayment: true }]);
  expect(await paymentById(db, payment.id)).toMatchObject({ state: 'settled' });
  const moves = await db.prisma.history.findMany({
    where: { paymentId: payment.id, what: 'moved' },
    orderBy: { id: 'asc' },
  });
  expect(moves.map(({ from, to }) => [from, to])).toEqual([
    ['open', 'closing'],
    ['closing', 'settled'],
  ]);
  expect(await audit(db)).toEqual([]);
});

test('a second settlement that waited for the first is to be given back', async () => {
  const shop = await aShop(db);
  const nodeId = await aNode(db, { shopId: shop.id });
  const payment = await aPayment(db, { shopId: shop.id });
  const first = await anInvoice(db, { payment, nodeId });
  await db.pool.query(`update invoice set state = 'canceled', due_at = null where id = $1`, [
    first.id,
  ]);
  const second = await anInvoice(db, { payment, nodeId });
  const record = (on: Parameters<typeof recordSettlements>[0], invoice: typeof first) =>
    recordSettlements(on, {
      nodeId,
      observations: [aSettle(invoice)],
      recorder: { via: 'lookup' },
    });
  let later: ReturnType<typeof recordSettlements> | undefined;
  await transaction(db, async (on) => {
    await record(on, second);
    later = record(db.pool, first);
    await somebodyWaits();
  });
  expect((await later)?.settled).toMatchObject([{ hash: first.hash, firstOfPayment: false }]);
  expect(await paymentById(db, payment.id)).toMatchObject({
    state: 'settled',
    attention: 'overpaid',
  });
  expect(await audit(db)).toEqual([]);
});
