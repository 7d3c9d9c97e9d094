// A real signer is killed with -9 at each of its steps on a batch of shares, and another takes its
// place: every batch is paid exactly once. And what a row that somebody forged does not get.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { accountOf } from '../../web/core/ledger.ts';
import type { Database } from '../../web/db/database.ts';
import { movePayment, type PaymentRow } from '../../web/db/payments.ts';
import { spentOf } from '../../web/db/purses.ts';
import { minor, msat } from '../../web/core/money.ts';
import { databaseOfFile } from '../database-of-file.ts';
import type { TestDatabase } from '../database.ts';
import type { FromProcess, Moment, ToProcess } from '../kills/process.ts';
import {
  hasFailed,
  isPaid,
  openDesk,
  signerKeys,
  waitsFor,
  type Became,
  type Desk,
} from './owed.ts';

const root = path.join(import.meta.dirname, '../..');
let db: Database;
let place: TestDatabase;
let desk: Desk;
let dir = '';
databaseOfFile((opened, at) => ([db, place] = [opened, at]));
// Processes are started and killed: a busy machine takes its time.
vi.setConfig({ testTimeout: 240_000 });

/** What a signer passes on its way from a batch to its end. */
const points = [
  'sql payout_reserve_share',
  'sql payout_is_sent',
  'sql payout_end',
  'sql payout_wake_receiver',
] as const;

