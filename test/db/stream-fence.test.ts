// Whoever follows a node's stream writes under a lease: nothing of one that is over counts, and
// where the stream goes on is written with the money, or not at all.
import { beforeEach, expect, test } from 'vitest';
import type { Database } from '../../web/db/database.ts';
import { invoiceById, recordSettlements } from '../../web/db/invoices.ts';
import {
  beginStreamEpoch,
  keepStream,
  nodeById,
  takeStream,
  type StreamLease,
} from '../../web/db/nodes.ts';
import { aNode, anInvoice, aPayment, aSettle, aShop, type MadeInvoice } from '../builders.ts';
import { databaseOfFile } from '../database-of-file.ts';

let db: Database;
let nodeId: number;
let invoice: MadeInvoice;
let lease: StreamLease;
databaseOfFile((made) => {
  db = made;
});
beforeEach(async () => {
  const { id: shopId } = await aShop(db);
  nodeId = await aNode(db, { shopId });
  invoice = await anInvoice(db, { payment: await aPayment(db, { shopId }), nodeId });
  const taken = await takeStream(db, { nodeId, holder: 'a', leaseMs: 60_000 });
  if (taken === undefined) throw new Error('somebody has the stream');
  lease = taken;
});

const record = (on: StreamLease, cursor: bigint) =>
  recordSettlements(db.pool, {
    nodeId,
    observations: [aSettle(invoice)],
    recorder: { via: 'live', ...on, cursor },
  });
const nobody = { owner: false, settled: [], ofOtherNodes: [] };
const isUntouched = async (cursor = 0n): Promise<void> => {
  expect((await invoiceById(db, invoice.id.toString()))?.state).toBe('live');
  expect((await nodeById(db, nodeId))?.streamCursor).toBe(cursor);
};

test('an owner whose time is over records nothing, even while nobody has taken over', async () => {
  await db.pool.query(`update node set stream_lease_until = now() - interval '1 s' where id = $1`, [
    nodeId,
  ]);
  expect(await record(lease, 9n)).toEqual(nobody);
  await isUntouched();
  expect(await keepStream(db, lease, 60_000)).toBe(false);
});

test('a stream is taken from nobody who has it', async () => {
  expect(await takeStream(db, { nodeId, holder: 'b', leaseMs: 60_000 })).toBeUndefined();
  expect(await keepStream(db, lease, 60_000)).toBe(true);
});

test('what was heard before the node counted anew moves no cursor of the new count', async () => {
  await beginStreamEpoch(db, lease);
  expect(await record(lease, 9n)).toEqual(nobody);
  await isUntouched();
});

test('the cursor is written in the very transaction that writes the money', async () => {
  expect(await record(lease, 7n)).toMatchObject({ owner: true, settled: [{}] });
  const { rows } = await db.pool.query<{ cursor: string; together: boolean }>(
    `select n.stream_cursor::text as cursor, n.xmin = i.xmin and i.xmin = p.xmin as together
     from node n join invoice i on i.node_id = n.id join posting p on p.payment_id = i.payment_id
     where n.id = $1`,
    [nodeId],
  );
  expect(rows).toEqual([{ cursor: '7', together: true }]);
});

test('a cursor never goes back', async () => {
  await record(lease, 7n);
  await record(lease, 3n);
  expect((await nodeById(db, nodeId))?.streamCursor).toBe(7n);
});

test('money that cannot be written moves no cursor', async () => {
  await db.pool.query(
    `create function no_more_postings() returns trigger language plpgsql as
       $$ begin raise exception 'the disk is full'; end $$`,
  );
  await db.pool.query(
    `create trigger no_more_postings before insert on posting
       for each row execute function no_more_postings()`,
  );
  try {
    await expect(record(lease, 9n)).rejects.toThrow('the disk is full');
    await isUntouched();
  } finally {
    await db.pool.query('drop trigger no_more_postings on posting');
    await db.pool.query('drop function no_more_postings');
  }
  expect(await record(lease, 9n)).toMatchObject({ owner: true, settled: [{}] });
});
