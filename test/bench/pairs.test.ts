import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { judged, tell, type Bench, type Result, type Run } from './bench.ts';
import { benches } from './list.ts';
import { withFigures } from './page.ts';
import { slopeOf } from './p-memory.ts';
import { estimate, judge, measurePairs, quantile, ratiosOf, widthOf, type Leg } from './pairs.ts';

const quiet = () => ({ spinMs: 10 });
const legs = (values: readonly number[]): (() => Promise<Leg>) => {
  let at = 0;
  return () => {
    const ms = values[at % values.length] ?? 0;
    at += 1;
    return Promise.resolve({ ms });
  };
};
const heard: string[] = [];
const plan = {
  ...{ figure: 'ms', seed: 7, calibrate: quiet },
  say: (line: string) => void heard.push(line),
};

describe('the statistic', () => {
  test('a quantile lies between its neighbours', () => {
    expect(quantile([4, 1, 3, 2], 0.5)).toBe(2.5);
    expect(quantile([1, 2, 3], 1)).toBe(3);
    expect(quantile([], 0.5)).toBe(0);
  });

  test('the median of ratios is taken pair by pair', () => {
    const pairs = [
      { ours: { ms: 10 }, peer: { ms: 10 } },
      { ours: { ms: 300 }, peer: { ms: 100 } },
      { ours: { ms: 4 }, peer: { ms: 2 } },
    ];
    expect(ratiosOf(pairs, 'ms')).toEqual([1, 3, 2]);
    expect(estimate(ratiosOf(pairs, 'ms'), 1).value).toBe(2);
  });

  test('known numbers have a known interval, the same for the same seed', () => {
    const known = estimate([1.0, 1.1, 1.2, 1.3, 1.4, 1.5, 1.6], 42);
    expect(known).toEqual({ value: 1.3, interval: [1.1, 1.5] });
    expect(estimate([1.0, 1.1, 1.2, 1.3, 1.4, 1.5, 1.6], 42)).toEqual(known);
    expect(widthOf(known)).toBeCloseTo(0.4 / 1.3);
  });

  test('equal numbers have no width', () => {
    expect(estimate([2, 2, 2, 2, 2, 2, 2], 3)).toEqual({ value: 2, interval: [2, 2] });
  });

  test('only a whole interval on the right side is a verdict, both ways', () => {
    const known = { value: 1.3, interval: [1.1, 1.5] as const };
    expect(judge(known, { way: 'at_most', must: 1.5 })).toEqual({ met: true, aimMet: null });
    expect(judge(known, { way: 'at_most', must: 1.4, aim: 1.2 }).met).toBe(false);
    expect(judge(known, { way: 'at_least', must: 1.1, aim: 1.2 })).toEqual({
      ...{ met: true, aimMet: false },
    });
    expect(judge(known, { way: 'at_least', must: 1.2 }).met).toBe(false);
  });

  test('a slope goes through its points', () => {
    expect(
      slopeOf([
        [0, 5],
        [10, 25],
        [20, 45],
      ]),
    ).toBeCloseTo(2);
    expect(
      slopeOf([
        [3, 1],
        [3, 9],
      ]),
    ).toBe(0);
  });
});

