// The ceilings hold however many reserve at once: fifty at a time, of three processes with eight
// connections each.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import type { Database } from '../../web/db/database.ts';
import { spentOf } from '../../web/db/purses.ts';
import { moneyStanding } from '../../web/db/views/money.ts';
import { ceilingsOf, usualLimits, type Limits } from '../../web/signer/purse.ts';
import { aShop } from '../builders.ts';
import { databaseOfFile } from '../database-of-file.ts';
import type { TestDatabase } from '../database.ts';
import { openDesk, type Desk, type Owed } from './owed.ts';

let db: Database;
let place: TestDatabase;
let desk: Desk;
databaseOfFile((opened, at) => ([db, place] = [opened, at]));
// Processes are started: a busy machine takes its time.
vi.setConfig({ testTimeout: 240_000 });
beforeAll(async () => {
  desk = await openDesk(db);
});
afterAll(() => desk.close());

const amountMsat = 1_000_000n;
const processes = 3;

/** All claims at once, each once more at the end; the words, counted. */
async function reserveAll(claims: readonly Owed[], limits: Limits): Promise<Map<string, number>> {
  const asks = [...claims, ...claims.slice(0, 10)].map(({ claimId, request, hash }) => ({
    ...{ id: claimId.toString(), request, hash, amountMsat: amountMsat.toString() },
  }));
  const ceilings = ceilingsOf(limits).map(String);
  const children = Array.from({ length: processes }, (_, index) => {
    const mine = asks.filter((_ask, at) => at % processes === index);
    const given = JSON.stringify({ asks: mine, ceilings });
    return fork(path.join(import.meta.dirname, 'reserve-process.ts'), [place.url, '8', given]);
  });
  await Promise.all(children.map((child) => once(child, 'message')));
  const answers = children.map((child) => once(child, 'message') as Promise<[string[]]>);
  for (const child of children) child.send('go');
  const words = (await Promise.all(answers)).flatMap(([each]) => each);
  const counts = new Map<string, number>();
  for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1);
  return counts;
}

const standing = async () => {
  const { rows } = await db.pool.query<{ count: string; msat: string }>(
    `select count(*), coalesce(sum(amount_msat + fee_limit_msat), 0) as msat from payout
     where state in ('reserved', 'sent', 'paid')`,
  );
  return { count: Number(rows[0]?.count), msat: BigInt(rows[0]?.msat ?? 0) };
};

/** What was set aside ends without being paid, so that the next test begins with nothing. */
const endAll = () =>
  db.pool.query(
    `update payout set state = 'failed', because = 'rejected', ended_at = now(), due_at = null
     where state = 'reserved'`,
  );

const manyClaims = async (
  count: number,
  about: { originId?: string; shopId?: number } = {},
): Promise<Owed[]> => {
  const claims: Owed[] = [];
  const payment = await desk.aPaidPayment(about);
  for (let made = 0; made < count; made += 1) {
    const of = about.originId === undefined ? await desk.aPaidPayment(about) : payment;
    const refundId = await desk.aRefund(of, amountMsat);
    claims.push(await desk.claim(refundId, desk.aRequest(amountMsat).request));
  }
  return claims;
};

test('of a day: what fits is set aside, the rest waits, and no claim twice', async () => {
  // Room for twelve with their fees, and not for a thirteenth.
  const limits = { ...usualLimits, perDayMsat: 12n * (amountMsat + 1_000n) + 999n };
  await desk.fill(limits);
  const counts = await reserveAll(await manyClaims(50), limits);
  expect(counts.get('reserved')).toBe(12);
  expect(await standing()).toEqual({ count: 12, msat: 12n * 1_001_000n });
  expect((counts.get('above_per_day') ?? 0) + (counts.get('under_way') ?? 0)).toBe(48);
  await endAll();
});

test('of a day: what is owed through both of our apps, together', async () => {
  const limits = { ...usualLimits, perDayMsat: 12n * (amountMsat + 1_000n) + 999n };
  await desk.fill(limits);
  const other = await aShop(db, { domain: desk.shop.domain, clientId: 'payments-app' });
  const claims = [...(await manyClaims(20)), ...(await manyClaims(20, { shopId: other.id }))];
  const counts = await reserveAll(claims, limits);
  expect(counts.get('reserved')).toBe(12);
  expect(await standing()).toEqual({ count: 12, msat: 12n * 1_001_000n });
  await endAll();
});

