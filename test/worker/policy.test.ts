// What a pool learns of its lanes decides when and in which order rows are worked, and never
// whether: with any order and any width the end is the same.
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { paceLimits } from '../../web/core/pace.ts';
import type { Database } from '../../web/db/database.ts';
import { readLane, writeLanes } from '../../web/db/lane-state.ts';
import { alertLane, nodeLane, nudge, type Lane } from '../../web/db/lanes.ts';
import type { Step } from '../../web/flows/flow.ts';
import { brakeAfter, type BrakeState } from '../../web/worker/brake.ts';
import { startPool, type PoolOptions } from '../../web/worker/pool.ts';
import { realTime } from '../../web/worker/time.ts';
import { laneBook } from '../../web/worker/width.ts';
import { aNode, anInvoice, aPayment, aShop } from '../builders.ts';
import { testDatabase, type TestDatabase } from '../database.ts';
import { drawing } from './capacity.ts';
import { aShopWithDue, depsOn, dueCount, moreDue, open, playing, until } from './play.ts';

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

const rest = { dueInMs: undefined, attempt: false } as const;
const unswept: PoolOptions = { sweeps: { dueMs: 3_600_000 } };

async function withPool(step: Step, options: PoolOptions, work: () => Promise<void>) {
  const pool = startPool(depsOn(db), playing(step, options));
  try {
    await pool.ready;
    await work();
  } finally {
    await pool.stop();
  }
}

/** A node with payable invoices that are all due, in two states. */
async function aNodeWithDue(count: number): Promise<{ nodeId: number; lane: Lane }> {
  const { id: shopId } = await aShop(db);
  await db.pool.query('update shop set due_at = null where id = $1', [shopId]);
  const nodeId = await aNode(db, { shopId });
  for (let n = 0; n < count; n += 1) {
    const payment = await aPayment(db, { shopId });
    await anInvoice(db, { payment, nodeId });
  }
  await db.pool.query(
    `update invoice set due_at = now() - id * interval '1 ms',
       state = (case when id % 2 = 0 then 'canceled' else 'live' end)::invoice_state
     where node_id = $1`,
    [nodeId],
  );
  return { nodeId, lane: nodeLane(nodeId) };
}
const atRest = async (nodeId: number): Promise<number> => {
  const { rows } = await db.pool.query<{ n: number }>(
    'select count(*)::int as n from invoice where node_id = $1 and due_at is null and attempts = 3',
    [nodeId],
  );
  return rows[0]?.n ?? -1;
};

describe('order and width', () => {
  test.each([
    { how: 'as learned', turns: {} },
    { how: 'by chance, seed 1', turns: byChance(1) },
    { how: 'by chance, seed 2', turns: byChance(2) },
    { how: 'by chance, seed 3', turns: byChance(3) },
  ])('$how lead to the same end', async ({ turns }) => {
    const { nodeId, lane } = await aNodeWithDue(60);
    const ran = new Map<string, number>();
    // Each row is worked four times: three tries that come to nothing, and then it rests.
    const step: Step = async (_deps, row) => {
      ran.set(row.id, (ran.get(row.id) ?? 0) + 1);
      await pause(row.state === 'live' ? 1 : 15);
      return row.attempts < 3 ? { dueInMs: 0, attempt: true } : rest;
    };
    await withPool(step, { turns: { ...turns } }, async () => {
      await nudge(db.pool, [lane]);
      await until('all rest', async () => (await atRest(nodeId)) === 60);
    });
    expect([...ran.values()]).toEqual(Array(60).fill(4));
  });

  test('the soonest done goes first, and the others are not forgotten', async () => {
    const { nodeId, lane } = await aNodeWithDue(40);
    await db.pool.query(`update invoice set due_at = now() - interval '1 ms' where node_id = $1`, [
      nodeId,
    ]);
    const { identity } = await readLane(db, lane);
    const costs = { 'invoice:live': 5, 'invoice:canceled': 400 };
    await writeLanes(db, [{ lane, identity, gradient: 2, loss: 2, bases: costs, costs }]);
    const ran: string[] = [];
    const step: Step = (_deps, row) => {
      ran.push(row.state);
      return Promise.resolve(rest);
    };
    await withPool(step, { turns: { width: () => 2 } }, async () => {
      await nudge(db.pool, [lane]);
      await until('all ran', () => ran.length === 40);
    });
    expect(ran.filter((state) => state === 'live')).toHaveLength(20);
    const shortEarly = ran.slice(0, 20).filter((state) => state === 'live').length;
    expect(shortEarly).toBeGreaterThan(15);
  });
});

function byChance(seed: number): NonNullable<PoolOptions['turns']> {
  const draw = drawing(seed);
  return {
    width: () => 1 + Math.floor(draw() * 20),
    order: (waiting) =>
      waiting
        .map((row) => ({ row, at: draw() }))
        .sort((a, b) => a.at - b.at)
        .map(({ row }) => row),
  };
}

