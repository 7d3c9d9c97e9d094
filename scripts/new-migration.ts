// `node scripts/with-node-24.mjs scripts/new-migration.ts add-refunds`: writes the next migration,
// from what prisma/migrations make to what prisma/schema.prisma says. Read it before committing it:
// checks, partial indexes and triggers are not in the schema and are written by hand.
import fs from 'node:fs';
import path from 'node:path';
import { sqlToSchema } from './drift.ts';

const name = (process.argv[2] ?? '').toLowerCase().replaceAll(/[^a-z0-9]+/g, '_');
if (name === '') {
  console.error('Give the migration a name, such as add-refunds.');
  process.exit(1);
}
const sql = await sqlToSchema();
if (sql === '') {
  console.log('Nothing to write: schema and migrations agree.');
} else {
  const at = new Date().toISOString().replaceAll(/\D/g, '').slice(0, 14);
  const dir = path.join(import.meta.dirname, '../prisma/migrations', `${at}_${name}`);
  fs.mkdirSync(dir);
  fs.writeFileSync(path.join(dir, 'migration.sql'), `${sql}\n`);
  console.log(`Written: ${path.relative(process.cwd(), dir)}/migration.sql`);
}
