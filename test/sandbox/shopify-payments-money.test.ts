/** Refunds, captures, voids, and the buyer's way through the checkout with the offsite method. */

import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  gidOf,
  moneyVerdict,
  paymentsWorld,
  REJECT,
  RESOLVE,
  SHOP,
  tell,
  type PaymentsWorld,
} from './payments-at-hand.ts';

let world: PaymentsWorld;
let token = '';
beforeEach(async () => {
  world = await paymentsWorld({ captures: true });
  token = world.on.payments.prepare().accessToken;
});
afterEach(() => world.close());

const resolve = (id: string) =>
  tell(world.on, token, { query: RESOLVE, variables: { id: gidOf(id) } });

async function paid(amount = '30'): Promise<string> {
  const { id } = await world.on.payments.checkout({ amount });
  await resolve(id);
  return id;
}

const verdict = (what: 'refund' | 'capture' | 'void', which: 'Resolve' | 'Reject', id: string) => {
  const kind = `${what.replace(/^./, (sign) => sign.toUpperCase())}Session`;
  return tell(world.on, token, {
    query: moneyVerdict(what, which),
    variables: { id: gidOf(id, kind) },
  });
};

describe('a refund', () => {
  test('is asked by POST, answered 201, and done when the app says so', async () => {
    const { on, door } = world;
    const id = await paid('30');
    const asked = await on.payments.refund(id, { amount: '12.5' });
    expect(JSON.parse(door.got.at(-1)?.body ?? '')).toEqual({
      id: asked.id,
      gid: gidOf(asked.id, 'RefundSession'),
      payment_id: id,
      amount: '12.50',
      currency: 'EUR',
      test: false,
      merchant_locale: 'en',
      proposed_at: new Date(asked.proposedAt).toISOString().replace(/\.\d+Z$/, 'Z'),
    });
    expect(door.got.at(-1)).toMatchObject({
      path: '/payments/refund',
      headers: { 'shopify-shop-domain': SHOP },
    });
    expect(on.orders()[0]?.financialStatus).toBe('PAID');
    expect((await verdict('refund', 'Resolve', asked.id)).payload).toMatchObject({
      refundSession: { state: { code: 'RESOLVED' } },
      userErrors: [],
    });
    expect(on.orders()[0]?.financialStatus).toBe('PARTIALLY_REFUNDED');
    await verdict('refund', 'Resolve', asked.id);
    expect(on.payments.effects.count(asked.id, 'refund_resolved')).toBe(1);
    expect((await verdict('refund', 'Reject', asked.id)).payload).toMatchObject({
      refundSession: null,
      userErrors: [{ code: 'REFUND_SESSION_INVALID_STATE' }],
    });
    expect((await verdict('refund', 'Resolve', 'neverMade')).payload).toMatchObject({
      userErrors: [{ code: 'REFUND_SESSION_NOT_FOUND' }],
    });
  });

  test('several ask for no more than came in, a rejected one gives its part back', async () => {
    const { on } = world;
    const id = await paid('30');
    const first = await on.payments.refund(id, { amount: '20' });
    await expect(on.payments.refund(id, { amount: '10.01' })).rejects.toThrow('cannot be asked');
    await verdict('refund', 'Reject', first.id);
    expect((await verdict('refund', 'Resolve', first.id)).payload).toMatchObject({
      userErrors: [{ code: 'REFUND_SESSION_INVALID_STATE' }],
    });
    const second = await on.payments.refund(id);
    expect(second.amountMinor).toBe(3_000n);
    await verdict('refund', 'Resolve', second.id);
    expect(on.orders()[0]?.financialStatus).toBe('REFUNDED');
  });

  test('is tried again, then the merchant has to press the button once more', async () => {
    const { on, door } = world;
    const id = await paid();
    door.next = [500, 503];
    expect((await on.payments.refund(id, { amount: '1' })).state).toBe('open');
    door.next = [500, 500, 500, 500];
    expect((await on.payments.refund(id, { amount: '1' })).state).toBe('refused');
    const again = await on.payments.refund(id, { amount: '1' });
    expect(again.state).toBe('open');
    expect((await on.payments.askAgain(again.id)).answer).toBe('201');
    expect(door.got.at(-1)?.body).toBe(again.sent);
    expect(on.violations).toEqual([]);
  });

  test('an answer that is not 201 is a violation', async () => {
    const { on, door } = world;
    const id = await paid();
    door.next = [200];
    await on.payments.refund(id);
    expect(on.violations).toHaveLength(1);
  });

  test('needs a payment that was resolved, and is pressed on the order’s page', async () => {
    const { on, door } = world;
    const open = await on.payments.checkout();
    await expect(on.payments.refund(open.id)).rejects.toThrow('not resolved');
    await resolve(open.id);
    const [order] = on.orders();
    const at = `${on.origin}/admin.shopify.com/store/alpine-coffee/orders/${order?.legacyId ?? ''}`;
    expect(await (await fetch(at)).text()).toContain(`Payment ID ${open.id}`);
    const body = new URLSearchParams({ amount: '21' });
    await fetch(`${at}/refund`, { method: 'POST', body });
    expect(door.got.at(-1)?.path).toBe('/payments/refund');
    // Nothing is refunded by the button alone.
    expect(on.order(order?.id ?? '')?.financialStatus).toBe('PAID');
    expect(on.payments.moneySessions(open.id)).toMatchObject([{ what: 'refund', state: 'open' }]);
  });
});

