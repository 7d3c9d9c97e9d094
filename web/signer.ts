// The purse: pays back what shops owe, with credentials that it alone can open. It listens nowhere.
// One of them signs; a second one waits to take its place.
import { databaseUrlOf, readSignersEnvironment, stopOnSignal } from './entrance.ts';
import { openDatabase } from './db/database.ts';
import { waitForMigrations } from './db/migrate.ts';
import { makeLog } from './log.ts';
import { startSigner } from './signer/loop.ts';
import { openVault } from './vault/seal.ts';

const config = readSignersEnvironment();
const log = makeLog({ level: config.logLevel });
const db = openDatabase({
  url: await databaseUrlOf(config),
  connections: 6,
  onError: (error) => {
    log.warn({ err: error }, 'database.connection_lost');
  },
});
const stopping = new AbortController();
const started = waitForMigrations(db.url, {
  signal: stopping.signal,
  say: (line) => {
    log.info({}, line);
  },
}).then(() =>
  startSigner({
    ...{ db, log, clock: () => new Date(), sealer: openVault(config.signerKeys) },
    allowPrivate: config.allowPrivateNodes,
  }),
);
stopOnSignal(log, async () => {
  stopping.abort();
  const signer = await started.catch(() => undefined);
  await signer?.stop();
  await db.close();
});
started.then(
  () => {
    log.info({}, 'signer.open');
  },
  (error: unknown) => {
    if (stopping.signal.aborted) return;
    log.error({ err: error }, 'signer.failed');
    process.exit(1);
  },
);
