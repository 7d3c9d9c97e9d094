import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { paceLimits } from '../../web/core/pace.ts';
import { Defect, Trouble } from '../../web/core/trouble.ts';
import type { Database } from '../../web/db/database.ts';
import { forgottenLanes, nudge, pauseOf, type Lane } from '../../web/db/lanes.ts';
import type { Step } from '../../web/flows/flow.ts';
import { startPool, type Pool, type PoolOptions } from '../../web/worker/pool.ts';
import { aNode, aSettledPayment } from '../builders.ts';
import { testDatabase, type TestDatabase } from '../database.ts';
import {
  aLog,
  aShopWithDue,
  depsOn,
  dueCount,
  moreDue,
  open,
  playing,
  quantile,
  until,
} from './play.ts';

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

async function withPool<T>(
  step: Step,
  work: (pool: Pool, log: ReturnType<typeof aLog>) => Promise<T>,
  options: PoolOptions = {},
): Promise<T> {
  const log = aLog();
  const pool = startPool(depsOn(db, { log }), playing(step, options));
  try {
    await pool.ready;
    return await work(pool, log);
  } finally {
    await pool.stop();
  }
}

const sightings = async (lane: Lane): Promise<{ attempts: number; dueInMs: number | null }[]> => {
  const { rows } = await db.pool.query<{ attempts: number; due: number | null }>(
    `select attempts, (extract(epoch from due_at - now()) * 1000)::float8 as due
     from sighting where lane = $1 order by id`,
    [lane],
  );
  return rows.map(({ attempts, due }) => ({ attempts, dueInMs: due }));
};

describe('a lane', () => {
  test('is worked as wide as it may, and each row once', async () => {
    const { lane } = await aShopWithDue(db, 40);
    const ran: string[] = [];
    let out = 0;
    let most = 0;
    await withPool(
      async (_deps, row) => {
        ran.push(row.id);
        out += 1;
        most = Math.max(most, out);
        // Whoever is first waits for the seventh: on a busy machine they do not come together.
        await until('seven are out', () => Promise.resolve(most >= 7));
        out -= 1;
        return rest;
      },
      async () => {
        await nudge(db.pool, [lane]);
        await until('all rows rest', async () => (await dueCount(db, lane)) === 0);
      },
      { turns: { width: () => 7 } },
    );
    expect(ran).toHaveLength(40);
    expect(new Set(ran).size).toBe(40);
    expect(most).toBe(7);
  });

  test('with ten thousand due rows holds up nobody', async () => {
    const busy = await aShopWithDue(db, 10_000);
    const quiet = await aShopWithDue(db, 0);
    const waits: number[] = [];
    let busyRan = 0;
    const step: Step = async (_deps, row) => {
      const { rows } = await db.pool.query<{ lane: string; ms: number }>(
        `select lane, (extract(epoch from clock_timestamp() - seen_at) * 1000)::float8 as ms
         from sighting where id = $1::bigint`,
        [row.id],
      );
      if (rows[0]?.lane === quiet.lane) waits.push(rows[0].ms);
      else busyRan += 1;
      await pause(20);
      return rest;
    };
    await withPool(step, async () => {
      await nudge(db.pool, [busy.lane]);
      await until('the busy lane is at work', () => busyRan > 20);
      for (let n = 0; n < 30; n += 1) {
        await moreDue(db, quiet.shopId, 1);
        await nudge(db.pool, [quiet.lane]);
        await pause(50);
      }
      await until('the quiet lane is done', () => waits.length === 30);
    });
    expect(busyRan).toBeGreaterThan(100);
    expect(await dueCount(db, busy.lane)).toBeGreaterThan(1_000);
    // In line behind them they would wait for minutes.
    expect(quantile(waits, 0.5)).toBeLessThan(3_000);
    await db.pool.query('update sighting set due_at = null where lane = $1', [busy.lane]);
  });

  test('loses no nudge while it has its turn', async () => {
    const { shopId, lane } = await aShopWithDue(db, 0);
    let ran = 0;
    await withPool(
      async () => {
        ran += 1;
        await pause(1);
        return rest;
      },
      async () => {
        for (let n = 1; n <= 150; n += 1) {
          await moreDue(db, shopId, 1);
          await nudge(db.pool, [lane]);
          if (n % 10 === 0) await pause(Math.random() * 10);
        }
        await until('all ran', () => ran === 150);
      },
      // Were a nudge lost, nothing would mend it.
      { sweeps: { dueMs: 3_600_000 } },
    );
    expect(await dueCount(db, lane)).toBe(0);
  });

  test('whose nudge was never made is found by the sweep', async () => {
    const { lane } = await aShopWithDue(db, 3);
    await withPool(
      () => Promise.resolve(rest),
      async () => {
        await until('the rows rest', async () => (await dueCount(db, lane)) === 0);
      },
    );
  });

  test('with a backlog of verdicts still looks at a new order', async () => {
    const { shopId, lane } = await aShopWithDue(db, 0);
    const nodeId = await aNode(db, { shopId });
    for (let n = 0; n < 30; n += 1) await aSettledPayment(db, { shopId, nodeId });
    await moreDue(db, shopId, 1);
    const ran: string[] = [];
    await withPool(
      async (_deps, row) => {
        ran.push(row.table);
        await pause(50);
        return rest;
      },
      async () => {
        await nudge(db.pool, [lane]);
        await until('all ran', () => ran.length === 31);
      },
    );
    expect(ran.indexOf('sighting')).toBeLessThan(paceLimits.initial);
    expect(ran.slice(0, 3)).toEqual(['payment', 'payment', 'payment']);
  });

  test('with one slow call uses its other places', async () => {
    const { lane } = await aShopWithDue(db, 60);
    let slow: string | undefined;
    let quick = 0;
    const { promise: ended, resolve: endSlow } = Promise.withResolvers<undefined>();
    await withPool(
      async (_deps, row) => {
        slow ??= row.id;
        if (slow === row.id) await ended;
        else await pause(20);
        if (slow !== row.id) quick += 1;
        return rest;
      },
      async () => {
        await nudge(db.pool, [lane]);
        try {
          await until('all but one are done', () => quick === 59);
        } finally {
          endSlow(undefined);
        }
        await until('all rows rest', async () => (await dueCount(db, lane)) === 0);
      },
    );
  });
});

