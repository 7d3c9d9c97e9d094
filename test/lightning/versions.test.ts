// Which versions of LND a merchant is warned of.
import { expect, test } from 'vitest';
import { adviceOnVersion } from '../../web/lightning/versions.ts';

test.each([
  ['0.16.4-beta', /exhaust its memory from outside/],
  ['0.17.5-beta', /funds can be stolen/],
  ['0.18.5-beta commit=v0.18.5-beta', /funds can be stolen/],
  ['0.19.1-beta', /standstill/],
  ['0.20.0-beta', /standstill/],
  ['0.20.1-beta', /#11090/],
  ['0.20.4-beta', /#10719/],
  ['0.21.2-beta', /#11090/],
  ['0.22.0-beta', /newer/],
  ['1.0.0', /newer/],
])('%s has one sentence', (version, sentence) => {
  expect(adviceOnVersion(version)).toMatchObject([
    { sentence: expect.stringMatching(sentence) as string },
  ]);
});

test.each(['0.21.3-beta commit=v0.21.3-beta', 'v0.21.9', '', 'unknown', 'x'.repeat(1_000)])(
  '%.30s has none',
  (version) => {
    expect(adviceOnVersion(version)).toEqual([]);
  },
);
