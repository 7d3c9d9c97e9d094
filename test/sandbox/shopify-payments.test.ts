/** Sessions, certificates and verdicts: the stand-in is no kinder than the real thing. */

import { afterEach, describe, expect, test } from 'vitest';
import {
  gidOf,
  OTHER_SHOP,
  paymentsWorld,
  PENDING,
  REJECT,
  RESOLVE,
  SHOP,
  tell,
  type PaymentsWorld,
} from './payments-at-hand.ts';

let open: PaymentsWorld | undefined;
afterEach(async () => {
  await open?.close();
  open = undefined;
});

async function ready(input: Parameters<typeof paymentsWorld>[0] = {}) {
  open = await paymentsWorld(input);
  const { on, door } = open;
  const { accessToken: token } = on.payments.prepare();
  return { on, door, token, payments: on.payments };
}

const declined = { code: 'PROCESSING_ERROR', merchantMessage: 'It did not work' };
const inDays = (days: number) => new Date(Date.now() + days * 86_400_000).toISOString();

describe('a session request', () => {
  test('carries the documented body and headers, and the buyer’s personal data', async () => {
    const { on, door, payments } = await ready();
    const made = await payments.checkout({ amount: '1234.50', currency: 'CAD' });
    const [knock] = door.got;
    const body = JSON.parse(knock?.body ?? '') as Record<string, unknown>;
    expect(Object.keys(body)).toEqual(
      (
        'id gid group session_id amount currency test merchant_locale payment_method ' +
        'proposed_at kind customer transaction_metadata'
      ).split(' '),
    );
    expect(body).toMatchObject({
      id: made.id,
      gid: gidOf(made.id),
      amount: '1234.50',
      currency: 'CAD',
      test: false,
      kind: 'sale',
      payment_method: {
        type: 'offsite',
        data: { cancel_url: `${on.origin}/${SHOP}/checkouts/${made.checkoutToken}` },
      },
      customer: { email: payments.buyer.email },
    });
    expect(knock?.path).toBe('/payments/session');
    expect(knock?.headers).toMatchObject({
      'content-type': 'application/json',
      'shopify-shop-domain': SHOP,
      'shopify-request-id': made.exchanges[0]?.requestId,
      'shopify-api-version': '2026-07',
    });
    expect(knock?.headers).not.toHaveProperty('x-shopify-hmac-sha256');
    expect(made.redirectUrl).toBe(`https://pay.example.com/i/${made.id}`);
  });

  test('amounts have the digits of their currency', async () => {
    const { door, payments } = await ready();
    for (const [amount, currency] of [
      ['1500', 'JPY'],
      ['12.5', 'KWD'],
      ['0.01', 'EUR'],
    ] as const)
      await payments.checkout({ amount, currency });
    const sent = door.got.map((it) => (JSON.parse(it.body) as { amount: string }).amount);
    expect(sent).toEqual(['1500', '12.500', '0.01']);
  });

  test('is sent again with the same bytes and another request id until it is taken', async () => {
    const { door, payments } = await ready();
    door.next = [503, 500];
    const made = await payments.checkout();
    expect(door.got).toHaveLength(3);
    expect(new Set(door.got.map((it) => it.body)).size).toBe(1);
    expect(new Set(door.got.map((it) => it.headers['shopify-request-id'])).size).toBe(3);
    expect(made.redirectUrl).not.toBeNull();
  });

  test('is given up when the app never takes it, and the buyer stays', async () => {
    const { on, door, payments } = await ready();
    door.next = [500, 500, 500, 500, 500, 500];
    const made = await payments.checkout();
    expect(door.got).toHaveLength(4);
    expect(made.redirectUrl).toBeNull();
    expect(on.violations).toEqual([]);
  });

  test('an answer without a good address is no answer, and a violation', async () => {
    const { on, door, payments } = await ready();
    const bad = ['/relative', `https://pay.example.com/${'x'.repeat(9_000)}`, 'javascript:1', ''];
    door.page = () => bad.shift() ?? '';
    const made = await payments.checkout();
    expect(made.redirectUrl).toBeNull();
    expect(on.violations.length).toBe(4);
  });

  test('two answers to one id are a violation, other content may be refused', async () => {
    const { on, door, payments } = await ready();
    const made = await payments.checkout();
    door.next = [409];
    await payments.again(made.id, { change: { amount: '22.00' } });
    expect(on.violations).toEqual([]);
    door.page = () => 'https://pay.example.com/i/another';
    await payments.again(made.id);
    expect(on.violations).toHaveLength(1);
    expect(made.redirectUrl).toBe(`https://pay.example.com/i/${made.id}`);
  });

  test('thrice at once, and with other content, on purpose', async () => {
    const { on, door, payments } = await ready();
    on.faults.add({ kind: 'session-thrice' });
    on.faults.add({ kind: 'session-changed' });
    await payments.checkout({ amount: '21' });
    const sent = door.got.map((it) => (JSON.parse(it.body) as { amount: string }).amount);
    expect(sent).toEqual(['21.00', '21.00', '21.00', '21.01']);
    await payments.checkout();
    expect(door.got).toHaveLength(5);
  });

  test('comes in two tabs of one group under two ids', async () => {
    const { payments } = await ready();
    const one = await payments.checkout({ amount: '9.99' });
    const two = await payments.checkout({ group: one.group });
    expect(two.id).not.toBe(one.id);
    expect(two).toMatchObject({ group: one.group, amountMinor: 999n });
    const other = await payments.checkout();
    expect(other.group).not.toBe(one.group);
    expect(payments.sessions(one.group)).toHaveLength(2);
  });

  test('has its cancel address elsewhere, or no customer, when asked so', async () => {
    const { door, payments } = await ready();
    await payments.checkout({ cancelUrlAt: 'top', customer: false });
    const body = JSON.parse(door.got[0]?.body ?? '') as Record<string, unknown>;
    expect(body).toHaveProperty('cancel_url');
    expect(body).toMatchObject({ payment_method: { data: {} } });
    expect(body).not.toHaveProperty('customer');
  });

  test('an authorization needs addresses for captures and voids', async () => {
    const { payments } = await ready();
    await expect(payments.checkout({ kind: 'authorization' })).rejects.toThrow('a sale');
  });
});

