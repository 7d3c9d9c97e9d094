// A node that is down keeps no buyer from paying at another one, and what it may have made
// meanwhile is shown to nobody and canceled when it is back.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startLnd, type LndSimulator } from '../../sandbox/lnd/index.ts';
import { audit } from '../../web/db/audit.ts';
import { currentInvoice, invoiceById, type InvoiceRow } from '../../web/db/invoices.ts';
import { wipeIdleCredentials } from '../../web/db/nodes.ts';
import { closePayment } from '../../web/db/payments.ts';
import { closeInvoice } from '../../web/flows/close-invoice.ts';
import type { Deps } from '../../web/flows/flow.ts';
import { endAllUnissued } from '../../web/flows/end-unissued.ts';
import { issueInvoice, lookAtInvoice } from '../../web/flows/look-at-invoice.ts';
import { recordStream } from '../../web/flows/observe-invoice.ts';
import { preferNode, retireNode } from '../../web/flows/order-nodes.ts';
import { quoteInvoice } from '../../web/flows/quote-invoice.ts';
import { anInvoice } from '../builders.ts';
import { startInProcess, type InProcess } from '../in-process.ts';

let our: InProcess;
let second: LndSimulator;
let secondId: number;
beforeAll(async () => {
  our = await startInProcess();
  second = await startLnd({ alias: 'second' });
  secondId = await add();
}, 120_000);
afterAll(async () => {
  await our.close();
  await second.stop();
});

/** The second node, in front of the first one. */
async function add(): Promise<number> {
  const macaroon = second.macaroon('receive-useful', { rootKeyId: '57002' });
  const given = { lndconnect: second.lndconnect(macaroon) };
  let added = await our.connect({ given, how: 'add' });
  for (let again = 0; !added.ok && again < 6; again += 1) {
    added = await our.connect({ given, how: 'add' });
  }
  if (!added.ok) throw new Error(JSON.stringify(added));
  await preferNode(our.deps, { shopId: our.shop.id, nodeId: added.node.id });
  return added.node.id;
}

/** The process dies when it has stored the invoice, before or after the node has made it. */
const dying = (when: 'before' | 'after'): Deps => ({
  ...our.deps,
  nodes: {
    of: async (nodeId) => {
      const node = await our.deps.nodes.of(nodeId);
      return {
        ...node,
        createInvoice: async (wish) => {
          if (when === 'after') await node.createInvoice(wish);
          throw new Error('killed');
        },
      };
    },
  },
});

/** A payment whose invoice was stored for the second node a while ago, and nobody heard more. */
async function aDeadQuote(when: 'before' | 'after') {
  const { payment } = await our.anOrder();
  await expect(quoteInvoice(dying(when), payment.id)).rejects.toThrow('killed');
  const made = await currentInvoice(our.db, payment.id);
  if (made === undefined) throw new Error('nothing was stored');
  expect(made).toMatchObject({ state: 'made', nodeId: secondId, request: null });
  return { payment, made };
}
const later = async ({ id }: InvoiceRow): Promise<void> => {
  await our.db.pool.query(
    `update invoice set made_at = made_at - interval '30 s',
       ending_at = ending_at - interval '30 s' where id = $1`,
    [id],
  );
};
const stored = async ({ id }: InvoiceRow) => invoiceById(our.db, id.toString());
const dueAt = async ({ id }: InvoiceRow) =>
  (await our.db.prisma.invoice.findUniqueOrThrow({ where: { id } })).dueAt;
const atSecond = ({ hash }: InvoiceRow) =>
  second.invoices.all().find((invoice) => invoice.hash === hash);
/** What the node's lane does with it; all others of the lane wait. */
const look = async ({ id }: InvoiceRow) => {
  const lane = our.nodeLane(secondId);
  await our.db.pool.query(
    `update invoice set lease_until = null,
       due_at = case when id = $1 then now() else now() + interval '1 h' end
     where lane = $2 and due_at is not null`,
    [id, lane],
  );
  return lookAtInvoice(our.deps, await our.claimDue('invoice', lane));
};
const isSound = async (): Promise<void> => {
  expect(await audit(our.db)).toEqual([]);
};

test('a call that comes back too late loses, and its invoice is canceled', async () => {
  const { payment, made } = await aDeadQuote('before');
  // It may still be on its way.
  expect(await quoteInvoice(our.deps, payment.id)).toEqual({ is: 'preparing' });
  second.faults.onMethod('AddInvoice', { kind: 'never-answer', work: true });
  second.faults.onMethod('LookupInvoice', { kind: 'never-answer', work: false });
  const late = issueInvoice(our.deps, made, 'late');
  late.catch(() => undefined);
  await expect.poll(() => atSecond(made)?.state, { timeout: 30_000 }).toBe('OPEN');
  await later(made);
  // The buyer's next look: another node works.
  await our.db.pool.query(`update node set trouble = 'silent' where id = $1`, [secondId]);
  const quoted = await quoteInvoice(our.deps, payment.id);
  expect(quoted).toMatchObject({ is: 'payable', invoice: { nodeId: our.node.id } });
  second.faults.clearMethod();
  await late;
  expect(atSecond(made)?.state).toBe('CANCELED');
  expect(await stored(made)).toMatchObject({ state: 'canceled', request: null });
  expect(await currentInvoice(our.db, payment.id)).toMatchObject({ nodeId: our.node.id });
  // Its lane would have asked too.
  expect(await dueAt(made)).not.toBeNull();
  expect(await look(made)).toEqual({ dueInMs: undefined, attempt: false });
  const again = await our.db.prisma.node.findUniqueOrThrow({ where: { id: secondId } });
  expect(again.trouble).toBeNull();
  await isSound();
}, 120_000);

