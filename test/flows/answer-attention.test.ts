// A person says what became of money that was too much, or that an order was seen to: the books
// and the history have it once, and what came meanwhile is not answered unseen.
import { beforeEach, expect, test } from 'vitest';
import type { Answer } from '../../web/core/attention.ts';
import { accountOf, type AccountKind } from '../../web/core/ledger.ts';
import { msat, type Msat } from '../../web/core/money.ts';
import { overpaidOf } from '../../web/db/attentions.ts';
import { audit } from '../../web/db/audit.ts';
import { transaction, type Database, type Queryable } from '../../web/db/database.ts';
import { invoiceIsCanceled, recordSettlements } from '../../web/db/invoices.ts';
import { paymentById } from '../../web/db/payments.ts';
import { answerAttention } from '../../web/flows/answer-attention.ts';
import { aNode, anInvoice, aPayment, aSettle, aShop, type MadeInvoice } from '../builders.ts';
import { databaseOfFile } from '../database-of-file.ts';
import { depsOn } from '../worker/play.ts';

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

const tooMuch = 700n;
/** Paid, so many msat more than the invoice asked for; the one before it may turn out paid too. */
async function aPaid(moreMsat = tooMuch): Promise<{ id: string; former: MadeInvoice }> {
  const payment = await aPayment(db, { shopId });
  const former = await anInvoice(db, { payment, nodeId });
  const because = 'node_says_canceled';
  await invoiceIsCanceled(db, { id: former.id, paymentId: payment.id, because });
  await pays(db.pool, await anInvoice(db, { payment, nodeId }), moreMsat);
  return { id: payment.id, former };
}
const pays = (on: Queryable, invoice: MadeInvoice, moreMsat: bigint): Promise<unknown> => {
  const receivedMsat = msat(invoice.amountMsat + moreMsat);
  const observations = [{ ...aSettle(invoice), receivedMsat }];
  return recordSettlements(on, { nodeId, observations, recorder: { via: 'lookup' } });
};
const ask = async (paymentId: string, attention: string): Promise<void> => {
  await db.prisma.payment.update({ where: { id: paymentId }, data: { attention } });
};
const attentionOf = async (id: string) => (await paymentById(db, id))?.attention;
const answer = (
  paymentId: string,
  about: { answer: Answer; attention?: string; seenMsat?: bigint; of?: number },
) =>
  answerAttention(depsOn(db), {
    ...{ shopId: about.of ?? shopId, paymentId, answer: about.answer },
    attention: about.attention ?? 'overpaid',
    seenMsat: (about.seenMsat ?? tooMuch) as Msat,
    staffId: '77',
  });
const holds = async (paymentId: string, kind: AccountKind): Promise<bigint> => {
  const account = accountOf(kind, shopId);
  const postings = await db.prisma.posting.findMany({ where: { paymentId } });
  return postings.reduce(
    (sum, { toAccount, fromAccount, amountMsat }) =>
      sum + (toAccount === account ? amountMsat : fromAccount === account ? -amountMsat : 0n),
    0n,
  );
};
const linesOf = (paymentId: string, what: string) =>
  db.prisma.history.findMany({ where: { paymentId, what } });

test.each(['given_back', 'kept'] as const)('what was too much is %s', async (how) => {
  const { id } = await aPaid();
  expect(await attentionOf(id)).toBe('overpaid');
  expect(await answer(id, { answer: how })).toEqual({ ok: true });
  expect(await attentionOf(id)).toBeNull();
  expect([await holds(id, 'overpaid'), await holds(id, how)]).toEqual([0n, tooMuch]);
  expect(await linesOf(id, how)).toMatchObject([{ details: { attention: 'overpaid', by: '77' } }]);
  expect(await answer(id, { answer: how })).toEqual({ ok: false, refusal: 'not_asked' });
  expect(await holds(id, how)).toBe(tooMuch);
});

