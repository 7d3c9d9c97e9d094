// The pool: settles what nodes report and tells Shopify. Any number of them may run at once.
import { begin, stopOnSignal } from './entrance.ts';
import { waitForMigrations } from './db/migrate.ts';
import { startPool } from './worker/pool.ts';

const wired = await begin();
const { db, deps, log } = wired;
const started = waitForMigrations(db.url, {
  say: (line) => {
    log.info({}, line);
  },
}).then(() => startPool(deps));
stopOnSignal(log, async () => {
  await (await started).stop();
  await wired.close();
});
log.info({ pool: (await started).id }, 'pool.open');
