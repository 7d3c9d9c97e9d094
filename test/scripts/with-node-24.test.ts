// The first step of every command, on a tree of its own. npm is played by a program of a few lines:
// what is tested is what happens around it.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

const script = path.join(import.meta.dirname, '../../scripts/with-node-24.mjs');
/** A busy machine takes seconds to start a process. */
const PATIENT = { timeout: 15_000 };
const FAKE_NPM = `
const fs = require('node:fs');
fs.appendFileSync('npm-calls.txt', process.argv.slice(2).join(' ') + '\\n');
fs.rmSync('node_modules', { recursive: true, force: true });
fs.mkdirSync('node_modules/node/bin', { recursive: true });
const slow = fs.existsSync('slow') ? 60000 : 0;
setTimeout(() => {
  fs.symlinkSync(process.execPath, 'node_modules/node/bin/node');
  fs.copyFileSync('package-lock.json', 'node_modules/.package-lock.json');
}, slow);
`;
const PROGRAM = `
process.stdout.write('runs ' + process.argv.slice(2).join(' ') + '\\n');
if (process.argv[2] === 'wait') {
  const timer = setInterval(() => undefined, 1000);
  process.on('SIGTERM', () => { process.stdout.write('was told'); clearInterval(timer); });
} else process.exitCode = 7;
`;

let dir: string;
const at = (name: string): string => path.join(dir, name);
const lock = (version: string): void =>
  fs.writeFileSync(
    at('package-lock.json'),
    JSON.stringify({ packages: { '': {}, 'node_modules/node': { version } } }),
  );
const calls = (): number =>
  fs.existsSync(at('npm-calls.txt'))
    ? fs.readFileSync(at('npm-calls.txt'), 'utf8').split('\n').length - 1
    : 0;

type Started = { child: ChildProcess; said: () => string; ended: Promise<number | null> };
function start(...args: string[]): Started {
  const env = { PATH: process.env['PATH'] ?? '', npm_execpath: at('npm-cli.js') };
  const child = spawn(process.execPath, [at('scripts/with-node-24.mjs'), 'program.ts', ...args], {
    cwd: dir,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => (said += text));
  }
  const ended = once(child, 'close').then(([code]) => code as number | null);
  return { child, said: () => said, ended };
}

beforeEach(() => {
  dir = fs.mkdtempSync(path.join(os.tmpdir(), 'zaptill-first-step-'));
  fs.mkdirSync(at('scripts'));
  fs.copyFileSync(script, at('scripts/with-node-24.mjs'));
  fs.writeFileSync(at('npm-cli.js'), FAKE_NPM);
  fs.writeFileSync(at('program.ts'), PROGRAM);
  lock('24.0.0');
});
afterEach(() => {
  fs.rmSync(dir, { recursive: true });
});

describe('a fresh clone', () => {
  test('is installed once; the program gets its words and gives its exit code', async () => {
    const first = start('one', 'two');
    expect(await first.ended).toBe(7);
    expect(first.said()).toContain('runs one two');
    expect(await start().ended).toBe(7);
    expect(calls()).toBe(1);
    lock('24.0.1');
    expect(await start().ended).toBe(7);
    expect(calls()).toBe(2);
  });

  test('that somebody installed by hand is left as it is', async () => {
    fs.mkdirSync(at('node_modules/node/bin'), { recursive: true });
    fs.symlinkSync(process.execPath, at('node_modules/node/bin/node'));
    fs.copyFileSync(at('package-lock.json'), at('node_modules/.package-lock.json'));
    expect(await start().ended).toBe(7);
    expect(calls()).toBe(0);
  });

  test('is installed again after Ctrl-C in the middle, and nothing goes on behind', async () => {
    fs.writeFileSync(at('slow'), '');
    const { child, ended } = start();
    await expect.poll(() => fs.existsSync(at('node_modules/node/bin')), PATIENT).toBe(true);
    child.kill('SIGINT');
    expect(await ended).toBe(130);
    expect(fs.existsSync(at('.data/install.lock'))).toBe(false);
    fs.rmSync(at('slow'));
    const again = start('again');
    expect(await again.ended).toBe(7);
    expect(again.said()).toContain('runs again');
    expect(calls()).toBe(2);
  });

  test('is installed by one of two that start at once; the other waits', async () => {
    const both = [start('a'), start('b')];
    expect(await Promise.all(both.map(({ ended }) => ended))).toEqual([7, 7]);
    expect(calls()).toBe(1);
  });

  test('is not blocked by the lock of an install that was killed', async () => {
    fs.mkdirSync(at('.data'));
    const gone = spawn(process.execPath, ['--version'], { stdio: 'ignore' });
    await once(gone, 'close');
    fs.writeFileSync(at('.data/install.lock'), String(gone.pid));
    expect(await start().ended).toBe(7);
  });
});

test('a signal reaches the program, which ends in its own way', async () => {
  const { child, said, ended } = start('wait');
  await expect.poll(said, PATIENT).toContain('runs wait');
  child.kill('SIGTERM');
  expect(await ended).toBe(0);
  expect(said()).toContain('was told');
});