describe('client certificates', () => {
  test('only the one in force is let in by a door that knows its CA', async () => {
    const { on, payments, door } = await ready();
    const made = await payments.checkout();
    const heard = door.got.length;
    for (const present of ['none', 'old', 'stranger', 'expired', 'server_only', 'leaf'] as const) {
      const { answer } = await payments.again(made.id, { present });
      expect([present, /^\d+$/.test(answer)]).toEqual([present, false]);
    }
    expect(door.got).toHaveLength(heard);
    expect((await payments.again(made.id)).answer).toBe('200');
    expect(on.violations).toEqual([]);
  });

  test('during the rotation both are good, after it only the new one', async () => {
    const { payments, door } = await ready();
    const made = await payments.checkout();
    const tries = async () => ({
      old: (await payments.again(made.id, { present: 'old' })).answer,
      current: (await payments.again(made.id)).answer,
    });
    door.admit(payments.bundles.both);
    expect(await tries()).toEqual({ old: '200', current: '200' });
    door.admit(payments.bundles.current);
    const after = await tries();
    expect(after.current).toBe('200');
    expect(after.old).not.toBe('200');
  });

  test('it does not send a buyer’s data to a server that it cannot believe', async () => {
    open = await paymentsWorld();
    const stranger = await paymentsWorld();
    try {
      // The other world's door has a certificate that this Shopify was never told of.
      stranger.on.payments.prepare();
      await stranger.on.payments.checkout();
      const port = stranger.door.got[0]?.headers.host;
      open.on.payments.prepare();
      const heard = stranger.door.got.length;
      const said = await open.on.payments.post({
        to: 'payment',
        body: { id: 'x' },
        url: `https://${port}/payments/session`,
      });
      expect(said.answer).toBe('DEPTH_ZERO_SELF_SIGNED_CERT');
      expect(stranger.door.got).toHaveLength(heard);
    } finally {
      await stranger.close();
    }
  });
});

