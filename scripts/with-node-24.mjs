// The first step of every command from a fresh clone. Plain JavaScript, because the machine may
// have any Node from 20 up and no node_modules: it installs what package-lock.json names (Node 24
// among it), has Prisma write its client, and runs the given TypeScript file with Node 24.
//
// Nothing here may be left half done: what was interrupted is told by a missing stamp and is done
// again. A stamp holds the hash of what it was made from, so a second run costs two small reads.
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const at = (...parts) => path.join(root, ...parts);
const node24 = at('node_modules', 'node', 'bin', 'node');
const installedStamp = at('node_modules', '.zaptill-installed');
const generatedStamp = at('web', 'db', 'generated', '.made-from');
const lockFile = at('.data', 'install.lock');
const say = (line) => process.stderr.write(`${line}\n`);

const read = (file) => {
  try {
    return fs.readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
};
const hashOf = (...texts) => createHash('sha256').update(texts.join('\0')).digest('hex');
const alive = (pid) => {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
};
const pause = (ms) => new Promise((done) => setTimeout(done, ms));

/** The child that signals go to. Until there is one, a signal ends this process at once. */
let current;
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(signal, () => {
    if (current === undefined) process.exit(signal === 'SIGINT' ? 130 : 143);
    current.pass(signal);
  });
}
process.on('exit', () => dropLock());

function endGroup(pid, signal) {
  try {
    process.kill(-pid, signal);
  } catch {
    // It has ended by itself.
  }
}

/** Runs a step in a process group of its own, so that its install scripts end with it. */
function step(command, args, { env = process.env, whileRunning } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      cwd: root,
      env,
      detached: true,
      stdio: ['ignore', 2, 2],
    });
    let interrupted;
    current = {
      pass(signal) {
        interrupted = signal;
        endGroup(child.pid, 'SIGTERM');
        // npm would tidy up for many seconds; the next start does that anyway.
        setTimeout(() => endGroup(child.pid, 'SIGKILL'), 500);
      },
    };
    whileRunning?.(child.pid);
    child.on('error', reject);
    child.on('close', (code) => {
      current = undefined;
      if (interrupted) process.exit(interrupted === 'SIGINT' ? 130 : 143);
      resolve(code ?? 1);
    });
  });
}

/** True when every package that this lock file wants is in place: npm writes its own list last. */
function inPlace(lockText) {
  const hidden = read(at('node_modules', '.package-lock.json'));
  if (hidden === undefined) return false;
  const have = JSON.parse(hidden).packages ?? {};
  return Object.entries(JSON.parse(lockText).packages).every(
    ([name, wanted]) =>
      name === '' ||
      have[name]?.version === wanted.version ||
      (have[name] === undefined && wanted.optional === true),
  );
}

function holderOfLock() {
  const text = read(lockFile);
  if (text === undefined) return undefined;
  const pids = text.split(' ').map(Number);
  return pids.find((pid) => pid > 0 && pid !== process.pid && alive(pid));
}

function takeLock() {
  fs.mkdirSync(path.dirname(lockFile), { recursive: true });
  try {
    fs.writeFileSync(lockFile, String(process.pid), { flag: 'wx' });
    return true;
  } catch (error) {
    if (error.code !== 'EEXIST') throw error;
    if (holderOfLock() === undefined) fs.rmSync(lockFile, { force: true });
    return false;
  }
}

function dropLock() {
  if (read(lockFile)?.split(' ')[0] === String(process.pid)) fs.rmSync(lockFile, { force: true });
}

