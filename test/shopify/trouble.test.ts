import { inspect } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { FaultInput } from '../../sandbox/shopify/index.ts';
import { currencyOf, minor, type Currency } from '../../web/core/money.ts';
import { Trouble } from '../../web/core/trouble.ts';
import { retryAfterMs } from '../../web/shopify/answers.ts';
import { methodName, openTestShop, shop, type TestShop } from './shop-for-tests.ts';

let at: TestShop;
beforeAll(async () => {
  at = await openTestShop();
});
afterEach(async () => {
  at.shopify.faults.clear();
  await at.install();
});
afterAll(() => at.close());

async function troubleOf(work: Promise<unknown>): Promise<Trouble> {
  const error = await work.then(
    (answer) => new Error(`it answered ${inspect(answer)}`),
    (reason: unknown) => reason,
  );
  if (!(error instanceof Trouble)) throw error;
  expect(error.from).toBe('shop');
  return error;
}
const order = (): string => at.shopify.createOrder({ total: '9.00' }).id;
const payments = (id: string): number => at.shopify.effects.payments(id);

type Row = [string, Omit<FaultInput, 'operation'>, Partial<Trouble>];
const rows: Row[] = [
  ['500', { kind: 'status', status: 500 }, { what: 'shop_failing', then: 'ask_again', away: true }],
  ['502', { kind: 'status', status: 502 }, { what: 'shop_failing', then: 'ask_again', away: true }],
  ['503', { kind: 'status' }, { what: 'shop_failing', then: 'ask_again', away: true }],
  ['504', { kind: 'status', status: 504 }, { what: 'shop_failing', then: 'ask_again', away: true }],
  [
    '429 in JSON',
    { kind: 'json-429', retryAfterSeconds: 7 },
    { what: 'throttled', then: 'retry', waitMs: 7_000, away: true },
  ],
  ['429 in HTML', { kind: 'html-429' }, { what: 'throttled', then: 'retry', away: true }],
  ['THROTTLED', { kind: 'throttled' }, { what: 'throttled', then: 'retry', away: true }],
  [
    'HTML for an answer',
    { kind: 'html-200' },
    { what: 'answer_unreadable', then: 'ask_again', away: true },
  ],
  [
    'half a JSON',
    { kind: 'truncated' },
    { what: 'answer_unreadable', then: 'ask_again', away: true },
  ],
  ['a redirect', { kind: 'redirect' }, { what: 'redirected', then: 'ask_again', away: true }],
  ['a reset', { kind: 'reset' }, { what: 'answer_cut', then: 'ask_again', away: true }],
  [
    'an internal error',
    { kind: 'internal-error' },
    { what: 'shop_failing', then: 'ask_again', away: false },
  ],
  [
    'ACCESS_DENIED',
    { kind: 'access-denied', times: 2 },
    { what: 'access_denied', then: 'give_up', away: true },
  ],
  ['402', { kind: 'status', status: 402 }, { what: 'shop_frozen', then: 'retry', away: true }],
  ['403', { kind: 'status', status: 403 }, { what: 'access_denied', then: 'give_up', away: true }],
  ['404', { kind: 'status', status: 404 }, { what: 'shop_not_found', then: 'give_up', away: true }],
  [
    '423',
    { kind: 'status', status: 423 },
    { what: 'shop_locked', then: 'retry', waitMs: 300_000, away: true },
  ],
  [
    '400',
    { kind: 'status', status: 400 },
    { what: 'request_refused', then: 'give_up', away: false },
  ],
];

