// `zaptill purse`, as the operator runs it: in a process of its own, with the environment of the
// signer and nothing of the doors'.
import { execFile } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Database } from '../../web/db/database.ts';
import { pausePurse, purseOf } from '../../web/db/purses.ts';
import { openPurse } from '../../web/signer/purse.ts';
import { databaseOfFile } from '../database-of-file.ts';
import type { TestDatabase } from '../database.ts';
import { openDesk, signerKeys, signersVault, type Desk } from './owed.ts';

const root = path.join(import.meta.dirname, '../..');
let db: Database;
let place: TestDatabase;
let desk: Desk;
let dir = '';
databaseOfFile((opened, at) => ([db, place] = [opened, at]));
beforeAll(async () => {
  desk = await openDesk(db);
  dir = fs.mkdtempSync(path.join(os.tmpdir(), 'zaptill-purse-'));
});
afterAll(async () => {
  await desk.close();
  fs.rmSync(dir, { recursive: true, force: true });
});

const run = (...words: string[]): Promise<{ code: number; said: string }> =>
  new Promise((resolve) => {
    const env = {
      ...{ PATH: process.env['PATH'] ?? '', DATABASE_URL: place.url, DATA_DIR: dir },
      ...{ SIGNER_KEYS: signerKeys, ALLOW_PRIVATE_NODES: 'true' },
    };
    const all = ['web/cli.ts', 'purse', ...words, '--shop', desk.shop.domain];
    execFile(process.execPath, all, { cwd: root, env }, (error, stdout, stderr) => {
      const code = typeof error?.code === 'number' ? error.code : 0;
      resolve({ code, said: stdout + stderr });
    });
  });

test('it is connected with ceilings, limited and shown, with the line for the node', async () => {
  const { alice, shop } = desk;
  const asked = await run('connect');
  expect(asked).toMatchObject({ code: 2 });
  expect(asked.said).toContain('uri:/routerrpc.Router/SendPaymentV2');
  const file = path.join(dir, 'pay.hex');
  const given = ['connect', '--host', alice.socket, '--certificate', alice.certPem];
  fs.writeFileSync(file, alice.macaroon('pay').toString('hex'));
  const connected = await run(...given, '--macaroon', `@${file}`, '--per-day', '7000');
  expect(connected).toMatchObject({ code: 0 });
  const row = await purseOf(db, shop.id);
  if (row === null) throw new Error('no purse');
  const purse = openPurse(signersVault, row);
  expect(purse).toMatchObject({ identity: alice.publicKey, looksAtOriginal: true });
  expect([row.perDayMsat, purse.limits.perDayMsat]).toEqual([7_000_000n, 7_000_000n]);
  expect(await run('limits', '--per-payment', '5000')).toMatchObject({ code: 0 });
  await pausePurse(db, { shopId: shop.id, paused: true });
  const shown = await run('show', '--json');
  expect(JSON.parse(shown.said)).toMatchObject({
    ...{ ok: true, perPaymentMsat: '5000000', perDayMsat: '7000000', spentMsat: '0' },
    pausedAt: expect.any(String) as string,
  });
  // Sealed anew with its credential: the row of before is not what is stored.
  const after = await purseOf(db, shop.id);
  if (after === null) throw new Error('no purse');
  const { limits, macaroonHex } = openPurse(signersVault, after);
  expect([limits.perPaymentMsat, limits.perDayMsat]).toEqual([5_000_000n, 7_000_000n]);
  expect(macaroonHex).toBe(fs.readFileSync(file, 'utf8'));
  // Each run is a process: on a busy machine that takes its time.
}, 240_000);

test('the purse of a shop that has removed the app is shown, limited and stopped', async () => {
  const { shop } = desk;
  await desk.fill();
  await pausePurse(db, { shopId: shop.id, paused: false });
  await db.pool.query('update shop set uninstalled_at = now() where id = $1', [shop.id]);
  try {
    expect(await run('show')).toMatchObject({ code: 0 });
    expect(await run('limits', '--per-payment', '4000')).toMatchObject({ code: 0 });
    expect(await run('pause')).toMatchObject({ code: 0 });
    const row = await purseOf(db, shop.id);
    expect(row).toMatchObject({ perPaymentMsat: 4_000_000n, pausedAt: expect.any(Date) as Date });
    // Another credential is taken from who has the app alone.
    const connect = await run('connect');
    expect(connect).toMatchObject({ code: 1 });
    expect(connect.said).toContain('has the app installed');
  } finally {
    await db.pool.query('update shop set uninstalled_at = null where id = $1', [shop.id]);
    await pausePurse(db, { shopId: shop.id, paused: false });
  }
}, 240_000);

