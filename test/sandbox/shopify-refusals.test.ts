import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Shopify } from '../../sandbox/shopify/index.ts';
import { ask, shopify, SHOP, tokenFor } from './shopify-at-hand.ts';
import { document } from './shopify-documents.ts';

let shop: Shopify;
let token = '';

beforeAll(async () => {
  shop = await shopify();
  token = await tokenFor(shop);
});
afterAll(() => shop.close());

const refused = async (query: string, variables: object = {}): Promise<string> => {
  const { status, body } = await ask(shop, token, { query, variables });
  expect(status).toBe(200);
  expect(body.data ?? null).toBeNull();
  return (body.errors ?? []).map((it) => it.message).join(' | ');
};

test('what is not in the schema is refused with the schema’s own words', async () => {
  expect(
    await refused(
      `mutation M($i: OrderMarkAsPaidInput!) {
        orderMarkAsPaid(input: $i) { userErrors { code } }
      }`,
      { i: { id: 'gid://shopify/Order/1' } },
    ),
  ).toContain('Cannot query field "code" on type "UserError"');
  expect(
    await refused(
      `mutation M($o: ID!) {
        orderCancel(orderId: $o, reason: OTHER, restock: true) { userErrors { code } }
      }`,
    ),
  ).toContain('Cannot query field "code" on type "UserError"');
  expect(
    await refused('mutation M($o: ID!) { orderCancel(orderId: $o, reason: OTHER) { job { id } } }'),
  ).toContain('"restock" of type "Boolean!" is required');
  expect(await refused('query { order(id: "gid://shopify/Order/1") { colour } }')).toContain(
    'Cannot query field "colour" on type "Order"',
  );
  expect(await refused('query {')).toContain('Syntax Error');
  expect(
    await refused(document('OrderCancel'), {
      orderId: 'gid://shopify/Order/1',
      reason: 'BORED',
      restock: true,
    }),
  ).toContain('"BORED" does not exist in "OrderCancelReason"');
  expect(
    await refused(document('OrderCreateManualPayment'), {
      id: 'gid://shopify/Order/1',
      amount: { amount: 'a lot', currencyCode: 'EUR' },
    }),
  ).toContain('Decimal cannot represent "a lot"');
});

test('what is valid but not played is an error that names it', async () => {
  expect(await refused('{ products(first: 1) { nodes { id } } }')).toBe(
    'The sandbox does not play QueryRoot.products',
  );
  const made = shop.createOrder();
  const query = `{ order(id: "${made.id}") { id events(first: 1) { nodes { id } } } }`;
  const { body } = await ask(shop, token, { query });
  expect(body.data).toEqual({ order: null });
  expect(body.errors?.[0]?.message).toBe('The sandbox does not play Order.events');
});

test('a field that needs protected customer data nulls the order', async () => {
  const made = shop.createOrder();
  const { body } = await ask(shop, token, {
    query: `{ order(id: "${made.id}") { statusPageUrl } }`,
  });
  expect(body.data).toEqual({ order: null });
  expect(body.errors?.[0]?.extensions?.code).toBe('ACCESS_DENIED');
});

test('another version, another shop, a wrong token', async () => {
  const query = '{ shop { id } }';
  expect((await ask(shop, token, { query, version: '2026-04' })).status).toBe(404);
  expect((await ask(shop, 'shpat_wrong', { query })).status).toBe(401);
  const url = `${shop.origin}/other.myshopify.com/admin/api/2026-07/graphql.json`;
  const headers = { 'Content-Type': 'application/json', 'X-Shopify-Access-Token': token };
  const other = await fetch(url, { method: 'POST', headers, body: JSON.stringify({ query }) });
  expect(other.status).toBe(404);
});

test('an order of another shop is not found, an id of another kind is refused', async () => {
  const two = await shopify({
    shops: [{ domain: SHOP }, { domain: 'second.myshopify.com', currency: 'USD' }],
  });
  const key = await tokenFor(two);
  const made = two.createOrder({ shop: 'second.myshopify.com' });
  const read = (id: string) => ask(two, key, { query: document('OrderById'), variables: { id } });
  expect((await read(made.id)).body.data).toEqual({ order: null });
  expect((await read('gid://shopify/Product/1')).body.errors?.[0]?.extensions?.code).toBe(
    'RESOURCE_NOT_FOUND',
  );
  expect((await read('1001')).body.errors?.[0]?.message).toBe("Invalid global id '1001'");
  await two.close();
});

test('without the scope the field is denied', async () => {
  const other = await shopify();
  const key = await tokenFor(other);
  const made = other.createOrder();
  other.setScopes({ app: 'Zaptill', shop: SHOP, scopes: ['read_orders'] });
  const mark = await ask(other, key, {
    query: document('OrderMarkAsPaid'),
    variables: { input: { id: made.id } },
  });
  expect(mark.body.errors?.[0]?.extensions?.code).toBe('ACCESS_DENIED');
  expect(other.order(made.id)?.financialStatus).toBe('PENDING');
  await other.close();
});

test('the bucket empties, refuses without doing, and fills again', async () => {
  const plus = await shopify({ shops: [{ domain: SHOP, plan: 'old' }] });
  const key = await tokenFor(plus);
  const variables = { query: 'status:any' };
  const page = () => ask(plus, key, { query: document('OrdersToReconcile'), variables });
  for (let i = 0; i < 300; i += 1) plus.createOrder();
  const first = await page();
  const cost = first.body.extensions?.cost;
  expect(cost?.requestedQueryCost).toBeGreaterThan(100);
  expect(cost?.actualQueryCost).toBeLessThanOrEqual(cost?.requestedQueryCost ?? 0);
  let last = first;
  for (let i = 0; i < 12 && last.body.errors === undefined; i += 1) last = await page();
  expect(last.status).toBe(200);
  expect(last.body.errors?.[0]?.extensions?.code).toBe('THROTTLED');
  expect(last.body.data).toBeUndefined();
  expect(last.body.extensions?.cost.actualQueryCost).toBeNull();
  plus.clock.turn(20_000);
  expect((await page()).body.errors).toBeUndefined();
  const dear = await ask(plus, key, {
    query: `{ orders(first: 250) {
      nodes { totalPriceSet { shopMoney { amount } } transactions { id } }
    } }`,
  });
  expect(dear.body.errors?.[0]?.extensions?.code).toBe('MAX_COST_EXCEEDED');
  await plus.close();
});

test('hammering on while throttled shuts the shop and is reported', async () => {
  const small = await shopify({ shops: [{ domain: SHOP, plan: 'development' }] });
  const key = await tokenFor(small);
  const query = '{ orders(first: 30) { nodes { totalPriceSet { shopMoney { amount } } } } }';
  const statuses: number[] = [];
  for (let i = 0; i < 16; i += 1) statuses.push((await ask(small, key, { query })).status);
  expect(statuses.at(-1)).toBe(423);
  expect(small.violations).toEqual([`Zaptill went on while throttled at ${SHOP}`]);
  await small.close();
});