describe('how Shopify says no', () => {
  test.each(rows)('%s to a reading', async (_what, fault, expected) => {
    const id = order();
    at.shopify.faults.add({ ...fault, operation: 'OrderById' });
    expect(await troubleOf(at.another().readOrder(id))).toMatchObject(expected);
    at.shopify.faults.clear();
    expect(await at.another().readOrder(id)).toMatchObject({ originId: id });
  });

  test.each(rows)('%s to a marking', async (_what, fault, expected) => {
    const id = order();
    at.shopify.faults.add({ ...fault, operation: 'OrderMarkAsPaid' });
    expect(await troubleOf(at.another().markPaid(id))).toMatchObject(expected);
    // Only what is never more than "look first" may have happened.
    if (expected.then !== 'ask_again') expect(payments(id)).toBe(0);
  });

  test('an answer that is lost after the effect says: ask again', async () => {
    for (const fault of [{ kind: 'reset' }, { kind: 'truncated' }, { kind: 'status' }] as const) {
      const id = order();
      at.shopify.faults.add({ ...fault, when: 'after', operation: 'OrderMarkAsPaid' });
      const trouble = await troubleOf(at.another().markPaid(id));
      expect(trouble.then).toBe('ask_again');
      expect(payments(id)).toBe(1);
      expect(await at.another().readOrder(id)).toMatchObject({ outstandingMinor: 0n });
    }
  });

  test('silence ends by our clock, and says: ask again', { timeout: 60_000 }, async () => {
    const id = order();
    at.shopify.faults.add({ kind: 'timeout', operation: 'OrderById', delayMs: 50_000 });
    const startedAt = Date.now();
    const trouble = await troubleOf(at.another().readOrder(id));
    expect(trouble).toMatchObject({ what: 'timeout', then: 'ask_again', away: true });
    expect(Date.now() - startedAt).toBeLessThan(40_000);
  });

  test('nobody there at all: surely nothing happened', async () => {
    const gone = await openTestShop();
    const id = gone.shopify.createOrder({ total: '9.00' }).id;
    await gone.close();
    expect(await troubleOf(gone.another().markPaid(id))).toMatchObject({
      what: 'shop_unreachable',
      then: 'retry',
      away: true,
    });
  });

  test('an order that is busy for a moment pauses nobody else', async () => {
    const id = order();
    at.shopify.faults.add({ kind: 'order-unavailable' });
    const part = {
      amountMinor: minor(100n),
      currency: currencyOf('EUR') as Currency,
      methodName,
      paidAt: at.clock(),
    };
    const trouble = await troubleOf(at.another().recordPart(id, part));
    expect(trouble).toMatchObject({
      what: 'order_busy',
      then: 'retry',
      away: false,
      waitMs: 5_000,
    });
    expect(payments(id)).toBe(0);
  });

  test('a token that Shopify refuses is renewed once, and the call done once', async () => {
    const id = order();
    at.shopify.faults.add({ kind: 'status', status: 401, operation: 'OrderMarkAsPaid' });
    const before = at.store.kept?.version ?? 0;
    expect(await at.another().markPaid(id)).toMatchObject({ is: 'done' });
    expect(at.store.kept?.version).toBe(before + 1);
    expect(payments(id)).toBe(1);
  });

  test('a token that stays refused is given up and marked', async () => {
    const id = order();
    at.shopify.faults.add({ kind: 'status', status: 401, operation: 'OrderById', times: 2 });
    expect(await troubleOf(at.another().readOrder(id))).toMatchObject({
      what: 'token_refused',
      then: 'give_up',
      away: true,
    });
    expect(at.store.refusedVersions).toContain(at.store.kept?.version);
  });

  test('an uninstalled shop is given up, and works again once the app is opened', async () => {
    const id = order();
    at.shopify.uninstall({ app: 'Zaptill', shop });
    expect(await troubleOf(at.another().readOrder(id))).toMatchObject({ what: 'token_refused' });
    at.shopify.install({ app: 'Zaptill', shop });
    await at.install();
    expect(await at.another().readOrder(id)).toMatchObject({ originId: id });
  });

  test('no error and no cause of one holds a token', async () => {
    const secrets = [at.store.kept?.accessToken, at.store.kept?.refreshToken];
    const id = order();
    for (const kind of ['status', 'html-200', 'reset', 'throttled'] as const) {
      at.shopify.faults.add({ kind, operation: 'OrderById' });
      const trouble = await troubleOf(at.another().readOrder(id));
      const text = [trouble.message, trouble.stack, JSON.stringify(trouble), String(trouble.cause)];
      for (const secret of secrets) expect(text.join()).not.toContain(secret);
    }
    expect(secrets.every((secret) => (secret?.length ?? 0) > 10)).toBe(true);
  });
});

