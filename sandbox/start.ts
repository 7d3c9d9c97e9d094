// `npm start`: Zaptill on your desk. Starts PostgreSQL, a shop, exchanges, a Lightning node and a
// buyer's wallet, then our doors, our pool and our signer as processes of their own, and prints
// where to click. Everything that it keeps lies in the data folder, so that a second start goes on
// where the first one ended. Ctrl-C ends all of it; if it is killed, what it started ends with it.
//
// With SHOPIFY_API_KEY in the environment nothing is played: doors and pool run against the real
// Shopify, and only the database may be ours.
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import { builds } from '../scripts/build.ts';
import { lastWill } from '../scripts/last-will.ts';
import { ensurePostgres, stopPostgres } from '../scripts/postgres.ts';
import { runAll } from '../scripts/run.ts';
import { openDesk, type Desk } from './desk.ts';

const root = path.resolve(import.meta.dirname, '..');
const dataDir = path.resolve(root, process.env['DATA_DIR'] ?? '.data');
const realNode = process.argv.includes('--real-node');
const say = (line = ''): void => void process.stdout.write(`${line}\n`);

const children: ChildProcess[] = [];
const endings: (() => Promise<unknown>)[] = [];
let stopping = false;

/** Last started, first ended; a part that does not end does not keep the others. */
async function stop(exitCode: number): Promise<never> {
  if (stopping) return new Promise(() => undefined);
  stopping = true;
  say('\nStopping ...');
  await Promise.all(children.map(endChild));
  for (const end of endings.reverse()) {
    await Promise.race([end().catch(() => undefined), pause(8_000)]);
  }
  process.exit(exitCode);
}

async function endChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise<void>((resolve) =>
    child.once('exit', () => {
      resolve();
    }),
  );
  child.kill('SIGTERM');
  await Promise.race([gone, pause(10_000).then(() => child.kill('SIGKILL'))]);
}

function startOurs(entrance: string, env: NodeJS.ProcessEnv): ChildProcess {
  const log = fs.openSync(path.join(dataDir, `${entrance}.log`), 'a');
  const child = spawn(process.execPath, [path.join(root, 'web', `${entrance}.ts`)], {
    cwd: root,
    env,
    stdio: ['ignore', log, log],
    // A group of its own: Ctrl-C in a terminal reaches it through us, in order.
    detached: true,
  });
  fs.closeSync(log);
  children.push(child);
  const will = lastWill('kill -TERM "$1"', [String(child.pid)]);
  child.once('exit', (code) => {
    will.drop();
    if (stopping) return;
    say(
      `${entrance} ended by itself (${String(code)}). ` +
        `Its last words are in ${dataDir}/${entrance}.log`,
    );
    void stop(1);
  });
  return child;
}