const living = new Set<ChildProcess>();
const tell = (child: ChildProcess, message: ToProcess): void => {
  if (child.connected) child.send(message, () => undefined);
};
/** A signer that stops at these moments. */
function begin(stopAt: Moment[]): {
  child: ChildProcess;
  stands: (moment: Moment) => Promise<void>;
} {
  const child = spawn(process.execPath, [path.join(root, 'test/kills/process.ts')], {
    cwd: root,
    env: {
      ...{ PATH: process.env['PATH'] ?? '', HOME: os.tmpdir(), DATA_DIR: dir, LOG_LEVEL: 'silent' },
      ...{ KILLS_ENTRANCE: 'signer.ts', KILLS_PLAN: path.join(dir, 'plan.json') },
      ...{ DATABASE_URL: place.url, SIGNER_KEYS: signerKeys, ALLOW_PRIVATE_NODES: 'true' },
      NODE_COMPILE_CACHE: path.join(dir, 'compiled'),
    },
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  living.add(child);
  const seen = new Set<Moment>();
  let wake = (): void => undefined;
  child.once('exit', () => {
    wake();
  });
  child.on('message', (message: FromProcess) => {
    if ('stands' in message) seen.add(message.stands);
    wake();
  });
  tell(child, { stopAt });
  tell(child, { begin: true });
  const stands = async (moment: Moment): Promise<void> => {
    while (!seen.has(moment)) {
      if (child.exitCode !== null) throw new Error('the signer ended by itself');
      await new Promise<void>((resolve) => (wake = resolve));
    }
  };
  return { child, stands };
}
async function kill(child: ChildProcess): Promise<void> {
  living.delete(child);
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill('SIGKILL');
  await gone;
}

beforeAll(async () => {
  dir = fs.mkdtempSync(path.join(os.tmpdir(), 'zaptill-signer-'));
  fs.writeFileSync(path.join(dir, 'plan.json'), JSON.stringify({ points, sites: [] }));
  desk = await openDesk(db);
  await desk.fill({ perDayMsat: 1_000_000_000_000n });
});
afterAll(async () => {
  await Promise.all([...living].map(kill));
  await desk.close();
  fs.rmSync(dir, { recursive: true, force: true });
});

/** As Shopify accepts it: the whole of it stands in the shop's account. */
async function accepted(payment: PaymentRow, amountMsat: bigint): Promise<void> {
  await movePayment(db.pool, {
    paymentId: payment.id,
    move: { from: 'settled', to: 'resolved' },
    because: 'told_shopify',
    journal: `verdict:${payment.id}`,
    postings: [
      {
        from: accountOf('awaiting', desk.shop.id),
        to: accountOf('resolved', desk.shop.id),
        amountMsat: msat(amountMsat),
      },
    ],
    toldMinor: minor(1_230n),
  });
}

/** Two shares of one receiver, with the invoice that its address gave. */
async function aBatch(more: { forged?: boolean; held?: boolean; atNodeMsat?: bigint } = {}) {
  const { held = false, ...ofFirst } = more;
  const asked = desk.aRequest(2_000_000n, { held });
  const payments = [await desk.aPaidPayment(ofFirst), await desk.aPaidPayment()];
  for (const payment of payments) await accepted(payment, 100_000_000n);
  const { rows } = await db.pool.query<{ id: string; claim_id: string }>(
    `with receiver as (
       insert into share_receiver (shop_id, name, address, lane)
       values ($1::int, 'Anna', gen_random_uuid() || '@wallet.example.com',
         'shop:' || $1::int || ':share')
       returning id),
     rule as (
       insert into share_rule (shop_id, receiver_id, part_bp) select $1::int, id, 100 from receiver
       returning id, receiver_id),
     batch as (
       insert into share_batch (claim_id, shop_id, receiver_id, request, hash, amount_msat,
         expires_at)
       select nextval('refund_claim_id_seq'), $1::int, receiver_id, $2, decode($3, 'hex'), 2000000,
         now() + interval '1 hour' from rule returning id, claim_id),
     shares as (
       insert into share (payment_id, shop_id, rule_id, receiver_id, base_msat, amount_msat,
         captured_minor, refunded_minor, state, batch_id)
       select p.id, $1::int, rule.id, rule.receiver_id, 1000000, 1000000, 1230, 0, 'batched',
         batch.id
       from unnest($4::uuid[]) as p (id), rule, batch)
     select id, claim_id from batch`,
    [desk.shop.id, asked.request, asked.hash, payments.map(({ id }) => id)],
  );
  return { ...asked, batchId: rows[0]?.id ?? '', claimId: BigInt(rows[0]?.claim_id ?? 0) };
}
const paidOnce = { msat: 2_000_000n, tries: 1 };
const notPaid = { msat: 0n, tries: 0 };
/** It waits with this word, or is over already, which nobody has to wait for. */
const waitsOrEnds = (word: string) => (of: Became) =>
  waitsFor(word)(of) || isPaid(of) || hasFailed(of);

test.for([
  'sql payout_reserve_share before',
  'sql payout_reserve_share after',
  'sql payout_is_sent before',
  'sql payout_is_sent after',
  'sql payout_end before',
  'sql payout_wake_receiver before',
  'sql payout_end after',
])('killed at %s', async (moment) => {
  const batch = await aBatch();
  const dying = begin([moment]);
  await dying.stands(moment);
  await kill(dying.child);
  const heir = begin([]);
  const { payout } = await desk.until(batch.claimId, 'it is paid', isPaid);
  expect(desk.taken(batch.hash)).toEqual(paidOnce);
  expect(Buffer.from(payout?.preimage ?? []).toString('hex')).toBe(batch.secret);
  const { rows } = await db.pool.query('select 1 from payout where subject = $1', [
    `share:${batch.batchId}`,
  ]);
  expect(rows).toHaveLength(1);
  const due = await db.pool.query(
    `select 1 from share_receiver r join share_batch b on b.receiver_id = r.id
     where b.id = $1 and r.due_at <= now()`,
    [batch.batchId],
  );
  expect(due.rows).toHaveLength(1);
  await kill(heir.child);
});

test('in flight is neither yes nor no, and a signer that falls asks again', async () => {
  const batch = await aBatch({ held: true });
  const dying = begin([]);
  await desk.until(batch.claimId, 'it is sent', waitsFor('sent'));
  const isHeld = (): boolean => desk.bob.invoices.get(batch.hash)?.state === 'ACCEPTED';
  for (const end = Date.now() + 60_000; !isHeld();) {
    if (Date.now() > end) throw new Error('it did not arrive');
    await desk.became(batch.claimId);
  }
  await kill(dying.child);
  const heir = begin([]);
  const asked = await desk.until(batch.claimId, 'it is on its way', waitsOrEnds('in_flight'));
  expect(asked.payout).toMatchObject({ because: 'in_flight', endedAt: null });
  desk.bob.invoices.settleHeld(batch.secret);
  await desk.until(batch.claimId, 'it is paid', isPaid);
  expect(desk.taken(batch.hash)).toEqual(paidOnce);
  await kill(heir.child);
});

test('a share of money that the node never saw is not paid', async () => {
  const batch = await aBatch({ forged: true });
  const signer = begin([]);
  await desk.until(batch.claimId, 'it waits', waitsFor('original_unknown'));
  expect(desk.taken(batch.hash)).toEqual(notPaid);
  await kill(signer.child);
});

test('more than the node has received is not paid', async () => {
  const batch = await aBatch({ atNodeMsat: 999_000n });
  const signer = begin([]);
  await desk.until(batch.claimId, 'it waits', waitsOrEnds('above_received'));
  expect(desk.taken(batch.hash)).toEqual(notPaid);
  await kill(signer.child);
});

test.each([
  ['of one payment', 'above_per_payment', { perPaymentMsat: 1_999_000n }],
  ['of a day', 'above_per_day', { perDayMsat: 1_999_000n }],
] as const)('above a ceiling it waits: %s', async (_, word, limits) => {
  await desk.fill(limits);
  const batch = await aBatch();
  const signer = begin([]);
  await desk.until(batch.claimId, 'it waits', waitsOrEnds(word));
  expect(desk.taken(batch.hash)).toEqual(notPaid);
  await kill(signer.child);
  await desk.fill({ perDayMsat: 1_000_000_000_000n });
});

test('above the ceiling of a day it waits: paid counts, whenever it was set aside', async () => {
  const { spentMsat, reservedMsat } = await spentOf(db, desk.shop.id);
  await desk.setAside(2_000_000n, { ago: '2 days', paidAgo: '1 minute' });
  // Room for one of the two.
  await desk.fill({ perDayMsat: spentMsat + reservedMsat + 3_000_000n });
  const batch = await aBatch();
  const signer = begin([]);
  await desk.until(batch.claimId, 'it waits', waitsOrEnds('above_per_day'));
  expect(desk.taken(batch.hash)).toEqual(notPaid);
  await kill(signer.child);
  await desk.fill({ perDayMsat: 1_000_000_000_000n });
});
