// A row that is due is worked by one, and whoever lost it says nothing more about it.
import { expect, test } from 'vitest';
import type { Database } from '../../web/db/database.ts';
import { claim, giveBack, renewLease, type ClaimedRow } from '../../web/db/due.ts';
import type { Lane } from '../../web/db/lanes.ts';
import { sight } from '../../web/db/sightings.ts';
import { installationOrigin } from '../../web/flows/forget-shop.ts';
import { sweepDue } from '../../web/worker/sweep.ts';
import { databaseOfFile } from '../database-of-file.ts';
import { aShopWithDue, depsOn, until } from '../worker/play.ts';

let db: Database;
databaseOfFile(
  (made) => {
    db = made;
  },
  { connections: 12 },
);
const claimed = (lane: Lane, limit: number): Promise<ClaimedRow[]> =>
  claim(db, { table: 'sighting', lane, limit });

const somebodyWaits = async (): Promise<boolean> => {
  const { rowCount } = await db.pool.query(
    `select 1 from pg_stat_activity
     where datname = current_database() and wait_event_type = 'Lock'`,
  );
  return (rowCount ?? 0) > 0;
};

test('of two who claim at once each has rows of its own, and neither waits', async () => {
  const { lane } = await aShopWithDue(db, 10);
  const client = await db.pool.connect();
  const slowly = { ...db, pool: client as unknown as Database['pool'] };
  let end: 'none' | 'claimed' | 'waits' = 'none';
  try {
    await client.query('begin');
    const first = await claim(slowly, { table: 'sighting', lane, limit: 5 });
    const claiming = claimed(lane, 5).finally(() => {
      if (end === 'none') end = 'claimed';
    });
    await until('the other has rows, or waits', async () => {
      if (end === 'none' && (await somebodyWaits())) end = 'waits';
      return end !== 'none';
    });
    await client.query('commit');
    const ids = [...first, ...(await claiming)].map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids).toHaveLength(10);
    expect(end).toBe('claimed');
  } finally {
    await client.query('rollback');
    client.release();
  }
});

test('of many who claim at once each row has one', async () => {
  const { lane } = await aShopWithDue(db, 400);
  const rounds = Array.from({ length: 10 }, () => claimed(lane, 40));
  const ids = (await Promise.all(rounds)).flat().map(({ id }) => id);
  expect(ids.length).toBeGreaterThan(40);
  expect(new Set(ids).size).toBe(ids.length);
});

/** The lease of this row has run out, and somebody else has the row. */
async function takenOver(lane: Lane): Promise<{ late: ClaimedRow; current: ClaimedRow }> {
  const [late] = await claimed(lane, 1);
  await db.pool.query(`update sighting set lease_until = now() - interval '1 s' where lane = $1`, [
    lane,
  ]);
  const [current] = await claimed(lane, 1);
  if (late === undefined || current === undefined) throw new Error('nothing was due');
  expect(current.id).toBe(late.id);
  return { late, current };
}
type Held = { attempts: number; due: boolean; leased: boolean };
const held = async (lane: Lane): Promise<Held | undefined> =>
  (
    await db.pool.query<Held>(
      `select attempts, due_at is not null as due, lease_until > now() as leased
       from sighting where lane = $1`,
      [lane],
    )
  ).rows[0];

test('a claim that was taken over gives nothing back', async () => {
  const { lane } = await aShopWithDue(db, 1);
  const { late, current } = await takenOver(lane);
  await giveBack(db.pool, late, { dueInMs: undefined, attempt: true });
  expect(await held(lane)).toEqual({ attempts: 0, due: true, leased: true });
  await giveBack(db.pool, current, { dueInMs: undefined, attempt: false });
  expect(await held(lane)).toMatchObject({ due: false });
});

test('a claim that was taken over is not renewed', async () => {
  const { lane } = await aShopWithDue(db, 1);
  const { late, current } = await takenOver(lane);
  expect(await renewLease(db, late)).toBe(false);
  expect(await renewLease(db, current)).toBe(true);
});

test('a lane whose nudge was lost is nudged by one sweep, and only once', async () => {
  const { lane } = await aShopWithDue(db, 3);
  const jobs = async (): Promise<number> =>
    (await db.pool.query(`select 1 from graphile_worker.jobs where key = $1`, [`lane:${lane}`]))
      .rowCount ?? 0;
  expect(await jobs()).toBe(0);
  await sweepDue(depsOn(db));
  expect(await jobs()).toBe(1);
  await sweepDue(depsOn(db));
  expect(await jobs()).toBe(1);
});

test('whether the app is still there is looked at before what waits for its shop', async () => {
  const { shopId, lane } = await aShopWithDue(db, 30);
  const { rows } = await db.pool.query<{ id: string }>(
    `select id::text from sighting where lane = $1`,
    [lane],
  );
  await sight(db.pool, { shopId, originId: installationOrigin, because: 'app/uninstalled' });
  const [first] = await claimed(lane, 1);
  expect(rows.map(({ id }) => id)).not.toContain(first?.id);
  expect(first?.table).toBe('sighting');
});
