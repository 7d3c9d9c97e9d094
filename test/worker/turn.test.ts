// Single turns of a lane, given by hand: no queue wakes it, and no sweep finds what is left.
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Database } from '../../web/db/database.ts';
import { readLane, writeLanes } from '../../web/db/lane-state.ts';
import { alertLane, nodeLane, nudge, type Lane } from '../../web/db/lanes.ts';
import type { Step } from '../../web/flows/flow.ts';
import { stayAlive } from '../../web/worker/alive.ts';
import { laneTurns, type TurnOptions, type Turns } from '../../web/worker/turn.ts';
import { aNode, anInvoice, aPayment, aSettledPayment } from '../builders.ts';
import { testDatabase, type TestDatabase } from '../database.ts';
import { aShopWithDue, depsOn, dueCount, moreDue, open, until } from './play.ts';

let home: TestDatabase;
let db: Database;
const close: (() => unknown)[] = [];
beforeAll(async () => {
  home = await testDatabase();
  db = open(home.url);
});
afterEach(async () => {
  for (const one of close.splice(0).reverse()) await one();
});
afterAll(async () => {
  await db.close();
  await home.close();
});

const rest = { dueInMs: undefined, attempt: false } as const;

/** Turns that last until nothing is left to claim. */
async function turnsOf(step: Step, options: Partial<TurnOptions> = {}): Promise<Turns> {
  const alive = stayAlive(home.url);
  close.push(alive.stop);
  await alive.hold('a test');
  const long = { turnMs: 60_000, slowTurnMs: 60_000, stepMs: 60_000 };
  const turns = laneTurns(depsOn(db), {
    alive,
    options: { ...long, stepOf: () => step, ...options },
  });
  close.push(() => turns.drain(10_000));
  return turns;
}

/** The job that is to wake the lane, and in how many milliseconds; null: none. */
const wakesInMs = async (lane: Lane): Promise<number | null> => {
  const { rows } = await db.pool.query<{ ms: number }>(
    `select (extract(epoch from run_at - now()) * 1000)::float8 as ms
     from graphile_worker.jobs where key = 'lane:' || $1`,
    [lane],
  );
  return rows[0]?.ms ?? null;
};

describe('a turn in which rows are put in order', () => {
  const inOrder: Partial<TurnOptions> = { width: () => 1, order: (waiting) => waiting };

  test('goes on behind the rows that were seen at its beginning', async () => {
    const { lane } = await aShopWithDue(db, 150);
    const turns = await turnsOf(() => Promise.resolve(rest), inOrder);
    await turns.take(lane);
    expect(await dueCount(db, lane)).toBe(0);
  });

  test('looks at the other tables when the first one used all places', async () => {
    const { shopId, lane } = await aShopWithDue(db, 0);
    const nodeId = await aNode(db, { shopId });
    for (let n = 0; n < 2; n += 1) await aSettledPayment(db, { shopId, nodeId });
    await moreDue(db, shopId, 1);
    const ran: string[] = [];
    const step: Step = (_deps, row) => {
      ran.push(row.table);
      return Promise.resolve(rest);
    };
    const turns = await turnsOf(step, inOrder);
    await turns.take(lane);
    expect(ran).toEqual(['payment', 'payment', 'sighting']);
  });
});

describe('a turn while others wait', () => {
  /** As much as many turns may spend. */
  const dearMs = 10_000_000;
  const waitedFor: Partial<TurnOptions> = { slots: 1, width: () => 100 };
  const learn = async (lane: Lane, operation: string): Promise<void> => {
    const { identity } = await readLane(db, lane);
    const costs = { [operation]: dearMs };
    await writeLanes(db, [{ lane, identity, gradient: 4, loss: 4, bases: {}, costs }]);
  };

  test('that began many dear calls at once costs the lane one turn', async () => {
    const { lane } = await aShopWithDue(db, 150);
    await learn(lane, 'sighting');
    const turns = await turnsOf(() => Promise.resolve(rest), waitedFor);
    await turns.take(lane);
    const left = await dueCount(db, lane);
    expect(left).toBeGreaterThan(0);
    await turns.take(lane);
    expect(await dueCount(db, lane)).toBe(left);
    await turns.take(lane);
    expect(await dueCount(db, lane)).toBe(0);
  });

  test('in which a reconciliation went on costs the lane none', async () => {
    const { shopId } = await aShopWithDue(db, 0);
    const nodeId = await aNode(db, { shopId });
    const lane = nodeLane(nodeId);
    await learn(lane, 'reconcile_part');
    await db.pool.query(
      `with r as (insert into reconciliation (shop_id, because, since, reads_orders)
         values ($1, 'operator', now(), false) returning id)
       insert into reconcile_part (reconciliation_id, node_id, lane, due_at)
       select r.id, $2, $3, now() from r, generate_series(1, 101)`,
      [shopId, nodeId, lane],
    );
    const ran: string[] = [];
    const step: Step = (_deps, row) => {
      ran.push(row.table);
      return Promise.resolve(rest);
    };
    const turns = await turnsOf(step, waitedFor);
    await turns.take(lane);
    const payment = await aPayment(db, { shopId });
    const { id } = await anInvoice(db, { payment, nodeId });
    await db.pool.query(`update invoice set due_at = now() - interval '1 ms' where id = $1`, [id]);
    await turns.take(lane);
    expect(ran).toHaveLength(102);
    expect(ran).toContain('invoice');
  });
});

