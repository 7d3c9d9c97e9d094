// A pool in a process of its own, for tests that kill it. argv: the database's address, and how
// long a step takes in milliseconds.
import { setTimeout as pause } from 'node:timers/promises';
import { startPool } from '../../web/worker/pool.ts';
import { depsOn, open, playing, writeRun } from './play.ts';

const [url = '', stepMs = '0'] = process.argv.slice(2);
const db = open(url);
const pool = startPool(
  depsOn(db),
  playing(async (deps, row) => {
    await writeRun(deps, row);
    await pause(Number(stepMs));
    return { dueInMs: undefined, attempt: false };
  }),
);
process.on('SIGTERM', () => {
  void pool
    .stop()
    .then(() => db.close())
    .then(() => process.exit(0));
});
await pool.ready;
process.send?.('ready');
