// Do the migrations make what prisma/schema.prisma says? A database is migrated as a shop's would
// be, and Prisma compares it with the schema. (Prisma itself cannot replay the migrations: their
// functions call graphile-worker's, whose tables only our own migrating puts first.)
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { migrateDeploy } from '../web/db/migrate.ts';
import { ensurePostgres, stopPostgres } from './postgres.ts';

const root = path.join(import.meta.dirname, '..');
const prisma = path.join(root, 'node_modules/prisma/build/index.js');

/** The SQL that leads from the migrations to the schema; empty when they agree. */
export async function sqlToSchema(): Promise<string> {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'zaptill-drift-'));
  fs.chmodSync(dir, 0o711); // root's server runs as another user, who must be able to walk here
  try {
    const settings = { fsync: 'off' };
    const { url } = await ensurePostgres({ dir, settings, endWithUs: true });
    await migrateDeploy(url);
    return await diff(url);
  } finally {
    await stopPostgres(dir, 'immediate');
    fs.rmSync(dir, { recursive: true, force: true });
  }
}

async function diff(url: string): Promise<string> {
  const words = ['migrate', 'diff', '--from-config-datasource', '--to-schema'];
  words.push('prisma/schema.prisma', '--script', '--exit-code');
  const child = spawn(process.execPath, [prisma, ...words], {
    cwd: root,
    env: { ...process.env, DATABASE_URL: url, CHECKPOINT_DISABLE: '1', NO_COLOR: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const said = { out: '', err: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => (said.out += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said.err += text));
  const [code] = (await once(child, 'close')) as [number | null];
  // 0: no difference. 2: a difference, told on stdout.
  if (code === 0) return '';
  if (code === 2) return said.out.trim();
  throw new Error(`prisma migrate diff ended with ${code}: ${said.out}${said.err}`);
}

if (import.meta.main) {
  const sql = await sqlToSchema();
  if (sql !== '') {
    console.error('prisma/schema.prisma and prisma/migrations differ. What is missing:\n');
    console.error(sql);
    console.error('\nWrite it with: node scripts/with-node-24.mjs scripts/new-migration.ts NAME');
    process.exit(1);
  }
  console.log('schema and migrations agree');
}
