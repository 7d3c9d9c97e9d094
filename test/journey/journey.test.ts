// The whole journey over real protocols: an order, a promise in sats, an invoice on the merchant's
// node, a buyer's payment, one durable record, the order Paid in Shopify. And what must not happen.
import { expect, test } from 'vitest';
import { until, type World } from '../world.ts';
import { worldOfFile } from '../world-of-file.ts';

let world: World;
worldOfFile(
  (made) => {
    world = made;
  },
  { soundInTheEnd: true },
);

test('an order is paid over Lightning and marked paid, once', async () => {
  const bought = world.buy();
  const payUrl = await world.payLink(bought);
  const invoice = await world.invoiceOn(payUrl);
  const before = await world.status(payUrl);
  expect(before).toMatchObject({ state: 'open', fiat: { amount: '21.00', currency: 'EUR' } });
  expect(await world.lightning.pay(invoice)).toMatchObject({ ok: true });
  await until('the page says paid', async () => (await world.status(payUrl)).state !== 'open');
  await world.isPaid(bought);
  await world.inState(bought, 'resolved');
  expect(world.shopify.effects.payments(bought.orderId)).toBe(1);
});
