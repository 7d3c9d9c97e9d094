// Amounts survive every border they cross, and nothing is rounded that nobody asked to round.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  currencyOf,
  decimalOf,
  exponentOf,
  minor,
  minorOf,
  msat,
  satsOf,
  shareRoundedDown,
  unitsOf,
  type Currency,
} from '../../web/core/money.ts';

const currency = (code: string): Currency => {
  const known = currencyOf(code);
  if (known === undefined) throw new Error(code);
  return known;
};

test.each([
  ['EUR', '12.30', 1_230n],
  ['EUR', '12.3', 1_230n],
  ['EUR', '0.01', 1n],
  ['EUR', '99999999.99', 9_999_999_999n],
  ['EUR', '-5.00', -500n],
  ['JPY', '1500', 1_500n],
  ['JPY', '1500.0', 1_500n],
  ['KWD', '1.234', 1_234n],
  ['KWD', '1.2', 1_200n],
  ['USD', '9007199254740993.01', 900_719_925_474_099_301n],
])('%s %s is %s', (code, decimal, amount) => {
  expect(minorOf(decimal, currency(code))).toBe(amount);
});

test.each(['', ' ', '1e3', '0x10', '1,5', '1.', '.5', '+1', '1.005', 'NaN', '١', '1 '])(
  '%j is not an amount of euro',
  (decimal) => {
    expect(minorOf(decimal, currency('EUR'))).toBeUndefined();
  },
);

test('a currency without a known exponent is none', () => {
  for (const code of ['XXX', 'USDC', 'BTC', 'CLF', 'eur', '', 'EURO']) {
    expect(currencyOf(code)).toBeUndefined();
  }
  expect(['JPY', 'EUR', 'KWD'].map((code) => exponentOf(currency(code)))).toEqual([0, 2, 3]);
});

test('an amount is the same after it was written and read', () => {
  const codes = fc.constantFrom('JPY', 'EUR', 'KWD').map(currency);
  const amounts = fc.bigInt({ min: -(10n ** 15n), max: 10n ** 15n }).map(minor);
  fc.assert(
    fc.property(codes, amounts, (code, amount) => {
      expect(minorOf(decimalOf(amount, code), code)).toBe(amount);
    }),
  );
});

test('satoshis are whole, with the rest behind the point', () => {
  expect(satsOf(msat(21_000_000n))).toBe('21000');
  expect(satsOf(msat(1_500n))).toBe('1.5');
  expect(satsOf(msat(1n))).toBe('0.001');
});

test('a share is rounded down by less than a msat, and grows with amount and part', () => {
  const parts = fc.tuple(
    fc.bigInt({ min: 0n, max: 10n ** 15n }),
    fc.bigInt({ min: 0n, max: 10n ** 12n }),
    fc.bigInt({ min: 1n, max: 10n ** 12n }),
  );
  fc.assert(
    fc.property(parts, ([amount, part, more]) => {
      const share = shareRoundedDown(msat(amount), { part, whole: part + more });
      const whole = part + more;
      const exact = amount * part;
      expect(share).toBeLessThanOrEqual(amount);
      expect(share * whole).toBeLessThanOrEqual(exact);
      expect((share + 1n) * whole).toBeGreaterThan(exact);
      const ofMore = shareRoundedDown(msat(amount + 1n), { part, whole });
      const ofPart = shareRoundedDown(msat(amount), { part: part + 1n, whole });
      expect(ofMore).toBeGreaterThanOrEqual(share);
      expect(ofPart).toBeGreaterThanOrEqual(share);
      // What others get of it leaves less than one msat of each out.
      const rest = shareRoundedDown(msat(amount), { part: more, whole });
      expect([0n, 1n]).toContain(amount - share - rest);
    }),
  );
});

test('units are cut nowhere', () => {
  expect(unitsOf('0.00000001', 8)).toBe(1n);
  expect(unitsOf('0.000000001', 8)).toBeUndefined();
});

test('what a column cannot hold is no amount', () => {
  const eur = currency('EUR');
  expect(minorOf('92233720368547758.07', eur)).toBe(2n ** 63n - 1n);
  for (const beyond of ['92233720368547758.08', '9'.repeat(30), `-${'9'.repeat(30)}`]) {
    expect(minorOf(beyond, eur)).toBeUndefined();
  }
});