/** Builds the front ends when a source is newer than what was built. */
async function buildFrontEnds(): Promise<void> {
  const built = ['buyer', 'merchant'].map((name) =>
    path.join(root, 'dist', name, '.vite', 'manifest.json'),
  );
  const newest = (dir: string): number =>
    fs
      .readdirSync(dir, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .reduce((at, entry) => {
        return Math.max(at, fs.statSync(path.join(entry.parentPath, entry.name)).mtimeMs);
      }, 0);
  const sources = newest(path.join(root, 'web', 'frontend'));
  if (built.every((file) => fs.existsSync(file) && fs.statSync(file).mtimeMs > sources)) return;
  say('Building the pages ...');
  const { failed } = await runAll(builds);
  if (failed.length > 0) throw new Error(`could not build: ${failed.join(', ')}`);
}

/** Keys of this desk, made once: 32 random bytes that seal what is stored. */
function keysOf(whose: 'vault' | 'signer'): string {
  const file = path.join(dataDir, `desk-${whose}-keys`);
  if (!fs.existsSync(file)) {
    fs.writeFileSync(file, `1:${randomBytes(32).toString('base64')}`, { mode: 0o600 });
  }
  return fs.readFileSync(file, 'utf8').trim();
}

async function waitUntilReady(appUrl: string): Promise<void> {
  for (let tries = 0; tries < 600; tries += 1) {
    const ready = await fetch(`${appUrl}/readyz`).then(
      (answer) => answer.ok,
      () => false,
    );
    if (ready) return;
    await pause(100);
  }
  throw new Error(`the doors did not open: see ${dataDir}/server.log`);
}

function printDesk(desk: Desk): void {
  say();
  say('Zaptill runs. Click:');
  const widest = Math.max(...desk.addresses.map(({ what }) => what.length));
  for (const { what, url } of desk.addresses) say(`  ${what.padEnd(widest + 2)}${url}`);
  say();
  for (const line of desk.hints) say(line);
  const logs = ['server.log', 'worker.log', ...(desk.purse === undefined ? [] : ['signer.log'])];
  say(`Logs: ${path.relative(process.cwd(), dataDir) || '.'}/${logs.join(', ')}`);
  say(
    realNode
      ? 'Ctrl-C ends all of it. The next start has the same orders, and new nodes.'
      : 'Ctrl-C ends all of it; the next start goes on with the same data.',
  );
}

/**
 * The signer, as in production a program with an environment of its own: it knows the database, its
 * keys and a credential that pays, and neither the vault's keys nor anything of Shopify's.
 */
async function startSigner(purse: NonNullable<Desk['purse']>, env: NodeJS.ProcessEnv) {
  const own = { ...env, SIGNER_KEYS: keysOf('signer'), ALLOW_PRIVATE_NODES: 'true' };
  const file = path.join(dataDir, 'desk-paying-node');
  fs.writeFileSync(file, purse.lndconnect, { mode: 0o600 });
  const command = ['purse', 'connect', '--shop', purse.shop, '--lndconnect', `@${file}`];
  const cli = path.join(root, 'web', 'cli.ts');
  await promisify(execFile)(process.execPath, [cli, ...command], { cwd: root, env: own });
  startOurs('signer', own);
}

async function main(): Promise<void> {
  fs.mkdirSync(dataDir, { recursive: true, mode: 0o755 });
  await buildFrontEnds();
  let databaseUrl = process.env['DATABASE_URL'];
  if (databaseUrl === undefined || databaseUrl === '') {
    say('Starting PostgreSQL ...');
    const postgres = await ensurePostgres({ dir: dataDir, endWithUs: true });
    databaseUrl = postgres.url;
    endings.push(() => stopPostgres(dataDir));
  }
  const env: NodeJS.ProcessEnv = { ...process.env, DATA_DIR: dataDir, DATABASE_URL: databaseUrl };
  const played = (process.env['SHOPIFY_API_KEY'] ?? '') === '';
  if (!played) {
    startOurs('server', env);
    startOurs('worker', env);
    const appUrl = process.env['APP_URL'] ?? `http://127.0.0.1:${process.env['PORT'] ?? '3000'}`;
    await waitUntilReady(`http://127.0.0.1:${process.env['PORT'] ?? '3000'}`);
    say(`Zaptill runs at ${appUrl}. Open the app from your Shopify admin.`);
    return;
  }
  say(
    realNode
      ? 'Starting the shop, and real Lightning nodes ...'
      : 'Starting the shop and a Lightning node ...',
  );
  const desk = await openDesk({ dataDir, realNode, say });
  endings.push(() => desk.close());
  const ours = { ...env, ...desk.env, VAULT_KEYS: keysOf('vault') };
  startOurs('server', ours);
  await waitUntilReady(desk.appUrl);
  startOurs('worker', ours);
  await desk.introduce();
  if (desk.purse !== undefined) await startSigner(desk.purse, env);
  printDesk(desk);
}

process.on('SIGINT', () => void stop(130));
process.on('SIGTERM', () => void stop(143));
process.on('SIGHUP', () => void stop(129));
main().catch((error: unknown) => {
  say(error instanceof Error ? error.message : String(error));
  void stop(1);
});
