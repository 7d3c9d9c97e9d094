// Single turns of a lane, given by hand: no queue wakes it, and no sweep finds what is left.
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Database } from '../../web/db/database.ts';
import type { Step } from '../../web/flows/flow.ts';
import { stayAlive } from '../../web/worker/alive.ts';
import { laneTurns, type TurnOptions, type Turns } from '../../web/worker/turn.ts';
import { aNode, aSettledPayment } from '../builders.ts';
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
