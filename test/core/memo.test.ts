// What a wallet shows and a node signs: never longer than a BOLT11 may be, and never without its
// amount.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { memoOf } from '../../web/core/invoice.ts';
import { currencyOf, decimalOf, minor, type Currency } from '../../web/core/money.ts';

const currency = (code: string): Currency => {
  const known = currencyOf(code);
  if (known === undefined) throw new Error(`${code} is no currency`);
  return known;
};
const of = { shopDomain: 'example.myshopify.com', orderName: '#1001' };

test.each([
  ['EUR', 1_230n, 'example #1001, 12.30 EUR'],
  ['JPY', 1_230n, 'example #1001, 1230 JPY'],
  ['KWD', 1_230n, 'example #1001, 1.230 KWD'],
])('it names the shop, the order and what is asked: %s', (code, amount, memo) => {
  expect(memoOf(of, { fiatMinor: minor(amount), currency: currency(code) })).toBe(memo);
});

test('however long the names are, the amount is whole, and 639 bytes are enough', () => {
  const asked = fc.record({
    amount: fc.bigInt({ min: 1n, max: 10n ** 15n }).map(minor),
    code: fc.constantFrom('EUR', 'JPY', 'KWD'),
  });
  const name = fc.string({ unit: 'grapheme', maxLength: 300 });
  fc.assert(
    fc.property(name, name, asked, (shopDomain, orderName, { amount, code }) => {
      const at = currency(code);
      const memo = memoOf({ shopDomain, orderName }, { fiatMinor: amount, currency: at });
      expect(memo.endsWith(`, ${decimalOf(amount, at)} ${code}`)).toBe(true);
      expect(Buffer.byteLength(memo)).toBeLessThanOrEqual(639);
      // No letter of more than two bytes is cut in the middle.
      expect(Buffer.from(memo).toString('utf8')).toBe(memo);
    }),
  );
});