async function install(lockText) {
  const started = Date.now();
  say('Installing what package-lock.json names (once, about a minute) ...');
  const beat = setInterval(() => {
    say(`  ... ${Math.round((Date.now() - started) / 1000)} s`);
  }, 5_000);
  const npm = process.env.npm_execpath;
  const own = npm !== undefined && /npm-cli\.[cm]?js$/.test(npm);
  const args = [
    'ci',
    '--include=dev',
    '--include=optional',
    '--no-audit',
    '--no-fund',
    '--loglevel=error',
  ];
  const code = await step(own ? process.execPath : 'npm', own ? [npm, ...args] : args, {
    // npm's child outlives this process when that is killed hard: the lock names both.
    whileRunning: (pid) => fs.writeFileSync(lockFile, `${process.pid} ${pid}`),
  }).finally(() => clearInterval(beat));
  if (code !== 0) {
    say(`npm ci ended with ${code}. Its words stand above; run the same command again.`);
    process.exit(code);
  }
  if (!fs.existsSync(node24)) {
    say('Node 24 is not in node_modules/node: npm was told to run no install scripts.');
    say('Run: npm ci --ignore-scripts=false');
    process.exit(1);
  }
  fs.writeFileSync(installedStamp, hashOf(lockText));
}

const installed = (lockText) => fs.existsSync(node24) && read(installedStamp) === hashOf(lockText);

async function ensureInstalled() {
  const lockText = read(at('package-lock.json'));
  if (lockText === undefined) throw new Error('package-lock.json is missing');
  if (installed(lockText)) return;
  await waitForLock();
  if (installed(lockText)) return;
  if (fs.existsSync(node24) && inPlace(lockText)) {
    fs.writeFileSync(installedStamp, hashOf(lockText));
    return;
  }
  await install(lockText);
}

async function waitForLock() {
  for (let told = false; !takeLock(); told = true) {
    const holder = holderOfLock();
    if (holder === undefined) continue;
    if (!told) say(`Waiting for another install in this folder (process ${holder}) ...`);
    await pause(300);
  }
}

async function ensureGenerated() {
  const schema = read(at('prisma', 'schema.prisma'));
  if (schema === undefined) return;
  const want = hashOf(schema, read(at('node_modules', 'prisma', 'package.json')) ?? '');
  if (read(generatedStamp) === want) return;
  await waitForLock();
  if (read(generatedStamp) === want) return;
  fs.rmSync(generatedStamp, { force: true });
  const code = await step(node24, [at('node_modules', 'prisma', 'build', 'index.js'), 'generate'], {
    env: { ...process.env, CHECKPOINT_DISABLE: '1', PRISMA_HIDE_UPDATE_MESSAGE: '1' },
  });
  if (code !== 0) process.exit(code);
  fs.writeFileSync(generatedStamp, want);
}

/** Runs the program itself, in this process group: a terminal's Ctrl-C reaches it without us. */
function run(file, args) {
  const env = { ...process.env };
  env.PATH = `${path.dirname(node24)}${path.delimiter}${env.PATH ?? ''}`;
  const child = spawn(node24, [file, ...args], { stdio: 'inherit', env });
  const passed = new Set();
  current = {
    pass(signal) {
      // npm passes on what the terminal has sent to all of us already.
      if (passed.has(signal) || (signal === 'SIGINT' && process.stdin.isTTY)) return;
      passed.add(signal);
      setTimeout(() => passed.delete(signal), 1_000).unref();
      child.kill(signal);
    },
  };
  endWithNpm(() => child.kill('SIGTERM'));
  child.on('error', (error) => {
    say(`Node 24 does not start: ${error.message}`);
    process.exit(1);
  });
  child.on('close', (code, signal) => {
    process.exit(code ?? (signal === 'SIGINT' ? 130 : signal === 'SIGTERM' ? 143 : 1));
  });
}

/** A killed npm can tell nobody: then this process has another parent. */
function endWithNpm(end) {
  const parent = process.ppid;
  if (process.env.npm_lifecycle_event === undefined) return;
  const watch = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(watch);
    end();
  }, 1_000);
  watch.unref();
}

const [file, ...args] = process.argv.slice(2);
if (Number(process.versions.node.split('.')[0]) < 20) {
  say(`Zaptill needs Node 20 or newer to install itself; this is ${process.versions.node}.`);
  process.exit(1);
}
if (file === undefined) {
  say('Usage: node scripts/with-node-24.mjs FILE.ts [arguments]');
  process.exit(1);
}
await ensureInstalled();
await ensureGenerated();
dropLock();
run(path.resolve(root, file), args);