describe('the limits', () => {
  test('a bucket that is empty is not knocked at again before its time', async () => {
    const storefront = at.another();
    const id = order();
    await storefront.readOrder(id);
    at.shopify.faults.add({ kind: 'throttled', operation: 'OrderById' });
    const first = await troubleOf(storefront.readOrder(id));
    expect(first.waitMs).toBeGreaterThanOrEqual(1_000);
    const calls = at.shopify.log.length;
    const second = await troubleOf(storefront.markPaid(id));
    expect(second).toMatchObject({ what: 'throttled', then: 'retry' });
    expect(at.shopify.log.length).toBe(calls);
    at.shopify.clock.turn(30_000);
    expect(await storefront.markPaid(id)).toMatchObject({ is: 'done' });
  });

  test('a crowd on a small shop is told to wait before Shopify says so', async () => {
    const small = await openTestShop({ plan: 'development' });
    try {
      const ids = Array.from({ length: 30 }, () => small.shopify.createOrder({ total: '1.00' }).id);
      await small.storefront.readOrder(ids[0] ?? '');
      const results = await Promise.allSettled(ids.map((id) => small.storefront.readOrder(id)));
      const refused = results.filter((result) => result.status === 'rejected');
      expect(refused.length).toBeGreaterThan(0);
      expect(refused.length).toBeLessThan(ids.length);
      expect(small.shopify.log.filter((entry) => entry.answer.includes('THROTTLED'))).toEqual([]);
      expect(small.shopify.violations).toEqual([]);
    } finally {
      await small.close();
    }
  });

  test('a page of orders fits into the bucket of a small shop', async () => {
    const small = await openTestShop({ plan: 'development' });
    try {
      const ids = Array.from({ length: 12 }, () => small.shopify.createOrder({ total: '1.00' }).id);
      await small.storefront.readOrder(ids[0] ?? '');
      const found: string[] = [];
      let after: string | undefined;
      do {
        small.shopify.clock.turn(60_000);
        const ask = { methodName, updatedSince: new Date(0), after };
        const page = await small.storefront.pendingOrders(ask);
        found.push(...page.orders.map((each) => each.originId));
        ({ after } = page);
      } while (after !== undefined);
      expect(found.sort()).toEqual([...ids].sort());
    } finally {
      await small.close();
    }
  });

  test('Retry-After is seconds or a date, at least one second and at most ten minutes', () => {
    const now = new Date('2026-11-21T12:00:00Z');
    const of = (value: string | undefined): number =>
      retryAfterMs(new Headers(value === undefined ? {} : { 'Retry-After': value }), now);
    expect(of('2')).toBe(2_000);
    expect(of('2.0')).toBe(2_000);
    expect(of('0')).toBe(1_000);
    expect(of('86400')).toBe(600_000);
    expect(of('Sat, 21 Nov 2026 12:00:30 GMT')).toBe(30_000);
    expect(of('nonsense')).toBe(2_000);
    expect(of(undefined)).toBe(2_000);
  });

  test('every call is counted with its outcome', async () => {
    at.calls.length = 0;
    const storefront = at.another();
    const id = order();
    await storefront.readOrder(id);
    at.shopify.faults.add({ kind: 'status', operation: 'OrderById' });
    await troubleOf(storefront.readOrder(id));
    expect(at.calls).toEqual([
      { operation: 'OrderById', outcome: 'done' },
      { operation: 'OrderById', outcome: 'shop_failing' },
    ]);
  });
});
