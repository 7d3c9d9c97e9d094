// Where a claim waits: at growing intervals, within the ceilings of one purse for all apps of a
// shop, and in one order of locks with whoever gives the claim up.
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Database } from '../../web/db/database.ts';
import {
  claimWaits,
  openClaims,
  reservePayout,
  takeDuePayouts,
  tryWaitingAgain,
  waitsOfClaims,
} from '../../web/db/payouts.ts';
import { purseOf } from '../../web/db/purses.ts';
import { claimIsOver } from '../../web/db/refunds.ts';
import { ceilingsOf, usualLimits } from '../../web/signer/purse.ts';
import { aShop } from '../builders.ts';
import { databaseOfFile } from '../database-of-file.ts';
import { openDesk, type Desk } from './owed.ts';

let db: Database;
let desk: Desk;
databaseOfFile((opened) => (db = opened), { connections: 6 });
beforeAll(async () => {
  desk = await openDesk(db);
});
afterAll(() => desk.close());

test('for the same thing it is left alone twice as long, up to a limit', async () => {
  const { claimId } = await desk.owe(1_000_000n);
  const claim = (await openClaims(db, 100)).find(({ id }) => id === claimId);
  if (claim === undefined) throw new Error('no claim');
  const wait = async (word: string): Promise<number> => {
    await claimWaits(db, { claim, word, dueInMs: 20_000, atMostMs: 300_000 });
    const { rows } = await db.pool.query<{ ms: number }>(
      `select round(extract(epoch from due_at - now()) / 10)::int * 10 as ms from payout_wait
       where claim_id = $1`,
      [claimId],
    );
    return rows[0]?.ms ?? 0;
  };
  const seconds: number[] = [];
  for (let n = 0; n < 6; n += 1) seconds.push(await wait('above_per_day'));
  expect(seconds).toEqual([20, 40, 80, 160, 300, 300]);
  expect(await wait('node_down')).toBe(20);
  // Somebody has mended what it waited for.
  await tryWaitingAgain(db, desk.shop.id);
  const [waits] = await waitsOfClaims(db, [claimId]);
  expect(waits?.dueAt.getTime()).toBeLessThanOrEqual(Date.now() + 60_000);
  expect((await openClaims(db, 100)).map(({ id }) => id)).toContain(claimId);
});

test('many claims of one shop leave room for those of the next', async () => {
  const other = await openDesk(db);
  try {
    for (let n = 0; n < 3; n += 1) await desk.owe(1_000_000n);
    const { claimId } = await other.owe(1_000_000n);
    const open = await openClaims(db, 3, 2);
    expect(open.map(({ shopId }) => shopId)).toEqual([desk.shop.id, desk.shop.id, other.shop.id]);
    expect(open.at(-1)?.id).toBe(claimId);
    expect((await openClaims(db, 3)).map(({ shopId }) => shopId)).not.toContain(other.shop.id);
  } finally {
    await other.close();
  }
});

test('many payouts of one shop, whose node is silent, leave room for the next one’s', async () => {
  const other = await openDesk(db);
  try {
    for (let n = 0; n < 3; n += 1) await underWay(desk);
    await underWay(other);
    await db.pool.query(`update payout set due_at = now() - interval '1 s' where shop_id = $1`, [
      other.shop.id,
    ]);
    await db.pool.query(`update payout set due_at = now() - interval '9 s' where shop_id = $1`, [
      desk.shop.id,
    ]);
    const take = (without: number[]) =>
      takeDuePayouts(db, { limit: 3, leaseMs: 60_000, ofPurse: 2, without });
    const taken = (await take([])).map(({ shopId }) => shopId).sort();
    expect(taken).toEqual([desk.shop.id, desk.shop.id, other.shop.id].sort());
    // The third one's shop has its hands full: it stays due.
    expect(await take([desk.shop.id])).toEqual([]);
    expect(await take([])).toHaveLength(1);
  } finally {
    await other.close();
  }
});

