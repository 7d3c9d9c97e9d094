// One database for all tests of a file, as migrations make it: there before the first test, and
// gone after the last one.
import { afterAll, beforeAll } from 'vitest';
import { openDatabase, type Database } from '../web/db/database.ts';
import { testDatabase, type TestDatabase } from './database.ts';

/**
 * `ended` runs after the last test, while the database is still open: whatever must be so in the
 * end is asked there.
 */
export function databaseOfFile(
  take: (db: Database, place: TestDatabase) => void,
  about: { connections?: number; ended?: (db: Database) => Promise<void> } = {},
): void {
  let place: TestDatabase | undefined;
  let db: Database | undefined;
  beforeAll(async () => {
    place = await testDatabase();
    db = openDatabase({ url: place.url, connections: about.connections ?? 5 });
    take(db, place);
  });
  afterAll(async () => {
    try {
      if (db !== undefined) await about.ended?.(db);
    } finally {
      await db?.close();
      await place?.close();
    }
  });
}
