// The database goes away and comes back. A server of its own, since the others' must stay.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ensurePostgres, stopPostgres } from '../../scripts/postgres.ts';
import type { Database } from '../../web/db/database.ts';
import { nudge } from '../../web/db/lanes.ts';
import { migrateDeploy } from '../../web/db/migrate.ts';
import { nodeById } from '../../web/db/nodes.ts';
import type { Step } from '../../web/flows/flow.ts';
import { startPool } from '../../web/worker/pool.ts';
import { aLog, aShopWithDue, depsOn, dueCount, moreDue, open, playing, until } from './play.ts';

let dir: string;
let port: number;
let db: Database;
beforeAll(async () => {
  dir = fs.mkdtempSync(path.join(os.tmpdir(), 'zaptill-outage-'));
  fs.chmodSync(dir, 0o711);
  const server = await ensurePostgres({ dir });
  port = server.port;
  await migrateDeploy(server.url);
  db = open(server.url);
});
afterAll(async () => {
  await db.close();
  await stopPostgres(dir, 'immediate');
  fs.rmSync(dir, { recursive: true, force: true });
});

/** A step that uses both ways to the database. */
const step: Step = async (deps) => {
  await nodeById(deps.db, 1);
  await pause(20);
  await deps.db.pool.query('select 1');
  return { dueInMs: undefined, attempt: false };
};

const cutAll = async (): Promise<void> => {
  const other = open(db.url, 1);
  await other.pool.query(
    `select pg_terminate_backend(pid) from pg_stat_activity
     where pid <> pg_backend_pid() and datname = current_database()`,
  );
  await other.close();
};

describe('a pool whose database goes away', () => {
  test('works on after its connections were cut, again and again', async () => {
    const { shopId, lane } = await aShopWithDue(db, 200);
    const log = aLog();
    const pool = startPool(depsOn(db, { log }), playing(step));
    await pool.ready;
    await nudge(db.pool, [lane]);
    for (let n = 0; n < 5; n += 1) {
      await pause(400);
      await cutAll();
    }
    await until('it connects again', () =>
      moreDue(db, shopId, 10).then(
        () => true,
        () => false,
      ),
    );
    // A claim whose answer was lost is known to nobody: its rows wait for their lease to end.
    await until('all rows rest', async () => (await dueCount(db, lane)) === 0, 30_000);
    await pool.stop();
    expect(log.said('step.defect')).toEqual([]);
    expect(log.lines.filter(({ level }) => level === 'error')).toEqual([]);
  }, 60_000);

  test('works on after the server was killed and came back', async () => {
    const { shopId, lane } = await aShopWithDue(db, 200);
    const log = aLog();
    const pool = startPool(depsOn(db, { log }), playing(step));
    await pool.ready;
    await nudge(db.pool, [lane]);
    await pause(500);
    await stopPostgres(dir, 'immediate');
    await pause(6_000);
    await ensurePostgres({ dir, settings: { port } });
    await moreDue(db, shopId, 10);
    await until('all rows rest', async () => (await dueCount(db, lane)) === 0, 40_000);
    const { lane: fresh, shopId: other } = await aShopWithDue(db, 0);
    await moreDue(db, other, 1);
    await nudge(db.pool, [fresh]);
    await until('a new row is worked', async () => (await dueCount(db, fresh)) === 0, 30_000);
    await pool.stop();
    expect(log.lines.filter(({ level }) => level === 'error')).toEqual([]);
  }, 90_000);

  test('stops in time while it is away', async () => {
    const pool = startPool(depsOn(db), playing(step));
    await pool.ready;
    await stopPostgres(dir, 'immediate');
    await pause(500);
    const start = performance.now();
    await pool.stop();
    expect(performance.now() - start).toBeLessThan(30_000);
    await ensurePostgres({ dir, settings: { port } });
  }, 60_000);
});
