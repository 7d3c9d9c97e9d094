// `npm run storm -- --seed N --payments M --json`: the whole program in worlds of its own, with
// everything going wrong that can, and the invariants asked of what is left. The same seed gives
// the same hash. Progress goes to stderr; with --json the last line of stdout is one object.
//
//   --seed N         drawn and printed when it is left out
//   --payments M     2,500 of them make a world; worlds run side by side
//   --refunds K      about so many refunds of them, with signers that die, and rewards (0)
//   --worlds W       so many worlds instead; another number is another storm
//   --only N         plays the Nth of them alone, counted from 1
//   --random-order   lanes take any width and any order, instead of what they learned
//   --break NAME     breaks a guard on purpose (sabotage.ts): violations must be found
//   --server URL     a PostgreSQL to clone databases in, as superuser, and for nothing else; once
//                    for each world that is to run at a time. Else they are started
//   --trace FILE     writes the whole log of a run of one world
import { fork } from 'node:child_process';
import { createHash, randomInt } from 'node:crypto';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import type { ChildOptions, FromChild } from './child.ts';
import { drawsFrom } from './draws.ts';
import { isSabotage } from './sabotage.ts';
import { startServers, type Servers } from './servers.ts';
import type { WorldResult } from './world.ts';

/** Tables stay so small that `analyze` reads all of them, and counts the same each time. */
const paymentsPerWorld = 2_500;

const { values: given } = parseArgs({
  options: {
    seed: { type: 'string' },
    payments: { type: 'string', default: '1000' },
    refunds: { type: 'string', default: '0' },
    worlds: { type: 'string' },
    only: { type: 'string' },
    json: { type: 'boolean', default: false },
    'random-order': { type: 'boolean', default: false },
    break: { type: 'string' },
    server: { type: 'string', multiple: true },
    trace: { type: 'string' },
  },
});

/** Every world is a process of its own, and half a second of it would be reading our TypeScript. */
const compiled = path.join(import.meta.dirname, '../../node_modules/.cache/storm');

const tell = (line: string): void => void process.stderr.write(`${line}\n`);

function numberFrom(text: string, what: string): number {
  if (!/^\d{1,9}$/.test(text) || text === '0') throw new Error(`${what} is a number above zero`);
  return Number(text);
}

function playApart(options: ChildOptions): Promise<WorldResult> {
  return new Promise((resolve, reject) => {
    const child = fork(path.join(import.meta.dirname, 'child.ts'), {
      execArgv: ['--max-old-space-size=2048'],
      env: { ...process.env, NODE_COMPILE_CACHE: compiled },
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    });
    child.on('message', (message) => {
      const said = message as FromChild;
      if (said.is === 'line') tell(`  ${options.name}: ${said.line}`);
      else if (said.is === 'result') resolve(said.result);
      else reject(new Error(said.why));
    });
    child.on('exit', (code) => reject(new Error(`a world ended with ${String(code)}`)));
    child.send(options);
  });
}

type World = Omit<ChildOptions, 'server'>;

/** One at a time on each server; results in the order of the worlds. */
async function playAll(worlds: readonly World[], servers: Servers): Promise<WorldResult[]> {
  const results: WorldResult[] = [];
  let next = 0;
  const line = async (server: string): Promise<void> => {
    for (let at = next++; at < worlds.length; at = next++) {
      const world = worlds[at];
      if (world !== undefined) results[at] = await playApart({ ...world, server });
    }
  };
  await Promise.all(servers.urls.map(line));
  return results;
}

function serversFor(worlds: number): Promise<Servers> {
  const urls = given.server ?? [];
  if (urls.length > 0) return Promise.resolve({ urls, close: () => Promise.resolve() });
  // A world computes either here or at its server, so one more than there are cores.
  return startServers(Math.min(os.availableParallelism() + 1, worlds));
}

const sumOf = (results: readonly WorldResult[], of: (result: WorldResult) => number): number =>
  results.reduce((all, result) => all + of(result), 0);

