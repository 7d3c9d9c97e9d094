// A paused lane is tried by one row at a time. Which one may not always be the same: a row that
// only ever finds the lane closed would hide the one by which it could be opened.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Trouble } from '../../web/core/trouble.ts';
import type { Database } from '../../web/db/database.ts';
import { nudge, pauseLane, pauseOf, shopLane } from '../../web/db/lanes.ts';
import { sight, sightingById } from '../../web/db/sightings.ts';
import type { Step } from '../../web/flows/flow.ts';
import { startPool } from '../../web/worker/pool.ts';
import { aNode, aSettledPayment, aShop } from '../builders.ts';
import { testDatabase, type TestDatabase } from '../database.ts';
import { depsOn, open, playing, until } from './play.ts';

let home: TestDatabase;
let db: Database;
beforeAll(async () => {
  home = await testDatabase();
  db = open(home.url);
});
afterAll(async () => {
  await db.close();
  await home.close();
});

test('a verdict that Shopify refuses does not hide the word of the removal', async () => {
  const { id: shopId } = await aShop(db);
  const nodeId = await aNode(db, { shopId });
  await aSettledPayment(db, { shopId, nodeId });
  await sight(db.pool, { shopId, originId: 'installation', because: 'app/uninstalled' });
  await db.pool.query('update shop set due_at = null where id = $1', [shopId]);
  const lane = shopLane(shopId);
  const tried: string[] = [];
  const step: Step = (_deps, row) => {
    tried.push(row.table);
    if (row.table === 'payment') {
      const refused = { from: 'shop', then: 'give_up', away: true } as const;
      return Promise.reject(new Trouble('token_refused', refused));
    }
    return Promise.resolve({ dueInMs: undefined, attempt: false });
  };
  await pauseLane(db, lane, { because: 'token_refused', draw: 0.5 });
  const pool = startPool(depsOn(db), playing(step));
  try {
    await pool.ready;
    // Each round is one probe. By chance alone, one of a hundred thousand runs needs more of them.
    for (let round = 0; round < 30 && !tried.includes('sighting'); round += 1) {
      const before = tried.length;
      const over = `update lane set paused_until = now() - interval '1 s' where name = $1`;
      await db.pool.query(over, [lane]);
      await nudge(db.pool, [lane]);
      await until('a row was tried', () => tried.length > before, 30_000);
      const isPaused = async (): Promise<boolean> => {
        const pause = await pauseOf(db, lane);
        return pause !== undefined && pause.until > new Date();
      };
      await until('it is over', async () => tried.includes('sighting') || (await isPaused()));
    }
  } finally {
    await pool.stop();
  }
  expect(tried).toContain('sighting');
});

test('behind a token that is refused the word of the removal is tried first', async () => {
  await db.pool.query('update payment set due_at = null');
  const { id: shopId } = await aShop(db);
  const nodeId = await aNode(db, { shopId });
  await aSettledPayment(db, { shopId, nodeId });
  for (let n = 1; n <= 20; n += 1) {
    const originId = `gid://shopify/Order/${String(n)}`;
    await sight(db.pool, { shopId, originId, because: 'orders/create' });
  }
  await sight(db.pool, { shopId, originId: 'installation', because: 'app/uninstalled' });
  const lane = shopLane(shopId);
  const tried: string[] = [];
  const step: Step = async (deps, row) => {
    const sighting = row.table === 'sighting' ? await sightingById(deps.db, row.id) : null;
    tried.push(sighting?.originId ?? row.table);
    throw new Trouble('token_refused', { from: 'shop', then: 'give_up', away: true });
  };
  await pauseLane(db, lane, { because: 'token_refused', draw: 0.5 });
  await db.pool.query(`update lane set paused_until = now() where name = $1`, [lane]);
  const pool = startPool(depsOn(db), playing(step));
  try {
    await pool.ready;
    await nudge(db.pool, [lane]);
    await until('a row was tried', () => tried.length > 0, 30_000);
  } finally {
    await pool.stop();
  }
  expect(tried[0]).toBe('installation');
});

test('once its lane is open again verdicts go first, as ever', async () => {
  await db.pool.query('update payment set due_at = null; update sighting set due_at = null');
  const { id: shopId } = await aShop(db);
  const nodeId = await aNode(db, { shopId });
  await db.pool.query('update shop set due_at = null');
  await aSettledPayment(db, { shopId, nodeId });
  for (let n = 1; n <= 3; n += 1) {
    const originId = `gid://shopify/Order/${String(n)}`;
    await sight(db.pool, { shopId, originId, because: 'orders/create' });
  }
  const lane = shopLane(shopId);
  const tried: string[] = [];
  const step: Step = (_deps, { table }) => {
    tried.push(table);
    return Promise.resolve({ dueInMs: undefined, attempt: false });
  };
  await pauseLane(db, lane, { because: 'token_refused', draw: 0.5 });
  await db.pool.query(`update lane set paused_until = now() where name = $1`, [lane]);
  const pool = startPool(
    depsOn(db),
    playing(step, { turns: { stepOf: () => step, width: () => 1 } }),
  );
  try {
    await pool.ready;
    await nudge(db.pool, [lane]);
    await until('all were tried', () => tried.length === 4, 30_000);
  } finally {
    await pool.stop();
  }
  expect(tried).toEqual(['sighting', 'payment', 'sighting', 'sighting']);
});
