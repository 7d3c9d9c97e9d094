// A verdict that Shopify refuses is final only after it has said no three times: a line that was
// cut is no answer, however often it was.
import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import type { Currency, Minor } from '../../web/core/money.ts';
import type { PaymentSessions, SessionOutcome } from '../../web/core/ports.ts';
import { Trouble } from '../../web/core/trouble.ts';
import type { Database } from '../../web/db/database.ts';
import { claim, giveBack } from '../../web/db/due.ts';
import { recordSettlements } from '../../web/db/invoices.ts';
import { shopLane } from '../../web/db/lanes.ts';
import { paymentById, type PaymentRow } from '../../web/db/payments.ts';
import { closeForGood, storeSession, wantPending } from '../../web/db/sessions.ts';
import type { Step } from '../../web/flows/flow.ts';
import { tellShopify } from '../../web/flows/tell-shopify.ts';
import { tellUnpaid } from '../../web/flows/tell-unpaid.ts';
import { waitForMoney } from '../../web/flows/wait-for-money.ts';
import { aNode, anInvoice, aSettle, aShop } from '../builders.ts';
import { databaseOfFile } from '../database-of-file.ts';
import { depsOn } from '../worker/play.ts';

let db: Database;
databaseOfFile((made) => {
  db = made;
});
type At = { shopId: number; paymentId: string };
/** Its time was over before the node was asked for an invoice. */
async function aSessionThatWasNotPaid(): Promise<At> {
  const { payment, ...at } = await anOpenSession();
  await closeForGood(db, {
    ...{ paymentId: payment.id, never: 'timed_out', because: 'session_timed_out' },
  });
  expect((await paymentById(db, payment.id))?.state).toBe('lapsed');
  return at;
}

/** `before` the money comes. */
async function aPaidSession(before?: (at: At) => Promise<unknown>): Promise<At> {
  const { shopId, payment } = await anOpenSession();
  await before?.({ shopId, paymentId: payment.id });
  const nodeId = await aNode(db, { shopId });
  const invoice = await anInvoice(db, { payment, nodeId });
  await recordSettlements(db.pool, {
    ...{ nodeId, observations: [aSettle(invoice)], recorder: { via: 'lookup' } },
  });
  return { shopId, paymentId: payment.id };
}

async function anOpenSession(): Promise<At & { payment: PaymentRow }> {
  const shopId = (await aShop(db)).id;
  const id = randomBytes(8).toString('hex');
  const stored = await storeSession(db, {
    ...{ shopId, id, gid: `gid://shopify/PaymentSession/${id}`, groupKey: id },
    ...{ kind: 'sale', test: false, currency: 'EUR' as Currency, owedMinor: 1_230n as Minor },
    ...{ never: undefined, cancelUrl: null, contentHash: randomBytes(32) },
    ...{ proposedAt: new Date(), receivedAt: new Date(), answerOf: (link) => `to ${link}` },
  });
  const payment = await paymentById(db, stored.paymentId ?? '');
  if (payment === null) throw new Error('no payment was opened');
  return { shopId, paymentId: payment.id, payment };
}

const stepsOf: Record<string, Step> = { open: waitForMoney, lapsed: tellUnpaid };

/** One try of the verdict, as the lane's turn does it; gives where the payment stands. */
async function tell(at: At, answer: () => Promise<SessionOutcome>): Promise<string | undefined> {
  await db.pool.query(`update payment set due_at = now() - interval '1 s' where id = $1::uuid`, [
    at.paymentId,
  ]);
  const [row] = await claim(db, { table: 'payment', lane: shopLane(at.shopId), limit: 5 });
  if (row === undefined) throw new Error('nothing is due');
  const answers = { resolve: answer, pending: answer, reject: answer };
  const sessions = answers as unknown as PaymentSessions;
  const deps = depsOn(db, { paymentSessions: { of: () => Promise.resolve(sessions) } });
  const step = stepsOf[row.state] ?? tellShopify;
  const end = await step(deps, row).catch((error: unknown) => {
    if (error instanceof Trouble) return { dueInMs: 0, attempt: true };
    throw error;
  });
  if (end !== 'stored') await giveBack(db.pool, row, { ...end, dueInMs: 0 });
  return (await paymentById(db, at.paymentId))?.state;
}
const cut = (): Promise<SessionOutcome> =>
  Promise.reject(new Trouble('no_answer', { from: 'shop', then: 'ask_again' }));
const no = (): Promise<SessionOutcome> => Promise.resolve({ is: 'refused', why: 'not_accepted' });
const yes = (): Promise<SessionOutcome> => Promise.resolve({ is: 'done', returnUrl: undefined });

test('three times no, and the money is a person’s', async () => {
  const at = await aPaidSession();
  expect([await tell(at, no), await tell(at, no)]).toEqual(['settled', 'settled']);
  expect(await tell(at, no)).toBe('stranded');
});

test('a first no after lines that were cut is asked again', async () => {
  const at = await aPaidSession();
  for (let n = 0; n < 4; n += 1) expect(await tell(at, cut)).toBe('settled');
  expect(await tell(at, no)).toBe('settled');
  expect(await tell(at, yes)).toBe('resolved');
});

test('nor is a session given up that nobody paid, while its tries had no answer', async () => {
  const at = await aSessionThatWasNotPaid();
  for (let n = 0; n < 4; n += 1) expect(await tell(at, cut)).toBe('lapsed');
  expect([await tell(at, no), await tell(at, no)]).toEqual(['lapsed', 'lapsed']);
  expect(await tell(at, no)).toBe('rejected');
  const other = await aSessionThatWasNotPaid();
  expect([await tell(other, no), await tell(other, cut)]).toEqual(['lapsed', 'lapsed']);
  expect(await tell(other, yes)).toBe('rejected');
  expect((await paymentById(db, other.paymentId))?.reason).toBe('told_not_paid');
});

test('a no to the wish to wait is none to the payment', async () => {
  const at = await aPaidSession(async (open) => {
    const until = new Date(Date.now() + 3_600_000);
    expect(await wantPending(db, { paymentId: open.paymentId, until })).toBe(true);
    expect(await tell(open, no)).toBe('open');
  });
  const refused = await db.prisma.history.count({
    where: { paymentId: at.paymentId, what: 'tell_refused' },
  });
  expect(refused).toBe(1);
  expect([await tell(at, no), await tell(at, no)]).toEqual(['settled', 'settled']);
  expect(await tell(at, no)).toBe('stranded');
});
