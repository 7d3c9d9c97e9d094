// `node scripts/migrate.ts`: applies what is missing to DATABASE_URL, or to the embedded server of
// this folder. The work is done in web/db/migrate.ts, which the doors call as well.
import path from 'node:path';
import { migrateDeploy } from '../web/db/migrate.ts';
import { ensurePostgres, stopPostgres } from './postgres.ts';

const dir = path.resolve(process.env['DATA_DIR'] ?? path.join(import.meta.dirname, '../.data'));
const given = process.env['DATABASE_URL'];
const server = given === undefined ? await ensurePostgres({ dir }) : undefined;
try {
  const applied = await migrateDeploy(given ?? server?.url ?? '', { say: console.log });
  if (applied.length === 0) console.log('nothing to apply');
} finally {
  if (server?.started === true) await stopPostgres(dir);
}
