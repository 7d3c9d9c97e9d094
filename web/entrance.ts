// How every process begins and ends: the environment is read, the database is found, everything is
// wired; on SIGTERM or SIGINT it stops within ten seconds, leaves no child and loses nothing.
import { setTimeout as pause } from 'node:timers/promises';
import {
  ConfigError,
  readConfig,
  readSignerConfig,
  type Config,
  type SignerConfig,
} from './config.ts';
import { isDatabaseAway } from './db/database.ts';
import { migrateDeploy } from './db/migrate.ts';
import { makeLog, type Log } from './log.ts';
import type { Wired } from './wiring.ts';

const stopWithinMs = 9_000;
const databaseAgainMs = 1_000;

/** Reads the environment. A wrong one ends the process with its one line. */
export const readEnvironment = (): Config => readOrEnd(readConfig);

/** The same for what only the signer reads. */
export const readSignersEnvironment = (): SignerConfig => readOrEnd(readSignerConfig);

function readOrEnd<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    process.stderr.write(`${error.message}\n`);
    process.exit(1);
  }
}

/** The configured database, or PostgreSQL of our own under the data folder. */
export async function databaseUrlOf(
  config: Pick<Config, 'databaseUrl' | 'dataDir'>,
): Promise<string> {
  if (config.databaseUrl !== undefined) return config.databaseUrl;
  const { ensurePostgres } = await import('../scripts/postgres.ts');
  return (await ensurePostgres({ dir: config.dataDir, endWithUs: true })).url;
}

/** `quiet`: only errors are logged, for a command whose output is for people or programs. */
export async function begin(how: { quiet?: boolean } = {}): Promise<Wired> {
  const config = readEnvironment();
  const log = makeLog({ level: how.quiet === true ? 'error' : config.logLevel });
  // The signer begins here too, and loads nothing of what the doors and the pool are made of.
  const { wire } = await import('./wiring.ts');
  return wire({ config, log, databaseUrl: await databaseUrlOf(config) });
}

type Begun = Pick<Wired, 'registerApp'> & {
  log: Wired['deps']['log'];
  config: Pick<Config, 'shopify' | 'payments'>;
  db: { url: string };
};

/** Brings the database to this program's schema, waiting for it as long as it is away. */
export async function migrateWhenThere(wired: Begun): Promise<void> {
  const { log } = wired;
  for (;;) {
    try {
      await migrateAndRegister(wired);
      return;
    } catch (error) {
      if (!isDatabaseAway(error)) throw error;
      log.warn({ err: error }, 'database.away');
      await pause(databaseAgainMs);
    }
  }
}

/** May be begun again at any place. */
async function migrateAndRegister({ log, db, config, registerApp }: Begun): Promise<void> {
  await migrateDeploy(db.url, {
    say: (line) => {
      log.info({}, line);
    },
  });
  const { shopify, payments } = config;
  if (shopify !== undefined) await registerApp({ name: 'first', ...shopify });
  if (payments !== undefined) {
    await registerApp({ kind: 'payments', name: 'payments', ...payments });
  }
}

/** Runs `stop` once at the first signal; a process that cannot stop in time is ended. */
export function stopOnSignal(log: Log, stop: () => Promise<void>): void {
  let stopping = false;
  const onSignal = (signal: NodeJS.Signals): void => {
    if (stopping) return;
    stopping = true;
    log.info({ signal }, 'process.stopping');
    setTimeout(() => process.exit(1), stopWithinMs).unref();
    stop().then(
      () => process.exit(0),
      (error: unknown) => {
        log.error({ err: error }, 'process.stop_failed');
        process.exit(1);
      },
    );
  };
  process.on('SIGTERM', onSignal).on('SIGINT', onSignal);
}