describe('verdicts', () => {
  test('resolve makes one paid order and leads the buyer on', async () => {
    const { on, token, payments } = await ready();
    const made = await payments.checkout({ amount: '12.50' });
    expect(on.orders()).toEqual([]);
    const told = await tell(on, token, { query: RESOLVE, variables: { id: gidOf(made.id) } });
    expect(told.payload).toMatchObject({
      paymentSession: { id: gidOf(made.id), state: { code: 'RESOLVED' } },
      userErrors: [],
    });
    expect(told.body.extensions?.cost).toMatchObject({
      requestedQueryCost: 15,
      throttleStatus: { maximumAvailable: 27_300, restoreRate: 27_300 },
    });
    const [order] = on.orders();
    expect(order).toMatchObject({ financialStatus: 'PAID', received: '12.50' });
    expect(payments.effects.orders(made.id)).toBe(1);
    expect(payments.effects.first(made.group)).toBe('resolved');
    expect(on.effects.payments(order?.id ?? '')).toBe(1);
    const next = (told.payload['paymentSession'] as { nextAction: { context: object } }).nextAction;
    const { redirectUrl } = next.context as { redirectUrl: string };
    const back = await fetch(redirectUrl, { redirect: 'manual' });
    expect(back.status).toBe(303);
    expect(new URL(back.headers.get('location') ?? '', on.origin).href).toBe(order?.thankYouUrl);
  });

  test('the first verdict wins: the same again succeeds, the other never', async () => {
    const { on, token, payments } = await ready();
    const [yes, no] = [await payments.checkout(), await payments.checkout()];
    const resolve = (id: string) =>
      tell(on, token, { query: RESOLVE, variables: { id: gidOf(id) } });
    const reject = (id: string, reason: object = declined) =>
      tell(on, token, { query: REJECT, variables: { id: gidOf(id), reason } });
    const first = await resolve(yes.id);
    expect((await resolve(yes.id)).payload).toEqual(first.payload);
    expect((await reject(yes.id)).payload).toMatchObject({
      paymentSession: null,
      userErrors: [{ field: ['id'] }],
    });
    const refused = await reject(no.id);
    const again = await reject(no.id, { code: 'INVALID_AMOUNT', source: 'PROVIDER' });
    expect(again.payload).toEqual(refused.payload);
    expect(again.payload).toMatchObject({
      paymentSession: { state: { code: 'REJECTED', reason: 'PROCESSING_ERROR' } },
    });
    expect((await resolve(no.id)).payload).toMatchObject({
      paymentSession: null,
      userErrors: [{ field: ['id'] }],
    });
    expect(on.orders()).toHaveLength(1);
    expect(payments.effects.count(yes.id, 'resolved')).toBe(1);
    expect(payments.effects.count(no.id, 'rejected')).toBe(1);
  });

  test('pending makes an order that waits, and a resolve pays it', async () => {
    const { on, token, payments } = await ready();
    const made = await payments.checkout({ amount: '5' });
    const pend = (until: string) =>
      tell(on, token, { query: PENDING, variables: { id: gidOf(made.id), until } });
    const codes = async (until: string) => (await pend(until)).payload.userErrors?.[0]?.code;
    expect(await codes(inDays(-1))).toBe('EXPIRED_PENDING_EXPIRES_AT');
    expect(await codes(inDays(4))).toBe('OUT_OF_RANGE_PENDING_EXPIRES_AT');
    expect(on.orders()).toEqual([]);
    const first = await pend(inDays(2));
    expect(first.payload).toMatchObject({ paymentSession: { state: { code: 'PENDING' } } });
    expect((await pend(inDays(1))).payload).toEqual(first.payload);
    expect(on.orders()).toMatchObject([{ financialStatus: 'PENDING', received: '0.00' }]);
    await tell(on, token, { query: RESOLVE, variables: { id: gidOf(made.id) } });
    expect(on.orders()).toMatchObject([{ financialStatus: 'PAID', received: '5.00' }]);
    expect(await codes(inDays(1))).toBe('PENDING_INVALID_STATE');
    expect(payments.effects.orders(made.group)).toBe(1);
  });

  test('what is pending too long is closed, and so is what was rejected', async () => {
    const { on, token, payments } = await ready();
    const made = await payments.checkout();
    await tell(on, token, {
      query: PENDING,
      variables: { id: gidOf(made.id), until: inDays(1) },
    });
    on.clock.turn(2 * 86_400_000);
    payments.prepare();
    const { accessToken } = payments.prepare();
    const late = await tell(on, accessToken, {
      query: RESOLVE,
      variables: { id: gidOf(made.id) },
    });
    expect(late.payload).toMatchObject({ paymentSession: null, userErrors: [{ field: ['id'] }] });
    expect(on.orders()).toMatchObject([{ financialStatus: 'PENDING' }]);
  });

  test('a second resolve of one group makes no second order, and is a violation', async () => {
    const { on, token, payments } = await ready();
    const one = await payments.checkout();
    const two = await payments.checkout({ group: one.group });
    for (const { id } of [two, one])
      expect(
        (await tell(on, token, { query: RESOLVE, variables: { id: gidOf(id) } })).payload,
      ).toMatchObject({ userErrors: [] });
    expect(on.orders()).toHaveLength(1);
    expect(payments.effects.orders(one.group)).toBe(1);
    expect(payments.effects.count(one.group, 'resolved_again')).toBe(1);
    expect(on.violations).toHaveLength(1);
  });

  test('a checkout that was paid otherwise takes no late resolve', async () => {
    const { on, token, payments } = await ready();
    const made = await payments.checkout();
    const checkout = `${on.origin}/${SHOP}/checkouts/${made.checkoutToken}`;
    await fetch(checkout, {
      method: 'POST',
      body: new URLSearchParams({ method: 'card' }),
      redirect: 'manual',
    });
    const told = await tell(on, token, { query: RESOLVE, variables: { id: gidOf(made.id) } });
    expect(told.payload).toMatchObject({ paymentSession: null });
    expect(told.payload.userErrors).toHaveLength(1);
    expect(on.orders()).toHaveLength(1);
  });

  test('another shop’s, another app’s and an invented session do not exist', async () => {
    const { on, token, payments } = await ready();
    const mine = await payments.checkout();
    const elsewhere = payments.prepare({ shop: OTHER_SHOP });
    const others = payments.prepare({ app: 'Other Payments' });
    const theirs = await payments.checkout({ app: 'Other Payments' });
    const resolve = (who: string, id: string, shop = SHOP) =>
      tell(on, who, { query: RESOLVE, variables: { id }, shop });
    for (const told of [
      await resolve(elsewhere.accessToken, gidOf(mine.id), OTHER_SHOP),
      await resolve(others.accessToken, gidOf(mine.id)),
      await resolve(token, gidOf(theirs.id)),
      await resolve(token, gidOf('neverMadeSuchASession000')),
      await resolve(token, gidOf(mine.id, 'RefundSession')),
    ])
      expect(told.payload).toMatchObject({ paymentSession: null, userErrors: [{ field: ['id'] }] });
    expect((await resolve(token, mine.id)).body.data?.['paymentSessionResolve'] ?? null).toBeNull();
    expect((await resolve(elsewhere.accessToken, gidOf(mine.id))).status).toBe(401);
    expect(on.orders()).toEqual([]);
  });

  test('a test session makes a test order', async () => {
    const { on, payments, door } = await ready();
    const { accessToken } = payments.prepare({ test: true });
    const made = await payments.checkout();
    expect(JSON.parse(door.got[0]?.body ?? '')).toMatchObject({ test: true });
    await tell(on, accessToken, { query: RESOLVE, variables: { id: gidOf(made.id) } });
    const page = await fetch(
      `${on.origin}/admin.shopify.com/store/alpine-coffee/orders/${on.orders()[0]?.legacyId ?? ''}`,
    );
    expect(await page.text()).toContain('in test mode');
  });
});
