// Payments in real PostgreSQL: one of many wins, every msat is booked once, and the database
// refuses what must never be.
import { beforeEach, expect, test } from 'vitest';
import { audit } from '../../web/db/audit.ts';
import { rows, type Database } from '../../web/db/database.ts';
import { claimThese, giveBack } from '../../web/db/due.ts';
import {
  currentInvoice,
  invoiceById,
  invoiceIsCanceled,
  recordSettlements,
} from '../../web/db/invoices.ts';
import { keepStream, nodeById, takeStream } from '../../web/db/nodes.ts';
import {
  changeOwed,
  closePayment,
  movePayment,
  openPayment,
  paymentById,
} from '../../web/db/payments.ts';
import { minor } from '../../web/core/money.ts';
import { aNode, anInvoice, aPayment, aSettle, aSettledPayment, aShop } from '../builders.ts';
import { databaseOfFile } from '../database-of-file.ts';

let db: Database;
let shopId: number;
let nodeId: number;

databaseOfFile(
  (made) => {
    db = made;
  },
  { connections: 20, ended: async () => expect(await audit(db)).toEqual([]) },
);
beforeEach(async () => {
  shopId = (await aShop(db)).id;
  nodeId = await aNode(db, { shopId });
});

const balance = async (account: string): Promise<bigint> => {
  const [row] = await rows<{ sum: string }>(
    db.pool,
    {
      name: 'test_balance',
      text: `
        select coalesce(sum(case when to_account = $1 then amount_msat else -amount_msat end), 0)
          as sum
        from posting where $1 in (to_account, from_account)`,
    },
    [account],
  );
  return BigInt(row?.sum ?? '0');
};
const lookup = { via: 'lookup' } as const;
const settle = (observations: ReturnType<typeof aSettle>[], node = nodeId) =>
  recordSettlements(db.pool, { nodeId: node, observations, recorder: lookup });
const queued = async (lane: string): Promise<number> => {
  const [row] = await rows<{ n: number }>(
    db.pool,
    {
      name: 'test_queued',
      text: `select count(*)::int as n from graphile_worker.jobs where key = 'lane:' || $1`,
    },
    [lane],
  );
  return row?.n ?? 0;
};

test('fifty who open one order make one payment', async () => {
  const order = {
    shopId,
    originId: 'gid://shopify/Order/1',
    sequence: 1,
    orderName: '#1',
    checkoutTokenHash: undefined,
    test: false,
    currency: 'EUR' as never,
    owedMinor: minor(100n),
    owedAt: new Date(),
  };
  const opened = await Promise.all(Array.from({ length: 50 }, () => openPayment(db, order)));
  expect(opened.filter((one) => one.opened)).toHaveLength(1);
  expect(new Set(opened.map((one) => one.payment.id)).size).toBe(1);
});

test('fifty who promise a price make one payable invoice', async () => {
  const payment = await aPayment(db, { shopId });
  const made = await Promise.allSettled(
    Array.from({ length: 50 }, () => anInvoice(db, { payment, nodeId, state: 'made' })),
  );
  expect(made.filter((one) => one.status === 'fulfilled')).toHaveLength(1);
});

test('a settlement moves, books and nudges once, however often it is told', async () => {
  const payment = await aPayment(db, { shopId });
  const invoice = await anInvoice(db, { payment, nodeId });
  const seen = aSettle(invoice);
  const told = await Promise.all(Array.from({ length: 20 }, () => settle([seen])));
  expect(told.flatMap((one) => one.settled)).toHaveLength(1);
  expect((await paymentById(db, payment.id))?.state).toBe('settled');
  expect(await balance(`awaiting:${String(shopId)}`)).toBe(invoice.amountMsat);
  expect(await balance(`node:${String(nodeId)}`)).toBe(-BigInt(invoice.amountMsat));
  expect(await queued(`shop:${String(shopId)}:admin`)).toBe(1);
});

