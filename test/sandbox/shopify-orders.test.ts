import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Shopify } from '../../sandbox/shopify/index.ts';
import { ask, shopify, tokenFor } from './shopify-at-hand.ts';
import { document, DOCUMENTS } from './shopify-documents.ts';

let shop: Shopify;
let token = '';

beforeAll(async () => {
  shop = await shopify();
  token = await tokenFor(shop);
});
afterAll(() => shop.close());

const call = (name: string, variables: object = {}) =>
  ask(shop, token, { query: document(name), variables });

const read = async (id: string) =>
  (await call('OrderById', { id })).body.data?.['order'] as Record<string, unknown>;

test('an order with a manual method waits for its money', async () => {
  const made = shop.createOrder({ total: '12.50' });
  const order = await read(made.id);
  expect(order).toMatchObject({
    id: made.id,
    name: made.name,
    checkoutToken: made.checkoutToken,
    displayFinancialStatus: 'PENDING',
    canMarkAsPaid: true,
    unpaid: true,
    paymentGatewayNames: ['Bitcoin (Lightning)'],
    totalOutstandingSet: {
      presentmentMoney: { amount: '12.5', currencyCode: 'EUR' },
      shopMoney: { amount: '12.5', currencyCode: 'EUR' },
    },
    transactions: [
      { kind: 'SALE', status: 'PENDING', manualPaymentGateway: true, manuallyCapturable: true },
    ],
  });
});

test('an order is in a currency that Shopify has a code for, and in no other', async () => {
  const strange = { total: '12.00', currency: 'XTS' };
  expect(() => shop.createOrder(strange)).toThrow('Not a currency of Shopify: XTS');
  const { id } = shop.createOrder({ total: '12.00', currency: 'XXX' });
  const money = { amount: '12.0', currencyCode: 'XXX' };
  expect(await read(id)).toMatchObject({ totalOutstandingSet: { presentmentMoney: money } });
});

test('marking paid records the whole outstanding amount, once', async () => {
  const made = shop.createOrder({ total: '30.00', giftCard: '10.00' });
  const first = await call('OrderMarkAsPaid', { input: { id: made.id } });
  expect(first.body.data?.['orderMarkAsPaid']).toEqual({
    order: { id: made.id, displayFinancialStatus: 'PAID' },
    userErrors: [],
  });
  const again = await call('OrderMarkAsPaid', { input: { id: made.id } });
  expect(again.body.data?.['orderMarkAsPaid']?.['userErrors']).toMatchObject([{ field: ['id'] }]);
  const paid = await read(made.id);
  expect(paid['canMarkAsPaid']).toBe(false);
  expect(paid['transactions']).toMatchObject([
    { gateway: 'gift_card', status: 'SUCCESS', amountSet: { shopMoney: { amount: '10.0' } } },
    { gateway: 'Bitcoin (Lightning)', status: 'PENDING', manuallyCapturable: false },
    {
      gateway: 'Bitcoin (Lightning)',
      kind: 'SALE',
      status: 'SUCCESS',
      amountSet: { shopMoney: { amount: '20.0' } },
    },
  ]);
  expect(shop.effects.payments(made.id)).toBe(1);
  expect(shop.effects.payments(made.id, 'Zaptill')).toBe(1);
});

test('a part is in the presentment currency and never above the balance', async () => {
  const made = shop.createOrder({ total: '1500', currency: 'JPY' });
  const pay = async (amount: string, currencyCode: string) =>
    (
      await call('OrderCreateManualPayment', {
        id: made.id,
        amount: { amount, currencyCode },
        paymentMethodName: 'Bitcoin (Lightning)',
      })
    ).body.data?.['orderCreateManualPayment'];
  expect((await pay('5', 'EUR'))?.['userErrors']).toMatchObject([{ code: 'CURRENCY_MISMATCH' }]);
  expect((await pay('0', 'JPY'))?.['userErrors']).toMatchObject([{ code: 'AMOUNT_NOT_POSITIVE' }]);
  expect((await pay('1501', 'JPY'))?.['userErrors']).toMatchObject([
    { code: 'AMOUNT_EXCEEDS_BALANCE' },
  ]);
  expect((await pay('500', 'JPY'))?.['order']).toMatchObject({
    displayFinancialStatus: 'PARTIALLY_PAID',
  });
  expect((await pay('500', 'JPY'))?.['userErrors']).toEqual([]); // not idempotent
  const order = await read(made.id);
  expect(order['totalOutstandingSet']).toEqual({
    presentmentMoney: { amount: '500.0', currencyCode: 'JPY' },
    shopMoney: { amount: '2.97', currencyCode: 'EUR' },
  });
});

