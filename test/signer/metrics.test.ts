// What the operator reads of the signer, which has no door: its beat, what it began, what waits and
// which ceiling holds it up.
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import type { Database } from '../../web/db/database.ts';
import { moneyStanding } from '../../web/db/views.ts';
import { makeMetrics } from '../../web/metrics.ts';
import { startSigner } from '../../web/signer/loop.ts';
import { databaseOfFile } from '../database-of-file.ts';
import { until } from '../worker/play.ts';
import { isPaid, openDesk, signersVault, waitsFor, type Desk } from './owed.ts';

let db: Database;
let desk: Desk;
databaseOfFile((opened) => {
  db = opened;
});
vi.setConfig({ testTimeout: 240_000 });
beforeAll(async () => {
  desk = await openDesk(db);
});
afterAll(() => desk.close());

const scrape = async (): Promise<string> => {
  const metrics = makeMetrics();
  metrics.standMoney(await moneyStanding(db));
  return metrics.registry.metrics();
};

test('before anything is owed, and before a signer has begun', async () => {
  const text = await scrape();
  expect(text).toContain('zaptill_refunds{state="claimed"} 0');
  expect(text).toContain('zaptill_payouts_in_flight 0');
  expect(text).toContain('zaptill_payout_oldest_waiting_seconds 0');
  expect(text).toContain('zaptill_signers{is="signing"} 0');
  expect(text).toContain('zaptill_signer_last_beat_seconds -1');
});

test('a claim waits, is paid, and the next one meets a ceiling', async () => {
  await desk.fill({ perPaymentMsat: 2_000_000n, perDayMsat: 10_000_000n });
  const paid = await desk.owe(1_000_000n);
  const above = await desk.owe(3_000_000n);
  await db.pool.query(`update refund_claim set given_at = now() - interval '90 s'`);
  const before = await moneyStanding(db);
  expect(before.oldestClaimSeconds).toBeGreaterThanOrEqual(90);
  expect(before.budgets).toEqual([{ shopId: desk.shop.id, leftMsat: 10_000_000n }]);

  const signer = startSigner({
    ...{ db, sealer: signersVault, clock: () => new Date(), allowPrivate: true },
    log: { info: () => undefined, warn: () => undefined, error: () => undefined },
  });
  try {
    await desk.until(paid.claimId, 'it is paid', isPaid);
    await desk.until(above.claimId, 'it waits', waitsFor('above_per_payment'));
    await until('the signer has said that it signs', async () => {
      return (await moneyStanding(db)).signers.sign === 1;
    });
  } finally {
    await signer.stop();
  }
  const text = await scrape();
  expect(text).toContain('zaptill_payouts{state="paid",because="paid"} 1');
  expect(text).toContain('zaptill_payout_waits{because="above_per_payment"} 1');
  expect(text).toContain('zaptill_signers{is="signing"} 1');
  expect(text).toMatch(/zaptill_signer_last_beat_seconds \d/);
  const now = await moneyStanding(db);
  expect(now.budgets[0]?.leftMsat).toBeLessThanOrEqual(9_000_000n);
  expect(now.inFlightMsat).toBe(0n);

  // It stays silent, and its silence is seen.
  await db.pool.query(`update signer_report set said_at = now() - interval '10 min'`);
  const silent = await moneyStanding(db);
  expect(silent.signers).toEqual({ alive: 0, sign: 0 });
  expect(silent.signerSilentSeconds).toBeGreaterThanOrEqual(600);
});

test('a batch of shares that waits is as old as any claim', async () => {
  await db.pool.query(
    `with receiver as (
       insert into share_receiver (shop_id, name, address, lane)
       values ($1::int, 'Anna', 'anna@wallet.example.com', 'shop:' || $1::int || ':share')
       returning id)
     insert into share_batch (claim_id, shop_id, receiver_id, request, hash, amount_msat,
       expires_at, given_at)
     select nextval('refund_claim_id_seq'), $1::int, id, 'lnbcrt1', sha256('batch'), 2000000,
       now() + interval '1 hour', now() - interval '50 min' from receiver`,
    [desk.shop.id],
  );
  expect((await moneyStanding(db)).oldestClaimSeconds).toBeGreaterThanOrEqual(3_000);
  await db.pool.query(
    `insert into payout_wait (claim_id, shop_id, word, due_at)
     select claim_id, shop_id, 'above_per_day', now() from share_batch`,
  );
  expect(await scrape()).toContain('zaptill_payout_waits{because="above_per_day"} 1');
});
