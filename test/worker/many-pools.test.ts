// Several pools on one database: each row once, and whoever is killed is replaced.
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Database } from '../../web/db/database.ts';
import { nudge } from '../../web/db/lanes.ts';
import { startPool } from '../../web/worker/pool.ts';
import { paceLimits } from '../../web/core/pace.ts';
import { testDatabase, type TestDatabase } from '../database.ts';
import {
  aShopWithDue,
  depsOn,
  dueCount,
  makeRuns,
  open,
  playing,
  until,
  writeRun,
} from './play.ts';

let home: TestDatabase;
let db: Database;
const children: ChildProcess[] = [];
beforeAll(async () => {
  home = await testDatabase();
  db = open(home.url);
  await makeRuns(db);
});
afterAll(async () => {
  for (const child of children) child.kill('SIGKILL');
  await db.close();
  await home.close();
});

async function aPoolProcess(stepMs: number): Promise<ChildProcess> {
  const script = path.join(import.meta.dirname, 'pool-process.ts');
  const child = fork(script, [home.url, String(stepMs)], { execArgv: [] });
  children.push(child);
  await once(child, 'message');
  return child;
}

const runsOf = async (lane: string): Promise<{ row_id: string; pid: number }[]> =>
  (
    await db.pool.query<{ row_id: string; pid: number }>(
      'select row_id, pid from runs where lane = $1',
      [lane],
    )
  ).rows;

test('eight pools run each row once, and no lane wider than it may be', async () => {
  const shops = await Promise.all(Array.from({ length: 12 }, () => aShopWithDue(db, 50)));
  const out = new Map<string, number>();
  const most = new Map<string, number>();
  const step = playing(async (deps, row) => {
    const { rows } = await db.pool.query<{ lane: string }>(
      'select lane from sighting where id = $1::bigint',
      [row.id],
    );
    const lane = rows[0]?.lane ?? '';
    out.set(lane, (out.get(lane) ?? 0) + 1);
    most.set(lane, Math.max(most.get(lane) ?? 0, out.get(lane) ?? 0));
    await writeRun(deps, row);
    await pause(10);
    out.set(lane, (out.get(lane) ?? 0) - 1);
    return { dueInMs: undefined, attempt: false };
  });
  const dbs = Array.from({ length: 8 }, () => open(home.url, 4));
  const pools = dbs.map((each) =>
    startPool(depsOn(each), { ...step, slots: 3, turns: { ...step.turns, width: () => 4 } }),
  );
  try {
    await Promise.all(pools.map((pool) => pool.ready));
    for (let n = 0; n < 5; n += 1)
      await nudge(
        db.pool,
        shops.map(({ lane }) => lane),
      );
    for (const { lane } of shops) {
      await until('the lane is done', async () => (await dueCount(db, lane)) === 0);
    }
  } finally {
    await Promise.all(pools.map((pool) => pool.stop()));
    await Promise.all(dbs.map((each) => each.close()));
  }
  for (const { lane } of shops) {
    const ran = await runsOf(lane);
    expect(ran).toHaveLength(50);
    expect(new Set(ran.map((run) => run.row_id)).size).toBe(50);
    expect(most.get(lane)).toBeLessThanOrEqual(4);
  }
});

describe('a killed process', () => {
  test('is replaced within seconds, and its rows follow when their leases end', async () => {
    const { lane } = await aShopWithDue(db, 30);
    const first = await aPoolProcess(60_000);
    await nudge(db.pool, [lane]);
    await until('it has the lane', async () => (await runsOf(lane)).length === paceLimits.initial);
    const second = await aPoolProcess(5);
    first.kill('SIGKILL');
    const ran = async (): Promise<number> =>
      (await runsOf(lane)).filter((run) => run.pid === second.pid).length;
    await until('the other rows are done', async () => (await ran()) === 30 - paceLimits.initial);
    await until('its rows are done', async () => (await dueCount(db, lane)) === 0, 25_000);
    // The job that the dead pool had is nobody's any more, and is not in the way.
    await until('its job is gone', async () => {
      const { rowCount } = await db.pool.query(
        'select 1 from graphile_worker.jobs where locked_by is not null',
      );
      return rowCount === 0;
    });
    second.kill('SIGTERM');
    const [code] = (await once(second, 'exit')) as [number | null];
    expect(code).toBe(0);
  }, 60_000);
});
