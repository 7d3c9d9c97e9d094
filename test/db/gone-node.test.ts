// A retired node that is gone for good: its credential does not stay for ever, and what became of
// its invoices is never made up.
import { beforeEach, describe, expect, test } from 'vitest';
import { endNodeGone } from '../../web/db/attentions.ts';
import { audit } from '../../web/db/audit.ts';
import { closeOpenOfShop } from '../../web/db/closings.ts';
import { transaction, type Database } from '../../web/db/database.ts';
import { holdPayment } from '../../web/db/holds.ts';
import { invoiceIsCanceled } from '../../web/db/invoices.ts';
import { nodeLane, pauseLane } from '../../web/db/lanes.ts';
import { nodeHasTrouble, retireNode, wipeGoneCredentials } from '../../web/db/nodes.ts';
import { closePayment, type PaymentRow } from '../../web/db/payments.ts';
import { mayForgetShop } from '../../web/db/privacy.ts';
import { beginReconciliation } from '../../web/db/reconciliations.ts';
import { uninstallShop } from '../../web/db/shops.ts';
import { aNode, anInvoice, aPayment, aShop, type MadeInvoice } from '../builders.ts';
import { databaseOfFile } from '../database-of-file.ts';

let db: Database;
let shopId: number;
let nodeId: number;
let payment: PaymentRow;
let invoice: MadeInvoice;
const identity = `02${'c'.repeat(64)}`;
databaseOfFile((made) => {
  db = made;
});
const set = (assign: string): Promise<unknown> =>
  db.pool.query(`update node set ${assign} where id = $1`, [nodeId]);
const expires = (when: string): Promise<unknown> =>
  db.pool.query(`update invoice set expires_at = now() - $2::interval where node_id = $1`, [
    ...[nodeId, when],
  ]);
beforeEach(async () => {
  shopId = (await aShop(db)).id;
  nodeId = await aNode(db, { shopId, identity });
  payment = await aPayment(db, { shopId });
  invoice = await anInvoice(db, { payment, nodeId });
  await closePayment(db, { paymentId: payment.id, because: 'order_cancelled' });
  await retireNode(db, { shopId, nodeId });
  await nodeHasTrouble(db, nodeId, 'node_down');
  await pauseLane(db, nodeLane(nodeId), { because: 'node_down', draw: 0 });
  await set(`retired_at = now() - interval '15 days', trouble_at = now() - interval '15 days'`);
  await expires('11 minutes');
});

const node = () => db.prisma.node.findUniqueOrThrow({ where: { id: nodeId } });
const hasCredential = async (): Promise<boolean> => (await node()).sealedCredential !== null;
const read = async () => {
  const include = { invoices: true, history: { orderBy: { id: 'desc' } } } as const;
  return db.prisma.payment.findUniqueOrThrow({ where: { id: payment.id }, include });
};

test('the credential goes, and a person is asked: nothing is called canceled', async () => {
  expect(await wipeGoneCredentials(db)).toEqual([nodeId]);
  expect(await hasCredential()).toBe(false);
  const left = await read();
  expect(left).toMatchObject({ state: 'closing', attention: 'node_gone' });
  expect(left.invoices).toMatchObject([{ state: 'live', dueAt: null, leaseUntil: null }]);
  expect(left.history[0]).toMatchObject({
    what: 'node_gone',
    details: { hash: invoice.hash },
  });
  expect(await wipeGoneCredentials(db)).toEqual([]);
  expect((await read()).history).toHaveLength(left.history.length);
});

test('to the audit it rests; one that is lost at a node that can be asked does not', async () => {
  const parked = async (): Promise<string[]> => {
    const broken = await audit(db);
    return broken
      .filter(({ says }) => says === 'Whatever is not at rest is due within a day.')
      .map(({ what }) => what);
  };
  await wipeGoneCredentials(db);
  expect(await parked()).not.toContain(`invoice ${String(invoice.id)}`);
  await set(`sealed_credential = '\\x01'`);
  expect(await parked()).toContain(`invoice ${String(invoice.id)}`);
  await set('sealed_credential = null');
});

test.each([
  ['it is away for a week only', () => set(`trouble_at = now() - interval '13 days'`)],
  ['it was retired a week ago', () => set(`retired_at = now() - interval '13 days'`)],
  ['it works', () => set('retired_at = null')],
  ['it answers', () => set('trouble = null, trouble_at = null')],
  ['an invoice may still be paid', () => expires('9 minutes')],
  [
    'nobody has asked it of late',
    () => db.pool.query(`update lane set paused_until = now() - interval '1 hour'`),
  ],
])('the credential stays: %s', async (_why, make) => {
  await make();
  expect(await wipeGoneCredentials(db)).toEqual([]);
  expect(await hasCredential()).toBe(true);
  expect((await read()).attention).toBeNull();
});

