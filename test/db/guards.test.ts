// What the database itself refuses, whatever the program does: each of these is the last guard of
// somebody's money.
import { beforeEach, expect, test } from 'vitest';
import { audit } from '../../web/db/audit.ts';
import type { Database } from '../../web/db/database.ts';
import type { PaymentRow } from '../../web/db/payments.ts';
import { aNode, anInvoice, aPayment, aSettledPayment, aShop } from '../builders.ts';
import { databaseOfFile } from '../database-of-file.ts';

let db: Database;
let shopId: number;
let nodeId: number;
databaseOfFile(
  (made) => {
    db = made;
  },
  { ended: async () => expect(await audit(db)).toEqual([]) },
);
beforeEach(async () => {
  shopId = (await aShop(db)).id;
  nodeId = await aNode(db, { shopId });
});

const sql = (text: string, values: unknown[] = []): Promise<unknown> => db.pool.query(text, values);

/** What a careless program would do: an invoice like this one, under another payment. */
const copyInvoice = (id: bigint, more: { payment: PaymentRow; hash?: string }): Promise<unknown> =>
  sql(
    `with promised as (
       insert into quote (payment_id, fiat_minor, currency, amount_msat, price_e8, evidence,
         made_at, lapses_at)
       select $2::uuid, fiat_minor, currency, amount_msat, price_e8, evidence, made_at, lapses_at
       from quote where id = (select quote_id from invoice where id = $1) returning id)
     insert into invoice (payment_id, quote_id, node_id, hash, amount_msat, state, request,
       expires_at, lane)
     select $2::uuid, promised.id, node_id, coalesce(decode($3, 'hex'), hash), amount_msat, 'live',
       request, expires_at, lane
     from invoice, promised where invoice.id = $1`,
    [id, more.payment.id, more.hash ?? null],
  );

test('a payment hash belongs to one invoice', async () => {
  const invoice = await anInvoice(db, { payment: await aPayment(db, { shopId }), nodeId });
  const payment = await aPayment(db, { shopId });
  await expect(copyInvoice(invoice.id, { payment })).rejects.toThrow(/invoice_hash_key/);
});

test('a payment has one invoice that can be paid', async () => {
  const payment = await aPayment(db, { shopId });
  const invoice = await anInvoice(db, { payment, nodeId });
  const second = copyInvoice(invoice.id, { payment, hash: 'ab'.repeat(32) });
  await expect(second).rejects.toThrow(/invoice_one_payable/);
});

test('an invoice stays with its payment, its node and its hash', async () => {
  const payment = await aPayment(db, { shopId });
  const other = await aPayment(db, { shopId });
  const { id } = await anInvoice(db, { payment, nodeId });
  const strange = await aNode(db, { shopId: (await aShop(db)).id });
  const moves: [string, unknown][] = [
    ['payment_id = $2::uuid', other.id],
    ['node_id = $2::int', strange],
    [`hash = decode($2, 'hex')`, 'cd'.repeat(32)],
  ];
  for (const [move, to] of moves) {
    const moved = sql(`update invoice set ${move} where id = $1`, [id, to]);
    await expect(moved).rejects.toThrow(/belongs to one payment and one node for ever/);
  }
});

test('no money is booked twice under one journal', async () => {
  const { payment, invoice } = await aSettledPayment(db, { shopId, nodeId });
  const again = sql(
    `insert into posting (payment_id, journal, from_account, to_account, amount_msat)
     select payment_id, journal, from_account, to_account, amount_msat from posting
     where payment_id = $1`,
    [payment.id],
  );
  await expect(again).rejects.toThrow(/posting_journal_from_account_to_account_key/);
  const { rows } = await db.pool.query<{ sum: string }>(
    'select sum(amount_msat)::text as sum from posting where payment_id = $1',
    [payment.id],
  );
  expect(rows[0]?.sum).toBe(invoice.amountMsat.toString());
});

test.each([0n, -1n])('an amount of %s is none', async (amount) => {
  const payment = await aPayment(db, { shopId });
  await expect(anInvoice(db, { payment, nodeId, amountMsat: amount })).rejects.toThrow(
    /_msat_positive/,
  );
  const { id } = await anInvoice(db, { payment, nodeId });
  const promised = sql(
    `insert into quote (payment_id, fiat_minor, currency, amount_msat, price_e8, evidence, made_at,
       lapses_at)
     select payment_id, fiat_minor, currency, $2, price_e8, evidence, made_at, lapses_at
     from quote where payment_id = $1`,
    [payment.id, amount],
  );
  await expect(promised).rejects.toThrow(/quote_msat_positive/);
  const changed = sql('update invoice set amount_msat = $2 where id = $1', [id, amount]);
  await expect(changed).rejects.toThrow(/invoice_msat_positive/);
  const booked = sql(
    `insert into posting (payment_id, journal, from_account, to_account, amount_msat)
     values ($1, 'test', 'node:1', 'awaiting:1', $2)`,
    [payment.id, amount],
  );
  await expect(booked).rejects.toThrow(/posting_msat_positive/);
});

test('what was promised is never changed and never deleted', async () => {
  const payment = await aPayment(db, { shopId });
  await anInvoice(db, { payment, nodeId });
  const changes = [
    ...['fiat_minor = fiat_minor + 1', 'amount_msat = amount_msat + 1', `currency = 'CHF'`],
    ...['price_e8 = price_e8 * 2', `evidence = '{}'`, `made_at = made_at - interval '1 day'`],
    ...['payment_id = gen_random_uuid()', 'id = id + 1000000'],
  ];
  for (const change of changes) {
    const changed = sql(`update quote set ${change} where payment_id = $1`, [payment.id]);
    await expect(changed, change).rejects.toThrow(/quote is append-only/);
  }
  const gone = sql('delete from quote where payment_id = $1', [payment.id]);
  await expect(gone).rejects.toThrow(/quote is append-only/);
});

test('a promise that was changed past its guard is not what its history says', async () => {
  const payment = await aPayment(db, { shopId });
  await anInvoice(db, { payment, nodeId });
  const set = (change: string) =>
    sql(`update quote set ${change} where payment_id = $1`, [payment.id]);
  await sql('alter table quote disable trigger quote_append_only');
  for (const [change, back] of [
    ['fiat_minor = fiat_minor + 1', 'fiat_minor = fiat_minor - 1'],
    [`currency = 'CHF'`, `currency = 'EUR'`],
  ] as const) {
    await set(change);
    const broken = await audit(db);
    expect(broken).toHaveLength(1);
    expect(broken[0]?.rule).toBe('I5');
    expect(broken[0]?.what).toContain(payment.id);
    await set(back);
    expect(await audit(db)).toEqual([]);
  }
  await sql('alter table quote enable trigger quote_append_only');
});

test('nobody has paid without an invoice that was paid', async () => {
  const payment = await aPayment(db, { shopId });
  const paid = sql(`update payment set state = 'settled' where id = $1`, [payment.id]);
  await expect(paid).rejects.toThrow(/payment_settled_has_invoice/);
});

test('an invoice that was paid is never denied', async () => {
  const { invoice } = await aSettledPayment(db, { shopId, nodeId });
  for (const state of ['live', 'canceled']) {
    const denied = sql('update invoice set state = $2::invoice_state where id = $1', [
      invoice.id,
      state,
    ]);
    await expect(denied).rejects.toThrow(/does not go from settled to/);
  }
});
