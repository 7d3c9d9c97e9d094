import { describe, expect, test } from 'vitest';
import { minor } from '../../web/core/money.ts';
import type { OrderReading, Sale } from '../../web/core/payment.ts';
import { cancelOrderAgainMs } from '../../web/core/retry.ts';
import { cancelAgainMs, decideUnpaid } from '../../web/core/unpaid.ts';

const order = (more: Partial<OrderReading> = {}): OrderReading => ({
  originId: 'gid://shopify/Order/1',
  name: '#1001',
  checkoutToken: 'token',
  currencyCode: 'EUR',
  outstandingMinor: minor(2_100n),
  cancelled: false,
  confirmationNumber: 'XPAV284CT',
  canMarkAsPaid: true,
  gatewayNames: ['Bitcoin (Lightning)'],
  namesNoMethod: false,
  sales: [],
  refundedMinor: minor(0n),
  isBeingFulfilled: false,
  stockReserved: true,
  test: false,
  ...more,
});
const sale: Sale = { id: '1', amountMinor: minor(500n), gateway: 'gift_card' };
const methodNames = ['bitcoin (lightning) '];
const never = { sentAgoMs: undefined, methodNames };
const sent = (sentAgoMs: number) => ({ sentAgoMs, methodNames });

test('an order that owes everything and of which nothing has left is cancelled', () => {
  expect(decideUnpaid(order(), never)).toEqual({ do: 'cancel' });
});

describe('an order is left as it is', () => {
  test.each([
    ['paid', { sales: [sale], outstandingMinor: minor(0n) }, 'order_paid'],
    ['paid too much', { sales: [sale], outstandingMinor: minor(-1n) }, 'order_paid'],
    ['partly paid', { sales: [sale], outstandingMinor: minor(1n) }, 'order_partly_paid'],
    ['edited down to nothing', { outstandingMinor: minor(0n) }, 'order_owes_nothing'],
    ['being sent', { isBeingFulfilled: true }, 'order_being_fulfilled'],
    ['by another method', { gatewayNames: ['Bitcoin'] }, 'other_method'],
    ['collected for by another app', { gatewayNames: [] }, 'other_method'],
    ['in an unknown currency', { outstandingMinor: undefined }, 'currency_unknown'],
  ] as const)('%s', (_, more, because) => {
    for (const sentAgoMs of [undefined, 0, cancelAgainMs * 2]) {
      expect(decideUnpaid(order(more), { sentAgoMs, methodNames })).toEqual({
        do: 'leave',
        because,
      });
    }
  });

  test('gone', () => {
    expect(decideUnpaid('gone', never)).toEqual({ do: 'leave', because: 'order_gone' });
  });
});

test('a card that is under way is waited for', () => {
  expect(decideUnpaid(order({ canMarkAsPaid: false }), never)).toEqual({ do: 'wait' });
});

test('our word is not repeated before Shopify had its time, and then it is', () => {
  const ask = (sentAgoMs: number) => decideUnpaid(order(), sent(sentAgoMs)).do;
  expect([ask(0), ask(cancelAgainMs - 1), ask(cancelAgainMs)]).toEqual(['wait', 'wait', 'cancel']);
});

test('a cancelled order ends it, whoever cancelled', () => {
  const over = order({ cancelled: true, outstandingMinor: minor(0n), isBeingFulfilled: true });
  expect(decideUnpaid(over, never)).toEqual({ do: 'accept', because: 'order_cancelled' });
  expect(decideUnpaid(over, sent(5))).toEqual({ do: 'accept', because: 'told_not_paid' });
});

describe('cancelled by our word, and paid in another way in that moment', () => {
  const over = (more: Partial<OrderReading>) =>
    order({ cancelled: true, outstandingMinor: minor(0n), sales: [sale], ...more });

  test.each([
    ['kept', {}, 'cancelled_paid'],
    ['given back in part', { refundedMinor: minor(499n) }, 'cancelled_paid'],
    ['given back', { refundedMinor: minor(500n) }, undefined],
    ['of unknown worth', { sales: [{ ...sale, amountMinor: minor(0n) }] }, 'cancelled_paid'],
    ['never there', { sales: [] }, undefined],
  ] as const)('money that is %s', (_, more, attention) => {
    expect(decideUnpaid(over(more), sent(5))).toEqual({
      ...{ do: 'accept', because: 'told_not_paid' },
      ...(attention === undefined ? {} : { attention }),
    });
  });

  test('what somebody else cancelled is theirs', () => {
    expect(decideUnpaid(over({}), never)).toEqual({ do: 'accept', because: 'order_cancelled' });
  });
});

test('cancelling is tried ever less, for some hours, and has an end', () => {
  const steps = Array.from({ length: 20 }, (_, n) => cancelOrderAgainMs(n + 1));
  const real = steps.filter((ms) => ms !== undefined);
  expect(real).toEqual([...real].sort((a, b) => a - b));
  expect(steps.slice(real.length)).toEqual(steps.slice(real.length).map(() => undefined));
  const hours = real.reduce((all, ms) => all + ms, 0) / 3_600_000;
  expect([hours > 3, hours < 6]).toEqual([true, true]);
});
