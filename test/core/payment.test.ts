// What follows from the node's word and from Shopify's: every case has a named end.
import { expect, expectTypeOf, test } from 'vitest';
import { decideFromNode, meansCanceled, type Observation } from '../../web/core/invoice.ts';
import { postingsOfVerdict } from '../../web/core/ledger.ts';
import { minor, msat, type Minor } from '../../web/core/money.ts';
import {
  decideFromShopify,
  paymentMoves,
  paymentStates,
  stillDue,
  usesMethod,
  type Move,
  type OrderReading,
} from '../../web/core/payment.ts';
import { lookForOrderAgainMs, pauseMs, tellAgainMs } from '../../web/core/retry.ts';

const methodName = 'Bitcoin (Lightning)';
const order = (more: Partial<OrderReading> = {}): OrderReading => ({
  originId: 'gid://shopify/Order/1',
  name: '#1001',
  checkoutToken: 'token',
  currencyCode: 'EUR',
  outstandingMinor: minor(2_100n),
  cancelled: false,
  confirmationNumber: 'XPAV284CT',
  canMarkAsPaid: true,
  gatewayNames: [methodName],
  namesNoMethod: false,
  sales: [],
  refundedMinor: minor(0n),
  isBeingFulfilled: false,
  stockReserved: true,
  test: false,
  ...more,
});
const sale = (id: string, amount: bigint, gateway = methodName) => ({
  id,
  amountMinor: minor(amount),
  gateway,
});
const decide = (
  reading: OrderReading | 'gone',
  attempt?: { salesBefore: string[] },
  paidMinor: Minor = minor(2_100n),
  settledAgoMs = 0,
) => {
  const methodNames = [methodName];
  return decideFromShopify(reading, { paidMinor, methodNames, attempt, settledAgoMs });
};

test('every state can be reached, and an impossible move does not compile', () => {
  const reached = new Set<string>(Object.values(paymentMoves).flat());
  for (const state of Object.keys(paymentStates)) {
    expect(state === 'open' || reached.has(state)).toBe(true);
  }
  expectTypeOf<{ from: 'open'; to: 'settled' }>().toExtend<Move>();
  expectTypeOf<{ from: 'resolved'; to: 'open' }>().not.toExtend<Move>();
  expectTypeOf<{ from: 'lapsed'; to: 'open' }>().not.toExtend<Move>();
});

test('equal: mark it', () => {
  expect(decide(order())).toEqual({ do: 'mark', toldMinor: 2_100n, surplusMinor: 0n });
});
test('edited up meanwhile: record the part that was paid', () => {
  expect(decide(order({ outstandingMinor: minor(3_000n) }))).toMatchObject({
    do: 'record_part',
    toldMinor: 2_100n,
  });
});
test('a gift card came in between: mark the rest, and the surplus is to be given back', () => {
  expect(decide(order({ outstandingMinor: minor(1_000n) }))).toEqual({
    do: 'mark',
    toldMinor: 1_000n,
    surplusMinor: 1_100n,
  });
});
test('paid by card meanwhile: a person must look', () => {
  const reading = order({
    outstandingMinor: minor(0n),
    sales: [sale('1', 2_100n, 'shopify_payments')],
  });
  expect(decide(reading)).toEqual({ do: 'strand', because: 'order_paid_otherwise' });
  expect(decide(reading, { salesBefore: [] })).toMatchObject({ do: 'strand' });
});
test('marked by our own call whose answer was lost: accepted, and never repeated', () => {
  const reading = order({
    outstandingMinor: minor(0n),
    sales: [sale('9', 2_100n, ' bitcoin (LIGHTNING) ')],
  });
  expect(decide(reading, { salesBefore: ['1'] })).toMatchObject({
    do: 'accept',
    toldMinor: 2_100n,
  });
  expect(decide(reading, { salesBefore: ['9'] })).toMatchObject({ do: 'strand' });
  expect(decide(reading)).toMatchObject({ do: 'strand' });
});
test('a part of ours whose answer was lost is not recorded twice', () => {
  const reading = order({ outstandingMinor: minor(900n), sales: [sale('9', 2_100n)] });
  expect(decide(reading, { salesBefore: [] })).toMatchObject({ do: 'accept', toldMinor: 2_100n });
});
test('cancelled and gone are final; a card and an unknown currency are waited for', () => {
  expect(decide(order({ cancelled: true }))).toEqual({ do: 'strand', because: 'order_cancelled' });
  expect(decide('gone')).toEqual({ do: 'wait' });
  expect(decide('gone', undefined, minor(2_100n), 3_600_000)).toEqual({
    do: 'strand',
    because: 'order_gone',
  });
  expect(decide(order({ canMarkAsPaid: false }))).toEqual({ do: 'wait' });
  expect(decide(order({ outstandingMinor: undefined }))).toEqual({ do: 'wait' });
});

