// What is told to other processes, and when: after the commit and never from it. And the nudge,
// which wakes nobody by itself: what it puts into the queue is what the engine's own call would.
import pg from 'pg';
import { beforeEach, expect, test } from 'vitest';
import { sayMoved } from '../../web/db/announce.ts';
import { transaction, type Database } from '../../web/db/database.ts';
import { nudge, shopLane, type Lane } from '../../web/db/lanes.ts';
import { recordStream } from '../../web/flows/observe-invoice.ts';
import { aNode, anInvoice, aPayment, aSettle, aShop } from '../builders.ts';
import { databaseOfFile } from '../database-of-file.ts';
import { depsOn } from '../worker/play.ts';

let db: Database;
let shopId: number;
let lane: Lane;
databaseOfFile((made) => {
  db = made;
});
beforeEach(async () => {
  shopId = (await aShop(db)).id;
  lane = shopLane(shopId);
});

/** Everything that is notified, in the order of the commits, until the last of it is heard. */
async function heardUntil(last: string, work: () => Promise<void>): Promise<string[]> {
  const ear = new pg.Client(db.url);
  await ear.connect();
  const heard: string[] = [];
  const over = Promise.withResolvers<undefined>();
  ear.on('notification', ({ channel, payload }) => {
    heard.push(`${channel} ${(payload ?? '').replace(/"r":[^,]*,/, '')}`);
    if (heard.at(-1) === last) over.resolve(undefined);
  });
  try {
    await ear.query('listen payment_moved; listen "jobs:insert"');
    await work();
    await over.promise;
    return heard;
  } finally {
    await ear.end();
  }
}

const jobOf = async (of: Lane): Promise<Record<string, unknown>> => {
  const found = await db.pool.query<Record<string, unknown>>(
    'select * from graphile_worker._private_jobs where key = $1',
    [`lane:${of}`],
  );
  expect(found.rows).toHaveLength(1);
  return found.rows[0] ?? {};
};
/** How long after it was made the job may be taken, as it stands. */
const waitsMs = async (): Promise<number> => {
  const { run_at: at, created_at: made } = await jobOf(lane);
  return (at as Date).getTime() - (made as Date).getTime();
};
/** As a worker of the engine takes one, and gives it back at once. */
const canBeTaken = async (): Promise<boolean> => {
  const found = await db.pool.query(
    `select id from graphile_worker._private_jobs
     where key = $1 and is_available and run_at <= now() for update skip locked`,
    [`lane:${lane}`],
  );
  return found.rowCount === 1;
};

test('a nudge puts into the queue what the engine’s own call does', async () => {
  await nudge(db.pool, [lane]);
  const other = shopLane(shopId + 1_000_000);
  await db.pool.query(
    `select graphile_worker.add_job('lane', json_build_object('lane', $1::text),
       job_key := 'lane:' || $1)`,
    [other],
  );
  const [ours, theirs] = await Promise.all([jobOf(lane), jobOf(other)]);
  expect(ours['payload']).toEqual({ lane });
  const same = (job: Record<string, unknown>): Record<string, unknown> => {
    const { id, key, payload, run_at, created_at, updated_at, ...rest } = job;
    expect([typeof id, typeof key, typeof payload]).toEqual(['string', 'string', 'object']);
    expect(run_at).toEqual(created_at);
    expect(updated_at).toEqual(created_at);
    return rest;
  };
  expect(same(ours)).toEqual(same(theirs));
  expect(Object.keys(ours).length).toBeGreaterThan(15);
});

test('nobody is notified by a nudge, and the pools hear of it after the commit', async () => {
  const heard = await heardUntil('payment_moved the page', async () => {
    await db.pool.query(`select graphile_worker.add_job('lane', '{}', job_key := 'lane:none')`);
    await db.pool.query('select nudge(array[$1])', [lane]);
    await transaction(db, async (on) => {
      await nudge(on, [shopLane(shopId + 2_000_000)]);
      sayMoved(on, ['the page', 'the page']);
      await db.pool.query(`select pg_notify('payment_moved', 'before the commit')`);
    });
  });
  expect(heard).toEqual([
    'jobs:insert {"count":1}',
    'payment_moved before the commit',
    'jobs:insert {"count":1}',
    'payment_moved the page',
  ]);
});

test('what is rolled back is told to nobody', async () => {
  const heard = await heardUntil('payment_moved after', async () => {
    const rolledBack = transaction(db, async (on) => {
      await nudge(on, [lane]);
      sayMoved(on, ['never']);
      throw new Error('rolled back');
    });
    await expect(rolledBack).rejects.toThrow('rolled back');
    sayMoved(db.pool, ['after']);
  });
  expect(heard).toEqual(['payment_moved after']);
});

test('a job that waits in time is enough, and nobody takes it before the commit', async () => {
  await nudge(db.pool, [lane]);
  expect(await canBeTaken()).toBe(true);
  const { id, revision } = await jobOf(lane);
  await transaction(db, async (on) => {
    await nudge(on, [lane]);
    // Others who nudge the lane do not wait for this transaction.
    await nudge(db.pool, [lane]);
    expect(await canBeTaken()).toBe(false);
  });
  expect(await canBeTaken()).toBe(true);
  expect(await jobOf(lane)).toMatchObject({ id, revision });
});

test('a job for later is brought forward, and one for earlier is not put off', async () => {
  const inMs = (ms: number): Date => new Date(Date.now() + ms);
  const soon = inMs(600_000);
  await nudge(db.pool, [lane], inMs(3_600_000));
  await nudge(db.pool, [lane], soon);
  await nudge(db.pool, [lane], inMs(3_600_000));
  expect((await jobOf(lane))['run_at']).toEqual(soon);
  await nudge(db.pool, [lane]);
  expect(await canBeTaken()).toBe(true);
});

test('a turn that has begun may have looked before: another job waits behind it', async () => {
  await nudge(db.pool, [lane]);
  const { id } = await jobOf(lane);
  const begun = `update graphile_worker._private_jobs
    set locked_by = 'a test', locked_at = now(), attempts = 1 where id = $1`;
  await db.pool.query(begun, [id]);
  await Promise.all(Array.from({ length: 8 }, () => nudge(db.pool, [lane])));
  const behind = await jobOf(lane);
  expect(behind['id']).not.toBe(id);
  expect(behind).toMatchObject({ locked_by: null, is_available: true });
});

/** A settle that a process hears which does with it as `touched` says. */
async function settled(touched: (() => boolean) | undefined): Promise<void> {
  const nodeId = await aNode(db, { shopId });
  const payment = await aPayment(db, { shopId });
  const seen = aSettle(await anInvoice(db, { payment, nodeId }));
  await db.pool.query(
    `update node set stream_holder = 'a test', stream_lease_no = 1,
       stream_lease_until = now() + interval '1 hour' where id = $1`,
    [nodeId],
  );
  const recorder = { via: 'live', holder: 'a test', leaseNo: 1, epoch: 0, cursor: 1n } as const;
  const deps = { ...depsOn(db), ...(touched === undefined ? {} : { touched }) };
  const recorded = await recordStream(deps, { nodeId, observations: [seen], recorder });
  expect(recorded.settled).toHaveLength(1);
}

test('whoever works what it settled leaves the nudge for the case that it dies', async () => {
  await settled(() => true);
  expect(await waitsMs()).toBe(1_000);
});

test('what a pool cannot work itself is everybody’s at once', async () => {
  await settled(() => false);
  expect(await canBeTaken()).toBe(true);
});

test('and so is what is settled where there is no pool', async () => {
  await settled(undefined);
  expect(await waitsMs()).toBe(0);
});