async function main(): Promise<void> {
  const payments = numberFrom(given.payments, '--payments');
  const seed = given.seed === undefined ? randomInt(1, 1e9) : numberFrom(given.seed, '--seed');
  const refunds = given.refunds === '0' ? 0 : numberFrom(given.refunds, '--refunds');
  const { break: broken, trace: traceFile } = given;
  if (broken !== undefined && !isSabotage(broken)) throw new Error(`nothing is called ${broken}`);
  tell(`seed ${String(seed)}, ${String(payments)} payments`);
  const usual = Math.ceil(payments / paymentsPerWorld);
  const count = given.worlds === undefined ? usual : numberFrom(given.worlds, '--worlds');
  const seeds = drawsFrom(seed).branch('worlds');
  const only = given.only === undefined ? 0 : numberFrom(given.only, '--only');
  const from = Math.max(0, only - 1);
  const servers = await serversFor(only === 0 ? count : 1);
  const startedAt = performance.now();
  try {
    const worlds = Array.from({ length: count }, (_, n): World => {
      const name = `storm_${String(seed)}_${String(n)}_${String(process.pid)}`;
      const shareOf = (all: number): number =>
        Math.floor(((n + 1) * all) / count) - Math.floor((n * all) / count);
      const randomOrder = given['random-order'];
      const more = { randomOrder, broken, traceFile: n === from ? traceFile : undefined };
      const share = { payments: shareOf(payments), refunds: shareOf(refunds) };
      return { name, seed: 1 + seeds.below(2 ** 31), ...share, ...more };
    });
    const played = only === 0 ? worlds : worlds.slice(only - 1, only);
    const results = await playAll(played, servers);
    const bought = sumOf(results, (result) => result.payments);
    report({ seed, payments: bought, results, seconds: (performance.now() - startedAt) / 1_000 });
  } finally {
    await servers.close();
  }
}

/** At which moments a signer died, and how often in all. */
function deathsIn(results: readonly WorldResult[]): { moments: string[]; times: number } {
  const moments = [...new Set(results.flatMap(({ deaths }) => Object.keys(deaths)))].sort();
  const times = sumOf(results, ({ deaths }) =>
    Object.values(deaths).reduce((all, each) => all + each, 0),
  );
  return { moments, times };
}

function report(about: {
  seed: number;
  payments: number;
  results: readonly WorldResult[];
  seconds: number;
}): void {
  const { seed, payments, results, seconds } = about;
  const hash = createHash('sha256');
  for (const result of results) hash.update(result.hash);
  const violations = results.flatMap((result) => result.violations);
  for (const [n, result] of results.entries()) {
    for (const { rule, what, says } of result.violations.slice(0, 40)) {
      tell(`world ${String(n + 1)} of seed ${String(result.seed)}: ${rule} ${what}: ${says}`);
    }
  }
  const kinds = new Map<string, number>();
  for (const result of results) {
    for (const [kind, times] of Object.entries(result.kinds)) {
      kinds.set(kind, (kinds.get(kind) ?? 0) + times);
    }
  }
  tell([...kinds].map(([kind, times]) => `${kind} ${String(times)}`).join(', '));
  const signerDeaths = deathsIn(results);
  const perPayment = (of: (result: WorldResult) => number): number =>
    Math.round((sumOf(results, of) / payments) * 10) / 10;
  const line = {
    ...{ seed, payments, refunds: sumOf(results, ({ refunds }) => refunds) },
    ...{ paidBack: sumOf(results, ({ paidBack }) => paidBack), signerDeaths },
    rewards: sumOf(results, ({ rewards }) => rewards),
    rewardsPaid: sumOf(results, ({ rewardsPaid }) => rewardsPaid),
    faults: sumOf(results, ({ faults }) => faults),
    ...{ violations: violations.length, hash: hash.digest('hex') },
    ...{ worlds: results.length, seconds: Math.round(seconds * 10) / 10 },
    statements: sumOf(results, ({ statements }) => statements),
    waitedForLocks: sumOf(results, ({ waited }) => waited),
    cpuMsPerPayment: {
      ours: perPayment(({ cpuMs }) => cpuMs.ours),
      postgres: perPayment(({ cpuMs }) => cpuMs.postgres),
    },
    virtualSeconds: Math.round(sumOf(results, ({ virtualMs }) => virtualMs) / 1_000),
    rules: [...new Set(violations.map(({ rule }) => rule))].sort(),
  };
  const text = Object.entries(line).map(([name, value]) => `${name} ${JSON.stringify(value)}`);
  process.stdout.write(`${given.json ? JSON.stringify(line) : text.join(', ')}\n`);
  if (violations.length > 0) process.exitCode = 1;
}

await main();
