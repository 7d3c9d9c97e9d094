// What the node is asked for is in our books before it is asked: whoever dies in between, and
// whatever the node says afterwards, an invoice that can be paid is always one that we know.
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { readRequest } from '../../sandbox/lnd/index.ts';
import { lookAtInvoice } from '../../web/flows/look-at-invoice.ts';
import { quoteInvoice } from '../../web/flows/quote-invoice.ts';
import { startInProcess, type InProcess } from '../in-process.ts';
import { until } from '../worker/play.ts';

let our: InProcess;
beforeAll(async () => {
  our = await startInProcess();
});
afterAll(async () => {
  await our.close();
});
beforeEach(() => {
  our.lnd.faults.reset();
});

const invoicesOf = (paymentId: string) =>
  our.db.prisma.invoice.findMany({ where: { paymentId }, orderBy: { id: 'asc' } });

test('its hash is stored while the node is still at work', async () => {
  const { payment } = await our.anOrder();
  const before = new Set(our.lnd.invoices.all().map(({ hash }) => hash));
  const made = () => our.lnd.invoices.all().filter(({ hash }) => !before.has(hash));
  our.lnd.faults.onMethod('AddInvoice', { kind: 'delay', ms: 3_000 }, 1);
  const asked = our.lnd.callsOf('AddInvoice');
  const quoting = quoteInvoice(our.deps, payment.id);
  await until('the node was asked', () => our.lnd.callsOf('AddInvoice') > asked);
  // The node has heard the wish, and takes its time.
  const stored = await invoicesOf(payment.id);
  expect(await quoting).toMatchObject({ is: 'payable' });
  expect(made()).toHaveLength(1);
  expect(stored.map(({ hash }) => Buffer.from(hash).toString('hex'))).toEqual(
    made().map(({ hash }) => hash),
  );
});

test('a promise whose node is never heard of again is found again by its lane', async () => {
  const { payment } = await our.anOrder();
  our.lnd.faults.onMethod('AddInvoice', { kind: 'error-after', code: 13, details: 'lost' });
  our.lnd.faults.onMethod('LookupInvoice', { kind: 'error-before', code: 13, details: 'lost' });
  expect(await quoteInvoice(our.deps, payment.id)).toMatchObject({ is: 'refused' });
  our.lnd.faults.reset();
  const [made, ...more] = await invoicesOf(payment.id);
  expect(more).toEqual([]);
  if (made === undefined) throw new Error('nothing was stored');
  expect(made).toMatchObject({ state: 'made', request: null });
  const lane = our.nodeLane(our.node.id);
  await our.runStep(lookAtInvoice, { table: 'invoice', id: made.id, lane });
  const [live] = await invoicesOf(payment.id);
  expect(live).toMatchObject({ id: made.id, state: 'live' });
  const { hash } = readRequest(live?.request ?? '');
  expect(hash).toBe(Buffer.from(made.hash).toString('hex'));
  expect(our.lnd.invoices.all().filter((one) => one.hash === hash)).toHaveLength(1);
});

test('a node that is asked later signs the amount of the promise', async () => {
  const { payment } = await our.anOrder({ total: '21.00', currency: 'EUR' });
  our.lnd.faults.onMethod('AddInvoice', { kind: 'error-before', code: 14, details: 'away' });
  our.lnd.faults.onMethod('LookupInvoice', { kind: 'error-before', code: 14, details: 'away' });
  expect(await quoteInvoice(our.deps, payment.id)).toMatchObject({ is: 'refused' });
  our.lnd.faults.reset();
  const [made] = await invoicesOf(payment.id);
  if (made === undefined) throw new Error('nothing was stored');
  // The order was edited, and nobody has ended the promise yet.
  await our.db.pool.query('update payment set owed_minor = 2500 where id = $1', [payment.id]);
  const lane = our.nodeLane(our.node.id);
  await our.runStep(lookAtInvoice, { table: 'invoice', id: made.id, lane });
  const [live] = await invoicesOf(payment.id);
  const { description } = readRequest(live?.request ?? '');
  expect(description).toMatch(new RegExp(`^\\S+ ${payment.orderName}, 21\\.00 EUR$`));
});
