// The signer between a database, a paying node and buyers' wallets: what it pays, what it leaves
// waiting and with which word, and that silence is never a no.
import { createHash, randomBytes } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { startLnd, type LndSimulator } from '../../sandbox/lnd/index.ts';
import { parseRequest } from '../../web/lightning/bolt11.ts';
import type { Database } from '../../web/db/database.ts';
import {
  endPayout,
  openClaims,
  payoutById,
  payoutIsSent,
  payoutWaits,
} from '../../web/db/payouts.ts';
import { pausePurse, purseOf } from '../../web/db/purses.ts';
import { payingMethods } from '../../web/signer/credential.ts';
import { startSigner, type Signer, type SignerParts } from '../../web/signer/loop.ts';
import { openPayer } from '../../web/signer/pay.ts';
import { databaseOfFile } from '../database-of-file.ts';
import { hasFailed, isPaid, openDesk, signersVault, waitsFor, type Desk } from './owed.ts';

let db: Database;
let desk: Desk;
let signers: Signer[] = [];
databaseOfFile((opened) => (db = opened), { connections: 10 });
vi.setConfig({ testTimeout: 240_000 });

const timing = { pollMs: 50, resendMs: 100, againMs: 100, inFlightMs: 100, settleMs: 1_000 };
const sign = (more: Partial<SignerParts> = {}): Signer => {
  const signer = startSigner({
    ...{ db, sealer: signersVault, allowPrivate: true, timing },
    log: { info: () => undefined, warn: () => undefined, error: () => undefined },
    clock: () => new Date(),
    pay: { payMs: 30_000, askMs: 30_000 },
    ...more,
  });
  signers.push(signer);
  return signer;
};

beforeAll(async () => {
  desk = await openDesk(db);
});
beforeEach(async () => {
  await desk.fill({ perDayMsat: 1_000_000_000_000n });
});
afterEach(async () => {
  await Promise.all(signers.splice(0).map((each) => each.stop(5_000)));
  desk.alice.faults.reset();
  if (!desk.alice.isUp) await desk.alice.restart();
});
afterAll(() => desk.close());

/** A purse on a node that receives nothing. */
const purseAt = (node: LndSimulator) => ({
  ...{ address: node.socket, certificatePem: node.certPem, identity: node.publicKey },
  ...{ macaroonHex: node.macaroon('pay').toString('hex'), looksAtOriginal: false },
});
/** As it was asked for before marks were left. */
const ofBefore = (): string => {
  const methods = payingMethods.filter((method) => !method.endsWith('/AddInvoice'));
  return desk.alice.macaroon(methods.map((method) => `uri:${method}`)).toString('hex');
};
const refundOf = async (id: string) => {
  const { rows } = await db.pool.query<{ state: string; due: boolean }>(
    'select state, due_at <= now() as due from refund where id = $1',
    [id],
  );
  return rows[0];
};

