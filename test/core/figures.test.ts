// Figures read from counts, and when a version of Shopify's interface ends.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { daysLeftOf, retirementOf, troubleWithApi } from '../../web/core/api-version.ts';
import { longestOfStepMs, waitOf } from '../../web/core/figures.ts';
import { missingScopes } from '../../web/core/scopes.ts';

describe('a percentile of steps', () => {
  test('is the step of the payment that stands at this rank', () => {
    const steps = fc.array(
      fc.record({
        step: fc.integer({ min: 0, max: 200 }),
        told: fc.bigInt({ min: 0n, max: 50n }),
      }),
      { maxLength: 20 },
    );
    fc.assert(
      fc.property(steps, fc.constantFrom(500n, 990n, 1_000n), (given, permille) => {
        const all = given
          .flatMap(({ step, told }) => Array.from({ length: Number(told) }, () => step))
          .sort((a, b) => a - b);
        const rank = Math.ceil((all.length * Number(permille)) / 1_000);
        const expected = all[rank - 1];
        expect(waitOf(given, permille)).toBe(
          expected === undefined ? undefined : longestOfStepMs(expected),
        );
      }),
    );
  });

  test('of nothing is not known', () => {
    expect(waitOf([], 500n)).toBeUndefined();
    expect(waitOf([{ step: 3, told: 0n }], 500n)).toBeUndefined();
  });
});

describe('a version of the interface', () => {
  const word = { operation: 'OrderById', version: '2026-07', deprecated: null };
  const on = (date: string, words = [word]) =>
    troubleWithApi({ asked: '2026-07', words, now: new Date(date) });

  test('answers for a year from the month that it is named after', () => {
    expect(retirementOf('2026-07')?.toISOString()).toBe('2027-07-01T00:00:00.000Z');
    expect(retirementOf('2026-10')?.toISOString()).toBe('2027-10-01T00:00:00.000Z');
    expect(retirementOf('unstable')).toBeUndefined();
    expect(daysLeftOf('2026-07', new Date('2027-06-30T12:00:00Z'))).toBe(1);
    expect(daysLeftOf('2026-07', new Date('2028-01-01T00:00:00Z'))).toBe(0);
  });

  test('is told ninety days before it ends, and not earlier', () => {
    expect(on('2027-04-01T23:59:59Z')).toEqual([]);
    expect(on('2027-04-02T00:00:00Z')).toMatchObject([{ is: 'retires', days: 90 }]);
    expect(on('2027-08-02T00:00:00Z')).toMatchObject([{ is: 'retires', days: 0 }]);
  });

  test('that we did not ask for comes first, then what will go', () => {
    const words = [
      { ...word, deprecated: 'Use something else.' },
      { ...word, operation: 'PendingOrders', version: '2026-10' },
    ];
    expect(on('2026-12-01T00:00:00Z', words as (typeof word)[])).toEqual([
      { is: 'differs', asked: '2026-07', answered: '2026-10' },
      { is: 'deprecated', operation: 'OrderById', reason: 'Use something else.' },
    ]);
  });
});

test('a scope to write includes the one to read', () => {
  const needed = ['read_orders', 'write_orders'];
  expect(missingScopes({ granted: 'write_orders', needed })).toEqual([]);
  expect(missingScopes({ granted: 'read_orders, write_products', needed })).toEqual([
    'write_orders',
  ]);
  expect(missingScopes({ granted: '', needed })).toEqual(needed);
});