/** A payout that is reserved, and whose signer is gone. */
async function underWay(at: Desk): Promise<void> {
  const { claimId } = await at.owe(1_000_000n);
  const claim = (await openClaims(db, 100)).find(({ id }) => id === claimId);
  if (claim === undefined) throw new Error('no claim');
  const { word } = await reservePayout(db, {
    ...{ claim, expiresAt: new Date(Date.now() + 3_600_000), feeLimitMsat: 1_000n },
    ...{ originalMsat: null, ceilings: ceilingsOf(usualLimits), leaseMs: 60_000 },
  });
  expect(word).toBe('reserved');
}

test('all apps of a shop are paid from its one purse, and counted together', async () => {
  const other = await aShop(db, { domain: desk.shop.domain, clientId: 'another-app' });
  expect((await purseOf(db, other.id))?.shopId).toBe(desk.shop.id);
});

test('who gives a claim up and who reserves for it wait for each other in one order', async () => {
  const { claimId, refundId, hash, request } = await desk.owe(1_000_000n);
  await db.pool.query('alter table refund_claim disable trigger refund_claim_arrow');
  await db.pool.query(
    `update refund_claim set expires_at = now() - interval '1 day' where id = $1`,
    [claimId],
  );
  await db.pool.query('alter table refund_claim enable trigger refund_claim_arrow');
  const { rows } = await db.pool.query<{ lease_no: number }>(
    'select lease_no from refund where id = $1',
    [refundId],
  );
  const reserving = await db.pool.connect();
  try {
    // The signer has the refund, as in the middle of its statement, and the claim is still to come.
    await reserving.query('begin');
    await reserving.query('select 1 from refund where id = $1 for share', [refundId]);
    const over = claimIsOver(db, { id: refundId, leaseNo: rows[0]?.lease_no ?? 0 });
    await isWaiting();
    const { rows: said } = await reserving.query<{ word: string }>(
      `select word from payout_reserve($1, $2, $3, 1000000, now() + interval '1 hour', 1000, null,
         $4::bigint[], 60000)`,
      [claimId, request, Buffer.from(hash, 'hex'), ceilingsOf(usualLimits).map(String)],
    );
    await reserving.query('commit');
    expect(said).toEqual([{ word: 'reserved' }]);
    // What was reserved meanwhile is seen: the claim is not given up.
    expect(await over).toBeUndefined();
  } finally {
    reserving.release();
  }
});

test('what nobody begins to pay for a week is given up, however long it may live', async () => {
  const { claimId, refundId } = await desk.owe(1_000_000n, { expirySeconds: 300 * 86_400 });
  const over = async () => {
    const { rows } = await db.pool.query<{ lease_no: number }>(
      'select lease_no from refund where id = $1',
      [refundId],
    );
    return claimIsOver(db, { id: refundId, leaseNo: rows[0]?.lease_no ?? 0 });
  };
  const givenBefore = async (days: number): Promise<void> => {
    await db.pool.query('alter table refund_claim disable trigger refund_claim_arrow');
    await db.pool.query(
      `update refund_claim set given_at = now() - make_interval(days => $2) where id = $1`,
      [claimId, days],
    );
    await db.pool.query('alter table refund_claim enable trigger refund_claim_arrow');
  };
  await givenBefore(6);
  expect(await over()).toBeUndefined();
  await givenBefore(8);
  expect(await over()).toBe('claim_over');
  const { rows } = await db.pool.query(
    `select r.state, c.because from refund r join refund_claim c on c.refund_id = r.id
     where r.id = $1`,
    [refundId],
  );
  // Its buyer may give another, and staff may take it back.
  expect(rows).toEqual([{ state: 'claimable', because: 'tried_for_long' }]);
});

/** Somebody waits for a lock. */
async function isWaiting(): Promise<void> {
  for (const end = Date.now() + 60_000; Date.now() < end;) {
    const { rows } = await db.pool.query<{ n: number }>(
      `select count(*)::int as n from pg_stat_activity
       where datname = current_database() and wait_event_type = 'Lock'`,
    );
    if ((rows[0]?.n ?? 0) > 0) return;
  }
  throw new Error('nobody waits');
}