test('no proof, too little, or another node: nothing changes', async () => {
  const payment = await aPayment(db, { shopId });
  const invoice = await anInvoice(db, { payment, nodeId });
  const other = await aNode(db, { shopId: (await aShop(db)).id });
  const wrong = '00'.repeat(32) as typeof invoice.preimage;
  await settle([aSettle(invoice, { preimage: wrong })]);
  await settle([aSettle(invoice, { receivedMsat: (invoice.amountMsat - 1n) as never })]);
  await settle([aSettle(invoice)], other);
  expect((await paymentById(db, payment.id))?.state).toBe('open');
  await expect(
    db.pool.query(
      `update invoice set state = 'settled', paid_msat = amount_msat, preimage = $2,
         recorded_at = now(), sealed_preimage = null where id = $1`,
      [invoice.id, Buffer.alloc(32)],
    ),
  ).rejects.toThrow(/invoice_settled_has_proof/);
});

test('too much and a second invoice are overpaid, and ask for a person', async () => {
  const payment = await aPayment(db, { shopId });
  const first = await anInvoice(db, { payment, nodeId });
  await invoiceIsCanceled(db, {
    id: first.id,
    paymentId: payment.id,
    because: 'node_says_canceled',
  });
  const second = await anInvoice(db, { payment, nodeId });
  // A node that was restored forgot the cancellation: both were paid, in one batch.
  await settle([
    aSettle(second, { receivedMsat: (second.amountMsat + 5n) as never }),
    aSettle(first, { settledAt: new Date(Date.now() + 1_000) }),
  ]);
  const after = await paymentById(db, payment.id);
  expect(after).toMatchObject({
    state: 'settled',
    attention: 'overpaid',
    settledInvoiceId: second.id,
  });
  expect(await balance(`overpaid:${String(shopId)}`)).toBe(first.amountMsat + 5n);
  expect(await balance(`awaiting:${String(shopId)}`)).toBe(second.amountMsat);
});

test('closing without an invoice lapses at once; with one it waits for the node', async () => {
  const bare = await aPayment(db, { shopId });
  await closePayment(db, { paymentId: bare.id, because: 'order_cancelled' });
  expect((await paymentById(db, bare.id))?.state).toBe('lapsed');

  const payment = await aPayment(db, { shopId });
  const invoice = await anInvoice(db, { payment, nodeId });
  await closePayment(db, { paymentId: payment.id, because: 'order_cancelled' });
  expect((await paymentById(db, payment.id))?.state).toBe('closing');
  expect(await queued(`node:${String(nodeId)}`)).toBe(1);
  await expect(anInvoice(db, { payment, nodeId })).rejects.toThrow();
  await invoiceIsCanceled(db, {
    id: invoice.id,
    paymentId: payment.id,
    because: 'node_says_canceled',
  });
  expect((await paymentById(db, payment.id))?.state).toBe('lapsed');
});

test('the buyer who pays while we close has paid', async () => {
  const payment = await aPayment(db, { shopId });
  const invoice = await anInvoice(db, { payment, nodeId });
  await closePayment(db, { paymentId: payment.id, because: 'order_cancelled' });
  const raced = await Promise.all([
    settle([aSettle(invoice)]),
    invoiceIsCanceled(db, {
      id: invoice.id,
      paymentId: payment.id,
      because: 'node_says_canceled',
    }),
  ]);
  expect(raced[0].settled).toHaveLength(1);
  const after = await paymentById(db, payment.id);
  expect(['settled', 'lapsed']).toContain(after?.state);
  // Whoever was first: the money is in the books, for the order or to be given back.
  const booked =
    (await balance(`awaiting:${String(shopId)}`)) + (await balance(`overpaid:${String(shopId)}`));
  expect(booked).toBe(invoice.amountMsat);
});

test('an edited order ends the invoice, and its old amount gets no price', async () => {
  const payment = await aPayment(db, { shopId });
  const invoice = await anInvoice(db, { payment, nodeId });
  const changed = { paymentId: payment.id, owedMinor: minor(999n), currency: payment.currency };
  expect(await changeOwed(db, { ...changed, at: new Date() })).toBe(true);
  expect(await changeOwed(db, { ...changed, at: new Date() })).toBe(false);
  expect((await currentInvoice(db, payment.id))?.ending).toBe('amount_changed');
  await invoiceIsCanceled(db, {
    id: invoice.id,
    paymentId: payment.id,
    because: 'node_says_canceled',
  });
  expect((await paymentById(db, payment.id))?.state).toBe('open');
  await expect(anInvoice(db, { payment, nodeId })).rejects.toThrow();
});