const away = (more: { waitMs?: number } = {}): Trouble =>
  new Trouble('shop_down', { from: 'shop', then: 'ask_again', away: true, ...more });

describe('trouble', () => {
  test('of a lane that is away burns no attempts, and one probe opens it', async () => {
    const { lane } = await aShopWithDue(db, 20);
    let down = true;
    let calls = 0;
    let out = 0;
    let paused = false;
    let mostWhileDown = 0;
    await withPool(
      async () => {
        calls += 1;
        out += 1;
        if (down && paused) mostWhileDown = Math.max(mostWhileDown, out);
        await pause(5);
        out -= 1;
        if (down) throw away();
        return rest;
      },
      async (_pool, log) => {
        await nudge(db.pool, [lane]);
        await until('the lane is paused', async () => (await pauseOf(db, lane)) !== undefined);
        paused = true;
        await until('it was probed', async () => ((await pauseOf(db, lane))?.failures ?? 0) >= 2);
        const rows = await sightings(lane);
        expect(rows.map((row) => row.attempts)).toEqual(Array(20).fill(0));
        expect(calls).toBeLessThanOrEqual(paceLimits.initial + 3);
        expect(mostWhileDown).toBe(1);
        down = false;
        await until('all rows rest', async () => (await dueCount(db, lane)) === 0);
        expect(log.said('lane.paused').length).toBeGreaterThanOrEqual(2);
        expect(log.said('lane.open')).toHaveLength(1);
      },
    );
    expect(await pauseOf(db, lane)).toBeUndefined();
  });

  test('pauses for as long as the outside asked', async () => {
    const { lane } = await aShopWithDue(db, 3);
    let calls = 0;
    await withPool(
      () => {
        calls += 1;
        return Promise.reject(away({ waitMs: 60_000 }));
      },
      async () => {
        await nudge(db.pool, [lane]);
        await until('all were tried', () => calls === 3);
        await until('the lane is paused', async () => (await pauseOf(db, lane)) !== undefined);
        const before = calls;
        await nudge(db.pool, [lane]);
        await pause(600);
        expect(calls).toBe(before);
        const paused = await pauseOf(db, lane);
        expect((paused?.until.getTime() ?? 0) - Date.now()).toBeGreaterThan(55_000);
        expect(await forgottenLanes(db)).not.toContain(lane);
      },
    );
    await db.pool.query('update sighting set due_at = null where lane = $1', [lane]);
  });

  test('that only a person can end calls one, and once', async () => {
    const { lane } = await aShopWithDue(db, 2);
    const final = { from: 'shop', then: 'give_up', away: true } as const;
    await withPool(
      () => Promise.reject(new Trouble('shop_locked', final)),
      async (_pool, log) => {
        await nudge(db.pool, [lane]);
        await until('it was probed', () => log.said('lane.paused').length >= 2);
        const levels = log.said('lane.paused').map(({ level }) => level);
        expect(levels.slice(0, 2)).toEqual(['error', 'warn']);
        expect((await sightings(lane)).map((row) => row.attempts)).toEqual([0, 0]);
      },
    );
    await db.pool.query('update sighting set due_at = null where lane = $1', [lane]);
  });

  test.each([
    { then: 'retry', attempts: 2, atLeastMs: 8_000, atMostMs: 12_000, level: 'warn' },
    { then: 'ask_again', attempts: 5, atLeastMs: 48_000, atMostMs: 72_000, level: 'warn' },
    { then: 'give_up', attempts: 0, atLeastMs: 3_590_000, atMostMs: 3_600_000, level: 'error' },
  ] as const)('$then waits its time and burns an attempt', async (expected) => {
    const { lane } = await aShopWithDue(db, 1);
    await db.pool.query('update sighting set attempts = $2 where lane = $1', [
      lane,
      expected.attempts,
    ]);
    await withPool(
      () => Promise.reject(new Trouble('odd', { from: 'shop', then: expected.then, away: false })),
      async (_pool, log) => {
        await nudge(db.pool, [lane]);
        const given = async (): Promise<boolean> =>
          (await sightings(lane))[0]?.attempts === expected.attempts + 1;
        await until('the row is given back', given);
        const [row] = await sightings(lane);
        expect(row?.dueInMs).toBeGreaterThan(expected.atLeastMs - 1_000);
        expect(row?.dueInMs).toBeLessThanOrEqual(expected.atMostMs);
        expect(log.lines.filter(({ level }) => level === expected.level)).toHaveLength(1);
      },
    );
    expect(await pauseOf(db, lane)).toBeUndefined();
    await db.pool.query('update sighting set due_at = null where lane = $1', [lane]);
  });

  test('a defect is told loudly, and the row stays', async () => {
    const { lane } = await aShopWithDue(db, 1);
    await withPool(
      () => Promise.reject(new Defect('the books do not balance')),
      async (_pool, log) => {
        await nudge(db.pool, [lane]);
        await until('it is told', () => log.said('step.defect').length === 1);
        await until('the row is due later', async () => (await sightings(lane))[0]?.attempts === 1);
        expect((await sightings(lane))[0]?.dueInMs).toBeGreaterThan(55_000);
      },
    );
    await db.pool.query('update sighting set due_at = null where lane = $1', [lane]);
  });

  test('a step that hangs gives its place free', async () => {
    const { lane } = await aShopWithDue(db, 1);
    await withPool(
      () => new Promise<never>(() => undefined),
      async (_pool, log) => {
        await nudge(db.pool, [lane]);
        await until('it is told', () => log.said('step.stuck').length === 1);
        expect((await sightings(lane))[0]?.attempts).toBe(0);
      },
      { turns: { stepMs: 500 } },
    );
    await db.pool.query('update sighting set due_at = null where lane = $1', [lane]);
  });
});

describe('a pool that stops', () => {
  test('lets what is out come back, and takes nothing more', async () => {
    const { lane } = await aShopWithDue(db, 100);
    let begun = 0;
    let ended = 0;
    await withPool(
      async () => {
        begun += 1;
        await pause(300);
        ended += 1;
        return rest;
      },
      async (pool) => {
        await nudge(db.pool, [lane]);
        await until('it works', () => begun > 0);
        const start = performance.now();
        await pool.stop();
        expect(performance.now() - start).toBeLessThan(15_000);
        expect(ended).toBe(begun);
      },
    );
    expect(begun).toBeLessThan(20);
    expect(await dueCount(db, lane)).toBe(100 - begun);
    const locks = await db.pool.query(
      `select 1 from pg_locks where locktype = 'advisory' and database =
         (select oid from pg_database where datname = current_database())`,
    );
    expect(locks.rowCount).toBe(0);
    await db.pool.query('update sighting set due_at = null where lane = $1', [lane]);
  });
});
