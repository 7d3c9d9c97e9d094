// A list of guards is worth something only while it fits the program.
import fs from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { mutants } from './list.ts';

const root = path.join(import.meta.dirname, '../..');
const read = (file: string): string => fs.readFileSync(path.join(root, file), 'utf8');

test('every guard that is taken out stands in the source, once', () => {
  const edits = mutants.flatMap(({ id, edits: of }) => of.map((edit) => ({ id, ...edit })));
  const wrong = edits.filter(({ file, find }) => read(file).split(find).length !== 2);
  expect(wrong).toEqual([]);
  expect(edits.filter(({ find, replace }) => find === replace)).toEqual([]);
  expect(edits.length).toBeGreaterThan(40);
});

test('each has a number of its own, a change, and a test that exists', () => {
  expect(new Set(mutants.map(({ id }) => id)).size).toBe(mutants.length);
  expect(mutants.filter(({ edits, sql }) => edits.length === 0 && sql === undefined)).toEqual([]);
  expect(mutants.filter(({ test: file }) => !/\btest\(|Contract\(/.test(read(file)))).toEqual([]);
  expect(mutants.length).toBeGreaterThanOrEqual(30);
});
