// The pool: settles what nodes report and tells Shopify. Any number of them may run at once.
import { begin, stopOnSignal } from './entrance.ts';
import { waitForMigrations } from './db/migrate.ts';
import { startPool } from './worker/pool.ts';

const wired = await begin();
const { db, deps, log } = wired;
const stopping = new AbortController();
const started = waitForMigrations(db.url, {
  signal: stopping.signal,
  say: (line) => {
    log.info({}, line);
  },
}).then(() => startPool(deps, { testOrders: wired.testOrders, told: wired.told }));
stopOnSignal(log, async () => {
  stopping.abort();
  const pool = await started.catch(() => undefined);
  await pool?.stop();
  await wired.close();
});
started.then(
  ({ id }) => {
    log.info({ pool: id }, 'pool.open');
  },
  (error: unknown) => {
    if (stopping.signal.aborted) return;
    log.error({ err: error }, 'pool.failed');
    process.exit(1);
  },
);
