// The operator's table of metrics names each of them, and none that is not there.
import fs from 'node:fs';
import { expect, test } from 'vitest';
import { fewWords } from '../web/metrics-counted.ts';
import { makeMetrics, metricNames } from '../web/metrics.ts';

const readme = fs.readFileSync(new URL('../README.md', import.meta.url), 'utf8');
const chapter = readme.split('### Metrics')[1]?.split('\nWorth a call')[0] ?? '';

test('every metric stands in the table, and every name of the table is a metric', () => {
  const rows = chapter.split('\n').filter((line) => line.startsWith('| `'));
  const told = rows.flatMap((row) =>
    [...(row.split('|')[1] ?? '').matchAll(/`(\w+)`/g)].map(
      ([, name]) => `zaptill_${String(name)}`,
    ),
  );
  expect(told.toSorted()).toEqual(Object.values(metricNames).toSorted());
  expect(told.length).toBeGreaterThan(60);
});

test('each has a help text and a name as Prometheus wants it', () => {
  const made = makeMetrics().registry.getMetricsAsArray() as { help: string; name: string }[];
  expect(made.map(({ name }) => name).toSorted()).toEqual(Object.values(metricNames).toSorted());
  for (const { help, name } of made) {
    expect(help, name).toMatch(/\.$/);
    expect(name).toMatch(/^zaptill_[a-z_]+$/);
  }
});

test('words that come from outside are few', () => {
  const few = fewWords(2);
  expect(['a', 'b', 'c', 'a', 'd'].map(few)).toEqual(['a', 'b', 'other', 'a', 'other']);
});
