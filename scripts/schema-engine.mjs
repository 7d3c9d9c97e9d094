#!/usr/bin/env node
// Prisma's CLI starts a native program, `schema-engine`, which npm does not carry and the CLI would
// download. This file stands in its place (prisma.config.ts names it in
// PRISMA_SCHEMA_ENGINE_BINARY): it speaks the CLI's JSON-RPC on stdio, backed by the same engine
// compiled to WebAssembly, over pg. The version of @prisma/schema-engine-wasm must carry the hash
// that `prisma --version` prints as "Default Engines Hash".
//
// It is for development only. Databases are migrated by web/db/migrate.ts.
import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import readline from 'node:readline';
import { parseArgs } from 'node:util';
import pg from 'pg';

const engineModule = createRequire(import.meta.url).resolve(
  '@prisma/schema-engine-wasm/schema_engine_bg',
);
const engineDir = path.dirname(engineModule);
if (process.argv.includes('--version')) {
  const { version } = JSON.parse(fs.readFileSync(path.join(engineDir, 'package.json'), 'utf8'));
  process.stdout.write(`schema-engine-wasm ${version}\n`);
  process.exit(0);
}
const { values, positionals } = parseArgs({
  allowPositionals: true,
  strict: false,
  options: {
    datamodels: { type: 'string', multiple: true },
    datasource: { type: 'string' },
    'enabled-preview-features': { type: 'string' },
    'extension-types': { type: 'string' },
  },
});
const datasource = values.datasource ? JSON.parse(values.datasource) : {};

async function withClient(url, work) {
  const client = new pg.Client(url);
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

async function createDatabase(url) {
  const admin = new URL(url);
  const name = decodeURIComponent(admin.pathname.slice(1));
  admin.pathname = '/postgres';
  await withClient(admin.toString(), (client) =>
    client.query(`create database ${pg.escapeIdentifier(name)}`),
  );
  return name;
}

/** `schema-engine cli can-connect-to-database | create-database`: one answer, then the end. */
async function answerOnce(command) {
  const log = (level, fields, target) =>
    process.stderr.write(
      `${JSON.stringify({ timestamp: new Date().toISOString(), level, fields, target })}\n`,
    );
  // The CLI drops the first line.
  log('INFO', { message: 'Starting schema engine CLI' }, 'schema_engine');
  try {
    if (command === 'create-database') await createDatabase(datasource.url);
    else if (command === 'can-connect-to-database') await withClient(datasource.url, () => {});
    else throw new Error(`unsupported command ${command}`);
    process.exit(0);
  } catch (error) {
    const code = { '3D000': 'P1003', '28P01': 'P1000' }[error.code] ?? 'P1001';
    const message = error.message || `Can't reach database server (${error.code})`;
    const fields = { message, is_panic: false, error_code: code, meta: null };
    log('ERROR', fields, 'schema_engine::logger');
    process.exit(1);
  }
}
if (positionals[0] === 'cli') await answerOnce(positionals[1]);

const { PrismaPg } = await import('@prisma/adapter-pg');
const { bindMigrationAwareSqlAdapterFactory, ColumnTypeEnum } =
  await import('@prisma/driver-adapter-utils');

/** One session per adapter: advisory locks and SET stay on it, as in the native engine. */
class OneSession extends pg.Pool {
  #client;
  client() {
    this.#client ??= (async () => {
      const client = new pg.Client(this.options);
      // A lost connection is told by the query that meets it.
      client.on('error', () => {});
      await client.connect();
      return client;
    })();
    return this.#client;
  }
  async query(...args) {
    return (await this.client()).query(...args);
  }
  async connect() {
    return Object.assign(Object.create(await this.client()), { release() {} });
  }
  async end() {
    if (this.#client) await (await this.#client).end();
    this.#client = undefined;
  }
}

// Prisma's adapter is written for the client. For migrations three things are put right:
//  1. catalog columns of type "char" (oid 18) are refused  -> told as text, marked as Character
//  2. executeScript splits at every ';', and so breaks the bodies of functions -> sent whole
//  3. connectToShadowDb keeps connectionString, which wins over the name of the shadow database:
//     the shadow would be the main one                     -> an address of its own
const CHAR = 18;
const TEXT = 25;
async function connectMigrator(url) {
  const pool = new OneSession({ connectionString: url });
  const adapter = await new PrismaPg(pool).connect();
  const charColumns = new WeakMap();
  const performIO = adapter.performIO.bind(adapter);
  const queryRaw = adapter.queryRaw.bind(adapter);
  adapter.performIO = async (query) => {
    const result = await performIO(query);
    const chars = result.fields.flatMap((field, i) => (field.dataTypeID === CHAR ? [i] : []));
    charColumns.set(result.rows, chars);
    const asText = (field) =>
      field.dataTypeID === CHAR ? { name: field.name, dataTypeID: TEXT } : field;
    return { ...result, fields: result.fields.map(asText) };
  };
  adapter.queryRaw = async (query) => {
    const result = await queryRaw(query);
    for (const i of charColumns.get(result.rows) ?? []) {
      result.columnTypes[i] = ColumnTypeEnum.Character;
    }
    return result;
  };
  adapter.executeScript = (script) => pool.query(script).catch((e) => adapter.onError(e));
  adapter.dispose = () => pool.end();
  return adapter;
}