test('what a node that is gone was asked to pay ends by the word of the operator', async () => {
  await desk.fill();
  const sentBy = (node: string) => desk.sentBy(node, { amountMsat: 2_000_000n });
  const conclude = (of: { payoutId: bigint }, ...words: string[]) =>
    run('conclude', '--payout', of.payoutId.toString(), ...words);
  const gone = `02${'ab'.repeat(32)}`;
  const [own, paid, unpaid] = [
    await sentBy(desk.alice.publicKey),
    await sentBy(gone),
    await sentBy(gone),
  ];
  const shown = await run('show');
  expect(shown.said).toContain(`payout ${paid.payoutId.toString()}: 2000 sat, hash ${paid.hash}`);
  expect(shown.said).not.toContain(own.hash);
  // Of the node that the purse has, and of a payout that is not there, nobody's word counts.
  expect(await conclude(own, '--preimage', own.secret)).toMatchObject({ code: 1 });
  expect(await conclude(paid)).toMatchObject({ code: 2 });
  expect(await conclude(paid, '--preimage', unpaid.secret)).toMatchObject({ code: 2 });
  expect(await conclude(paid, '--preimage', paid.secret, '--fee', '3')).toMatchObject({ code: 0 });
  expect((await desk.became(paid.claimId)).payout).toMatchObject({
    ...{ state: 'paid', because: 'paid_by_word', feeMsat: 3_000n },
  });
  const early = await conclude(unpaid, '--not-paid');
  expect(early).toMatchObject({ code: 2 });
  expect(early.said).toContain('may be on its way for 15 days');
  await db.pool.query(`update payout set sent_at = now() - interval '16 days' where id = $1`, [
    unpaid.payoutId,
  ]);
  expect(await conclude(unpaid, '--not-paid')).toMatchObject({ code: 0 });
  expect((await desk.became(unpaid.claimId)).payout).toMatchObject({
    ...{ state: 'failed', because: 'not_paid_by_word' },
  });
  expect(await conclude(unpaid, '--not-paid')).toMatchObject({ code: 1 });
  const woken = await db.pool.query(
    'select id from refund where id = any($1) and due_at <= now()',
    [[paid.refundId, unpaid.refundId]],
  );
  expect(woken.rows).toHaveLength(2);
}, 240_000);

test('of many that wait each is found; of one that moved on it is said', async () => {
  await desk.fill();
  const gone = `02${'ab'.repeat(32)}`;
  const sentAt = new Date(Date.now() - 16 * 86_400_000);
  for (let made = 0; made < 50; made += 1) await desk.sentBy(gone, { amountMsat: 1_000n, sentAt });
  const last = await desk.sentBy(gone, { amountMsat: 2_000_000n, sentAt });
  const words = ['conclude', '--payout', last.payoutId.toString()];
  expect((await run(...words)).said).toContain('either --preimage');
  // While the word is given, somebody else writes down that it was paid.
  const other = await db.pool.connect();
  try {
    await other.query('begin');
    await other.query(
      `update payout set state = 'paid', because = 'paid', preimage = decode($2, 'hex'),
         fee_msat = 0, ended_at = now(), due_at = null where id = $1`,
      [last.payoutId, last.secret],
    );
    const { rows } = await other.query<{ pid: number }>('select pg_backend_pid() as pid');
    const given = run(...words, '--not-paid');
    await untilBlockedBy(rows[0]?.pid ?? 0);
    await other.query('commit');
    const said = await given;
    expect(said).toMatchObject({ code: 1 });
    expect(said.said).toContain('has moved on meanwhile');
  } finally {
    other.release();
  }
}, 240_000);

async function untilBlockedBy(pid: number): Promise<void> {
  for (const end = Date.now() + 100_000; Date.now() < end;) {
    const { rows } = await db.pool.query(
      'select 1 from pg_stat_activity where $1::int = any(pg_blocking_pids(pid))',
      [pid],
    );
    if (rows.length > 0) return;
    await pause(25);
  }
  throw new Error('nobody waits for it');
}
