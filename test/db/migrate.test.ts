import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import pg from 'pg';
import { isDatabaseAway } from '../../web/db/database.ts';
import { migrateDeploy, pendingMigrations, waitForMigrations } from '../../web/db/migrate.ts';
import { testDatabase, type TestDatabase } from '../database.ts';

let database: TestDatabase;
let admin: pg.Client;
let url: string;
let dir: string;
let count = 0;

const write = (name: string, sql: string): void => {
  fs.mkdirSync(path.join(dir, name), { recursive: true });
  fs.writeFileSync(path.join(dir, name, 'migration.sql'), sql);
};
async function ask(sql: string): Promise<unknown> {
  const client = new pg.Client(url);
  await client.connect();
  try {
    return ((await client.query(sql)).rows[0] as { answer: unknown }).answer;
  } finally {
    await client.end();
  }
}

beforeAll(async () => {
  database = await testDatabase();
  admin = new pg.Client(database.url);
  await admin.connect();
});
/** A pool that has ended leaves a moment later; who is thrown out meanwhile says so to nobody. */
async function allHaveLeft(name: string): Promise<void> {
  const text = 'select count(*)::int as n from pg_stat_activity where datname = $1';
  for (let looks = 0; looks < 200; looks += 1) {
    const { rows } = await admin.query<{ n: number }>(text, [name]);
    if (rows[0]?.n === 0) return;
    await pause(20);
  }
}
// These tests migrate empty databases of their own beside the cloned one.
beforeEach(async () => {
  const name = `${new URL(database.url).pathname.slice(1)}_${++count}`;
  await admin.query(`create database ${name}`);
  url = database.url.replace(/\/[^/]*$/, `/${name}`);
  dir = fs.mkdtempSync(path.join(os.tmpdir(), 'zaptill-migrations-'));
  return async () => {
    fs.rmSync(dir, { recursive: true });
    await allHaveLeft(name);
    await admin.query(`drop database ${name} with (force)`);
  };
});
afterAll(async () => {
  await admin.end();
  await database.close();
});

describe('this program’s own migrations', () => {
  test('go through once, after the tables of the jobs that they call', async () => {
    const names = await pendingMigrations(url);
    expect(names.length).toBeGreaterThan(0);
    expect(await migrateDeploy(url)).toEqual(names);
    expect(
      await ask(`select to_regprocedure('graphile_worker.add_jobs(graphile_worker.job_spec[],
      boolean)') is not null as answer`),
    ).toBe(true);
    expect(await migrateDeploy(url)).toEqual([]);
    expect(await pendingMigrations(url)).toEqual([]);
  });

  test('of two processes at once one applies, the other waits and finds nothing', async () => {
    const [one, two] = await Promise.all([migrateDeploy(url), migrateDeploy(url)]);
    expect([...one, ...two]).toEqual([...new Set([...one, ...two])]);
    expect(Math.min(one.length, two.length)).toBe(0);
    expect(Math.max(one.length, two.length)).toBeGreaterThan(0);
  });

  test('a process that only waits goes on when another has migrated', async () => {
    const said: string[] = [];
    const waiting = waitForMigrations(url, { everyMs: 20, say: (line) => said.push(line) });
    await expect.poll(() => said, { timeout: 15_000 }).toHaveLength(1);
    await migrateDeploy(url);
    await waiting;
    expect(said[0]).toMatch(/^the database still needs \d+_/);
  });

  test('connections that are cut as soon as they are there are outlasted', async () => {
    await migrateDeploy(url);
    const to = new URL(url);
    let cuts = 0;
    const door = net.createServer((near) => {
      const far = net.connect(Number(to.port), to.hostname);
      const cut = cuts < 20;
      if (cut) cuts += 1;
      near.on('data', (bytes) => far.write(bytes)).on('error', () => far.destroy());
      far.on('error', () => near.destroy()).on('close', () => near.destroy());
      far.on('data', (bytes) => {
        near.write(bytes);
        // ReadyForQuery: the client may ask, and is cut off in that moment.
        if (cut && bytes.includes(Buffer.from([0x5a, 0, 0, 0, 5, 0x49]))) near.resetAndDestroy();
      });
    });
    await new Promise<void>((resolve) => door.listen(0, '127.0.0.1', resolve));
    const { port } = door.address() as net.AddressInfo;
    const through = Object.assign(new URL(url), { hostname: '127.0.0.1', port: String(port) }).href;
    const said: string[] = [];
    try {
      await waitForMigrations(through, { everyMs: 1, say: (line) => said.push(line) });
    } finally {
      door.close();
    }
    expect(said).toEqual(['the database cannot be reached']);
    expect(cuts).toBe(20);
    // What the driver says of a connection that it lost before it was asked.
    const lost = 'Client has encountered a connection error and is not queryable';
    expect(isDatabaseAway(new Error(lost))).toBe(true);
  });

  test('waiting ends when it is told to', async () => {
    const nobody = 'postgresql://nobody@127.0.0.1:1/none';
    const waiting = waitForMigrations(nobody, { signal: AbortSignal.timeout(100) });
    await expect(waiting).rejects.toThrow(/timeout|aborted/i);
  });
});

describe('a migration', () => {
  test('that fails leaves nothing behind and goes through once it is right', async () => {
    write('1_half', 'create table half (i int); select 1 / 0;');
    await expect(migrateDeploy(url, { dir })).rejects.toThrow('migration 1_half: division by zero');
    expect(await ask(`select to_regclass('half')::text as answer`)).toBe(null);
    expect(await ask('select count(*)::int as answer from _prisma_migrations')).toBe(0);
    write('1_half', 'create table half (i int);');
    expect(await migrateDeploy(url, { dir })).toEqual(['1_half']);
  });

  test('that was changed after it was applied is refused', async () => {
    write('1_a', 'create table a (i int);');
    await migrateDeploy(url, { dir });
    write('1_a', 'create table a (i bigint);');
    await expect(migrateDeploy(url, { dir })).rejects.toThrow('1_a was changed');
    await expect(waitForMigrations(url, { dir })).rejects.toThrow('1_a was changed');
  });

  test('that this program does not know means that the program is too old', async () => {
    write('1_a', 'create table a (i int);');
    write('2_b', 'create table b (i int);');
    await migrateDeploy(url, { dir });
    fs.rmSync(path.join(dir, '2_b'), { recursive: true });
    await expect(migrateDeploy(url, { dir })).rejects.toThrow('older than the database');
  });

  test('that cannot run in a transaction says so and runs alone', async () => {
    write('1_a', 'create table a (i int);');
    write('2_b', 'create index concurrently a_i on a (i);');
    await expect(migrateDeploy(url, { dir })).rejects.toThrow('cannot run inside a transaction');
    write(
      '2_b',
      '-- no-transaction: the table stays open\ncreate index concurrently a_i on a (i);',
    );
    expect(await migrateDeploy(url, { dir })).toEqual(['2_b']);
  });
});
