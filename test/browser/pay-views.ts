// Every face that the buyer's page has, as the server would describe it: for pictures, for axe, and
// for the tests of the page.
import type { PayRefusal, PayView } from '../../web/frontend/shared/pay-view.ts';

/** The letters and the length of a usual invoice, so that the code has its usual size. */
export const request =
  'lnbc20u1pvjluezhp58yjmdan79s6qqdhdzgynm4zwqd5d7xmw5fk98klysy043l2ahrqspp5qqqsyqcyq5rqwzqfqqqsy' +
  'qcyq5rqwzqfqqqsyqcyq5rqwzqfqypqfppqw508d6qejxtdg4y5r3zarvary0c5xw7kepvrhrm9s57hejg0p662ur5j5cr' +
  '03890fa7k2pypgttmh4897d3raaq85a293e9jpuqwl0rnfuwzam7yr8e690nd2ypcq9hlkdwdvycqa0qza8';

export const now = '2026-11-21T13:57:00.000Z';

const base: PayView = {
  state: 'open',
  revision: 'r1',
  final: false,
  now,
  payUrl: 'https://pay.example/pay/Zm9yLWEtcGljdHVyZS1vbg',
  id: 'Zm9yLWEtcGljdHVyZS1vbg',
  shopName: 'Alpine Coffee',
  orderName: '#1042',
  test: false,
  fiat: { amount: '12.00', currency: 'EUR' },
  backUrl: 'https://alpine-coffee.example/orders/1042',
  reference: '7c1f29e4',
};
const { request: _none, ...paidInvoice } = {
  request,
  amountMsat: '21000000',
  sats: '21000',
  lapsesAt: '2026-11-21T14:05:00.000Z',
  price: '57142.86',
  sources: ['Kraken', 'Coinbase', 'Bitstamp'],
};
const settled = { invoice: paidInvoice, settledAt: '2026-11-21T13:56:12.000Z' };
const refusals: readonly PayRefusal[] = [
  'rates_unavailable',
  'rates_apart',
  'node_unreachable',
  'shop_unreachable',
  'no_node',
  'no_test_node',
  'nothing_owed',
  'amount_too_small',
  'amount_too_large',
  'currency_unknown',
];
const session = {
  session: true,
  orderName: 'u0nwmSrNntjIWozmNslK5Tlq',
  backUrl: 'https://alpine-coffee.example/1/checkouts/c1?a=1&b=2',
} as const;
const overs = ['order_cancelled', 'order_paid_otherwise', 'order_owes_nothing', 'other'] as const;

/** By name; the name is the picture's. */
export const payViews: Readonly<Record<string, PayView>> = {
  waiting: { ...base, invoice: { ...paidInvoice, request } },
  'waiting-test': { ...base, test: true, invoice: { ...paidInvoice, request } },
  'waiting-last-minute': {
    ...base,
    now: '2026-11-21T14:04:00.000Z',
    invoice: { ...paidInvoice, request },
  },
  'waiting-long-names': {
    ...base,
    shopName: 'Donaudampfschifffahrtsgesellschaftskapitänsmützenmanufaktur Österreich',
    orderName: '#EU-2026-000000104288',
    fiat: { amount: '1234567.89', currency: 'EUR' },
    invoice: { ...paidInvoice, request, sats: '2160493808.125', amountMsat: '2160493808125' },
  },
  'waiting-discount': { ...base, invoice: { ...paidInvoice, request, adjustmentBp: -200 } },
  'waiting-markup': { ...base, invoice: { ...paidInvoice, request, adjustmentBp: 125 } },
  preparing: { ...base, preparing: true },
  checking: { ...base, checking: true },
  expired: { ...base, expired: true },
  ...Object.fromEntries(refusals.map((refusal) => [`refusal-${refusal}`, { ...base, refusal }])),
  held: { ...base, state: 'held', session: true },
  giving_back: { ...base, state: 'closing', over: 'given_back', session: true },
  given_back: { ...base, state: 'lapsed', over: 'given_back', session: true, final: true },
  closing: { ...base, state: 'closing', over: 'order_cancelled' },
  settled: { ...base, ...settled, state: 'settled' },
  resolved: { ...base, ...settled, state: 'resolved', final: true },
  overpaid: {
    ...{ ...base, ...settled, state: 'settled', overpaid: true },
    surplus: { sats: '700', became: 'owed' },
  },
  'paid-part': { ...base, ...settled, state: 'resolved', part: true },
  'paid-part-rest': {
    ...{ ...base, ...settled, state: 'resolved', part: true },
    rest: {
      payUrl: 'https://pay.example/pay/Zm9yLWEtcGljdHVyZS1yZQ',
      fiat: { amount: '9.00', currency: 'EUR' },
    },
  },
  'by-hand': { ...base, ...settled, state: 'resolved', byHand: true, final: true },
  stranded: { ...base, ...settled, state: 'stranded' },
  'stranded-cancelled': { ...base, ...settled, state: 'stranded', over: 'order_cancelled' },
  'stranded-paid': { ...base, ...settled, state: 'stranded', over: 'order_paid_otherwise' },
  ...Object.fromEntries(
    (['owed', 'given_back', 'kept'] as const).map((became) => [
      `late-${became}`,
      {
        ...{ ...base, state: 'lapsed', over: 'other', final: became !== 'owed' },
        surplus: { sats: '38458', became },
      },
    ]),
  ),
  ...Object.fromEntries(
    overs.map((over) => [`lapsed-${over}`, { ...base, state: 'lapsed', final: true, over }]),
  ),
  // Of the payments app: chosen at checkout, where the page leads back to.
  'waiting-session': { ...base, ...session, invoice: { ...paidInvoice, request } },
  'waiting-session-away': {
    ...base,
    ...session,
    mayWait: true,
    invoice: { ...paidInvoice, request },
  },
  'session-waits': { ...base, ...session, waits: true },
  'session-closed': { ...base, ...session, state: 'lapsed', over: 'other' },
};
