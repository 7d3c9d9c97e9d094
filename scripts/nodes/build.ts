// Builds LND and btcd from the modules that go.mod names, and keeps the programs for this user.
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

export type Say = (line: string) => void;
const NAMES = ['btcd', 'btcctl', 'lnd', 'lncli'] as const;
const TAGS = 'chainrpc invoicesrpc peersrpc routerrpc signrpc walletrpc kvdb_sqlite';
const recipe = import.meta.dirname;

/** Go's program, or undefined when there is none on this machine. */
export function findGo(): string | undefined {
  const places = ['go', '/usr/local/go/bin/go', '/opt/homebrew/bin/go', '/usr/lib/go/bin/go'];
  return places.find((place) => spawnSync(place, ['version']).status === 0);
}

function cacheFolder(): string {
  const hash = createHash('sha256');
  for (const file of ['go.mod', 'go.sum']) hash.update(fs.readFileSync(path.join(recipe, file)));
  const cache = process.env['XDG_CACHE_HOME'] ?? path.join(os.homedir(), '.cache');
  return path.join(cache, 'zaptill', 'nodes', hash.digest('hex').slice(0, 16));
}

const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

/** Somebody else's build of the same nodes: its folder is named after its process. */
function otherBuild(binDir: string): string | undefined {
  const start = `${path.basename(binDir)}.made-by-`;
  const parent = path.dirname(binDir);
  const builds = fs.readdirSync(parent).filter((name) => name.startsWith(start));
  return builds.find((name) => {
    const pid = Number(name.slice(start.length));
    if (pid !== process.pid && isAlive(pid)) return true;
    fs.rmSync(path.join(parent, name), { recursive: true, force: true });
    return false;
  });
}

async function build(go: string, binDir: string, say: Say): Promise<void> {
  const making = `${binDir}.made-by-${process.pid}`;
  fs.mkdirSync(making, { recursive: true });
  say('Building LND and btcd from their Go modules (once, about 4 minutes on 2 cores) ...');
  const args = ['build', '-v', '-mod=readonly', '-buildvcs=false', '-trimpath', '-tags', TAGS];
  const child = spawn('nice', ['-n', '5', go, ...args, '-o', `${making}/`, 'tool'], {
    cwd: recipe,
    env: { ...process.env, CGO_ENABLED: '0', GOFLAGS: '' },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const lines: string[] = [];
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    lines.push(...text.split('\n').filter((line) => line !== ''));
  });
  const started = Date.now();
  const beat = setInterval(() => {
    const seconds = Math.round((Date.now() - started) / 1000);
    say(`  ... ${seconds} s, ${lines.length} modules and packages so far`);
  }, 15_000);
  const [code] = (await once(child, 'close').finally(() => clearInterval(beat))) as [number | null];
  if (code !== 0) throw new Error(`go build failed:\n${lines.slice(-12).join('\n')}`);
  fs.renameSync(making, binDir);
}

/** The folder with btcd, btcctl, lnd and lncli. Throws when Go is needed and missing. */
export async function buildNodes({ say }: { say: Say }): Promise<{ binDir: string }> {
  const binDir = cacheFolder();
  fs.mkdirSync(path.dirname(binDir), { recursive: true });
  const there = (): boolean => NAMES.every((name) => fs.existsSync(path.join(binDir, name)));
  for (let told = false; !there() && otherBuild(binDir) !== undefined; told = true) {
    if (!told) say('Waiting for another build of the same nodes ...');
    await pause(1_000);
  }
  if (there()) return { binDir };
  const go = findGo();
  if (go === undefined) throw new Error('Go is needed to build LND and btcd: install it (go.dev)');
  await build(go, binDir, say);
  return { binDir };
}