describe('what was learned of a lane', () => {
  test('is stored when the pool stops, and read by the next one', async () => {
    const { shopId, lane } = await aShopWithDue(db, 40);
    const step: Step = async () => {
      await pause(20);
      return rest;
    };
    await withPool(step, {}, async () => {
      await nudge(db.pool, [lane]);
      await until('all rows rest', async () => (await dueCount(db, lane)) === 0);
    });
    const { state } = await readLane(db, lane);
    expect(state?.costs['sighting']).toBeGreaterThan(15);
    expect(state?.loss).toBeGreaterThan(paceLimits.initial);
    await moreDue(db, shopId, 30);
    await writeLanes(db, [
      { lane, identity: '', gradient: 9, loss: 9, bases: { sighting: 20 }, costs: {} },
    ]);
    let out = 0;
    let first = 0;
    const counting: Step = async () => {
      out += 1;
      await pause(300);
      first ||= out;
      return rest;
    };
    await withPool(counting, {}, async () => {
      await nudge(db.pool, [lane]);
      await until('all rows rest', async () => (await dueCount(db, lane)) === 0);
    });
    // It begins where the other one was, not with the first width.
    expect(first).toBe(9);
  });

  test('counts no more when it is old, of another version or of another node', async () => {
    const { id: shopId } = await aShop(db);
    const nodeId = await aNode(db, { shopId });
    const lane = nodeLane(nodeId);
    const { identity } = await readLane(db, lane);
    expect(identity).not.toBe('');
    const learned = { lane, gradient: 9, loss: 8, bases: { look: 3 }, costs: { look: 4 } };
    const { lane: _, ...state } = learned;
    const again = () => writeLanes(db, [{ ...learned, identity }]);
    const isKnown = async () => (await readLane(db, lane)).state !== undefined;
    await again();
    expect(await readLane(db, lane)).toEqual({ shopId, identity, state });
    await db.pool.query(`update lane_state set taken_at = now() - interval '16 min'`);
    expect(await isKnown()).toBe(false);
    await again();
    await db.pool.query('update lane_state set version = version + 1');
    expect(await isKnown()).toBe(false);
    await again();
    expect(await isKnown()).toBe(true);
    await db.pool.query(`update node set address = 'elsewhere:10009' where id = $1`, [nodeId]);
    expect(await isKnown()).toBe(false);
  });
});

test('a lane that never rests forgets its node when that lives elsewhere', async () => {
  const { id: shopId } = await aShop(db);
  const nodeId = await aNode(db, { shopId });
  let now = 0;
  const book = laneBook(depsOn(db), { ...realTime, ms: () => now });
  const known = book.of(nodeLane(nodeId));
  const workFor = async (ms: number): Promise<void> => {
    for (const until = now + ms; now < until; now += 1_000) {
      await book.refresh(known);
      book.learn(known, { operation: 'invoice:live', tookMs: 20, out: 1, lost: false });
    }
  };
  await workFor(30_000);
  await book.store();
  await workFor(30_000);
  expect([...known.costs.byOperation.keys()]).toEqual(['invoice:live']);
  expect(known.costs.latest).toHaveLength(60);
  await db.pool.query(`update node set address = 'elsewhere:10009' where id = $1`, [nodeId]);
  await workFor(30_000);
  expect(known.costs.latest.length).toBeLessThan(31);
  expect(known.identity).toBe((await readLane(db, known.lane)).identity);
});

describe('turns', () => {
  test('what was made due in this process is worked at once, without the queue', async () => {
    const { lane, shopId } = await aShopWithDue(db, 0);
    const { lane: first } = await aShopWithDue(db, 1);
    let worked = false;
    const step: Step = async (deps, row) => {
      const { rows } = await db.pool.query<{ lane: Lane }>(
        'select lane from sighting where id = $1::bigint',
        [row.id],
      );
      if (rows[0]?.lane === lane) worked = true;
      else {
        // No nudge is made, and no sweep would find it.
        await moreDue(db, shopId, 1);
        deps.touched?.(lane);
      }
      return rest;
    };
    await withPool(step, unswept, async () => {
      await nudge(db.pool, [first]);
      await until('it is worked', () => worked);
    });
  });

  test('of one shop use a quarter of the slots', async () => {
    const { shopId, lane } = await aShopWithDue(db, 1);
    await db.pool.query(
      `insert into alert (shop_id, what, key, channel, lane, due_at)
       values ($1, 'test', 'one', 'email', $2, now())`,
      [shopId, alertLane(shopId)],
    );
    const { rows } = await db.pool.query<{ id: string }>(
      'select id::text from sighting where shop_id = $1',
      [shopId],
    );
    const said: string[] = [];
    const step: Step = async (_deps, row) => {
      if (row.table !== 'alert' && row.id !== rows[0]?.id) return rest;
      said.push(`${row.table} begins`);
      await pause(600);
      said.push(`${row.table} ends`);
      return rest;
    };
    await withPool(step, { slots: 4, turns: { turnMs: 2_000 } }, async () => {
      await nudge(db.pool, [lane, alertLane(shopId)]);
      await until('both are worked', () => said.length === 4);
    });
    expect(said[1]).toBe(said[0]?.replace('begins', 'ends'));
  });
});

test('a late process brakes by tenths until it is in time, and never stops', () => {
  const seen: number[] = [];
  let state: BrakeState = { factor: 1, braking: false };
  for (const delayMs of [15, 25, 15, 15, 9, 15, 9]) {
    state = brakeAfter(state, delayMs);
    seen.push(Number(state.factor.toFixed(3)));
  }
  expect(seen).toEqual([1, 0.9, 0.81, 0.729, 0.81, 0.9, 1]);
  for (let n = 0; n < 100; n += 1) state = brakeAfter(state, 500);
  expect(state.factor).toBe(0.25);
});
