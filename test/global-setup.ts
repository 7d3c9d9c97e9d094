// One embedded PostgreSQL for each run of tests. It starts when the first file asks for a database
// (test/database.ts), and is gone with its folder when the run ends, also when the run is killed.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { TestProject } from 'vitest/node';
import { lastWill } from '../scripts/last-will.ts';
import { stopPostgres } from '../scripts/postgres.ts';
import { databasesLeft } from './database.ts';

declare module 'vitest' {
  export interface ProvidedContext {
    /** Where the server of this run lives. */
    postgresDir: string;
  }
}

const AFTER_A_KILL = `
  kill -QUIT "$(head -n 1 "$1/postgres/pgdata/postmaster.pid")"
  sleep 1
  rm -rf "$1"`;

export default function setup(project: TestProject): () => Promise<void> {
  // Several runs may share a server, and its template. Whoever named its folder ends it.
  const { SHARED_TEST_POSTGRES: shared } = process.env;
  if (shared !== undefined) {
    project.provide('postgresDir', shared);
    return () => Promise.resolve();
  }
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'zaptill-test-'));
  // Root's server runs as another user, who must be able to walk here.
  fs.chmodSync(dir, 0o711);
  project.provide('postgresDir', dir);
  const will = lastWill(AFTER_A_KILL, [dir]);
  return async () => {
    const left = await databasesLeft(dir);
    await stopPostgres(dir, 'immediate');
    fs.rmSync(dir, { recursive: true, force: true });
    will.drop();
    if (left.length > 0) throw new Error(`never closed: ${left.join(', ')}`);
  };
}