describe('a turn whose time is over', () => {
  const turnMs = 50;
  /** One call of the lane is out, for longer than a turn, and then three more rows are due. */
  async function pastItsTime(slots: number) {
    const { shopId, lane } = await aShopWithDue(db, 1);
    const out = Promise.withResolvers<undefined>();
    let begun = 0;
    const step: Step = async () => {
      begun += 1;
      if (begun === 1) await out.promise;
      return rest;
    };
    const turns = await turnsOf(step, { turnMs, slowTurnMs: 0, width: () => 2, slots });
    close.push(() => out.resolve(undefined));
    void turns.take(lane);
    await until('the call is out', () => begun === 1);
    await pause(turnMs + 10);
    await moreDue(db, shopId, 3);
    return { lane, turns, out, begun: () => begun };
  }

  test('goes on beside a call that is out, while nobody else wants its place', async () => {
    const { lane, turns, begun } = await pastItsTime(4);
    expect(turns.touch(lane)).toBe(true);
    await until('the others were worked', async () => (await dueCount(db, lane)) === 1);
    expect(begun()).toBe(4);
  });

  test('finds by itself what another process made due', async () => {
    const { lane, begun } = await pastItsTime(4);
    await until('the others were worked', async () => (await dueCount(db, lane)) === 1);
    expect(begun()).toBe(4);
  });

  test('lets its calls come back when others have the slots, and is nudged', async () => {
    const { lane, turns, out, begun } = await pastItsTime(0);
    turns.touch(lane);
    out.resolve(undefined);
    await until('the lane was nudged', async () => (await wakesInMs(lane)) !== null);
    expect(begun()).toBe(1);
    expect(await dueCount(db, lane)).toBe(3);
  });
});

describe('a lane whose shop has all the slots that it may', () => {
  /** Of four slots it has one, which its alerts use. */
  async function fullShop(): Promise<{ lane: Lane; turns: Turns }> {
    const { shopId, lane } = await aShopWithDue(db, 1);
    await db.pool.query(
      `insert into alert (shop_id, what, key, channel, lane, due_at)
       values ($1, 'test', 'one', 'email', $2, now())`,
      [shopId, alertLane(shopId)],
    );
    const out = Promise.withResolvers<undefined>();
    const begun = Promise.withResolvers<undefined>();
    const step: Step = async () => {
      begun.resolve(undefined);
      await out.promise;
      return rest;
    };
    const turns = await turnsOf(step, { slots: 4 });
    close.push(() => out.resolve(undefined));
    void turns.take(alertLane(shopId));
    await begun.promise;
    return { lane, turns };
  }

  test('keeps the nudge that waits for it', async () => {
    const { lane, turns } = await fullShop();
    await nudge(db.pool, [lane]);
    await turns.take(lane);
    expect(await wakesInMs(lane)).toBeLessThanOrEqual(0);
    expect(await dueCount(db, lane)).toBe(1);
  });

  test('is nudged for later when its own nudge was used up', async () => {
    const { lane, turns } = await fullShop();
    await turns.take(lane);
    expect(await wakesInMs(lane)).toBeGreaterThan(0);
    // What would come later still comes in time.
    await nudge(db.pool, [lane], new Date(Date.now() + 3_600_000));
    await nudge(db.pool, [lane], new Date(Date.now() + 60_000));
    expect(await wakesInMs(lane)).toBeLessThanOrEqual(60_000);
  });

  test('is left to its nudge when rows come', async () => {
    const { lane, turns } = await fullShop();
    expect(turns.touch(lane)).toBe(false);
    await pause(300);
    expect(await wakesInMs(lane)).toBeNull();
  });
});