test('connected again it is asked at once, and its word ends the question', async () => {
  await wipeGoneCredentials(db);
  expect(await aNode(db, { shopId, identity })).toBe(nodeId);
  expect(await hasCredential()).toBe(true);
  const back = await read();
  expect(back.invoices[0]?.dueAt?.getTime()).toBeLessThanOrEqual(Date.now() + 1_000);
  const { id } = invoice;
  await invoiceIsCanceled(db, { id, paymentId: payment.id, because: 'node_says_canceled' });
  expect(await read()).toMatchObject({ state: 'lapsed', attention: null });
});

describe('the order ends after its node is gone', () => {
  /** What is asked of it again is asked of nobody: it rests, and the person stays asked. */
  const restsAndIsAsked = async (): Promise<void> => {
    expect(await read()).toMatchObject({ state: 'closing', attention: 'node_gone' });
    expect((await read()).invoices[0]?.dueAt).not.toBeNull();
    expect(await wipeGoneCredentials(db)).toEqual([]);
    expect(await read()).toMatchObject({
      state: 'closing',
      attention: 'node_gone',
      invoices: [{ state: 'live', dueAt: null }],
    });
  };
  beforeEach(async () => {
    payment = await aPayment(db, { shopId });
    await set('retired_at = null');
    invoice = await anInvoice(db, { payment, nodeId });
    await set(`retired_at = now() - interval '15 days'`);
    await expires('11 minutes');
    expect(await wipeGoneCredentials(db)).toEqual([nodeId]);
    expect(await read()).toMatchObject({ state: 'open', attention: 'node_gone' });
  });

  test('by itself', async () => {
    expect(await closePayment(db, { paymentId: payment.id, because: 'order_cancelled' })).toBe(
      true,
    );
    await restsAndIsAsked();
  });

  test('with all of its shop', async () => {
    await transaction(db, (on) => closeOpenOfShop(on, { shopId, because: 'shop_uninstalled' }));
    await restsAndIsAsked();
  });

  test('and nobody was asked: then somebody is', async () => {
    await db.pool.query('update payment set attention = null where id = $1::uuid', [payment.id]);
    await closePayment(db, { paymentId: payment.id, because: 'order_cancelled' });
    expect((await read()).attention).toBeNull();
    expect(await wipeGoneCredentials(db)).toEqual([]);
    expect(await read()).toMatchObject({ attention: 'node_gone', invoices: [{ dueAt: null }] });
  });
});

test('what it held lapses by a person’s word', async () => {
  payment = await aPayment(db, { shopId });
  await set('retired_at = null');
  invoice = await anInvoice(db, { payment, nodeId });
  await db.pool.query('update invoice set hold = true where id = $1', [invoice.id]);
  const about = { invoiceId: invoice.id, paymentId: payment.id, heldUntilHeight: 800_000 };
  expect(await holdPayment(db, { ...about, endsAt: new Date() })).toBe(true);
  await set(`retired_at = now() - interval '15 days'`);
  await expires('11 minutes');
  expect(await wipeGoneCredentials(db)).toEqual([nodeId]);
  expect(await read()).toMatchObject({ state: 'held', attention: 'node_gone' });
  const answer = { attention: 'node_gone', answer: 'never_paid', by: 'a person' } as const;
  const said = { shopId, paymentId: payment.id, ...answer };
  expect(await endNodeGone(db, said)).toBe(true);
  expect(await read()).toMatchObject({ state: 'lapsed', attention: null });
});

test('what was laid to rest is not woken by a reconciliation', async () => {
  const about = { shopId, because: 'night', since: new Date(), atLeastMs: 0 } as const;
  await db.pool.query(
    `update invoice set due_at = null, made_at = now() - interval '1 day' where node_id = $1`,
    [nodeId],
  );
  await beginReconciliation(db, about);
  expect((await read()).invoices[0]?.dueAt).not.toBeNull();
  expect(await wipeGoneCredentials(db)).toEqual([nodeId]);
  await db.pool.query('update reconciliation set ended_at = now() where shop_id = $1', [shopId]);
  expect((await beginReconciliation(db, about))?.begun).toBe(true);
  expect((await read()).invoices[0]?.dueAt).toBeNull();
});

test('the shop can be forgotten: nobody can ask that node any more', async () => {
  await uninstallShop(db, shopId, { keepTokens: false });
  expect(await transaction(db, (on) => mayForgetShop(on, shopId))).toBe(false);
  await wipeGoneCredentials(db);
  expect(await transaction(db, (on) => mayForgetShop(on, shopId))).toBe(true);
  await expires('9 minutes');
  expect(await transaction(db, (on) => mayForgetShop(on, shopId))).toBe(false);
});
