import { describe, expect, test } from 'vitest';
import {
  isFinalNo,
  judgeSession,
  neverAfter,
  rejectionCodeOf,
  rejectionCodes,
} from '../../web/core/payment-session.ts';
import { quoteRefusals } from '../../web/core/refusals.ts';

describe('what a session asks for', () => {
  const judge = (amount: string, currencyCode: string, kind: 'sale' | 'authorization' = 'sale') =>
    judgeSession({ amount, currencyCode, kind });

  test.each([
    ['123.00', 'CAD', 12_300n],
    ['0.01', 'EUR', 1n],
    ['99999999.99', 'USD', 9_999_999_999n],
    ['1500', 'JPY', 1_500n],
    ['1500.00', 'JPY', 1_500n],
    ['1.234', 'KWD', 1_234n],
  ])('%s %s is %s of its smallest coin', (amount, currency, owedMinor) => {
    expect(judge(amount, currency)).toEqual({ currency, owedMinor, never: undefined });
  });

  test.each([
    ['1.00', 'XXX', 'currency_unknown'],
    ['1.00', 'USDC', 'currency_unknown'],
    ['1.005', 'EUR', 'amount_unreadable'],
    ['1.5', 'JPY', 'amount_unreadable'],
    ['0.00', 'EUR', 'amount_unreadable'],
    ['-1.00', 'EUR', 'amount_unreadable'],
    ['1e3', 'EUR', 'amount_unreadable'],
    ['', 'EUR', 'amount_unreadable'],
  ])('%s %s can never be paid: %s', (amount, currency, never) => {
    expect(judge(amount, currency)).toEqual({ currency, owedMinor: 0n, never });
  });

  test('an authorization is refused, with its amount kept', () => {
    const judged = judge('5.00', 'EUR', 'authorization');
    expect(judged).toEqual({ currency: 'EUR', owedMinor: 500n, never: 'authorization' });
  });
});

test('a refusal ends a session only where asking again can change nothing', () => {
  const ending = quoteRefusals.filter((refusal) => neverAfter(refusal) !== undefined);
  expect(ending.sort()).toEqual(
    ['amount_too_large', 'amount_too_small', 'currency_unknown', 'nothing_owed'].sort(),
  );
});

test('every reason has a word of Shopify’s, and what is stored is read back', () => {
  for (const code of Object.values(rejectionCodes)) {
    expect(code).toMatch(/^[A-Z_]+$/);
    expect(rejectionCodeOf(code)).toBe(code);
  }
  expect(rejectionCodeOf(null)).toBe('PROCESSING_ERROR');
  expect(rejectionCodeOf('RISKY')).toBe('PROCESSING_ERROR');
});

test('a no is believed when it was said three times', () => {
  expect([1, 2, 3, 4].map(isFinalNo)).toEqual([false, false, true, true]);
});
