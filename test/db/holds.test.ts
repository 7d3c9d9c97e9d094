// What a node holds, in real PostgreSQL: of several who are to charge it or to give it back at once
// one does, whoever is faster, and an answer that was stored stays.
import { randomBytes } from 'node:crypto';
import { beforeEach, expect, test } from 'vitest';
import { staleWishMs as staleMs } from '../../web/core/hold.ts';
import type { PaymentHash } from '../../web/core/invoice.ts';
import { msat } from '../../web/core/money.ts';
import { audit } from '../../web/db/audit.ts';
import type { Database } from '../../web/db/database.ts';
import {
  answerHoldRequest,
  askOfHold,
  holdPayment,
  holdRequestById,
  openHoldRequestOn,
  releaseHeld,
  wantCapture,
  wantsHolds,
} from '../../web/db/holds.ts';
import { invoiceIsLive, makeInvoice } from '../../web/db/invoices.ts';
import { paymentById } from '../../web/db/payments.ts';
import { aNode, anAgreedPrice, aPayment, aShop } from '../builders.ts';
import { databaseOfFile } from '../database-of-file.ts';

let db: Database;
let shopId: number;
let nodeId: number;
databaseOfFile((made) => (db = made), {
  connections: 20,
  ended: async () => expect(await audit(db)).toEqual([]),
});
beforeEach(async () => {
  shopId = (await aShop(db)).id;
  nodeId = await aNode(db, { shopId });
});

/** As the node has it: paid, and held until a height. Gives the payment's id. */
async function held(): Promise<string> {
  const { id: paymentId, owedMinor, currency } = await aPayment(db, { shopId });
  const hash = randomBytes(32).toString('hex') as PaymentHash;
  const lapsesAt = new Date(Date.now() + 600_000);
  const invoiceId = await makeInvoice(db, {
    ...{ paymentId, nodeId, hash, sealedPreimage: new Uint8Array([1]), hold: true },
    ...{ fiatMinor: owedMinor, currency, amountMsat: msat(12_300_000n), agreed: anAgreedPrice },
    ...{ adjustmentBp: 0, madeAt: new Date(), lapsesAt, lookInMs: 12_000 },
  });
  if (invoiceId === undefined) throw new Error('the payment takes no invoice');
  const live = { id: invoiceId, request: `lnbcrt1${hash}`, addIndex: invoiceId };
  await invoiceIsLive(db, { ...live, expiresAt: lapsesAt, lookInMs: 30_000 });
  const endsAt = new Date(Date.now() + 86_400_000);
  const about = { invoiceId, paymentId, heldUntilHeight: 1_000, endsAt };
  expect(await holdPayment(db, about)).toBe(true);
  return paymentId;
}

let asked = 0;
async function aCapture(paymentId: string) {
  asked += 1;
  const originId = `gid://shopify/CaptureSession/${String(asked)}`;
  await openHoldRequestOn(db.pool, {
    ...{ shopId, paymentId, kind: 'capture', originId },
    ...{ amountMinor: null, currency: 'EUR' },
  });
  const { id } = await db.prisma.holdRequest.findFirstOrThrow({ where: { originId } });
  return { id, paymentId, state: 'asked' as const };
}
const stateOf = async (paymentId: string): Promise<string | undefined> =>
  (await paymentById(db, paymentId))?.state;
const release = (paymentId: string): Promise<boolean> =>
  releaseHeld(db, { paymentId, because: 'hold_voided' });

test('of ten captures of one payment one is to have its money', async () => {
  const paymentId = await held();
  const captures = await Promise.all(Array.from({ length: 10 }, () => aCapture(paymentId)));
  const wanted = await Promise.all(captures.map((each) => wantCapture(db, each)));
  expect(wanted.filter(Boolean)).toHaveLength(1);
  const requests = await db.prisma.holdRequest.findMany({ where: { paymentId } });
  expect(requests.filter(({ state }) => state === 'capturing')).toHaveLength(1);
});

