// Whether late money is taken for an order without a person.
import { expect, test } from 'vitest';
import { decideLate, type LateMoney } from '../../web/core/late.ts';
import { currencyOf, minor, msat, type Currency } from '../../web/core/money.ts';
import type { OrderReading } from '../../web/core/payment.ts';
import type { AgreedPrice } from '../../web/core/quote.ts';

const methodName = 'Bitcoin (Lightning)';
const reading: OrderReading = {
  ...{ originId: 'gid://shopify/Order/1', name: '#1001', checkoutToken: undefined },
  ...{ confirmationNumber: undefined, currencyCode: 'EUR', outstandingMinor: minor(2_000n) },
  ...{ cancelled: false, canMarkAsPaid: true, gatewayNames: [methodName], namesNoMethod: false },
  ...{ sales: [], refundedMinor: minor(0n), isBeingFulfilled: false, stockReserved: true },
  test: false,
};
/** 20.00 EUR at 100,000 EUR for one BTC are 20,000 sats. */
const money: LateMoney = {
  ...{ paidMsat: msat(20_000_000n), fiatMinor: minor(2_000n), currency: 'EUR', adjustmentBp: 0 },
};
const priceOf = (perBtc: bigint): AgreedPrice => ({
  ...{ currency: currencyOf('EUR') as Currency, priceE8: perBtc * 10n ** 8n },
  ...{ sources: [], spreadBasisPoints: 0, at: new Date() },
});
type About = Parameters<typeof decideLate>[1];
const decide = (order: Partial<OrderReading> | 'gone' = {}, more: Partial<About> = {}) =>
  decideLate(order === 'gone' ? order : { ...reading, ...order }, {
    ...{ money, methodNames: [methodName], agreed: priceOf(100_000n), driftBp: 300 },
    ...{ cameAgoMs: 1_000, ...more },
  });
const left = (because: string) => ({ do: 'leave', because });

test('an order that stands, owes as much and has its stock takes it', () => {
  expect(decide()).toEqual({ do: 'take' });
});

test.each<[string, Partial<OrderReading>, string]>([
  ['cancelled', { cancelled: true }, 'order_cancelled'],
  ['owing more', { outstandingMinor: minor(2_001n) }, 'owes_another_amount'],
  ['owing less', { outstandingMinor: minor(1_999n) }, 'owes_another_amount'],
  ['owing nothing', { outstandingMinor: minor(0n) }, 'order_owes_nothing'],
  ['of another currency', { currencyCode: 'USD' }, 'owes_another_amount'],
  ['of an unknown currency', { outstandingMinor: undefined }, 'owes_another_amount'],
  ['of another method', { gatewayNames: ['Cash on Delivery (COD)'] }, 'other_method'],
  ['without its stock', { stockReserved: false }, 'stock_not_reserved'],
])('an order that is %s does not', (_, order, because) => {
  expect(decide(order)).toEqual(left(because));
});

test('paid in another way: so says the sale', () => {
  const sales = [{ id: '1', amountMinor: minor(2_000n), gateway: 'shopify_payments' }];
  expect(decide({ outstandingMinor: minor(0n), sales })).toEqual(left('order_paid_otherwise'));
});

test('the sats may be worth less by the drift, and more without limit', () => {
  // At 97,000 the order would cost 20,619 sats, rounded up: 20,000 are a trifle below 97 %.
  expect(decide({}, { agreed: priceOf(97_010n) })).toEqual({ do: 'take' });
  expect(decide({}, { agreed: priceOf(97_000n) })).toEqual(left('price_moved'));
  expect(decide({}, { agreed: priceOf(96_900n), driftBp: 400 })).toEqual({ do: 'take' });
  expect(decide({}, { agreed: priceOf(250_000n) })).toEqual({ do: 'take' });
});

test('the discount of the promise is no drift', () => {
  const cheaper = { ...money, paidMsat: msat(18_000_000n), adjustmentBp: -1_000 };
  expect(decide({}, { money: cheaper, driftBp: 10 })).toEqual({ do: 'take' });
  const market = { ...cheaper, adjustmentBp: 0 };
  expect(decide({}, { money: market, driftBp: 10 })).toEqual(left('price_moved'));
});

test('what cannot be said yet is waited for', () => {
  expect(decide({}, { agreed: undefined })).toEqual({ do: 'wait' });
  expect(decide({ canMarkAsPaid: false })).toEqual({ do: 'wait' });
  expect(decide('gone')).toEqual({ do: 'wait' });
  expect(decide('gone', { cameAgoMs: 3_600_000 })).toEqual(left('order_gone'));
});