describe('an authorization', () => {
  const authorized = async () => {
    const { id } = await world.on.payments.checkout({ kind: 'authorization', amount: '30' });
    await resolve(id);
    return id;
  };

  test('is captured, in parts if need be', async () => {
    const { on, door } = world;
    const id = await authorized();
    expect(on.orders()).toMatchObject([{ financialStatus: 'AUTHORIZED', received: '0.00' }]);
    const asked = await on.payments.capture(id, { amount: '10' });
    expect(door.got.at(-1)?.path).toBe('/payments/capture');
    await verdict('capture', 'Resolve', asked.id);
    expect(on.orders()).toMatchObject([{ financialStatus: 'PARTIALLY_PAID', received: '10.00' }]);
    await expect(on.payments.capture(id, { amount: '20.01' })).rejects.toThrow('cannot be asked');
    await verdict('capture', 'Resolve', (await on.payments.capture(id)).id);
    expect(on.orders()).toMatchObject([{ financialStatus: 'PAID', received: '30.00' }]);
  });

  test('is voided; a void names no amount', async () => {
    const { on, door } = world;
    const asked = await on.payments.void(await authorized());
    const body = JSON.parse(door.got.at(-1)?.body ?? '') as Record<string, unknown>;
    expect(Object.keys(body)).toEqual(
      'id gid payment_id test merchant_locale proposed_at'.split(' '),
    );
    await verdict('void', 'Resolve', asked.id);
    expect(on.orders()).toMatchObject([{ financialStatus: 'VOIDED' }]);
  });

  test('a sale has nothing to capture or void', async () => {
    const id = await paid();
    await expect(world.on.payments.capture(id)).rejects.toThrow('is a sale');
    await expect(world.on.payments.void(id)).rejects.toThrow('is a sale');
  });
});