test('three decimals are kept', async () => {
  const made = shop.createOrder({ total: '1.250', currency: 'KWD' });
  const order = await read(made.id);
  expect(order['totalOutstandingSet']).toMatchObject({
    presentmentMoney: { amount: '1.25', currencyCode: 'KWD' },
  });
  expect(made.outstanding).toBe('1.250');
});

test('capturing takes the pending sale', async () => {
  const made = shop.createOrder({ total: '20.00' });
  const parent = ((await read(made.id))['transactions'] as { id: string }[])[0]?.id;
  const input = { id: made.id, parentTransactionId: parent, amount: '20.00' };
  const done = await call('OrderCapture', { input });
  expect(done.body.data?.['orderCapture']).toMatchObject({
    transaction: { kind: 'CAPTURE', status: 'SUCCESS' },
    userErrors: [],
  });
  const again = await call('OrderCapture', { input });
  expect(again.body.data?.['orderCapture']?.['userErrors']).toHaveLength(1);
});

test('a cancel is a job; afterwards nothing can be marked paid', async () => {
  const made = shop.createOrder();
  const asked = await call('OrderCancel', { orderId: made.id, reason: 'DECLINED', restock: true });
  const job = asked.body.data?.['orderCancel']?.['job'] as { id: string; done: boolean };
  expect(job.done).toBe(false);
  expect(shop.order(made.id)?.cancelled).toBe(false);
  shop.clock.turn(300);
  const state = await call('JobState', { id: job.id });
  expect(state.body.data?.['job']).toEqual({ id: job.id, done: true });
  expect(await read(made.id)).toMatchObject({
    cancelReason: 'DECLINED',
    canMarkAsPaid: false,
    displayFinancialStatus: 'VOIDED',
    totalOutstandingSet: { shopMoney: { amount: '0.0' } },
  });
  const mark = await call('OrderMarkAsPaid', { input: { id: made.id } });
  expect(mark.body.data?.['orderMarkAsPaid']?.['userErrors']).toHaveLength(1);
  const twice = await call('OrderCancel', { orderId: made.id, reason: 'OTHER', restock: false });
  expect(twice.body.data?.['orderCancel']?.['orderCancelUserErrors']).toMatchObject([
    { code: 'INVALID' },
  ]);
});

test('an edit changes what is owed, a refund does not pay it again', async () => {
  const made = shop.createOrder({ total: '20.00' });
  expect(shop.edit(made.id, { total: '25.00' }).outstanding).toBe('25.00');
  expect(shop.edit(made.id, { add: [{ title: 'Mug', price: '5' }] }).outstanding).toBe('30.00');
  expect(shop.payByCard(made.id).financialStatus).toBe('PAID');
  const back = shop.refund(made.id, { amount: '4.00', note: 'chipped' });
  expect(back).toMatchObject({ financialStatus: 'PARTIALLY_REFUNDED', outstanding: '0.00' });
  const refunds = await call('OrderRefunds', { id: made.id });
  expect(refunds.body.data?.['order']?.['refunds']).toMatchObject([
    {
      note: 'chipped',
      totalRefundedSet: { shopMoney: { amount: '4.0' } },
      transactions: { nodes: [{ kind: 'REFUND', status: 'SUCCESS' }] },
    },
  ]);
  expect(() => shop.refund(made.id, { amount: '40.00' })).toThrow('greater than');
});