async function connectShadow(url) {
  const name = `prisma_migrate_shadow_db_${crypto.randomUUID()}`;
  const shadow = new URL(url);
  shadow.pathname = `/${name}`;
  await withClient(url, (client) => client.query(`create database "${name}"`));
  const adapter = await connectMigrator(shadow.toString());
  const dispose = adapter.dispose;
  adapter.dispose = async () => {
    await dispose();
    await withClient(url, (client) =>
      client.query(`drop database if exists "${name}" with (force)`),
    );
  };
  return adapter;
}

const factory = (url) =>
  bindMigrationAwareSqlAdapterFactory({
    provider: 'postgres',
    adapterName: '@prisma/adapter-pg',
    connect: () => connectMigrator(url),
    connectToShadowDb: () => connectShadow(url),
  });

const glue = await import(engineModule);
const wasm = await WebAssembly.instantiate(
  fs.readFileSync(path.join(engineDir, 'schema_engine_bg.wasm')),
  { './schema_engine_bg.js': glue },
);
glue.__wbg_set_wasm(wasm.instance.exports);
wasm.instance.exports.__wbindgen_start();
globalThis.PRISMA_WASM_PANIC_REGISTRY = {
  message: '',
  set_message(message) {
    this.message = `RuntimeError: ${message}`;
  },
};

const datamodels = (values.datamodels ?? []).map((file) => [file, fs.readFileSync(file, 'utf8')]);
// `migrate diff --from-empty --to-schema` has no database: an address where nobody listens will do.
const nowhere = 'postgresql://unused@127.0.0.1:1/unused';
let made;
function engine() {
  made ??= glue.SchemaEngine.new(
    { datamodels: datamodels.length > 0 ? datamodels : undefined },
    () => {},
    factory(datasource.url ?? nowhere),
  );
  return made;
}

const send = (message) =>
  process.stdout.write(`${JSON.stringify({ jsonrpc: '2.0', ...message })}\n`);
const PRINT_ID = 10_000_000;
const methods = {
  createDatabase: async (params) => ({
    databaseName: await createDatabase(params?.datasource?.url ?? datasource.url),
  }),
  getDatabaseVersion: async (params) => (await engine()).version(params ?? null),
  dbExecute: async (params) => {
    await (await engine()).dbExecute(params);
    return {};
  },
  reset: async (params) => {
    await (await engine()).reset(params);
    return {};
  },
  diff: async (params) => {
    const result = await (await engine()).diff(params);
    if (result.stdout != null) {
      const content = result.stdout.replace(/\n$/, '');
      send({ id: PRINT_ID, method: 'print', params: { content } });
    }
    return result;
  },
  // The engine lives off the schema that devDiagnostic has cached. When pending migrations have
  // just been applied, that cache is of the shorter list, so it is filled again.
  evaluateDataLoss: async (params) => {
    const it = await engine();
    await it.devDiagnostic({ migrationsList: params.migrationsList, filters: params.filters });
    return it.evaluateDataLoss(params);
  },
};
for (const name of [
  'applyMigrations',
  'createMigration',
  'devDiagnostic',
  'diagnoseMigrationHistory',
  'ensureConnectionValidity',
  'introspect',
  'introspectSql',
  'markMigrationApplied',
  'markMigrationRolledBack',
  'schemaPush',
]) {
  methods[name] = async (params) => (await (await engine())[name](params)) ?? {};
}

const ENGINE_ERROR = 4466;
async function answer({ id, method, params }) {
  try {
    if (!methods[method]) throw new Error(`schema-engine: unknown method ${method}`);
    send({ id, result: (await methods[method](params)) ?? null });
  } catch (error) {
    const { message, meta = null, code } = error;
    const details = { is_panic: false, message, meta, ...(code ? { error_code: code } : {}) };
    const told = 'An error happened. Check the data field for details.';
    send({ id, error: { code: ENGINE_ERROR, message: told, data: details } });
  }
}

let pending = 0;
let closed = false;
const endWhenDone = () => {
  if (closed && pending === 0) process.exit(0);
};
readline
  .createInterface({ input: process.stdin, crlfDelay: Infinity })
  .on('line', async (line) => {
    const message = line.trim() ? JSON.parse(line) : {};
    if (!message.method) return;
    pending++;
    await answer(message);
    pending--;
    endWhenDone();
  })
  .on('close', () => {
    closed = true;
    endWhenDone();
  });
