// Brings a database to this program's schema: graphile-worker's tables first, because our SQL calls
// `graphile_worker.add_jobs`, then prisma/migrations in the order of their names. Keeps the rows,
// checksums and advisory lock of Prisma Migrate, so that its commands believe what they see.
import { createHash, randomUUID } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Logger, runMigrations } from 'graphile-worker';
import pg from 'pg';
import { isDatabaseAway } from './database.ts';

export type MigrateOptions = {
  /** The folder of folders with a `migration.sql` each; this program's own by default. */
  dir?: string;
  /** Told one line for each migration that was applied. */
  say?: (line: string) => void;
};
type Migration = { name: string; sql: string; checksum: string };

const ownMigrations = path.join(import.meta.dirname, '../../prisma/migrations');
/** The key that Prisma Migrate uses. */
const MIGRATE_LOCK = 72707369;
const UNDEFINED_TABLE = '42P01';
/** Files that cannot run in a transaction say so in their first line, and hold one statement. */
const ALONE = /^-- no-transaction\b/;

function migrationsIn(dir: string): Migration[] {
  const file = (name: string): string => path.join(dir, name, 'migration.sql');
  const names = fs.readdirSync(dir).filter((name) => fs.existsSync(file(name)));
  return names.sort().map((name) => {
    const sql = fs.readFileSync(file(name), 'utf8');
    return { name, sql, checksum: createHash('sha256').update(sql).digest('hex') };
  });
}

/**
 * The migrations that this database still needs. Throws when database and program do not fit: an
 * edited file, one that was begun and not finished, or a database of a newer program.
 */
async function missing(client: pg.ClientBase, known: readonly Migration[]): Promise<Migration[]> {
  const { rows } = await client.query<{ name: string; checksum: string; finished: boolean }>(
    `select migration_name as name, checksum, finished_at is not null as finished
       from _prisma_migrations where rolled_back_at is null`,
  );
  const begun = rows.find((row) => !row.finished);
  if (begun) {
    throw new Error(
      `migration ${begun.name} was begun and not finished: ` +
        'look at the database, then finish it or delete its row in _prisma_migrations',
    );
  }
  const applied = new Map(rows.map((row) => [row.name, row.checksum]));
  for (const name of applied.keys()) {
    if (known.some((migration) => migration.name === name)) continue;
    throw new Error(`the database has migration ${name}: this program is older than the database`);
  }
  return known.filter(({ name, checksum }) => {
    const before = applied.get(name);
    if (before !== undefined && before !== checksum) {
      throw new Error(`migration ${name} was changed after it was applied`);
    }
    return before === undefined;
  });
}

/** The file and its row are one transaction: one that fails leaves nothing and is tried again. */
async function apply(client: pg.ClientBase, { name, sql, checksum }: Migration): Promise<void> {
  const id = randomUUID();
  const begin = `insert into _prisma_migrations (id, checksum, migration_name) values ($1, $2, $3)`;
  const end = `update _prisma_migrations
    set finished_at = clock_timestamp(), applied_steps_count = 1 where id = $1`;
  const alone = ALONE.test(sql);
  try {
    if (!alone) await client.query('begin');
    await client.query(begin, [id, checksum, name]);
    await client.query(sql);
    await client.query(end, [id]);
    if (!alone) await client.query('commit');
  } catch (error) {
    if (!alone) await client.query('rollback');
    const why = error instanceof Error ? error.message : String(error);
    throw new Error(`migration ${name}: ${why}`, { cause: error });
  }
}

async function connected<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  // A statement of ours must not wait for ever behind somebody's open transaction.
  const options = '-c timezone=UTC -c lock_timeout=5000';
  const client = new pg.Client({ connectionString: url, options, connectionTimeoutMillis: 5_000 });
  client.on('error', () => undefined); // told by the query that meets it
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

const silent = new Logger(() => () => undefined);

/**
 * Applies what is missing and answers the names of what was applied. Any number of processes may
 * call it at once: an advisory lock lets one through, the others find nothing to do.
 */
export async function migrateDeploy(url: string, options: MigrateOptions = {}): Promise<string[]> {
  const known = migrationsIn(options.dir ?? ownMigrations);
  return connected(url, async (client) => {
    // The end of the session gives the lock back.
    await client.query('set lock_timeout = 0');
    await client.query('select pg_advisory_lock($1)', [MIGRATE_LOCK]);
    await client.query('set lock_timeout = 5000');
    await runMigrations({ connectionString: url, logger: silent });
    await client.query(`create table if not exists _prisma_migrations (
      id varchar(36) primary key, checksum varchar(64) not null, finished_at timestamptz,
      migration_name varchar(255) not null, logs text, rolled_back_at timestamptz,
      started_at timestamptz not null default now(),
      applied_steps_count integer not null default 0)`);
    const todo = await missing(client, known);
    for (const migration of todo) {
      await apply(client, migration);
      options.say?.(`applied ${migration.name}`);
    }
    return todo.map(({ name }) => name);
  });
}

/** The names of what the database still needs; all of them when it is empty. */
export async function pendingMigrations(
  url: string,
  options: Pick<MigrateOptions, 'dir'> = {},
): Promise<string[]> {
  const known = migrationsIn(options.dir ?? ownMigrations);
  return connected(url, async (client) => {
    try {
      return (await missing(client, known)).map(({ name }) => name);
    } catch (error) {
      const empty = error instanceof pg.DatabaseError && error.code === UNDEFINED_TABLE;
      if (empty) return known.map(({ name }) => name);
      throw error;
    }
  });
}

export type WaitOptions = MigrateOptions & { everyMs?: number; signal?: AbortSignal };

/**
 * For processes that do not migrate (pool, signer): returns once nothing is pending, however long
 * that takes, also while the database cannot be reached. Throws what `signal` was aborted with, and
 * when the database does not fit this program.
 */
export async function waitForMigrations(url: string, options: WaitOptions = {}): Promise<void> {
  const { everyMs = 500, say, signal } = options;
  for (let told = ''; ;) {
    signal?.throwIfAborted();
    const waitingFor = await pendingMigrations(url, options).then(
      (names) => (names.length === 0 ? undefined : `the database still needs ${names.join(', ')}`),
      (error: unknown) => {
        if (!isDatabaseAway(error)) throw error;
        return 'the database cannot be reached';
      },
    );
    if (waitingFor === undefined) return;
    if (waitingFor !== told) say?.(waitingFor);
    told = waitingFor;
    await pause(everyMs, undefined, signal ? { signal } : {});
  }
}