describe('what it pays', () => {
  test('a claim is paid with its own request, with proof and fee, and the pool hears', async () => {
    const owed = await desk.owe(5_000_000n);
    sign();
    const { payout } = await desk.until(owed.claimId, 'it is paid', isPaid);
    expect(payout).toMatchObject({ feeMsat: 1_500n, amountMsat: 5_000_000n, attempts: 1 });
    expect(Buffer.from(payout?.preimage ?? []).toString('hex')).toBe(owed.secret);
    expect(desk.taken(owed.hash)).toEqual({ msat: 5_000_000n, tries: 1 });
    expect(await refundOf(owed.refundId)).toEqual({ state: 'claimed', due: true });
    const { rows } = await db.pool.query<{ key: string }>(
      `select key from graphile_worker.jobs where key = $1`,
      [`lane:shop:${String(desk.shop.id)}:admin`],
    );
    expect(rows).toHaveLength(1);
  });

  test('several signers: one signs, and when it goes the next one does', async () => {
    const [one, other] = [sign(), sign()];
    const first = await desk.owe(1_000_000n);
    await desk.until(first.claimId, 'it is paid', isPaid);
    expect([one.isSigning(), other.isSigning()].filter(Boolean)).toHaveLength(1);
    await (one.isSigning() ? one : other).stop();
    const second = await desk.owe(1_000_000n);
    await desk.until(second.claimId, 'it is paid by the other', isPaid);
  });

  test('on its way for long, then taken; then another that is sent back', async () => {
    const [taken, back] = [
      await desk.owe(2_000_000n, { held: true }),
      await desk.owe(3_000_000n, { held: true }),
    ];
    sign({ pay: { payMs: 500, askMs: 30_000 } });
    await desk.until(taken.claimId, 'it is on its way', waitsFor('in_flight'));
    await desk.until(back.claimId, 'it is on its way', waitsFor('in_flight'));
    desk.bob.invoices.settleHeld(taken.secret);
    await desk.until(taken.claimId, 'it is paid', isPaid);
    desk.bob.invoices.cancel(back.hash);
    const { payout } = await desk.until(back.claimId, 'it has failed', hasFailed);
    expect(payout?.because).toBe('rejected');
    expect(desk.taken(back.hash)).toEqual({ msat: 0n, tries: 1 });
    expect(await refundOf(back.refundId)).toMatchObject({ due: true });
  });

  test('the connection is cut after the node has it: asked, and not sent twice', async () => {
    desk.alice.faults.onMethod('SendPaymentV2', { kind: 'cut-after' }, 1);
    const owed = await desk.owe(4_000_000n);
    sign();
    const { payout } = await desk.until(owed.claimId, 'it is paid', isPaid);
    expect(payout?.attempts).toBe(1);
    expect(desk.taken(owed.hash)).toEqual({ msat: 4_000_000n, tries: 1 });
  });

  test('paid before by somebody else at the node: read back', async () => {
    const owed = await desk.owe(4_000_000n);
    desk.alice.payments.send({
      ...{ payment_request: owed.request, amt: '0', amt_msat: '0', fee_limit_sat: '0' },
      ...{ fee_limit_msat: '100000', no_inflight_updates: false },
    });
    sign();
    await desk.until(owed.claimId, 'it is paid', isPaid);
    expect(desk.taken(owed.hash).tries).toBe(1);
  });

  test('a node that is down: it waits with a word, and is paid later', async () => {
    const owed = await desk.owe(6_000_000n);
    await desk.alice.stop({ how: 'kill' });
    sign();
    await desk.until(owed.claimId, 'it waits', waitsFor('node_down'));
    expect((await purseOf(db, desk.shop.id))?.trouble).toBe('node_down');
    await desk.alice.restart();
    await desk.until(owed.claimId, 'it is paid', isPaid);
    expect(desk.taken(owed.hash)).toEqual({ msat: 6_000_000n, tries: 1 });
    expect((await purseOf(db, desk.shop.id))?.trouble).toBeNull();
  });

  test('not enough in the channels: it waits, and is paid when there is', async () => {
    const owed = await desk.owe(6_000_000n);
    desk.alice.faults.set({ channelsDown: true });
    sign();
    await desk.until(owed.claimId, 'it waits', waitsFor('no_balance'));
    desk.alice.faults.set({ channelsDown: false });
    const { payout } = await desk.until(owed.claimId, 'it is paid', isPaid);
    expect(payout?.attempts).toBeGreaterThan(1);
    expect(desk.taken(owed.hash)).toEqual({ msat: 6_000_000n, tries: 1 });
  });
});

