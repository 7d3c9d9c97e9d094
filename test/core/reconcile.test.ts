import { describe, expect, test } from 'vitest';
import type { Observation, PaymentHash, Preimage } from '../../web/core/invoice.ts';
import { minor, msat } from '../../web/core/money.ts';
import type { OrderReading } from '../../web/core/payment.ts';
import {
  judgeInvoice,
  judgeOrder,
  type OurInvoice,
  type OurPayment,
} from '../../web/core/reconcile.ts';

const now = new Date('2026-11-21T12:00:00Z');
const ago = (ms: number): Date => new Date(now.getTime() - ms);
const hour = 3_600_000;
const methodName = 'Bitcoin (Lightning)';

const pending: OrderReading = {
  originId: 'gid://shopify/Order/1',
  name: '#1001',
  checkoutToken: undefined,
  confirmationNumber: undefined,
  currencyCode: 'EUR',
  outstandingMinor: minor(2_100n),
  cancelled: false,
  canMarkAsPaid: true,
  gatewayNames: [methodName],
  namesNoMethod: false,
  sales: [],
  refundedMinor: minor(0n),
  isBeingFulfilled: false,
  stockReserved: true,
  test: false,
};
const sale = (amount: bigint, gateway = methodName, at = ago(hour)) => ({
  ...{ id: `sale-${String(amount)}`, amountMinor: minor(amount), gateway, at },
});
const paid = (...sales: OrderReading['sales']): OrderReading => ({
  ...pending,
  outstandingMinor: minor(0n),
  canMarkAsPaid: false,
  sales,
});

const open: OurPayment = {
  state: 'open',
  sequence: 1,
  currency: 'EUR',
  owedMinor: minor(2_100n),
  toldMinor: null,
  paidMinor: null,
  settledAt: null,
  openedAt: ago(2 * hour),
  verdictWanted: null,
  openedMethod: null,
  tellMethod: null,
  isDue: false,
};
const settled: OurPayment = {
  ...open,
  ...{ state: 'settled', paidMinor: minor(2_100n), settledAt: ago(60_000), isDue: true },
};
const resolved: OurPayment = {
  ...settled,
  ...{ state: 'resolved', toldMinor: minor(2_100n), isDue: false, tellMethod: methodName },
};
const lapsed: OurPayment = { ...open, state: 'lapsed' };

const judge = (order: OrderReading | 'gone', ...ours: OurPayment[]): string[] =>
  judgeOrder(order, { ours, methodName, installedAt: ago(240 * hour), now }).map(
    ({ what, heal, amountMinor }) => [what, heal, amountMinor ?? ''].join(' ').trim(),
  );

describe('an order and our payments of it', () => {
  test.each<[string, OrderReading | 'gone', OurPayment[], string[]]>([
    ['waits, and so do we', pending, [open], []],
    ['waits for us, unheard of', pending, [], ['pending_order_unknown look_at_order 2100']],
    ['waits after ours lapsed', pending, [lapsed], ['pending_order_unknown look_at_order 2100']],
    ['is being cancelled by us', pending, [{ ...lapsed, verdictWanted: 'cancel_order' }], []],
    ['is being closed by us', pending, [{ ...open, state: 'closing' }], []],
    ['waits for another method', { ...pending, gatewayNames: ['Cash'] }, [], []],
    ['waits, in a self-test', { ...pending, test: true, name: 'Zaptill self-test 1' }, [], []],
    ['of an unknown currency', { ...pending, outstandingMinor: undefined }, [], []],
    [
      'waits for another amount',
      { ...pending, outstandingMinor: minor(3_000n) },
      [open],
      ['owed_differs look_at_order 3000'],
    ],
    [
      'was cancelled, and we wait',
      { ...pending, cancelled: true },
      [open],
      ['open_but_over look_at_order'],
    ],
    [
      'was paid by card, and we wait',
      paid(sale(2_100n, 'shopify_payments')),
      [open],
      ['open_but_over look_at_order'],
    ],
    ['paid and told', paid(sale(2_100n)), [resolved], []],
    ['paid and told without a name', paid(sale(2_100n, 'manual')), [resolved], []],
    ['paid by hand, not by our method', paid(sale(2_100n, 'Cash')), [lapsed], []],
    ['paid, and no money', paid(sale(2_100n)), [], ['order_paid_without_money person 2100']],
    [
      'paid after ours lapsed',
      paid(sale(2_100n)),
      [lapsed],
      ['order_paid_without_money person 2100'],
    ],
    ['paid before we were there', paid(sale(2_100n, methodName, ago(500 * hour))), [], []],
    [
      'paid twice as much as came',
      paid(sale(2_100n), sale(2_101n)),
      [resolved],
      ['order_paid_without_money person 2101'],
    ],
    ['settled by hand, then marked', paid(sale(2_100n)), [{ ...resolved, toldMinor: null }], []],
    [
      'told, and waits',
      pending,
      [resolved],
      ['pending_order_unknown look_at_order 2100', 'money_without_order_paid person 2100'],
    ],
    ['told, and has less', paid(sale(2_000n)), [resolved], ['money_without_order_paid person 100']],
    ['told, and is gone', 'gone', [resolved], ['money_without_order_paid person 2100']],
    ['told long ago, and is gone', 'gone', [{ ...resolved, openedAt: ago(1_500 * hour) }], []],
    ['gone, and nothing came', 'gone', [lapsed], []],
    ['is about to be told', pending, [settled], []],
    ['was told in this moment', paid(sale(2_100n)), [settled], []],
    [
      'is not going to be told',
      pending,
      [{ ...settled, isDue: false }],
      ['money_without_order_paid tell 2100'],
    ],
    [
      'cannot be told for long',
      pending,
      [{ ...settled, settledAt: ago(hour) }],
      ['money_without_order_paid tell 2100'],
    ],
    ['stranded', { ...pending, cancelled: true }, [{ ...settled, state: 'stranded' }], []],
    [
      'a part, told; the rest is waited for',
      { ...pending, outstandingMinor: minor(1_000n), sales: [sale(1_100n)] },
      [
        { ...resolved, toldMinor: minor(1_100n) },
        { ...open, sequence: 2, owedMinor: minor(1_000n) },
      ],
      [],
    ],
    ['in two currencies', paid(sale(2_100n)), [{ ...resolved, currency: 'USD' }], []],
  ])('%s', (_name, order, ours, expected) => {
    expect(judge(order, ...ours)).toEqual(expected);
  });
});

