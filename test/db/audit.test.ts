// The audit asks of all there is: it takes as long as that takes, and leaves the sessions that it
// asked in as it found them.
import { setTimeout as pause } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { audit } from '../../web/db/audit.ts';
import type { Database } from '../../web/db/database.ts';
import { databaseOfFile } from '../database-of-file.ts';

let db: Database;
databaseOfFile((made) => (db = made), { connections: 2 });

test('a rule that takes longer than the statements of a page may is asked to its end', async () => {
  const blocker = await db.pool.connect();
  try {
    await blocker.query('begin');
    await blocker.query('lock table payment in access exclusive mode');
    // The only other connection, which the audit will be given.
    await db.pool.query(`set statement_timeout = '1s'`);
    const asked = audit(db);
    await pause(1_500);
    await blocker.query('rollback');
    expect(await asked).toEqual([]);
    const { rows } = await db.pool.query('show statement_timeout');
    expect(rows).toEqual([{ statement_timeout: '1s' }]);
  } finally {
    blocker.release();
  }
});
