// A database of its own for each world: cloned from the migrated template, with `now()` and its
// like on virtual time. A schema `storm` stands before pg_catalog in the search path; its `now()`
// is as far from the world's beginning as a file without content is long, in milliseconds: nothing
// tells a server the time for less, and a statement asks for it many times. Defaults of columns and
// parameters, which were bound when they were made, are made anew. What the server draws comes from
// the seed as well.
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import pg from 'pg';
import { migrateDeploy } from '../../web/db/migrate.ts';

/** A template of this very program's migrations. */
const TEMPLATE = `storm_template_${migrationsHash()}`;
const TEMPLATE_LOCK = 4711;

function migrationsHash(): string {
  const folder = path.join(import.meta.dirname, '../../prisma/migrations');
  const hash = createHash('sha256');
  for (const name of fs.readdirSync(folder).sort()) {
    const file = path.join(folder, name, 'migration.sql');
    if (fs.existsSync(file)) hash.update(fs.readFileSync(file));
  }
  return hash.digest('hex').slice(0, 12);
}

export const databaseOf = (url: string, name: string): string => {
  const at = new URL(url);
  at.pathname = `/${name}`;
  return at.toString();
};

async function asAdmin<T>(url: string, work: (admin: pg.Client) => Promise<T>): Promise<T> {
  const admin = new pg.Client(databaseOf(url, 'postgres'));
  await admin.connect();
  try {
    return await work(admin);
  } finally {
    await admin.end();
  }
}

async function ensureTemplate(admin: pg.Client, url: string): Promise<void> {
  await admin.query('select pg_advisory_lock($1)', [TEMPLATE_LOCK]);
  try {
    const had = await admin.query('select 1 from pg_database where datname = $1', [TEMPLATE]);
    if (had.rowCount === 1) return;
    const making = `${TEMPLATE}_making`;
    await admin.query(`drop database if exists ${making} with (force)`);
    await admin.query(`create database ${making}`);
    await migrateDeploy(databaseOf(url, making));
    await admin.query(`alter database ${making} rename to ${TEMPLATE}`);
  } finally {
    await admin.query('select pg_advisory_unlock($1)', [TEMPLATE_LOCK]);
  }
}

export type Clone = { url: string; clockFile: string; drop: () => Promise<void> };

/** Where the database's clock is read from. Its server may run as another user. */
function makeClockFile(name: string): { dir: string; file: string } {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'storm-'));
  fs.chmodSync(dir, 0o711);
  const file = path.join(dir, name);
  fs.writeFileSync(file, '', { mode: 0o644 });
  return { dir, file };
}

/** Clones the template. `server` is the address of any database of it, as a superuser. */
export async function makeClone(about: {
  server: string;
  name: string;
  seed: number;
  startMs: number;
}): Promise<Clone> {
  const { server, name, seed, startMs } = about;
  const { dir, file } = makeClockFile(name);
  await asAdmin(server, async (admin) => {
    await ensureTemplate(admin, server);
    await admin.query(`drop database if exists ${pg.escapeIdentifier(name)} with (force)`);
    await admin.query(`create database ${pg.escapeIdentifier(name)} template ${TEMPLATE}`);
  });
  const url = databaseOf(server, name);
  await putOnVirtualTime(url, { file, seed, startMs });
  return {
    ...{ url, clockFile: file },
    drop: async () => {
      await asAdmin(server, (admin) =>
        admin.query(`drop database if exists ${pg.escapeIdentifier(name)} with (force)`),
      );
      fs.rmSync(dir, { recursive: true, force: true });
    },
  };
}

/** Sessions of a world. Nothing here may depend on how fast the machine is. */
export const stormOptions = [
  ...['timezone=UTC', 'search_path=storm,pg_catalog,public', 'statement_timeout=0'],
  ...['lock_timeout=0', 'idle_in_transaction_session_timeout=0', 'deadlock_timeout=1h'],
  ...[
    'synchronous_commit=off',
    'jit=off',
    'plan_cache_mode=force_generic_plan',
    'max_parallel_workers_per_gather=0',
  ],
]
  .map((setting) => `-c ${setting}`)
  .join(' ');

async function putOnVirtualTime(
  url: string,
  about: { file: string; seed: number; startMs: number },
): Promise<void> {
  const { file, seed, startMs } = about;
  const reading = `(pg_stat_file(${pg.escapeLiteral(file)})).size + ${String(startMs)}`;
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(`
      create schema storm;
      -- Which of a server's own functions may be a part of a plan is for each database to say.
      alter function pg_catalog.pg_stat_file(text) stable cost 100;
      create function storm.now() returns timestamptz language sql stable as
        $$ select to_timestamp((${reading}) / 1000::float8) $$;
      create function storm.clock_timestamp() returns timestamptz language sql volatile as
        $$ select to_timestamp((${reading}) / 1000::float8) $$;
      create sequence storm.uuids;
      create function storm.gen_random_uuid() returns uuid language sql volatile as
        $$ select md5('${String(seed)}:' || nextval('storm.uuids'))::uuid $$;
      create sequence storm.draws;
      create function storm.random() returns float8 language sql volatile as
        $$ select ('x' || left(md5('${String(seed)}/' || nextval('storm.draws')), 8))
             ::bit(32)::bigint / 4294967296::float8 $$;
      set search_path = storm, pg_catalog, public;`);
    await remakeDefaults(client);
    await remakeParameters(client);
  } finally {
    await client.end();
  }
}

const schemas = `('public', 'graphile_worker')`;

/** Column defaults are bound to the function that stood for the name when they were made. */
async function remakeDefaults(client: pg.Client): Promise<void> {
  const { rows } = await client.query<{ place: string; name: string; says: string }>(`
    select format('%I.%I', n.nspname, c.relname) as place, quote_ident(a.attname) as name,
      replace(replace(pg_get_expr(d.adbin, d.adrelid), 'CURRENT_TIMESTAMP', 'now()'),
        'pg_catalog.', '') as says
    from pg_attrdef d join pg_attribute a on a.attrelid = d.adrelid and a.attnum = d.adnum
    join pg_class c on c.oid = d.adrelid join pg_namespace n on n.oid = c.relnamespace
    where n.nspname in ${schemas} and a.attgenerated = '' and
      pg_get_expr(d.adbin, d.adrelid) ~* '(now|current_timestamp|clock_timestamp)'`);
  if (rows.length < 10) throw new Error('hardly any default of the clock was found');
  for (const { place, name, says } of rows) {
    await client.query(`alter table ${place} alter column ${name} set default ${says}`);
  }
  // A plan must not depend on when a background process counted rows.
  const tables = await client.query<{ place: string }>(`
    select format('%I.%I', schemaname, tablename) as place from pg_tables
    where schemaname in ${schemas}`);
  for (const { place } of tables.rows) {
    await client.query(`alter table ${place} set (autovacuum_enabled = false)`);
  }
}

async function remakeParameters(client: pg.Client): Promise<void> {
  const { rows } = await client.query<{ text: string }>(`
    select replace(pg_get_functiondef(p.oid), 'pg_catalog.now()', 'now()') as text
    from pg_proc p join pg_namespace n on n.oid = p.pronamespace
    where n.nspname in ${schemas} and p.prokind = 'f'
      and pg_get_function_arguments(p.oid) ~* 'now\\(\\)'`);
  if (rows.length === 0) throw new Error('no parameter of the clock was found');
  for (const { text } of rows) await client.query(text);
}
