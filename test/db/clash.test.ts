// Two who want the same rows in another order: PostgreSQL undoes one of them. A statement by itself
// is tried again, as a transaction is; nobody outside hears of it.
import { expect, test } from 'vitest';
import { rows, transaction, type Database, type Queryable } from '../../web/db/database.ts';
import { databaseOfFile } from '../database-of-file.ts';
import { until } from '../worker/play.ts';

let db: Database;
databaseOfFile((made) => {
  db = made;
});

/** Takes the second row, then the first. */
const backwards = (on: Queryable): Promise<unknown> =>
  rows(
    on,
    {
      name: 'clash_backwards',
      text: `
        with second as (update clash set n = n + 1 where id = 2 returning id)
        update clash set n = n + 1 where id = 1 and exists (select 1 from second)`,
    },
    [],
  );

test.each([
  { what: 'a statement by itself', run: () => backwards(db.pool) },
  { what: 'a transaction', run: () => transaction(db, backwards) },
])('$what that a deadlock undid is tried again', async ({ run }) => {
  await db.pool.query('drop table if exists clash');
  await db.pool.query('create table clash as select id, 0 as n from generate_series(1, 2) id');
  const other = await db.pool.connect();
  try {
    // The other one looks for a deadlock later than ours does: it is ours that is undone.
    await other.query(`set deadlock_timeout = '1min'`);
    await other.query('begin');
    await other.query('update clash set n = n + 10 where id = 1');
    const ours = run();
    await until('ours waits for the first row', async () => {
      const { rowCount } = await db.pool.query(
        `select 1 from pg_stat_activity where wait_event_type = 'Lock' and query like '%clash%'`,
      );
      return (rowCount ?? 0) > 0;
    });
    await other.query('update clash set n = n + 10 where id = 2');
    await other.query('commit');
    await ours;
  } finally {
    await other.query('set deadlock_timeout to default');
    other.release();
  }
  const { rows: found } = await db.pool.query('select id, n from clash order by id');
  expect(found).toEqual([
    { id: 1, n: 11 },
    { id: 2, n: 11 },
  ]);
});