test('of eight who tell one books, and a lost claim books nothing', async () => {
  const { payment, invoice } = await aSettledPayment(db, { shopId, nodeId });
  const order = {
    paymentId: payment.id,
    move: { from: 'settled', to: 'resolved' },
    because: 'told_shopify',
    journal: `verdict:${payment.id}`,
    postings: [
      {
        from: `awaiting:${String(shopId)}`,
        to: `resolved:${String(shopId)}`,
        amountMsat: invoice.amountMsat,
      },
    ],
  } as const;
  expect(await movePayment(db.pool, { ...order, leaseNo: 4_711 })).toBe(false);
  const moved = await Promise.all(Array.from({ length: 8 }, () => movePayment(db.pool, order)));
  expect(moved.filter(Boolean)).toHaveLength(1);
  expect(await balance(`resolved:${String(shopId)}`)).toBe(invoice.amountMsat);
});

test('an arrow that is not in the story, and a changed past, are refused', async () => {
  const { payment } = await aSettledPayment(db, { shopId, nodeId });
  const set = (state: string) =>
    db.pool.query('update payment set state = $2::payment_state where id = $1', [
      payment.id,
      state,
    ]);
  await expect(set('open')).rejects.toThrow(/does not go from settled to open/);
  await expect(set('lapsed')).rejects.toThrow(/does not go/);
  await expect(db.pool.query('delete from history')).rejects.toThrow(/append-only/);
  await expect(db.pool.query('update posting set amount_msat = 1')).rejects.toThrow(/append-only/);
});

test('an owner of a stream that was replaced records nothing and moves no cursor', async () => {
  const payment = await aPayment(db, { shopId });
  const invoice = await anInvoice(db, { payment, nodeId });
  const old = await takeStream(db, { nodeId, holder: 'a', leaseMs: 1 });
  expect(old).toBeDefined();
  await new Promise((resolve) => setTimeout(resolve, 20));
  const owner = await takeStream(db, { nodeId, holder: 'b', leaseMs: 60_000 });
  expect(await takeStream(db, { nodeId, holder: 'c', leaseMs: 60_000 })).toBeUndefined();
  expect(old && (await keepStream(db, old, 60_000))).toBe(false);
  if (old === undefined || owner === undefined) throw new Error('no lease');
  const record = (lease: typeof old, cursor: bigint) =>
    recordSettlements(db.pool, {
      nodeId,
      observations: [aSettle(invoice)],
      recorder: { via: 'live', ...lease, cursor },
    });
  expect(await record(old, 9n)).toEqual({ owner: false, settled: [], ofOtherNodes: [] });
  expect((await invoiceById(db, invoice.id.toString()))?.state).toBe('live');
  const recorded = await record(owner, 7n);
  expect(recorded.owner).toBe(true);
  expect(recorded.settled).toHaveLength(1);
  await record(owner, 3n);
  expect((await nodeById(db, nodeId))?.streamCursor).toBe(7n);
});

test('a step that had it in hand does not put back what it was before it moved', async () => {
  const payment = await aPayment(db, { shopId });
  const { rows: due } = await db.pool.query<{ lane: `shop:${number}:admin` }>(
    `update payment set due_at = now() - interval '1 s' where id = $1 returning lane`,
    [payment.id],
  );
  const lane = due[0]?.lane ?? `shop:${shopId}:admin`;
  const [row] = await claimThese(db, { table: 'payment', lane, ids: [payment.id] });
  if (row === undefined) throw new Error('it is not due');
  const move = { from: 'open', to: 'closing' } as const;
  const order = { paymentId: payment.id, because: 'other_app', move, dueInMs: 60_000 } as const;
  expect(await movePayment(db.pool, order)).toBe(true);
  const dueAt = async (): Promise<unknown> =>
    (await db.prisma.payment.findUniqueOrThrow({ where: { id: payment.id } })).dueAt;
  const before = await dueAt();
  expect(before).not.toBeNull();
  await giveBack(db.pool, row, { dueInMs: undefined, attempt: false });
  expect(await dueAt()).toEqual(before);
  const end = { from: 'closing', to: 'lapsed' } as const;
  await movePayment(db.pool, { paymentId: payment.id, because: 'other_app', move: end });
});
