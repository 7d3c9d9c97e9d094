// A database of its own for every test file: a template is migrated once for each run, and cloned.
// The server runs without fsync: a test that kills PostgreSQL starts one of its own.
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import { expect, inject } from 'vitest';
import { ensurePostgres } from '../scripts/postgres.ts';
import { migrateDeploy } from '../web/db/migrate.ts';

export type TestDatabase = {
  url: string;
  /** Drops the database. Throws when somebody is still connected, and says who. */
  close(): Promise<void>;
};

const SETTINGS = {
  fsync: 'off',
  full_page_writes: 'off',
  synchronous_commit: 'off',
  max_connections: 300,
};
const TEMPLATE = 'zaptill_template';
const PREFIX = 'test_';
const TEMPLATE_LOCK = 4711;
const LEAVE_MS = 3_000;

async function asAdmin<T>(url: string, work: (admin: pg.Client) => Promise<T>): Promise<T> {
  const at = new URL(url);
  at.pathname = '/postgres';
  const admin = new pg.Client(at.toString());
  await admin.connect();
  try {
    return await work(admin);
  } finally {
    await admin.end();
  }
}

const named = (url: string, name: string): string => {
  const at = new URL(url);
  at.pathname = `/${name}`;
  return at.toString();
};

const has = async (admin: pg.Client, name: string): Promise<boolean> =>
  (await admin.query('select 1 from pg_database where datname = $1', [name])).rowCount === 1;

/** Everyone waits at one lock; the first to pass makes the template, under another name. */
async function ensureTemplate(admin: pg.Client, url: string): Promise<void> {
  await admin.query('select pg_advisory_lock($1)', [TEMPLATE_LOCK]);
  try {
    if (await has(admin, TEMPLATE)) return;
    const making = `${TEMPLATE}_making`;
    await admin.query(`drop database if exists ${making} with (force)`);
    await admin.query(`create database ${making}`);
    await migrateDeploy(named(url, making));
    await gone(admin, making);
    await admin.query(`alter database ${making} rename to ${TEMPLATE}`);
  } finally {
    await admin.query('select pg_advisory_unlock($1)', [TEMPLATE_LOCK]);
  }
}

/** Who is connected to this database once everyone had time to leave. */
async function gone(admin: pg.Client, name: string): Promise<string[]> {
  const until = Date.now() + LEAVE_MS;
  for (;;) {
    const { rows } = await admin.query<{ who: string }>(
      `select format('%s (%s): %s', application_name, state, left(query, 200)) as who
         from pg_stat_activity where datname = $1 and backend_type = 'client backend'`,
      [name],
    );
    if (rows.length === 0 || Date.now() > until) return rows.map(({ who }) => who);
    await pause(25);
  }
}

async function drop(url: string, name: string): Promise<void> {
  const left = await asAdmin(url, async (admin) => {
    const still = await gone(admin, name);
    await admin.query(`drop database if exists ${pg.escapeIdentifier(name)} with (force)`);
    return still;
  });
  if (left.length > 0) throw new Error(`still connected to ${name}: ${left.join('; ')}`);
}

/** A migrated, empty database for the test file that calls. Close it in `afterAll`. */
export async function testDatabase(): Promise<TestDatabase> {
  const { url } = await ensurePostgres({ dir: inject('postgresDir'), settings: SETTINGS });
  const file = path.basename(expect.getState().testPath ?? 'unknown').replace(/\W.*$/, '');
  const name = `${PREFIX}${file}_${randomBytes(4).toString('hex')}`;
  await asAdmin(url, async (admin) => {
    await ensureTemplate(admin, url);
    await admin.query(`create database ${pg.escapeIdentifier(name)} template ${TEMPLATE}`);
  });
  return { url: named(url, name), close: () => drop(url, name) };
}

/** The databases that no test closed, for the end of a run. */
export async function databasesLeft(dir: string): Promise<string[]> {
  if (!fs.existsSync(path.join(dir, 'postgres', 'pgdata', 'postmaster.pid'))) return [];
  const { url } = await ensurePostgres({ dir });
  return asAdmin(url, async (admin) => {
    const { rows } = await admin.query<{ datname: string }>(
      'select datname from pg_database where starts_with(datname, $1) order by 1',
      [PREFIX],
    );
    return rows.map(({ datname }) => datname);
  });
}
