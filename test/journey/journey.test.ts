// The whole journey over real protocols: an order, a promise in sats, an invoice on the merchant's
// node, a buyer's payment, one durable record, the order Paid in Shopify. And what must not happen.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { testDatabase, type TestDatabase } from '../database.ts';
import { startWorld, until, type World } from '../world.ts';

let place: TestDatabase;
let world: World;

beforeAll(async () => {
  place = await testDatabase();
  world = await startWorld({ databaseUrl: place.url });
});
afterAll(async () => {
  expect(await world.violations()).toEqual([]);
  await world.close();
  await place.close();
});

test('an order is paid over Lightning and marked paid, once', async () => {
  const bought = world.buy();
  const payUrl = await world.payLink(bought);
  const invoice = await world.invoiceOn(payUrl);
  const before = await world.status(payUrl);
  expect(before).toMatchObject({ state: 'open', fiat: { amount: '21.00', currency: 'EUR' } });
  expect(await world.lightning.pay(invoice)).toMatchObject({ ok: true });
  const paidAt = Date.now();
  await until('the page says paid', async () => (await world.status(payUrl)).state !== 'open');
  expect(Date.now() - paidAt).toBeLessThan(5_000);
  await world.isPaid(bought);
  await world.inState(bought, 'resolved');
  expect(world.shopify.effects.payments(bought.orderId)).toBe(1);
});