test('eight answers at once are one', async () => {
  const { id } = await aPaid();
  const answers = await Promise.all(
    Array.from({ length: 8 }, (_, n) =>
      answer(id, { answer: n % 2 === 0 ? 'kept' : 'given_back' }),
    ),
  );
  expect(answers.filter(({ ok }) => ok)).toHaveLength(1);
  expect((await holds(id, 'kept')) + (await holds(id, 'given_back'))).toBe(tooMuch);
});

test('what comes meanwhile is asked for anew, and answered by its own amount', async () => {
  const { id, former } = await aPaid();
  await pays(db.pool, former, 0n);
  const { owedMsat } = await overpaidOf(db.pool, { shopId, paymentId: id });
  expect(owedMsat).toBe(tooMuch + former.amountMsat);
  expect(await answer(id, { answer: 'kept' })).toEqual({ ok: false, refusal: 'not_asked' });
  expect(await attentionOf(id)).toBe('overpaid');
  expect(await answer(id, { answer: 'kept', seenMsat: owedMsat })).toEqual({ ok: true });
  expect(await holds(id, 'overpaid')).toBe(0n);
});

test('what is asked again after its answer is told again, and each question once', async () => {
  await db.prisma.settings.create({ data: { shopId, alertEmail: 'shop@example.com' } });
  const told = () => db.prisma.alert.count({ where: { shopId, what: 'overpaid' } });
  const { id, former } = await aPaid();
  await ask(id, 'overpaid');
  expect(await told()).toBe(1);
  expect(await answer(id, { answer: 'kept' })).toEqual({ ok: true });
  expect(await told()).toBe(1);
  await pays(db.pool, former, 0n);
  expect(await attentionOf(id)).toBe('overpaid');
  expect(await told()).toBe(2);
});

test('money that is being recorded in the moment of the answer is not answered', async () => {
  const { id, former } = await aPaid();
  let answering: ReturnType<typeof answer> | undefined;
  await transaction(db, async (on) => {
    await pays(on, former, 0n);
    answering = answer(id, { answer: 'kept' });
    // It waits for the row, which this transaction holds.
    const waits = `select 1 from pg_stat_activity where wait_event_type = 'Lock'
      and datname = current_database()`;
    await expect.poll(async () => (await db.pool.query(waits)).rowCount).toBe(1);
  });
  expect(await answering).toEqual({ ok: false, refusal: 'not_asked' });
  expect(await attentionOf(id)).toBe('overpaid');
  expect(await holds(id, 'overpaid')).toBe(tooMuch + former.amountMsat);
});

test('seen to: money that is to be given back is asked for by itself', async () => {
  const { id } = await aPaid();
  await ask(id, 'marked_too_much');
  const seen = { answer: 'seen_to', attention: 'marked_too_much', seenMsat: 0n } as const;
  expect(await answer(id, seen)).toEqual({ ok: true });
  expect(await attentionOf(id)).toBe('overpaid');
  expect(await holds(id, 'overpaid')).toBe(tooMuch);
  const { id: plain } = await aPaid(0n);
  await ask(plain, 'marked_too_much');
  expect(await answer(plain, seen)).toEqual({ ok: true });
  expect(await attentionOf(plain)).toBeNull();
  expect(await linesOf(plain, 'seen_to')).toHaveLength(1);
});

test('what fits no question, or is of another shop, changes nothing', async () => {
  const { id } = await aPaid();
  const other = await aShop(db);
  const no = { ok: false, refusal: 'not_asked' };
  expect(await answer(id, { answer: 'seen_to' })).toEqual(no);
  expect(await answer(id, { answer: 'kept', attention: 'stranded' })).toEqual(no);
  expect(await answer(id, { answer: 'kept', attention: 'toString' })).toEqual(no);
  expect(await answer(id, { answer: 'kept', seenMsat: tooMuch - 1n })).toEqual(no);
  expect(await answer(id, { answer: 'kept', of: other.id })).toEqual({
    ...{ ok: false, refusal: 'unknown_payment' },
  });
  await ask(id, 'untold');
  expect(await answer(id, { answer: 'kept', attention: 'untold' })).toEqual(no);
  expect(await attentionOf(id)).toBe('untold');
  expect(await holds(id, 'overpaid')).toBe(tooMuch);
});
