// The page offers the answers that the core takes, and no others.
import { expect, test } from 'vitest';
import { answersTo } from '../../../core/attention.ts';
import { answers, asksOf, type Asks } from './attention-answers.ts';

test('what may be answered is what the core ends', () => {
  const offered = Object.entries(answers).filter(([, words]) => words.length > 0);
  expect(Object.fromEntries(offered)).toEqual(answersTo);
  for (const asked of Object.keys(answersTo)) expect(asksOf(asked)).toBe(asked as Asks);
  expect(asksOf('something newer')).toBe('other');
});
