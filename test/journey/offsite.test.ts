// The whole way of a payment session: chosen at checkout, paid on our page, told to Shopify, and the
// buyer back at the shop; and what becomes of it when any part of that fails in between.
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { testDatabase, type TestDatabase } from '../database.ts';
import { startWorld, until, type World } from '../world.ts';
import { chosen, hasPaymentsApp, rowOfSession, sessionIs } from './offsite-shop.ts';
import { isSound, payInTheEnd } from './paid-once.ts';

let place: TestDatabase;
let world: World;
beforeAll(async () => {
  place = await testDatabase();
  world = await startWorld({ databaseUrl: place.url, payments: true });
  await hasPaymentsApp(world);
}, 120_000);
afterAll(async () => {
  await world.close();
  await place.close();
});

const resolvedTimes = (session: { id: string }): number =>
  world.shopify.payments.effects.count(session.id, 'resolved');

test('chosen, paid, resolved: the page leads back to the shop, and the order is there', async () => {
  const session = await chosen(world, { amount: '21.00', currency: 'EUR' });
  const html = await (await fetch(session.payUrl)).text();
  const { cancel_url: cancelUrl } = (
    JSON.parse(session.sent) as { payment_method: { data: { cancel_url: string } } }
  ).payment_method.data;
  expect(html).toContain(`href="${cancelUrl}"`);
  expect(await world.status(session.payUrl)).toMatchObject({
    session: true,
    state: 'open',
    backUrl: cancelUrl,
    fiat: { amount: '21.00', currency: 'EUR' },
  });
  const bolt11 = await world.invoiceOn(session.payUrl);
  // The buyer closes the tab here: nobody asks for the page any more.
  await payInTheEnd(world, bolt11);
  await sessionIs(world, session, 'resolved');
  expect(resolvedTimes(session)).toBe(1);
  expect(world.shopify.payments.effects.orders(session.id)).toBe(1);
  const { returnUrl } = await rowOfSession(world, session);
  const view = await world.status(session.payUrl);
  expect(view).toMatchObject({ state: 'resolved', final: true, returnUrl });
  const after = await (await fetch(session.payUrl)).text();
  expect(after).toContain(`http-equiv="refresh" content="1;url=${String(returnUrl)}"`);
  expect(after).toContain(`href="${String(returnUrl)}"`);
  await isSound(world);
}, 120_000);
