// What becomes of a row whose step did not go well: it is always due again, and what was not its
// own fault costs it nothing.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Defect, Trouble } from '../../web/core/trouble.ts';
import type { Database } from '../../web/db/database.ts';
import { claim } from '../../web/db/due.ts';
import { pauseOf, type Lane } from '../../web/db/lanes.ts';
import type { Step } from '../../web/flows/flow.ts';
import { workRow, type LanePaused } from '../../web/worker/work-row.ts';
import { testDatabase, type TestDatabase } from '../database.ts';
import { aShopWithDue, depsOn, open } from './play.ts';

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

type After = { attempts: number; dueInMs: number | null; leased: boolean; paused: LanePaused[] };

/** One due row is worked by this step. */
async function worked(step: Step): Promise<After & { lane: Lane }> {
  const { lane } = await aShopWithDue(db, 1);
  const [row] = await claim(db, { table: 'sighting', lane, limit: 1 });
  if (row === undefined) throw new Error('nothing was due');
  const paused: LanePaused[] = [];
  const onPaused = (pause: LanePaused): void => void paused.push(pause);
  await workRow(depsOn(db), { lane, row, stepOf: () => step, stepMs: 30_000, onPaused });
  const { rows } = await db.pool.query<Omit<After, 'paused'>>(
    `select attempts, (extract(epoch from due_at - now()) * 1000)::float8 as "dueInMs",
       lease_until is not null as leased
     from sighting where lane = $1`,
    [lane],
  );
  return { attempts: -1, dueInMs: null, leased: true, ...rows[0], paused, lane };
}
const failing = (about: ConstructorParameters<typeof Trouble>[1]) =>
  worked(() => Promise.reject(new Trouble('odd', about)));

test('a shop that is away pauses its lane, and its row has burnt no attempt', async () => {
  const { lane, dueInMs, ...after } = await failing({
    from: 'shop',
    then: 'ask_again',
    away: true,
  });
  expect(after).toMatchObject({ attempts: 0, leased: false, paused: [{ because: 'odd' }] });
  expect(dueInMs).not.toBeNull();
  expect(Number(dueInMs)).toBeLessThanOrEqual(0);
  const pause = await pauseOf(db, lane);
  expect(pause?.until.getTime()).toBeGreaterThan(Date.now() - 60_000);
});

test.each([
  { then: 'retry', isDueWithinMs: 10_000 },
  { then: 'ask_again', isDueWithinMs: 10_000 },
  { then: 'give_up', isDueWithinMs: 3_600_000 },
] as const)('a step that failed ($then) is due again', async ({ then, isDueWithinMs }) => {
  const { dueInMs, ...after } = await failing({ from: 'shop', then, away: false });
  expect(after).toMatchObject({ attempts: 1, leased: false, paused: [] });
  expect(dueInMs).not.toBeNull();
  // Stored to the millisecond, which may round up.
  expect(Number(dueInMs)).toBeLessThanOrEqual(isDueWithinMs + 1);
});

test('a row whose step has a defect is due again', async () => {
  const after = await worked(() => Promise.reject(new Defect('the books do not balance')));
  expect(after).toMatchObject({ attempts: 1, leased: false });
  expect(after.dueInMs).not.toBeNull();
});

test('trouble with somebody else pauses nobody here', async () => {
  const after = await failing({ from: 'node', then: 'retry', away: true });
  expect(after).toMatchObject({ attempts: 1, paused: [] });
  expect(await pauseOf(db, after.lane)).toBeUndefined();
});
