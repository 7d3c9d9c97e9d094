// Single turns of a lane, given by hand: no queue wakes it, and no sweep finds what is left.
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Database } from '../../web/db/database.ts';
import { readLane, writeLanes } from '../../web/db/lane-state.ts';
import { nodeLane, type Lane } from '../../web/db/lanes.ts';
import type { Step } from '../../web/flows/flow.ts';
import { stayAlive } from '../../web/worker/alive.ts';
import { laneTurns, type TurnOptions, type Turns } from '../../web/worker/turn.ts';
import { aNode, anInvoice, aPayment, aSettledPayment } from '../builders.ts';
import { testDatabase, type TestDatabase } from '../database.ts';
import { aShopWithDue, depsOn, dueCount, moreDue, open } from './play.ts';

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
    await db.pool.query('update invoice set due_at = now() where id = $1', [id]);
    await turns.take(lane);
    expect(ran).toHaveLength(102);
    expect(ran).toContain('invoice');
  });
});
