// The invariants that need an outsider's word, each broken once: what is whole is not named, and
// what is broken is.
import { beforeAll, expect, test } from 'vitest';
import {
  auditAnswers,
  auditEffects,
  auditNodeList,
  auditSecrets,
} from '../../web/db/audit-outside.ts';
import type { Database } from '../../web/db/database.ts';
import { aNode, anInvoice, aPayment, aSettledPayment, aShop } from '../builders.ts';
import { databaseOfFile } from '../database-of-file.ts';

let db: Database;
let shopId: number;
let nodeId: number;
databaseOfFile((made) => {
  db = made;
});
beforeAll(async () => {
  shopId = (await aShop(db)).id;
  nodeId = await aNode(db, { shopId });
});
const rulesOf = (violations: readonly { rule: string }[]): string[] =>
  violations.map(({ rule }) => rule).sort();
const longAgo = new Date(Date.now() - 3_600_000);

test('what a node lists is recorded, with its amount, and no cursor has passed it', async () => {
  const { invoice } = await aSettledPayment(db, { shopId, nodeId });
  const open = await anInvoice(db, { payment: await aPayment(db, { shopId }), nodeId });
  const ask = (hash: string, receivedMsat: bigint, settledAt = longAgo) =>
    auditNodeList(db, {
      nodeId,
      settled: [{ hash, receivedMsat, settleIndex: 5n, settledAt }],
      now: new Date(),
    });
  expect(await ask(invoice.hash, invoice.amountMsat)).toEqual([]);
  expect(await ask('ab'.repeat(32), 1n)).toEqual([]);
  expect(rulesOf(await ask(invoice.hash, invoice.amountMsat + 1n))).toEqual(['I3']);
  expect(rulesOf(await ask(open.hash, open.amountMsat))).toEqual(['I3']);
  expect(await ask(open.hash, open.amountMsat, new Date())).toEqual([]);
  await db.pool.query('update node set stream_cursor = 5 where id = $1', [nodeId]);
  expect(rulesOf(await ask(open.hash, open.amountMsat, new Date()))).toEqual(['I7']);
});

test('each payment has at most one effect at Shopify, and no effect is without money', async () => {
  const originId = 'gid://shopify/Order/777';
  const { payment } = await aSettledPayment(db, { shopId, nodeId, originId });
  const ask = (times: number, of = originId) =>
    auditEffects(db, { shopId, effects: times === 0 ? [] : [{ originId: of, times }] });
  expect(await ask(0)).toEqual([]);
  // Nobody began to tell it.
  expect(rulesOf(await ask(1))).toEqual(['I2']);
  await db.pool.query('update payment set tell_started_at = now() where id = $1', [payment.id]);
  expect(await ask(1)).toEqual([]);
  expect(rulesOf(await ask(2))).toEqual(['I2']);
  expect(rulesOf(await ask(1, 'gid://shopify/Order/778'))).toEqual(['I1']);
  await db.pool.query('update payment set told_minor = 1230 where id = $1', [payment.id]);
  expect(rulesOf(await ask(0))).toEqual(['I2']);
});

test('an answer that is not the stored one is named', async () => {
  const { id: paymentId } = await aPayment(db, { shopId });
  await db.pool.query(
    `insert into session_request (shop_id, kind, id, gid, payment_id, content_hash, answer, test,
       proposed_at) values ($1, 'payment', 'one', 'gid', $2, '\\x01', '{"a":1}', false, now())`,
    [shopId, paymentId],
  );
  expect(await auditAnswers(db, new Map([['one', ['{"a":1}', '{"a":1}']]]))).toEqual([]);
  expect(rulesOf(await auditAnswers(db, new Map([['one', ['{"a": 1}']]])))).toEqual(['I10']);
  expect(rulesOf(await auditAnswers(db, new Map([['two', ['{}']]])))).toEqual(['I10']);
});

test('a secret outside the sealed columns is found, in each of its forms', async () => {
  const secret = Buffer.from('5a'.repeat(16) + 'c3'.repeat(16), 'hex');
  expect(await auditSecrets(db, [secret])).toEqual([]);
  const { id } = await aPayment(db, { shopId });
  for (const form of [secret.toString('hex'), secret.toString('base64')]) {
    await db.pool.query('update payment set attention = $2 where id = $1', [id, `x${form}x`]);
    expect(await auditSecrets(db, [secret])).toMatchObject([
      { rule: 'I11', what: 'public.payment.attention' },
    ]);
  }
  await db.pool.query('update payment set attention = null where id = $1', [id]);
  expect(await auditSecrets(db, [secret])).toEqual([]);
});
