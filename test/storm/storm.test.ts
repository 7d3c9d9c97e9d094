// The storm, small: a few hundred payments for seeds that are drawn and printed, a scheduler that
// knows nothing, and guards that are broken on purpose, each of which must be missed. A seed that
// fails here is played again with `npm run storm -- --seed N --payments M`.
import { spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { testDatabase, type TestDatabase } from '../database.ts';
import type { SabotageName } from './sabotage.ts';

const root = path.join(import.meta.dirname, '../..');
const node24 = path.join(root, 'node_modules/node/bin/node');
/** A machine on which everybody works at once takes many times longer than a quiet one. */
const patienceMs = 10 * 60_000;

let place: TestDatabase;
beforeAll(async () => {
  place = await testDatabase();
});
afterAll(() => place.close());

type Line = {
  seed: number;
  payments: number;
  faults: number;
  violations: number;
  hash: string;
  rules: string[];
};

/** Plays one storm on this run's server; its last line, and all that it said of violations. */
function storm(options: readonly string[]): Promise<{ line: Line; said: string }> {
  const args = ['test/storm/run.ts', '--json', '--server', place.url, ...options];
  return new Promise((resolve, reject) => {
    const child = spawn(node24, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
    let out = '';
    let said = '';
    child.stdout.on('data', (part: Buffer) => (out += part.toString()));
    child.stderr.on('data', (part: Buffer) => (said += part.toString()));
    child.on('error', reject);
    child.on('close', () => {
      try {
        resolve({ line: JSON.parse(out.trim().split('\n').at(-1) ?? '') as Line, said });
      } catch {
        reject(new Error(`the storm said no last line\n${said}`));
      }
    });
  });
}

const drawn = (): string => String(randomInt(1, 1e9));

test.each([drawn(), drawn(), drawn()])(
  'nothing is lost and nothing done twice: seed %s',
  async (seed) => {
    const { line, said } = await storm(['--seed', seed, '--payments', '100']);
    expect({ rules: line.rules, said: line.violations === 0 ? '' : said }).toEqual({
      ...{ rules: [], said: '' },
    });
    expect(line).toMatchObject({ seed: Number(seed), payments: 100, violations: 0 });
    expect(line.faults).toBeGreaterThan(20);
  },
  patienceMs,
);

test(
  'order and width by chance break nothing',
  async () => {
    const seed = drawn();
    const { line, said } = await storm(['--seed', seed, '--payments', '60', '--random-order']);
    expect({ seed, rules: line.rules, said: line.violations === 0 ? '' : said }).toEqual({
      ...{ seed, rules: [], said: '' },
    });
  },
  patienceMs,
);

// Broken is always the outsider or the database of that world; the program is the same.
const missed: readonly (readonly [SabotageName, string])[] = [
  ['cancel_is_believed', 'I6'],
  ['shop_pays_twice', 'I2'],
  ['posted_twice', 'I8'],
  ['due_time_lost', 'I12'],
];
test.each(missed)(
  'the storm is not blind: %s',
  async (name, rule) => {
    const { line } = await storm(['--seed', '11', '--payments', '80', '--break', name]);
    expect(line.rules).toContain(rule);
  },
  patienceMs,
);