test('orders are found by the search terms of a merchant app', async () => {
  const made = shop.createOrder({ method: 'Bitcoin (Lightning)', total: '7.00' });
  const cash = shop.createOrder({ method: 'Cash on delivery', total: '7.00' });
  const found = async (query: string) =>
    (
      (await call('OrderByCheckoutToken', { query })).body.data?.['orders']?.['nodes'] as {
        id: string;
      }[]
    ).map((it) => it.id);
  expect(await found(`checkout_token:${made.checkoutToken}`)).toEqual([made.id]);
  expect(await found(`checkout_token:"${cash.checkoutToken}"`)).toEqual([cash.id]);
  expect(await found('checkout_token:none')).toEqual([]);
  const since = new Date(Date.now() - 60_000).toISOString();
  const reconcile = await call('OrdersToReconcile', {
    query: `financial_status:pending AND gateway:"Bitcoin (Lightning)" AND updated_at:>=${since}`,
  });
  const nodes = reconcile.body.data?.['orders']?.['nodes'] as { id: string }[];
  const ids = nodes.map((it) => it.id);
  expect(ids).toContain(made.id);
  expect(ids).not.toContain(cash.id);
  const unknown = await call('OrderByCheckoutToken', { query: 'colour:blue' });
  expect(unknown.body.errors?.[0]?.message).toContain('"colour"');
});

test('pages follow each other without gap or repeat', async () => {
  const other = await shopify();
  const key = await tokenFor(other);
  const made = Array.from({ length: 120 }, () => other.createOrder().id);
  const seen: string[] = [];
  let after: string | null = null;
  do {
    const page = await ask(other, key, {
      query: document('OrdersToReconcile'),
      variables: { query: 'financial_status:pending', after },
    });
    const orders = page.body.data?.['orders'] as unknown as {
      nodes: { id: string }[];
      pageInfo: { hasNextPage: boolean; endCursor: string };
    };
    seen.push(...orders.nodes.map((it) => it.id));
    after = orders.pageInfo.hasNextPage ? orders.pageInfo.endCursor : null;
  } while (after !== null);
  expect(seen).toEqual(made);
  await other.close();
});

test('an order that is not readable yet, by id and by search', async () => {
  const made = shop.createOrder({ readableAfterMs: 5_000, searchableAfterMs: 10_000 });
  const query = `checkout_token:${made.checkoutToken}`;
  const search = async () =>
    (await call('OrderByCheckoutToken', { query })).body.data?.['orders']?.['nodes'] as object[];
  expect((await call('OrderById', { id: made.id })).body.data).toEqual({ order: null });
  shop.clock.turn(5_000);
  expect(await read(made.id)).toMatchObject({ id: made.id });
  expect(await search()).toEqual([]);
  shop.clock.turn(5_000);
  expect(await search()).toHaveLength(1);
});

test('metafields compare before they set', async () => {
  const made = shop.createOrder();
  const set = async (more: object) =>
    (
      await call('MetafieldsSet', {
        metafields: [{ ownerId: made.id, key: 'lightning', value: 'a', ...more }],
      })
    ).body.data?.['metafieldsSet'] as {
      metafields: { compareDigest: string }[];
      userErrors: { code: string }[];
    };
  expect((await set({})).userErrors).toMatchObject([{ code: 'BLANK' }]);
  const type = 'single_line_text_field';
  const first = await set({ type, compareDigest: null });
  expect(first.userErrors).toEqual([]);
  expect((await set({ compareDigest: null })).userErrors).toMatchObject([{ code: 'STALE_OBJECT' }]);
  const compareDigest = first.metafields[0]?.compareDigest;
  expect((await set({ value: 'b', compareDigest })).userErrors).toEqual([]);
  expect((await read(made.id))['metafield']).toMatchObject({ value: 'b' });
});