describe('pairs', () => {
  test('seven are enough when they agree, and who goes first alternates', async () => {
    const order: string[] = [];
    const as = (who: string, ms: number) => () => {
      order.push(who);
      return Promise.resolve({ ms });
    };
    const found = await measurePairs({ ...plan, ours: as('ours', 2), peer: as('peer', 4) });
    expect(found).toMatchObject({ voidPairs: 0, unsound: false });
    expect(found.pairs).toHaveLength(7);
    expect(order.slice(0, 4)).toEqual(['ours', 'peer', 'peer', 'ours']);
  });

  test('up to twenty-one while they disagree', async () => {
    const found = await measurePairs({ ...plan, ours: legs([1, 5, 9]), peer: legs([1]) });
    expect(found.pairs).toHaveLength(21);
  });

  test('a pair during which the machine changed its speed is repeated', async () => {
    const speeds = [10, 13, 10, 10];
    let at = 0;
    const calibrate = () => {
      const spinMs = speeds[at] ?? 10;
      at += 1;
      return { spinMs };
    };
    const found = await measurePairs({ ...plan, calibrate, ours: legs([1]), peer: legs([1]) });
    expect(found.voidPairs).toBe(1);
    expect(found.pairs).toHaveLength(7);
  });

  test('a machine that is never quiet measures nothing', async () => {
    let at = 0;
    const calibrate = () => {
      at += 1;
      return { spinMs: at % 2 === 0 ? 10 : 20 };
    };
    const found = await measurePairs({ ...plan, calibrate, ours: legs([1]), peer: legs([1]) });
    expect(found).toMatchObject({ pairs: [], unsound: true });
    expect(heard.join('\n')).toContain('a pair is void');
  });
});

describe('the last line', () => {
  const run: Run = { seed: 7, full: false, restless: false, onlyPairs: undefined, say: plan.say };
  const known = { value: 1.3, interval: [1.1, 1.5] as const };
  const resultOf = (must: number, unsound = false): Result => ({
    ...{ figure: 'p50', unit: 'ms', judged: 'ratio', ours: 13, peer: 10, ratio: known },
    ...{ must, aim: null, bars: [judged('ratio', known, { way: 'at_most', must })] },
    ...{ pairs: 7, voidPairs: 0, unsound, postgres: '18' },
  });
  const bench: Bench = { name: 'one', about: 'x', run: () => Promise.resolve(resultOf(1)) };

  test('has what a program reads', () => {
    expect(tell(bench, run, resultOf(1.5))).toMatchObject({
      ...{ bench: 'one', ours: 13, peer: 10, ratio: 1.3, interval: [1.1, 1.5], must: 1.5 },
      ...{ aim: null, met: true, seed: 7 },
    });
  });

  test('is not met when a bar is not, or when the machine was not quiet', () => {
    expect(tell(bench, run, resultOf(1.2))).toMatchObject({ met: false });
    expect(tell(bench, run, resultOf(1.5, true))).toMatchObject({ met: false, unsound: true });
  });
});

describe('the page', () => {
  test('shows each bar between its marks, and what failed', () => {
    const page = 'before\n<!-- figures -->\nold\n<!-- end of figures -->\nafter\n';
    const known = { value: 1.3, interval: [1.1, 1.5] as const };
    const bars = [judged('ratio', known, { way: 'at_most', must: 2, aim: 1 })];
    const shown = withFigures(page, [
      { bench: 'one', bars, loadAverage: [1, 2, 3] },
      { bench: 'two', failed: 'x' },
    ]);
    expect(shown).toMatch(/^before\n<!-- figures -->\n/);
    expect(shown).toMatch(/<!-- end of figures -->\nafter\n$/);
    expect(shown).toContain('| one: ratio | 1.3 | 1.1 to 1.5 | <= 2 (1) | yes |');
    expect(shown).toContain('| two | it failed | | | no |');
    expect(shown).not.toContain('old');
    expect(() => withFigures('no marks', [])).toThrow('no marks');
  });
});

describe('the command', () => {
  test('names every benchmark that is there', () => {
    const file = path.join(import.meta.dirname, 'run.ts');
    const asked = spawnSync(process.execPath, [file, '--help'], { encoding: 'utf8' });
    expect(asked.stderr).toBe('');
    const files = fs
      .readdirSync(import.meta.dirname)
      .flatMap((name) => /^p-(\w+)\.ts$/.exec(name)?.[1] ?? []);
    expect(benches.map(({ name }) => name).toSorted()).toEqual(files.toSorted());
    for (const name of files) expect(asked.stdout).toMatch(new RegExp(`^  ${name} `, 'm'));
  });
});