describe('the buyer’s way', () => {
  const manual = { redirect: 'manual' } as const;
  const at = (path: string) => new URL(path, `${world.on.origin}/`).href;
  const locationOf = (answer: Response) => at(answer.headers.get('location') ?? '');

  async function checkoutPage(): Promise<string> {
    const product = /name="product" value="([^"]+)"/.exec(
      await (await fetch(at(`/${SHOP}/`))).text(),
    )?.[1];
    const added = await fetch(at(`/${SHOP}/cart/add`), {
      ...manual,
      method: 'POST',
      body: new URLSearchParams({ product: product ?? '' }),
    });
    const cookie = added.headers.get('set-cookie')?.split(';')[0] ?? '';
    const begun = await fetch(at(`/${SHOP}/checkouts`), {
      ...manual,
      method: 'POST',
      headers: { cookie },
    });
    return locationOf(begun);
  }

  const choose = (checkout: string, method = 'offsite:payments-1') =>
    fetch(checkout, { ...manual, method: 'POST', body: new URLSearchParams({ method }) });

  test('method, page of the app, back without paying, another try, paid', async () => {
    const { on } = world;
    const checkout = await checkoutPage();
    expect(await (await fetch(checkout)).text()).toContain('Bitcoin (Lightning), offsite');
    const first = await choose(checkout);
    expect(locationOf(first)).toBe(on.payments.sessions()[0]?.redirectUrl);
    const { payment_method } = JSON.parse(on.payments.sessions()[0]?.sent ?? '') as {
      payment_method: { data: { cancel_url: string } };
    };
    expect(payment_method.data.cancel_url).toBe(checkout);
    expect((await fetch(checkout)).status).toBe(200);
    await choose(checkout);
    const [one, two] = on.payments.sessions();
    expect(two?.group).toBe(one?.group);
    expect(two?.id).not.toBe(one?.id);
    await resolve(one?.id ?? '');
    const [order] = on.orders();
    expect(order).toMatchObject({ financialStatus: 'PAID' });
    const back = await fetch(`${checkout}/processing`, manual);
    expect(locationOf(back)).toBe(order?.thankYouUrl);
    expect(locationOf(await fetch(checkout, manual))).toBe(order?.thankYouUrl);
    expect(await (await fetch(order?.thankYouUrl ?? '')).text()).toContain('It is paid.');
    // The form in the other tab finds an order: nobody is asked to pay again.
    expect(locationOf(await choose(checkout))).toBe(order?.thankYouUrl);
    expect(on.payments.sessions()).toHaveLength(2);
  });

  test('after a reject the checkout says so, and another method is good', async () => {
    const { on } = world;
    const checkout = await checkoutPage();
    await choose(checkout);
    const reason = { code: 'PROCESSING_ERROR' };
    const id = on.payments.sessions()[0]?.id ?? '';
    expect(await (await fetch(`${checkout}/processing`)).text()).toContain('Processing your order');
    await tell(on, token, { query: REJECT, variables: { id: gidOf(id), reason } });
    const back = await fetch(`${checkout}/processing`, manual);
    expect(locationOf(back)).toBe(checkout);
    expect(await (await fetch(checkout)).text()).toContain('Your payment was not accepted');
    expect(on.orders()).toEqual([]);
    await choose(checkout, 'card');
    expect(on.orders()).toMatchObject([{ financialStatus: 'PAID' }]);
  });

  test('an app that does not answer keeps the buyer in the checkout', async () => {
    const checkout = await checkoutPage();
    world.door.next = [500, 500, 500, 500];
    const answer = await choose(checkout);
    expect(answer.status).toBe(422);
    expect(await answer.text()).toContain('There was an issue with this payment method');
  });

  test('a method that is gone is not taken', async () => {
    const checkout = await checkoutPage();
    world.on.payments.activate({ active: false });
    expect(await (await fetch(checkout)).text()).not.toContain('offsite');
    expect((await choose(checkout)).status).toBe(422);
    expect(world.on.payments.sessions()).toEqual([]);
  });

  test('a gift card pays its part, the app is asked for the rest', async () => {
    const checkout = await checkoutPage();
    const body = new URLSearchParams({ method: 'offsite:payments-1', giftCard: '5' });
    await fetch(checkout, { ...manual, method: 'POST', body });
    const [asked] = world.on.payments.sessions();
    await resolve(asked?.id ?? '');
    const [order] = world.on.orders();
    expect(order).toMatchObject({ financialStatus: 'PAID', outstanding: '0.00' });
    expect(asked?.amountMinor).toBe(BigInt((order?.received ?? '').replace('.', '')) - 500n);
  });
});