test('what is to be charged is not given back, and what goes back is not charged', async () => {
  const charged = await held();
  expect(await wantCapture(db, await aCapture(charged))).toBe(true);
  expect(await release(charged)).toBe(false);
  expect(await stateOf(charged)).toBe('held');
  const given = await held();
  expect(await release(given)).toBe(true);
  expect(await wantCapture(db, await aCapture(given))).toBe(false);
  expect(await stateOf(given)).toBe('closing');
});

test('a charge and a release in the same moment: one of them', async () => {
  const payments = await Promise.all(Array.from({ length: 8 }, held));
  const both = await Promise.all(
    payments.map(async (paymentId) => {
      const capture = await aCapture(paymentId);
      return Promise.all([wantCapture(db, capture), release(paymentId)]);
    }),
  );
  for (const done of both) expect(done.filter(Boolean)).toHaveLength(1);
});

test('a charge wished anew and a letting go in the same moment: one of them', async () => {
  const payments = await Promise.all(Array.from({ length: 8 }, held));
  const both = await Promise.all(
    payments.map(async (paymentId) => {
      const capture = await aCapture(paymentId);
      expect(await wantCapture(db, capture)).toBe(true);
      const ago = `now() - interval '3 minutes'`;
      await db.pool.query(`update hold_request set opened_at = ${ago} where id = $1`, [capture.id]);
      await db.pool.query(
        `update invoice set capture_wanted_at = ${ago} where payment_id = $1::uuid`,
        [paymentId],
      );
      const again = { ...capture, state: 'capturing' as const };
      const letsGo = { shopId, paymentId, kind: 'void', staffId: '77', staleMs } as const;
      const [wished, said] = await Promise.all([wantCapture(db, again), askOfHold(db, letsGo)]);
      expect(await stateOf(paymentId)).toBe(wished ? 'held' : 'closing');
      return [wished, said === 'asked'];
    }),
  );
  for (const done of both) expect(done.filter(Boolean)).toHaveLength(1);
});

test('an answer that was stored is not answered again', async () => {
  const paymentId = await held();
  const { id } = await aCapture(paymentId);
  const now = { id, paymentId, from: 'asked', leaseNo: 0 } as const;
  expect(await answerHoldRequest(db, { ...now, outcome: 'wrong_amount' })).toBe(true);
  expect(await answerHoldRequest(db, { ...now, outcome: 'expired' })).toBe(false);
  expect(await holdRequestById(db, String(id))).toMatchObject({ outcome: 'wrong_amount' });
});

test('who decided from what it was before, or has it no more, answers nothing', async () => {
  const paymentId = await held();
  const request = await aCapture(paymentId);
  const { id } = request;
  const late = { id, paymentId, outcome: 'captured_before' } as const;
  expect(await answerHoldRequest(db, { ...late, from: 'asked', leaseNo: 7 })).toBe(false);
  expect(await wantCapture(db, request)).toBe(true);
  expect(await answerHoldRequest(db, { ...late, from: 'asked', leaseNo: 0 })).toBe(false);
  expect(await holdRequestById(db, String(id))).toMatchObject({ state: 'capturing' });
});

test('what is held keeps its node able to charge, though holds are switched off', async () => {
  expect(await wantsHolds(db, shopId)).toBe(false);
  await held();
  expect(await wantsHolds(db, shopId)).toBe(true);
});

test('the database refuses a hold without an end, and a capture of what is free', async () => {
  const paymentId = await held();
  const { pool } = db;
  const refused = (text: string) =>
    expect(pool.query(text, [paymentId])).rejects.toThrow(/violates/);
  await refused('update payment set hold_ends_at = null where id = $1');
  await refused(
    `update invoice set held_at = null, held_until_height = null, capture_wanted_at = now()
     where payment_id = $1`,
  );
});