test('of an order: all payments of it together', async () => {
  const limits = { ...usualLimits, perOrderMsat: 7n * amountMsat + 1n };
  await desk.fill(limits);
  const counts = await reserveAll(
    await manyClaims(50, { originId: 'gid://shopify/Order/77' }),
    limits,
  );
  expect(counts.get('reserved')).toBe(7);
  expect((await standing()).count).toBe(7);
  await endAll();
});

test('of a payment: none above it', async () => {
  const limits = { ...usualLimits, perPaymentMsat: amountMsat - 1n };
  await desk.fill(limits);
  const counts = await reserveAll(await manyClaims(10), limits);
  expect([...counts]).toEqual([['above_per_payment', 20]]);
  expect((await standing()).count).toBe(0);
});

test('the database itself refuses a second payout of a refund, and another end', async () => {
  const [claim] = await manyClaims(1);
  if (claim === undefined) throw new Error('no claim');
  await desk.fill();
  expect((await reserveAll([claim], usualLimits)).get('reserved')).toBe(1);
  const again = `insert into payout (claim_id, subject, shop_id, payment_id, request, hash,
      amount_msat, fee_limit_msat, expires_at, because)
    select claim_id + 1000000, subject, shop_id, payment_id, request, sha256(hash), amount_msat,
      fee_limit_msat, expires_at, 'forged' from payout where claim_id = $1`;
  await expect(db.pool.query(again, [claim.claimId])).rejects.toMatchObject({ code: '23505' });
  const change = (what: string) =>
    db.pool.query(`update payout set ${what} where claim_id = $1`, [claim.claimId]);
  await expect(change(`request = 'another'`)).rejects.toMatchObject({ code: 'ZP004' });
  await expect(change(`amount_msat = 1`)).rejects.toMatchObject({ code: 'ZP004' });
  const ended = 'ended_at = now(), due_at = null';
  const forged = `state = 'paid', preimage = '\\x00', fee_msat = 0, ${ended}`;
  await expect(change(forged)).rejects.toMatchObject({ code: 'ZP003' });
  await expect(change(`state = 'sent'`)).rejects.toMatchObject({ code: '23514' });
  await change(`state = 'sent', sent_to = '02ab'`);
  await expect(change(forged)).rejects.toMatchObject({ code: '23514' });
  await expect(
    db.pool.query('delete from payout where claim_id = $1', [claim.claimId]),
  ).rejects.toMatchObject({ code: 'ZP001' });
});

test('of a day: what is paid counts from when it was paid, not set aside', async () => {
  const before = await spentOf(db, desk.shop.id);
  await desk.setAside(amountMsat, { ago: '3 days', paidAgo: '23 hours' });
  await desk.setAside(amountMsat, { ago: '2 days', paidAgo: '1 minute' });
  await desk.setAside(amountMsat, { ago: '2 days' });
  await desk.setAside(amountMsat, { ago: '26 hours', paidAgo: '25 hours' });
  const after = await spentOf(db, desk.shop.id);
  expect(after.spentMsat - before.spentMsat).toBe(2_002_000n);
  expect(after.reservedMsat - before.reservedMsat).toBe(1_001_000n);

  // Room for one beside what was paid and what is on its way, and not for a second one.
  const countedMsat = after.spentMsat + after.reservedMsat;
  const limits = { ...usualLimits, perDayMsat: countedMsat + amountMsat + 1_000n + 999n };
  await desk.fill(limits);
  expect((await moneyStanding(db)).budgets).toEqual([
    { shopId: desk.shop.id, leftMsat: amountMsat + 1_999n },
  ]);
  const counts = await reserveAll(await manyClaims(6), limits);
  expect(counts.get('reserved')).toBe(1);
  expect((counts.get('above_per_day') ?? 0) + (counts.get('under_way') ?? 0)).toBe(11);
  await endAll();
});