test('what an order still wants', () => {
  expect(stillDue(order())).toEqual({ is: 'owed', amountMinor: 2_100n });
  expect(stillDue(order({ cancelled: true }))).toEqual({ is: 'over', because: 'order_cancelled' });
  expect(stillDue(order({ outstandingMinor: minor(0n) }))).toMatchObject({
    because: 'order_owes_nothing',
  });
  expect(stillDue(order({ outstandingMinor: minor(-5n) }))).toMatchObject({ is: 'over' });
  expect(stillDue(order({ outstandingMinor: minor(0n), sales: [sale('1', 1n)] }))).toMatchObject({
    because: 'order_paid_otherwise',
  });
  expect(stillDue(order({ outstandingMinor: undefined }))).toEqual({ is: 'currency_unknown' });
});

test('only the exact name is our method', () => {
  expect(usesMethod(order(), ' bitcoin (lightning)')).toBe(true);
  expect(usesMethod(order({ gatewayNames: ['Bitcoin'] }), methodName)).toBe(false);
  expect(usesMethod(order({ gatewayNames: ['Cash on delivery'] }), methodName)).toBe(false);
});

const hash = 'aa'.repeat(32) as Observation['hash'];
const seen = (more: Partial<Observation> = {}): Observation => ({
  hash,
  state: 'settled',
  amountMsat: msat(1_000n),
  receivedMsat: msat(1_000n),
  preimage: 'bb'.repeat(32) as NonNullable<Observation['preimage']>,
  settleIndex: 1n,
  settledAt: new Date(),
  addIndex: 1n,
  expiresAt: new Date(),
  request: '',
  ...more,
});
const decideNode = (more: Partial<Observation>) =>
  decideFromNode({ hash, amountMsat: msat(1_000n) }, seen(more)).do;

test('only "settled" with a preimage and enough is money', () => {
  expect(decideNode({})).toBe('settle');
  expect(decideNode({ receivedMsat: msat(5_000n) })).toBe('settle');
  expect(decideNode({ receivedMsat: msat(999n) })).toBe('distrust');
  expect(decideNode({ preimage: undefined })).toBe('distrust');
  expect(decideNode({ hash: 'cc'.repeat(32) as Observation['hash'] })).toBe('distrust');
  expect(decideNode({ state: 'accepted' })).toBe('wait');
  expect(decideNode({ state: 'open' })).toBe('wait');
  expect(decideNode({ state: 'canceled', receivedMsat: msat(1_000n) })).toBe('cancel');
});

test('"not found" is the node\'s word only when nothing else can explain it', () => {
  const now = new Date('2026-11-21T12:00:00Z');
  const ago = (minutes: number): Date => new Date(now.getTime() - minutes * 60_000);
  const good = { sameIdentity: true, streamWholeSince: ago(2), restoreSuspected: false };
  expect(meansCanceled({ expiresAt: ago(11) }, good, now)).toBe(true);
  expect(meansCanceled({ expiresAt: ago(9) }, good, now)).toBe(false);
  expect(meansCanceled({ expiresAt: ago(11) }, { ...good, sameIdentity: false }, now)).toBe(false);
  expect(meansCanceled({ expiresAt: ago(11) }, { ...good, restoreSuspected: true }, now)).toBe(
    false,
  );
  expect(meansCanceled({ expiresAt: ago(11) }, { ...good, streamWholeSince: undefined }, now)).toBe(
    false,
  );
  expect(meansCanceled({ expiresAt: ago(11) }, { ...good, streamWholeSince: ago(0.5) }, now)).toBe(
    false,
  );
});

test('a verdict books all of what waits, and nothing else', () => {
  const money = { shopId: 7, awaitingMsat: msat(21_001n) };
  const sum = (verdict: Parameters<typeof postingsOfVerdict>[0]): bigint =>
    postingsOfVerdict(verdict, money).reduce((all, posting) => all + posting.amountMsat, 0n);
  const mark = { do: 'mark', toldMinor: minor(1_000n), surplusMinor: minor(1_100n) } as const;
  expect(sum(mark)).toBe(21_001n);
  expect(postingsOfVerdict(mark, money).map((posting) => posting.to)).toEqual([
    'resolved:7',
    'overpaid:7',
  ]);
  expect(postingsOfVerdict({ do: 'strand', because: 'order_gone' }, money)).toEqual([
    { from: 'awaiting:7', to: 'stranded:7', amountMsat: 21_001n },
  ]);
});

test('waiting grows, has a limit, and an order is looked for at least an hour', () => {
  expect(tellAgainMs(0)).toBe(0);
  expect(tellAgainMs(1_000)).toBe(4 * 3_600_000);
  expect(pauseMs(1)).toBe(1_000);
  expect(pauseMs(99)).toBe(30_000);
  let allMs = 0;
  let attempt = 1;
  for (let ms = lookForOrderAgainMs(attempt); ms !== undefined; ms = lookForOrderAgainMs(attempt)) {
    allMs += ms;
    attempt += 1;
    expect(attempt).toBeLessThan(100);
  }
  expect(allMs).toBeGreaterThanOrEqual(3_600_000);
});