test('without another node the buyer waits for this one', async () => {
  const { payment, made } = await aDeadQuote('before');
  await later(made);
  const { id: nodeId } = our.node;
  await our.db.pool.query('update node set retired_at = now() where id = $1', [nodeId]);
  expect(await quoteInvoice(our.deps, payment.id)).toEqual({ is: 'preparing' });
  await our.db.pool.query('update node set retired_at = null where id = $1', [nodeId]);
  await look(made);
  expect(await quoteInvoice(our.deps, payment.id)).toMatchObject({
    is: 'payable',
    invoice: { id: made.id },
  });
});

test('an order that was taken back is over while the node is down', async () => {
  const { payment, made } = await aDeadQuote('after');
  await second.stop({ how: 'kill' });
  await closePayment(our.db, { paymentId: payment.id, because: 'order_cancelled' });
  await endAllUnissued(our.deps);
  expect((await our.read(payment.id)).state).toBe('closing');
  await later(made);
  await endAllUnissued(our.deps);
  expect((await our.read(payment.id)).state).toBe('lapsed');
  await expect(look(made)).rejects.toMatchObject({ name: 'Trouble', from: 'node' });
  await second.restart();
  expect(atSecond(made)?.state).toBe('OPEN');
  await expect.poll(() => look(made).catch(() => 'away'), { timeout: 60_000 }).not.toBe('away');
  expect(atSecond(made)?.state).toBe('CANCELED');
  expect(await stored(made)).toMatchObject({ state: 'canceled', request: null });
  await isSound();
}, 120_000);

test('whoever pays it all the same has paid', async () => {
  const { payment, made } = await aDeadQuote('after');
  await later(made);
  const other = await quoteInvoice(our.deps, payment.id);
  expect(other).toMatchObject({ is: 'payable' });
  expect(await stored(made)).toMatchObject({ state: 'canceled', request: null });
  expect(await second.pay(atSecond(made)?.request ?? '')).toMatchObject({ ok: true });
  const seen = await (await our.deps.nodes.of(secondId)).lookInvoice(made.hash);
  if (seen === 'not_found') throw new Error('the node has lost it');
  await recordStream(our.deps, {
    ...{ nodeId: secondId, observations: [seen], recorder: { via: 'lookup' } },
  });
  expect(await our.read(payment.id)).toMatchObject({ state: 'settled' });
  await isSound();
});

test('a node that is gone for good keeps no payment open and no credential', async () => {
  for (const { id } of await our.db.prisma.invoice.findMany({ where: { state: 'live' } })) {
    const live = await invoiceById(our.db, id.toString());
    if (live?.nodeId === secondId) await closeInvoice(our.deps, live, 'quote_over');
  }
  const { payment, made } = await aDeadQuote('after');
  await second.stop({ how: 'kill' });
  await retireNode(our.deps, { shopId: our.shop.id, nodeId: secondId });
  await later(made);
  await endAllUnissued(our.deps);
  expect(await stored(made)).toMatchObject({ state: 'canceled', ending: 'node_replaced' });
  expect(await quoteInvoice(our.deps, payment.id)).toMatchObject({
    is: 'payable',
    invoice: { nodeId: our.node.id },
  });
  // While what it has made may still run, it is asked to cancel it.
  const isWiped = async (): Promise<boolean> => {
    const node = await our.db.prisma.node.findUniqueOrThrow({ where: { id: secondId } });
    return node.sealedCredential === null;
  };
  await wipeIdleCredentials(our.db);
  expect(await isWiped()).toBe(false);
  await endAllUnissued(our.later(3_600_000));
  await wipeIdleCredentials(our.db);
  expect(await isWiped()).toBe(true);
  await isSound();
}, 120_000);

test('an invoice that was stored while its node was retired ends as well', async () => {
  const { payment } = await our.anOrder();
  const { id } = await anInvoice(our.db, { payment, nodeId: our.node.id });
  await our.db.pool.query('update node set retired_at = now() where id = $1', [our.node.id]);
  await endAllUnissued(our.deps);
  expect(await invoiceById(our.db, id.toString())).toMatchObject({
    ...{ state: 'live', ending: 'node_replaced' },
  });
});
