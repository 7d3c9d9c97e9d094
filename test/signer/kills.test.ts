// A real signer is killed with -9 at each of its steps, and another takes its place: every claim is
// paid exactly once, with one payment that left the node.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import type { Database } from '../../web/db/database.ts';
import { databaseOfFile } from '../database-of-file.ts';
import type { TestDatabase } from '../database.ts';
import type { FromProcess, Moment, ToProcess } from '../kills/process.ts';
import { isPaid, openDesk, signerKeys, waitsFor, type Desk } from './owed.ts';

const root = path.join(import.meta.dirname, '../..');
let db: Database;
let place: TestDatabase;
let desk: Desk;
let dir = '';
databaseOfFile((opened, at) => ([db, place] = [opened, at]));
// Processes are started and killed: a busy machine takes its time.
vi.setConfig({ testTimeout: 240_000 });

/** What a signer passes on its way from a claim to its end. */
const points = [
  'sql payout_reserve',
  'sql payout_is_sent',
  'sql payout_waits',
  'sql payout_end',
  'sql payout_wake_refund',
] as const;

type Living = { child: ChildProcess; stands: (moment: Moment) => Promise<void> };
const living = new Set<ChildProcess>();

/** Everything is loaded; it signs when it is begun. */
function load(): Living {
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
  const stands = async (moment: Moment): Promise<void> => {
    while (!seen.has(moment)) {
      if (child.exitCode !== null) throw new Error('the signer ended by itself');
      await new Promise<void>((resolve) => (wake = resolve));
    }
  };
  return { child, stands };
}
const tell = (child: ChildProcess, message: ToProcess): void => {
  // One that ended by itself is found where it is waited for.
  if (child.connected) child.send(message, () => undefined);
};
const kill = async (child: ChildProcess): Promise<void> => {
  living.delete(child);
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill('SIGKILL');
  await gone;
};

let next: Living;
/** A signer that stops at these moments. */
function begin(stopAt: Moment[]): Living {
  const signer = next;
  next = load();
  tell(signer.child, { stopAt });
  tell(signer.child, { begin: true });
  return signer;
}

beforeAll(async () => {
  dir = fs.mkdtempSync(path.join(os.tmpdir(), 'zaptill-signer-'));
  fs.writeFileSync(path.join(dir, 'plan.json'), JSON.stringify({ points, sites: [] }));
  desk = await openDesk(db);
  await desk.fill({ perDayMsat: 1_000_000_000_000n });
  next = load();
});
afterAll(async () => {
  await Promise.all([...living].map(kill));
  await desk.close();
  fs.rmSync(dir, { recursive: true, force: true });
});

const paidOnce = { msat: 2_000_000n, tries: 1 };

test.for([
  'sql payout_reserve before',
  'sql payout_reserve after',
  'sql payout_is_sent before',
  'sql payout_is_sent after',
  'sql payout_end before',
  'sql payout_wake_refund before',
  'sql payout_end after',
])('killed at %s', async (moment) => {
  const owed = await desk.owe(2_000_000n);
  const dying = begin([moment]);
  await dying.stands(moment);
  await kill(dying.child);
  const heir = begin([]);
  const { payout } = await desk.until(owed.claimId, 'it is paid', isPaid);
  expect(desk.taken(owed.hash)).toEqual(paidOnce);
  expect(Buffer.from(payout?.preimage ?? []).toString('hex')).toBe(owed.secret);
  const { rows } = await db.pool.query(`select 1 from payout where subject = $1`, [
    `refund:${owed.refundId}`,
  ]);
  expect(rows).toHaveLength(1);
  await kill(heir.child);
});

test.for(['sql payout_waits before', 'sql payout_waits after'])(
  'killed at %s, when its node could not pay it',
  async (moment) => {
    const owed = await desk.owe(2_000_000n);
    desk.alice.faults.set({ channelsDown: true });
    const dying = begin([moment]);
    await dying.stands(moment);
    await kill(dying.child);
    desk.alice.faults.reset();
    const heir = begin([]);
    if (moment.endsWith('after')) {
      await desk.until(owed.claimId, 'it is paid', isPaid);
      expect(desk.taken(owed.hash)).toEqual(paidOnce);
    } else {
      // Nobody wrote down what the node said: another asking might be on its way still.
      const { payout } = await desk.until(owed.claimId, 'it waits', waitsFor('no_balance'));
      expect(payout).toMatchObject({ state: 'sent', attempts: 1 });
      expect(desk.taken(owed.hash)).toEqual({ msat: 0n, tries: 0 });
    }
    await kill(heir.child);
  },
);

test('killed when the node has it and the money is on its way', async () => {
  const owed = await desk.owe(2_000_000n, { held: true });
  const dying = begin([]);
  await desk.until(owed.claimId, 'it is sent', waitsFor('sent'));
  const isHeld = (): boolean => desk.bob.invoices.get(owed.hash)?.state === 'ACCEPTED';
  for (const end = Date.now() + 45_000; !isHeld();) {
    if (Date.now() > end) throw new Error('it did not arrive');
    await desk.became(owed.claimId);
  }
  await kill(dying.child);
  const heir = begin([]);
  await desk.until(owed.claimId, 'it is on its way', waitsFor('in_flight'));
  desk.bob.invoices.settleHeld(owed.secret);
  await desk.until(owed.claimId, 'it is paid', isPaid);
  expect(desk.taken(owed.hash)).toEqual(paidOnce);
  await kill(heir.child);
});