const hash = 'ab'.repeat(32) as PaymentHash;
const live: OurInvoice = {
  ...{ hash, state: 'live', amountMsat: msat(5_000n), paidMsat: null, isDue: true },
};
const recorded: OurInvoice = { ...live, state: 'settled', paidMsat: msat(5_000n), isDue: false };
const atNode: Observation = {
  hash,
  state: 'open',
  amountMsat: msat(5_000n),
  receivedMsat: msat(0n),
  preimage: undefined,
  settleIndex: undefined,
  settledAt: undefined,
  addIndex: 7n,
  expiresAt: now,
  request: 'lnbcrt1',
};
const paidAtNode: Observation = {
  ...atNode,
  ...{ state: 'settled', receivedMsat: msat(5_000n), preimage: 'cd'.repeat(32) as Preimage },
};

describe('an invoice and what its node says', () => {
  test.each<[string, OurInvoice, Observation | 'not_found', string[]]>([
    ['both wait', live, atNode, []],
    ['paid and recorded', recorded, paidAtNode, []],
    [
      'both ended',
      { ...live, state: 'canceled', isDue: false },
      { ...atNode, state: 'canceled' },
      [],
    ],
    ['ended, and deleted there', { ...live, state: 'canceled', isDue: false }, 'not_found', []],
    ['ended there, and a look is due', live, { ...atNode, state: 'canceled' }, []],
    ['on its way to the node', { ...live, state: 'made' }, 'not_found', []],
    ['paid, not recorded', live, paidAtNode, ['settled_at_node_unrecorded observe']],
    [
      'paid after we ended it',
      { ...live, state: 'canceled' },
      paidAtNode,
      ['settled_at_node_unrecorded observe'],
    ],
    [
      'paid without a proof',
      live,
      { ...paidAtNode, preimage: undefined },
      ['settled_at_node_unrecorded person'],
    ],
    [
      'paid with too little',
      live,
      { ...paidAtNode, receivedMsat: msat(4_999n) },
      ['amount_differs person'],
    ],
    ['recorded, unknown there', recorded, 'not_found', ['recorded_not_at_node person']],
    ['recorded, open there', recorded, atNode, ['recorded_not_at_node person']],
    [
      'recorded with another amount',
      recorded,
      { ...paidAtNode, receivedMsat: msat(6_000n) },
      ['amount_differs person'],
    ],
    [
      'of another amount there',
      live,
      { ...atNode, amountMsat: msat(1n) },
      ['amount_differs person'],
    ],
    ['shown, unknown there', live, 'not_found', ['live_not_at_node look_at_invoice']],
    ['nobody will look', { ...live, isDue: false }, atNode, ['live_unwatched look_at_invoice']],
    [
      'stored, nobody will look',
      { ...live, state: 'made', isDue: false },
      'not_found',
      ['live_unwatched look_at_invoice'],
    ],
    [
      'ended, payable there',
      { ...live, state: 'canceled' },
      atNode,
      ['ended_payable_at_node look_at_invoice'],
    ],
  ])('%s', (_name, ours, seen, expected) => {
    expect(judgeInvoice(ours, seen).map(({ what, heal }) => `${what} ${heal}`)).toEqual(expected);
  });
});