test('a refund through the API needs its directive and happens once a key', async () => {
  const made = shop.createOrder({ total: '20.00', method: 'card' });
  const input = {
    orderId: made.id,
    transactions: [{ orderId: made.id, kind: 'REFUND', gateway: 'manual', amount: '5.00' }],
  };
  const bare = await ask(shop, token, {
    query: 'mutation R($input: RefundInput!) { refundCreate(input: $input) { refund { id } } }',
    variables: { input },
  });
  expect(bare.body.errors?.[0]?.message).toContain('@idempotent');
  const once = await call('RefundCreate', { input, key: 'k1' });
  const twice = await call('RefundCreate', { input, key: 'k1' });
  expect(twice.body.data).toEqual(once.body.data);
  expect(shop.order(made.id)?.financialStatus).toBe('PARTIALLY_REFUNDED');
  expect(shop.effects.of(made.id).filter((it) => it.what === 'refunded')).toHaveLength(1);
});

test('every document of the app runs and answers', async () => {
  const made = shop.createOrder();
  const names = [...DOCUMENTS.matchAll(/^(?:query|mutation) (\w+)/gm)].map((it) => it[1] ?? '');
  expect(names.length).toBeGreaterThan(12);
  expect((await call('AppShop')).body.data).toMatchObject({
    shop: { currencyCode: 'EUR', plan: { shopifyPlus: false } },
    currentAppInstallation: {
      accessScopes: [{ handle: 'read_orders' }, { handle: 'write_orders' }],
    },
  });
  const tags = await call('TagsAdd', { id: made.id, tags: ['lightning'] });
  expect(tags.body.data?.['tagsAdd']?.['userErrors']).toEqual([]);
  const note = await call('OrderUpdate', { input: { id: made.id, note: 'hello' } });
  expect(note.body.data?.['orderUpdate']?.['order']).toEqual({ id: made.id });
});

test('an app’s own test order: made pending, read, cancelled and only then deleted', async () => {
  const money = { shopMoney: { amount: '2.00', currencyCode: 'EUR' } };
  const gateway = 'Bitcoin (Lightning)';
  const order = {
    ...{ name: 'Self-test 1', test: true, currency: 'EUR', tags: ['self-test'] },
    lineItems: [{ title: 'Test', quantity: 1, priceSet: money }],
    transactions: [{ kind: 'SALE', status: 'PENDING', gateway, amountSet: money }],
  };
  const make = async (input: object) =>
    (await call('OrderCreate', { order: input })).body.data?.['orderCreate'];
  const made = (await make(order))?.['order'] as { id: string };
  expect(await read(made.id)).toMatchObject({
    ...{ name: 'Self-test 1', test: true, checkoutToken: null, canMarkAsPaid: true },
    ...{ displayFinancialStatus: 'PENDING', paymentGatewayNames: [gateway] },
  });
  const foreign = { shopMoney: { amount: '2.00', currencyCode: 'JPY' } };
  const wrong = { ...order, lineItems: [{ title: 'Test', quantity: 1, priceSet: foreign }] };
  expect((await make(wrong))?.['userErrors']).toMatchObject([{ code: 'INVALID' }]);
  const unplayed = await call('OrderCreate', { order: { ...order, poNumber: '7' } });
  expect(JSON.stringify(unplayed.body)).toContain('does not play OrderCreateOrderInput.poNumber');

  const pay = async (paymentMethodName: string) =>
    (await call('OrderCreateManualPayment', { id: made.id, paymentMethodName })).body.data?.[
      'orderCreateManualPayment'
    ]?.['userErrors'];
  expect(await pay('Not in this shop')).toMatchObject([{ code: 'GATEWAY_NOT_FOUND' }]);
  expect(await pay('bitcoin (lightning)')).toEqual([]);

  const remove = async () =>
    (await call('OrderDelete', { orderId: made.id })).body.data?.['orderDelete'];
  expect((await remove())?.['userErrors']).toMatchObject([{ code: 'INVALID' }]);
  shop.cancel(made.id);
  expect(await remove()).toMatchObject({ deletedId: made.id, userErrors: [] });
  expect((await remove())?.['userErrors']).toMatchObject([{ code: 'NOT_FOUND' }]);
});
