// A price is promised only where it can be kept, and what a node says of an invoice counts only
// where it can be believed.
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { lookWhileLiveMs } from '../../web/core/retry.ts';
import { currentInvoice, invoiceById } from '../../web/db/invoices.ts';
import { giveBack } from '../../web/db/due.ts';
import { takeStream } from '../../web/db/nodes.ts';
import { installShop } from '../../web/db/shops.ts';
import { lookAtInvoice } from '../../web/flows/look-at-invoice.ts';
import { recordStream } from '../../web/flows/observe-invoice.ts';
import { quoteInvoice } from '../../web/flows/quote-invoice.ts';
import { workRow } from '../../web/worker/work-row.ts';
import { stepOf } from '../../web/worker/steps.ts';
import { aNode, anInvoice, aSettle } from '../builders.ts';
import { startInProcess, type InProcess } from '../in-process.ts';

let our: InProcess;
beforeAll(async () => {
  our = await startInProcess();
});
afterAll(async () => {
  await our.close();
});
beforeEach(() => {
  our.prices.reset();
  our.shopify.faults.clear();
});

test('no price for an order that Shopify does not return: nobody could mark it paid', async () => {
  const { payment } = await our.anOrder();
  const made = our.lnd.invoices.all().length;
  // What Shopify said when the payment was opened is old by then.
  const on = our.later(60_000);
  const hidden = our.shopify.faults.add({ kind: 'order-not-by-id', times: 1_000 });
  const refused = { is: 'refused', refusal: 'shop_unreachable' };
  expect(await quoteInvoice(on, payment.id)).toEqual(refused);
  expect(await currentInvoice(our.db, payment.id)).toBeUndefined();
  expect(our.lnd.invoices.all()).toHaveLength(made);
  expect((await our.read(payment.id)).state).toBe('open');
  hidden.remove();
  expect(await quoteInvoice(our.deps, payment.id)).toMatchObject({ is: 'payable' });
});

test('an amount below a satoshi gets no invoice, and the page says why', async () => {
  our.prices.set({ dollarsPerBitcoin: '9000000' });
  // Nobody has asked for this currency yet: prices are remembered for some seconds.
  const { payment } = await our.anOrder({ total: '0.01', currency: 'GBP' });
  const refused = { is: 'refused', refusal: 'amount_too_small' };
  expect(await quoteInvoice(our.deps, payment.id)).toEqual(refused);
  const status = await fetch(`${our.appUrl}/pay/${payment.link}/status`);
  expect(status.status).toBe(200);
  expect(await status.json()).toMatchObject({ state: 'open', refusal: 'amount_too_small' });
  const page = await fetch(`${our.appUrl}/pay/${payment.link}`);
  expect(page.status).toBe(200);
  expect(await page.text()).not.toMatch(/lightning:ln/i);
});

test('a settlement that another node reports moves nothing, and is told to a person', async () => {
  const { db, deps, log } = our;
  const { payment } = await our.anOrder();
  const invoice = await anInvoice(db, { payment, nodeId: our.node.id });
  const { registrationId } = our.shop;
  const other = await installShop(db, { registrationId, domain: 'other.myshopify.com' });
  const strange = await aNode(db, { shopId: other.shop.id });
  const recorded = await recordStream(deps, {
    nodeId: strange,
    observations: [aSettle(invoice)],
    recorder: { via: 'lookup' },
  });
  expect(recorded).toMatchObject({ settled: [], ofOtherNodes: [payment.id] });
  expect((await our.read(payment.id)).state).toBe('open');
  const about = { paymentId: payment.id, nodeId: strange };
  expect(log.said('node.reported_foreign_invoice')).toEqual([
    { level: 'warn', what: 'node.reported_foreign_invoice', about },
  ]);
});

test('a look that went well forgets the looks that failed before', async () => {
  const { db, deps } = our;
  const { payment } = await our.anOrder();
  const { id } = await our.quoted(payment.id);
  const lane = our.nodeLane(our.node.id);
  await db.pool.query('update invoice set due_at = null, lease_until = null where id <> $1', [id]);
  const attempts = async (): Promise<number> => {
    const row = await db.prisma.invoice.findUniqueOrThrow({ where: { id } });
    return row.attempts;
  };
  await db.pool.query(`update invoice set due_at = now() - interval '1 ms' where id = $1`, [id]);
  await giveBack(db.pool, await our.claimDue('invoice', lane), { dueInMs: 0, attempt: true });
  expect(await attempts()).toBe(1);
  const row = await our.claimDue('invoice', lane);
  const onPaused = (): void => {
    throw new Error('the lane was paused');
  };
  const end = await workRow(deps, { lane, row, stepOf, stepMs: 30_000, onPaused });
  expect(end).toEqual({ is: 'answered', again: false });
  expect(await attempts()).toBe(0);
  const { dueAt, state } = await db.prisma.invoice.findUniqueOrThrow({ where: { id } });
  expect(state).toBe('live');
  expect(dueAt?.getTime()).toBeGreaterThan(Date.now() + lookWhileLiveMs / 2);
});

test('"not found" ends an invoice only while somebody follows the node', async () => {
  const { db } = our;
  const { payment } = await our.anOrder();
  // The node has never heard of it, and it ran out long ago.
  const { id } = await anInvoice(db, { payment, nodeId: our.node.id, lapsesInMs: -3_600_000 });
  const look = () =>
    our.runStep(lookAtInvoice, { table: 'invoice', id, lane: our.nodeLane(our.node.id) });
  const state = async () => (await invoiceById(db, id.toString()))?.state;
  const about = { nodeId: our.node.id, holder: 'a pool', leaseMs: 600_000 };
  expect(await takeStream(db, about)).toBeDefined();
  await db.pool.query(`update node set stream_whole_since = now() - interval '1 h'`);
  // Whoever followed it has died: what it missed since then, nobody knows.
  await db.pool.query(`update node set stream_lease_until = now() - interval '1 s'`);
  await look();
  expect(await state()).toBe('live');
  await db.pool.query(`update node set stream_lease_until = now() + interval '1 min'`);
  await look();
  expect(await state()).toBe('canceled');
});

test('a node that is connected again is asked soon for what had given up', async () => {
  const { db } = our;
  const lane = our.nodeLane(our.node.id);
  const put = async (attempts: number): Promise<bigint> => {
    const { payment } = await our.anOrder();
    const { id } = await anInvoice(db, { payment, nodeId: our.node.id });
    const dueAt = new Date(Date.now() + 3_600_000);
    await db.prisma.invoice.update({ where: { id }, data: { attempts, dueAt } });
    return id;
  };
  const gaveUp = await put(2);
  const ordinary = await put(0);
  const pausedUntil = new Date(Date.now() + 600_000);
  const paused = { pausedUntil, because: 'credential_refused', failures: 5 };
  await db.prisma.lane.upsert({
    where: { name: lane },
    create: { name: lane, ...paused },
    update: paused,
  });
  expect(await our.connect()).toMatchObject({ ok: true, node: { id: our.node.id } });
  const dueInMs = async (id: bigint): Promise<number> => {
    const { dueAt } = await db.prisma.invoice.findUniqueOrThrow({ where: { id } });
    return (dueAt?.getTime() ?? Infinity) - Date.now();
  };
  expect(await dueInMs(gaveUp)).toBeLessThan(60_000);
  expect(await dueInMs(ordinary)).toBeGreaterThan(1_800_000);
  const opened = await db.prisma.lane.findUnique({ where: { name: lane } });
  expect(opened).toMatchObject({ pausedUntil: null, failures: 0 });
});
