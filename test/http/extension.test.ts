// What the thank-you block is answered. It runs on another origin: an answer without CORS headers
// is none to it.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { latestPayment } from '../../web/db/payments.ts';
import { app, shopName, startInProcess, type InProcess } from '../in-process.ts';

let our: InProcess;
beforeAll(async () => {
  our = await startInProcess();
});
afterAll(async () => {
  await our.close();
});

const token = (): string =>
  our.shopify.sessionToken({ shop: shopName, app: app.name, kind: 'extension' });

async function ask(body: unknown): Promise<{ status: number; body: unknown }> {
  const answer = await fetch(`${our.appUrl}/extension/payment`, {
    method: 'POST',
    headers: { Authorization: `Bearer ${token()}`, 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
  });
  expect(answer.headers.get('Access-Control-Allow-Origin')).toBe('*');
  return { status: answer.status, body: await answer.json() };
}

test('an order that costs nothing names no method: its state, and nothing to pay', async () => {
  const free = our.shopify.createOrder({ shop: shopName, total: '0.00' });
  expect(free).toMatchObject({ outstanding: '0.00' });
  const { id: orderId, checkoutToken } = free;
  expect(await ask({ orderId, checkoutToken })).toEqual({
    status: 200,
    body: { state: 'lapsed' },
  });
  expect(await latestPayment(our.db, { shopId: our.shop.id, originId: orderId })).toBeNull();
  // Somebody else's question is answered as if the order were not there.
  const no = { status: 404, body: { refusal: 'no_such_order' } };
  expect(await ask({ orderId, checkoutToken: 'another' })).toEqual(no);
});

test('an order in a currency that nobody has a price for: a word, and no invoice', async () => {
  const { id: orderId, checkoutToken } = our.shopify.createOrder({
    ...{ shop: shopName, total: '12.00', currency: 'XXX' },
  });
  const answer = await ask({ orderId, checkoutToken });
  expect(answer).toMatchObject({
    status: 200,
    body: { state: 'open', refusal: 'currency_unknown' },
  });
  expect(answer.body).not.toHaveProperty('invoice');
});

test.each([
  ['left out', {}],
  ['null', { checkoutToken: null }],
  ['empty', { checkoutToken: '' }],
])('a checkout token that is %s is not the order’s, known or not', async (_name, more) => {
  const no = { status: 404, body: { refusal: 'no_such_order' } };
  const fresh = our.shopify.createOrder({ shop: shopName, total: '21.00' });
  expect(await ask({ orderId: fresh.id, ...more })).toEqual(no);
  const { orderId, checkoutToken } = await our.anOrder();
  expect(await ask({ orderId, ...more })).toEqual(no);
  expect(await ask({ orderId, checkoutToken })).toMatchObject({ status: 200 });
});

test.each([
  ['the question before the question', 'OPTIONS', '/extension/payment', 204],
  ['no token', 'POST', '/extension/payment', 401],
  ['no such method', 'PUT', '/extension/payment', 404],
  ['no such path', 'POST', '/extension/nothing', 404],
  ['no path at all', 'GET', '/extension', 404],
  ['a question before it at no such path', 'OPTIONS', '/extension/nothing', 404],
])('another origin can read the answer to %s', async (_name, method, path, status) => {
  const answer = await fetch(`${our.appUrl}${path}`, { method });
  expect(answer.status).toBe(status);
  expect(answer.headers.get('Access-Control-Allow-Origin')).toBe('*');
  expect(answer.headers.get('Access-Control-Allow-Headers')).toContain('Authorization');
});

test('another origin can read what went wrong', async () => {
  const read = async (init: RequestInit): Promise<number> => {
    const answer = await fetch(`${our.appUrl}/extension/payment`, { method: 'POST', ...init });
    expect(answer.headers.get('Access-Control-Allow-Origin')).toBe('*');
    return answer.status;
  };
  const headers = { Authorization: `Bearer ${token()}`, 'Content-Type': 'application/json' };
  expect(await read({ headers, body: '{' })).toBe(400);
  expect(await read({ headers, body: JSON.stringify({ orderId: 'x'.repeat(9_000) }) })).toBe(413);
  const order = our.shopify.createOrder({ shop: shopName, total: '21.00' });
  our.shopify.faults.add({ kind: 'status', status: 503 });
  const { id: orderId, checkoutToken } = order;
  expect(await read({ headers, body: JSON.stringify({ orderId, checkoutToken }) })).toBe(503);
});
