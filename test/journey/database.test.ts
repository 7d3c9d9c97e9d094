// PostgreSQL crashes while buyers pay, and comes back: in order of its own making, and as it is
// when its machine loses power. A server of its own, with fsync, since what it promised is to be
// there.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ensurePostgres, stopPostgres } from '../../scripts/postgres.ts';
import { startWorld, until, type World } from '../world.ts';
import { allPaidOnce, allReady, oneReady, payInTheEnd } from './paid-once.ts';

let dir: string;
let settings: { port: number; fsync: string };
let world: World;
beforeAll(async () => {
  dir = fs.mkdtempSync(path.join(os.tmpdir(), 'zaptill-journey-'));
  fs.chmodSync(dir, 0o711);
  const server = await ensurePostgres({ dir, settings: { fsync: 'on' }, endWithUs: true });
  settings = { port: server.port, fsync: 'on' };
  world = await startWorld({ databaseUrl: server.url, pools: 2 });
});
afterAll(async () => {
  await world.close();
  await stopPostgres(dir, 'immediate');
  fs.rmSync(dir, { recursive: true, force: true });
});

const immediate = (): Promise<unknown> => stopPostgres(dir, 'immediate');
async function sigkill(): Promise<void> {
  const { pid } = await ensurePostgres({ dir, settings });
  process.kill(pid, 'SIGKILL');
  await until('the database is gone', () =>
    world.db.pool.query('select 1').then(
      () => false,
      () => true,
    ),
  );
}

test.each([
  ['ends at once', immediate],
  ['is killed', sigkill],
])(
  'PostgreSQL %s while buyers pay, and comes back',
  async (_how, end) => {
    const before = world.processes.map(({ pid }) => pid);
    const known = await allReady(world, 6);
    const paying = Promise.all(
      known.map(async ({ bolt11 }, at) => {
        await pause(at * 250);
        await payInTheEnd(world, bolt11);
      }),
    );
    await pause(500);
    await end();
    // An order of just now: its webhook finds nobody who could write it down.
    const late = world.buy();
    const coming = world.payLink(late, 60_000);
    await pause(1_500);
    await paying;
    const down = await fetch(known[0]?.payUrl ?? '');
    expect(down.status).toBe(503);
    expect(await down.text()).not.toMatch(/postgres|prisma|ECONN|select \w+ from/i);
    await ensurePostgres({ dir, settings, endWithUs: true });
    const payUrl = await coming;
    await payInTheEnd(world, await world.invoiceOn(payUrl, 60_000));
    const after = await oneReady(world);
    await payInTheEnd(world, after.bolt11);
    await allPaidOnce(world, [...known, late, after], 90_000);
    // Nobody had to be started again for it.
    expect(world.processes.map(({ pid }) => pid)).toEqual(before);
    expect(world.processes.every((process) => process.isAlive())).toBe(true);
  },
  180_000,
);