describe('what it does not pay', () => {
  test('a request with a minute left, or one that ran out while it was away', async () => {
    const soon = await desk.owe(1_000_000n, { expirySeconds: 59 });
    const late = await desk.owe(1_000_000n, { expirySeconds: 3_600 });
    // A day later: the claim waited all the time.
    sign({ clock: () => new Date(Date.now() + 86_400_000) });
    for (const owed of [soon, late]) {
      const { payout } = await desk.until(owed.claimId, 'it has failed', hasFailed);
      expect(payout).toMatchObject({ because: 'request_expired', attempts: 0 });
      expect(desk.taken(owed.hash)).toEqual({ msat: 0n, tries: 0 });
    }
    await db.pool.query(
      `update refund_claim set state = 'failed', ended_at = now() where id = $1`,
      [late.claimId],
    );
    await db.pool.query(`update refund set state = 'claimable' where id = $1`, [late.refundId]);
    // Another may be given, and is paid.
    const again = await desk.claim(
      late.refundId,
      desk.aRequest(1_000_000n, { expirySeconds: 172_800 }).request,
    );
    await desk.until(again.claimId, 'it is paid', isPaid);
  });

  test('a fee above the limit: it waits for a way that costs less', async () => {
    desk.alice.setRouteFee({ baseMsat: 5_001n, ppm: 0n });
    try {
      const owed = await desk.owe(1_000_000n);
      sign();
      await desk.until(owed.claimId, 'it waits', waitsFor('no_route'));
      expect(desk.taken(owed.hash)).toEqual({ msat: 0n, tries: 0 });
      desk.alice.setRouteFee({ baseMsat: 5_000n, ppm: 0n });
      const { payout } = await desk.until(owed.claimId, 'it is paid', isPaid);
      expect(payout?.feeMsat).toBe(5_000n);
    } finally {
      desk.alice.setRouteFee({ baseMsat: 1_000n, ppm: 100n });
    }
  });

  test('a settlement that the node does not know, or that nobody paid there', async () => {
    const forged = await desk.aPaidPayment({ forged: true });
    const { request } = desk.aRequest(1_000_000n);
    const owed = await desk.claim(await desk.aRefund(forged, 1_000_000n), request);
    sign();
    await desk.until(owed.claimId, 'it waits', waitsFor('original_unknown'));
    // Now the node has an invoice of that hash, which nobody has paid.
    const { rows } = await db.pool.query<{ hash: Buffer }>(
      'select hash from invoice where payment_id = $1',
      [forged.id],
    );
    const hash = rows[0]?.hash.toString('hex') ?? '';
    desk.alice.invoices.add({ kind: 'hold', hash, amountMsat: 100_000_000n, memo: '' });
    await desk.until(owed.claimId, 'it waits', waitsFor('original_unpaid'));
    expect(desk.taken(owed.hash)).toEqual({ msat: 0n, tries: 0 });
  });

  test('together more than the node received for the payment', async () => {
    const payment = await desk.aPaidPayment({ amountMsat: 3_000_000n });
    const claims = [];
    for (const amountMsat of [2_000_000n, 2_000_000n]) {
      const refundId = await desk.aRefund(payment, amountMsat);
      claims.push(await desk.claim(refundId, desk.aRequest(amountMsat).request));
    }
    sign();
    const [first, second] = claims;
    if (first === undefined || second === undefined) throw new Error('no claims');
    // The one that is paid never waits, and says so.
    const firstWaits = await Promise.any([
      desk.until(first.claimId, 'above', waitsFor('above_received')).then(() => true),
      desk.until(second.claimId, 'above', waitsFor('above_received')).then(() => false),
    ]);
    await desk.until((firstWaits ? second : first).claimId, 'the other is paid', isPaid);
  });

  test('the same value is more sats where the price fell, up to a quarter more', async () => {
    const claims = [];
    for (const amountMsat of [3_750_000n, 3_751_000n]) {
      const payment = await desk.aPaidPayment({ amountMsat: 3_000_000n });
      const refundId = await desk.aRefund(payment, amountMsat);
      claims.push(await desk.claim(refundId, desk.aRequest(amountMsat).request));
    }
    sign();
    const [enough, tooMuch] = claims;
    if (enough === undefined || tooMuch === undefined) throw new Error('no claims');
    await desk.until(enough.claimId, 'it is paid', isPaid);
    await desk.until(tooMuch.claimId, 'above', waitsFor('above_received'));
    expect(desk.taken(tooMuch.hash)).toEqual({ msat: 0n, tries: 0 });
  });

  test('what the request itself is wrong in: the claim fails with a word', async () => {
    const odd = async (amountMsat: bigint, request: string) =>
      desk.claim(await desk.aRefund(await desk.aPaidPayment(), amountMsat), request);
    const own = desk.alice.invoices.add({ amountMsat: 1_000_000n, memo: '' }).request;
    const cases: [string, Awaited<ReturnType<typeof odd>>][] = [
      ['wrong_amount', await odd(1_000_000n, desk.aRequest(1_001_000n).request)],
      ['own_invoice', await odd(1_000_000n, own)],
      ['request_unreadable', await odd(1_000_000n, `lnbcrt1${randomBytes(9).toString('hex')}`)],
    ];
    sign();
    for (const [word, { claimId }] of cases) {
      const { payout } = await desk.until(claimId, `it fails: ${word}`, hasFailed);
      expect(payout?.because).toBe(word);
    }
    expect(parseRequest(own)?.payee).toBe(desk.alice.publicKey);
  });

  test('with a proof that is wrong nothing is believed', async () => {
    const owed = await desk.owe(1_000_000n);
    const { receive, publicKey } = desk.bob.asPayee();
    desk.alice.reaches({
      publicKey,
      receive: async (part) => {
        const outcome = await receive(part);
        return outcome.ok ? { ok: true, preimage: '11'.repeat(32) } : outcome;
      },
    });
    try {
      sign();
      await desk.until(owed.claimId, 'it waits', waitsFor('preimage_wrong'));
    } finally {
      desk.alice.reaches(desk.bob);
      await db.pool.query(`update payout set due_at = 'infinity' where claim_id = $1`, [
        owed.claimId,
      ]);
    }
  });

  test('with the credential of doors and pool nothing begins, and the node refuses', async () => {
    const owed = await desk.owe(2_000_000n);
    const macaroonHex = desk.alice.macaroon('receive-useful').toString('hex');
    await desk.fill({}, { macaroonHex });
    sign();
    await desk.until(owed.claimId, 'it waits', waitsFor('purse_short'));
    const payer = openPayer({ ...purseAt(desk.alice), macaroonHex, allowPrivate: true });
    const sent = await payer.pay({ request: owed.request, feeLimitMsat: 5_000n });
    expect(sent).toEqual({ is: 'unsure', because: 'permission_denied' });
    expect(desk.taken(owed.hash)).toEqual({ msat: 0n, tries: 0 });
    await desk.fill();
    await desk.until(owed.claimId, 'it is paid with a paying one', isPaid);
  });

  test('what one node has on its way is never sent by another that takes its place', async () => {
    const owed = await desk.owe(2_000_000n, { held: true });
    const first = sign({ pay: { payMs: 500, askMs: 30_000 } });
    await desk.until(owed.claimId, 'it is on its way', waitsFor('in_flight'));
    await first.stop();
    const carol = await startLnd({ alias: 'carol' });
    carol.reaches(desk.bob);
    try {
      await desk.fill({}, purseAt(carol));
      sign();
      await desk.until(owed.claimId, 'it waits', waitsFor('sent_elsewhere'));
      // Nor does it end there: what the other node does not know proves nothing.
      const sentByCarol = (): string[] => carol.payments.all().map(({ hash }) => hash);
      expect(sentByCarol()).not.toContain(owed.hash);
      const unsent = await desk.owe(1_000_000n);
      await desk.until(unsent.claimId, 'another is paid by it', isPaid);
      expect(sentByCarol()).toContain(unsent.hash);
      expect(sentByCarol()).not.toContain(owed.hash);
    } finally {
      await carol.stop();
    }
    desk.bob.invoices.settleHeld(owed.secret);
    await desk.fill({ perDayMsat: 1_000_000_000_000n });
    await desk.until(owed.claimId, 'its own node says so', isPaid);
  });

  const aMark = (): string => {
    const secret = randomBytes(32);
    desk.alice.invoices.add({ secret: secret.toString('hex'), amountMsat: 1_000n, memo: 'mark' });
    return createHash('sha256').update(secret).digest('hex');
  };
  /** Asked of alice a while ago, with a mark that it was left. */
  const sentAndUnknown = (amountMsat: bigint, mark = aMark(), days = 1) =>
    desk.sentBy(desk.alice.publicKey, {
      ...{ amountMsat, mark, days },
      sentAt: new Date(Date.now() - 60_000),
    });
  const letAll = async (): Promise<void> => {
    await Promise.all(signers.splice(0).map((each) => each.stop()));
    await db.pool.query(`update payout set due_at = 'infinity' where state = 'sent'`);
  };

  test('a node that has lost its records pays nothing twice', async () => {
    const held = await desk.owe(2_000_000n, { held: true });
    const first = sign({ pay: { payMs: 500, askMs: 30_000 } });
    await desk.until(held.claimId, 'it is on its way', waitsFor('in_flight'));
    await first.stop();
    // A copy of its disk was put back.
    desk.alice.payments.forget(held.hash);
    // It was silent for a while meanwhile.
    await db.pool.query(`update payout set because = 'node_down' where claim_id = $1`, [
      held.claimId,
    ]);
    const second = sign();
    await desk.until(held.claimId, 'it waits', waitsFor('node_forgot'));
    await second.stop();
    const unsure = await sentAndUnknown(3_000_000n, randomBytes(32).toString('hex'));
    sign();
    await desk.until(unsure.claimId, 'it waits as well', waitsFor('node_forgot'));
    for (const { hash } of [held, unsure]) expect(desk.taken(hash).tries).toBe(0);
    await letAll();
  });

  test('it is left a mark before it is asked, which an older copy does not know', async () => {
    const copy = desk.alice.snapshot();
    desk.alice.faults.onMethod('SendPaymentV2', { kind: 'never-answer', work: false });
    const owed = await desk.owe(1_000_000n);
    sign({ pay: { payMs: 500, askMs: 30_000 } });
    const { payout } = await desk.until(owed.claimId, 'it is sent', waitsFor('not_recorded'));
    const mark = Buffer.from(payout?.mark ?? []).toString('hex');
    expect(desk.alice.invoices.get(mark)?.state).toBe('OPEN');
    await signers.splice(0)[0]?.stop();
    desk.alice.faults.reset();
    await desk.alice.restore(copy);
    sign();
    await desk.until(owed.claimId, 'it waits', waitsFor('node_forgot'));
    expect(desk.taken(owed.hash).tries).toBe(0);
    await letAll();
  });

  test('an old record of a failure is not believed where the mark is lost', async () => {
    const owed = await desk.owe(3_000_000n, { held: true });
    desk.alice.payments.setRouteFee({ baseMsat: 1_000_000_000n, ppm: 0n });
    sign();
    await desk.until(owed.claimId, 'there is no way', waitsFor('no_route'));
    await signers.splice(0)[0]?.stop();
    desk.alice.payments.setRouteFee({ baseMsat: 1_000n, ppm: 100n });
    // It was asked once more, paid, and came back from a copy of before.
    await db.pool.query(
      `update payout set state = 'sent', because = 'sent', attempts = attempts + 1, due_at = now(),
         sent_at = now() - interval '1 hour', mark = sha256('lost') where claim_id = $1`,
      [owed.claimId],
    );
    sign();
    await desk.until(owed.claimId, 'it waits', waitsFor('node_forgot'));
    await letAll();
  });

  test('it takes no mark: it is not asked to pay', async () => {
    desk.alice.faults.onMethod('AddInvoice', { kind: 'error-before', code: 14, details: 'no' });
    const owed = await desk.owe(1_000_000n);
    sign();
    const { payout } = await desk.until(owed.claimId, 'it waits', waitsFor('connection_lost'));
    expect(payout).toMatchObject({ state: 'reserved', attempts: 0, mark: null });
    desk.alice.faults.reset();
    await desk.until(owed.claimId, 'it is paid', isPaid);
  });

  test('a machine that stands still before it sends, sends nothing', async () => {
    let ms = 0;
    const said = new Promise<string>((resolve) => {
      const warn = (_facts: object, event: string) => {
        if (event !== 'payout.waits') resolve(event);
      };
      const log = { info: () => undefined, warn, error: () => undefined };
      // Each look at the clock is eleven seconds later.
      sign({ log, clock: () => new Date(Date.now() + (ms += 11_000)) });
    });
    const owed = await desk.owe(1_000_000n);
    expect(await said).toBe('payout.stood_still');
    expect(desk.taken(owed.hash).tries).toBe(0);
    await signers.splice(0)[0]?.stop();
    sign();
    await desk.until(owed.claimId, 'it is paid by another', isPaid);
  });

  test('what cannot be paid for a week goes back to its buyer', async () => {
    const owed = await desk.owe(2_000_000n, { expirySeconds: 30 * 86_400 });
    desk.alice.faults.set({ channelsDown: true });
    sign();
    await desk.until(owed.claimId, 'it waits', waitsFor('no_balance'));
    await signers.splice(0)[0]?.stop();
    sign({ clock: () => new Date(Date.now() + 8 * 86_400_000) });
    const { payout } = await desk.until(owed.claimId, 'it has failed', hasFailed);
    expect(payout?.because).toBe('tried_for_long');
    expect(await refundOf(owed.refundId)).toMatchObject({ due: true });
  });

  test('a request that the node never begins to pay ends: the buyer may give another', async () => {
    const details = 'payment request must contain either a payment address or blinded paths';
    desk.alice.faults.onMethod('SendPaymentV2', { kind: 'error-before', code: 2, details });
    const owed = await desk.owe(2_000_000n);
    sign();
    const { payout } = await desk.until(owed.claimId, 'it has failed', hasFailed);
    expect(payout).toMatchObject({ because: 'not_begun', attempts: 8 });
    expect(await refundOf(owed.refundId)).toMatchObject({ due: true });
  });

  test('paused, it does not send again what the node has not begun either', async () => {
    const owed = await sentAndUnknown(2_000_000n);
    await pausePurse(db, { shopId: desk.shop.id, paused: true });
    sign();
    await desk.until(owed.claimId, 'it waits', waitsFor('paused'));
    expect(desk.taken(owed.hash).tries).toBe(0);
    await pausePurse(db, { shopId: desk.shop.id, paused: false });
    await desk.until(owed.claimId, 'it is paid', isPaid);
  });

  test('not begun for a week, it goes back to its buyer also where nothing is sent', async () => {
    const owed = await sentAndUnknown(2_000_000n, aMark(), 30);
    await pausePurse(db, { shopId: desk.shop.id, paused: true });
    sign({ clock: () => new Date(Date.now() + 8 * 86_400_000) });
    const { payout } = await desk.until(owed.claimId, 'it has failed', hasFailed);
    expect(payout?.because).toBe('tried_for_long');
    expect(desk.taken(owed.hash).tries).toBe(0);
    await pausePurse(db, { shopId: desk.shop.id, paused: false });
  });

  test('whoever has not sent it last neither ends it nor sets it back', async () => {
    const { payoutId: id } = await sentAndUnknown(2_000_000n);
    const sentTo = desk.alice.publicKey;
    const sent = { id, attempts: 1, sentTo, mark: randomBytes(32), leaseMs: 60_000 };
    await pausePurse(db, { shopId: desk.shop.id, paused: true });
    expect(await payoutIsSent(db, sent)).toBe(false);
    await pausePurse(db, { shopId: desk.shop.id, paused: false });
    expect(await payoutIsSent(db, { ...sent, sentTo: '02ab' })).toBe(false);
    expect(await payoutIsSent(db, sent)).toBe(true);
    const stale = { id, attempts: 1 };
    expect(await endPayout(db, stale, { is: 'failed', because: 'rejected' })).toBe(false);
    await payoutWaits(db, stale, { state: 'reserved', because: 'no_route', dueInMs: 0 });
    expect(await payoutById(db, id)).toMatchObject({ state: 'sent', because: 'sent', attempts: 2 });
    const mine = { id, attempts: 2 };
    // What had lost its records and has them again is in nobody's hand but the node's.
    const wait = { state: 'sent', because: 'node_forgot', dueInMs: 60_000 } as const;
    await payoutWaits(db, mine, { ...wait, isForgotten: true });
    expect((await payoutById(db, id))?.forgotAt).not.toBeNull();
    await payoutWaits(db, mine, { ...wait, because: 'in_flight', recordedBy: sentTo });
    expect((await payoutById(db, id))?.forgotAt).toBeNull();
    expect(await endPayout(db, mine, { is: 'failed', because: 'rejected' })).toBe(true);
  });

  test('paused, beyond a ceiling, of another node, or with a changed purse', async () => {
    const owed = await desk.owe(2_000_000n);
    const isOpen = async (): Promise<boolean> =>
      (await openClaims(db, 100)).some(({ id }) => id === owed.claimId);
    expect(await isOpen()).toBe(true);
    await pausePurse(db, { shopId: desk.shop.id, paused: true });
    expect(await isOpen()).toBe(false);
    await pausePurse(db, { shopId: desk.shop.id, paused: false });
    const cases = [
      ['above_per_payment', () => desk.fill({ perPaymentMsat: 1_999_999n })],
      ['above_per_order', () => desk.fill({ perOrderMsat: 1_999_999n })],
      ['above_per_day', () => desk.fill({ perDayMsat: 2_004_999n })],
      ['original_elsewhere', () => desk.fill({}, { identity: `02${'ab'.repeat(32)}` })],
      [
        'purse_changed',
        async () => {
          await desk.fill();
          await db.pool.query('update purse set per_day_msat = per_day_msat * 1000');
        },
      ],
      ['purse_short', () => desk.fill({}, { macaroonHex: ofBefore() })],
      [
        'purse_changed',
        async () => {
          await desk.fill();
          await db.pool.query(`update purse set identity = '02' || repeat('cd', 32)`);
        },
      ],
    ] as const;
    for (const [word, change] of cases) {
      await change();
      const one = sign();
      await desk.until(owed.claimId, word, waitsFor(word));
      await one.stop();
      signers = [];
    }
    const { payout } = await desk.became(owed.claimId);
    expect(payout).toBeNull();
    await desk.fill({ perDayMsat: 1_000_000_000_000n });
    sign();
    await desk.until(owed.claimId, 'it is paid after all', isPaid);
  });
});
