/// <reference types="@shopify/ui-extensions/customer-account.order-status.block.render" />
import { setUpExtension } from '@shopify/ui-extensions-tester';
import { expect, test } from 'vitest';
import {
  begin,
  beginEachTest,
  find,
  heading,
  isEmpty,
  json,
  noLine,
  notYet,
  pass,
  replying,
  setEditor,
  textOf,
  toPay,
  view,
} from './play.ts';

beginEachTest();

function onPage(ageMs: number, ...replies: (() => Response)[]) {
  const extension = setUpExtension('customer-account.order-status.block.render');
  setEditor(extension.shopify);
  const processedAt = new Date(Date.now() - ageMs).toISOString();
  extension.shopify.order.value = { id: 'gid://shopify/Order/9', name: '#9', processedAt };
  extension.shopify.checkoutToken.value = 'token-of-checkout';
  const fetched = replying(replies);
  extension.fetch = fetched;
  return { extension, fetched };
}
const minuteMs = 60_000;
const dayMs = 24 * 60 * minuteMs;

test('a price that ran out leads to a new one, and the new one appears here', async () => {
  const { extension } = onPage(
    minuteMs,
    () => json({ ...view, expired: true }),
    () => json(toPay),
  );
  using _ = extension;
  await begin(extension);
  expect(heading()).toBe('expired.head');
  expect(find('s-button')?.getAttribute('href')).toBe(view.payUrl);
  expect(find('s-button')?.textContent).toBe('renew');
  await pass(10_000);
  expect(find('s-qr-code')?.getAttribute('content')).toBe('lightning:LNBC210U1ABC');
});

test('a fresh order that is not found may be paid later on this page', async () => {
  const { extension } = onPage(minuteMs, notYet);
  using _ = extension;
  await begin(extension);
  await pass(60_000);
  expect(textOf('s-text')).toEqual(['slow_here']);
});

test.each([
  ['is not found', notYet],
  ['cannot be asked for', noLine],
])('an old order that %s has no block', async (_name, reply) => {
  const { extension, fetched } = onPage(dayMs, reply);
  using _ = extension;
  await begin(extension);
  for (const ms of [0, 5_000, minuteMs]) {
    await pass(ms);
    expect(isEmpty()).toBe(true);
  }
  expect(fetched.mock.calls.length).toBeGreaterThan(1);
});

test('an old order that is ours has its block', async () => {
  const { extension } = onPage(dayMs, () => json(toPay));
  using _ = extension;
  await begin(extension);
  expect(find('s-qr-code')).not.toBeNull();
});

test('nothing, and nobody is asked, until the page knows its order', async () => {
  const { extension, fetched } = onPage(minuteMs, () => json(toPay));
  using _ = extension;
  const order = extension.shopify.order.value;
  extension.shopify.order.value = undefined;
  await begin(extension);
  await pass(2_500);
  expect(isEmpty()).toBe(true);
  expect(fetched).not.toHaveBeenCalled();
  extension.shopify.order.value = order;
  await pass(1_000);
  expect(find('s-qr-code')).not.toBeNull();
});
