// What has left orders unpaid, or paid twice, between the money and the shop, played against a
// whole program with its pool: a played shop, a simulated node. Named after what happened, where.
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { audit } from '../../web/db/audit.ts';
import { recordSettlements } from '../../web/db/invoices.ts';
import type { PaymentRow } from '../../web/db/payments.ts';
import { startPool, type Pool, type PoolOptions } from '../../web/worker/pool.ts';
import { anInvoice, aSettle } from '../builders.ts';
import { startInProcess, type InProcess, type Open } from '../in-process.ts';
import { until } from '../worker/play.ts';

let our: InProcess;
const pools: Pool[] = [];
beforeAll(async () => {
  our = await startInProcess();
});
afterEach(async () => {
  await Promise.all(pools.splice(0).map((pool) => pool.stop()));
});
afterAll(async () => {
  expect(await audit(our.db)).toEqual([]);
  await our.close();
});
beforeEach(() => {
  our.shopify.faults.clear();
});

async function work(options: PoolOptions = {}): Promise<Pool> {
  const pool = startPool(our.deps, { listener: { takeMs: 200, keepMs: 400 }, ...options });
  pools.push(pool);
  await pool.ready;
  return pool;
}

/** A buyer has paid, and the node knows. */
async function aPaidOrder(): Promise<Open> {
  const open = await our.anOrder();
  const { request } = await our.quoted(open.payment.id);
  expect(await our.lnd.pay(request)).toMatchObject({ ok: true });
  return open;
}
const is = (payment: PaymentRow, state: string): Promise<number> =>
  until(`the payment is ${state}`, async () => (await our.read(payment.id)).state === state);
/** Shopify has it once, our books have it once, and nobody is asked for anything. */
async function isToldOnce({ payment, orderId }: Open): Promise<void> {
  await is(payment, 'resolved');
  expect(our.shopify.effects.payments(orderId)).toBe(1);
  expect(await our.read(payment.id)).toMatchObject({ toldMinor: 2_100n, attention: null });
  const told = await our.db.prisma.posting.findMany({
    where: { paymentId: payment.id, journal: `verdict:${payment.id}` },
  });
  expect(told).toHaveLength(1);
}
const mark = 'OrderMarkAsPaid';

test('R01 the call that marks the order fails once, and nobody tries again (BTCPay)', async () => {
  const failing = our.shopify.faults.add({ kind: 'status', status: 500, operation: mark });
  await work();
  const open = await aPaidOrder();
  await isToldOnce(open);
  failing.remove();
  const history = await our.db.prisma.history.findMany({ where: { paymentId: open.payment.id } });
  // It was begun twice: the first call came to nothing.
  expect(history.filter(({ what }) => what === 'tell_began').length).toBeGreaterThan(1);
});

test('R08 a call whose end is not known is taken for one that failed (LNbits)', async () => {
  our.shopify.faults.add({ kind: 'reset', when: 'after', operation: mark });
  await work();
  const open = await aPaidOrder();
  await isToldOnce(open);
  expect((await our.read(open.payment.id)).reason).toBe('told_before');
});

test('R10 a 429 with a page of HTML breaks the client that expects JSON (Shopify)', async () => {
  our.shopify.faults.add({ kind: 'html-429', times: 2, operation: mark });
  await work();
  const open = await aPaidOrder();
  await isToldOnce(open);
  expect(our.log.said('step.defect')).toEqual([]);
  // Being told to wait is no attempt.
  expect(our.log.said('step.again').map(({ about }) => about['what'])).not.toContain('throttled');
  expect(our.log.said('lane.paused').map(({ about }) => about['because'])).toContain('throttled');
});

test('R13 the status is saved, and whoever was to hear of it dies before (BTCPay)', async () => {
  // After a refusal calls go more slowly for some seconds.
  let ordered: Open | undefined;
  await until('calls are let through', async () => {
    ordered = await our.anOrder().catch(() => undefined);
    return ordered !== undefined;
  });
  const open = ordered as Open;
  const invoice = await anInvoice(our.db, { payment: open.payment, nodeId: our.node.id });
  // Recorded by a process that died right after its statement.
  await recordSettlements(our.db.pool, {
    nodeId: our.node.id,
    observations: [aSettle(invoice)],
    recorder: { via: 'lookup' },
  });
  expect((await our.read(open.payment.id)).state).toBe('settled');
  // No sweep comes to find it: what is to be done was stored with the status.
  await work({ listener: false, sweeps: { dueMs: 3_600_000 } });
  await isToldOnce(open);
});

test('R14 the order is marked, and the books are written in another step (Blink)', async () => {
  await our.db.pool.query(
    `create function no_books() returns trigger language plpgsql as $$
     begin
       if new.journal like 'verdict:%' then raise exception 'the books are closed'; end if;
       return new;
     end $$`,
  );
  await our.db.pool.query(
    'create trigger no_books before insert on posting for each row execute function no_books()',
  );
  await work();
  const open = await aPaidOrder();
  const { payment, orderId } = open;
  await until('Shopify has it', () => our.shopify.effects.payments(orderId) === 1);
  await until('the books were closed', () => our.log.said('step.defect').length === 1);
  // What is not in the books has not happened here, whatever Shopify has.
  expect((await our.read(payment.id)).state).toBe('settled');
  await our.db.pool.query('drop trigger no_books on posting');
  await our.db.pool.query('drop function no_books');
  await our.db.pool.query('update payment set due_at = now() where id = $1::uuid', [payment.id]);
  await isToldOnce(open);
});
