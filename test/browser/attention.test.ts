// What a payment asks a person for, in a real browser inside the admin's frame: late money of an
// order that still stands is taken for it, and a question about a node that is gone gets its end.
import type { Browser } from 'playwright-core';
import { expect, test } from 'vitest';
import { currentInvoice, invoiceIsCanceled } from '../../web/db/invoices.ts';
import { closePayment } from '../../web/db/payments.ts';
import { until, type Bought, type World } from '../world.ts';
import { worldOfFile } from '../world-of-file.ts';
import { desk, phone } from './pages.ts';
import { browserOfFile, openAdmin, shoot, type Admin } from './stage.ts';

let world: World;
let browser: Browser;
worldOfFile((made) => {
  world = made;
});
browserOfFile((made) => {
  browser = made;
});

const admin = (options: Parameters<Browser['newContext']>[0] = desk): Promise<Admin> =>
  openAdmin({ browser, world }, { options });
const idOf = async (bought: Bought): Promise<string> => (await world.rowOf(bought))?.id ?? '';

/** The node said that it can never be paid, and is back in a time when it could. */
async function isLate(bought: Bought): Promise<string> {
  const request = await world.invoiceOn(await world.payLink(bought));
  // A stream that opens for the first time asks of what can be paid, and of nothing that is over.
  await until('the stream of the node is whole', async () => {
    const whole = { NOT: { streamWholeSince: null } };
    return (await world.db.prisma.node.count({ where: whole })) > 0;
  });
  const paymentId = await idOf(bought);
  const invoice = await currentInvoice(world.db, paymentId);
  if (invoice === undefined) throw new Error('there is no invoice');
  const { id } = invoice;
  await invoiceIsCanceled(world.db, { id, paymentId, because: 'node_says_canceled' });
  await closePayment(world.db, { paymentId, because: 'order_owes_nothing' });
  expect((await world.lightning.pay(request)).ok).toBe(true);
  await until('a person is asked', async () => {
    const row = await world.db.prisma.payment.findUniqueOrThrow({ where: { id: paymentId } });
    return row.attention === 'overpaid' && row.state === 'lapsed';
  });
  return paymentId;
}
const stateOf = async (id: string): Promise<string> =>
  (await world.db.prisma.payment.findUniqueOrThrow({ where: { id } })).state;

test('late money is taken for an order that still stands', async () => {
  const bought = world.buy({ total: '21.00' });
  const id = await isLate(bought);
  await using here = await admin();
  const { inside } = here;
  await here.go(`/payments/${id}`);
  await inside.getByText('The money came after the payment was over').waitFor();
  await shoot(here, 'late desk');
  await here.isPleasant();
  await inside.getByRole('button', { name: 'Take it for the order' }).click();
  await inside.getByRole('button', { name: 'Mark it as paid' }).click();
  await until('Shopify has it as paid', async () => (await stateOf(id)) === 'resolved', 60_000);
  expect(world.shopify.effects.payments(bought.orderId)).toBe(1);
  await here.go(`/payments/${id}`);
  await inside.getByText('Its money came late, and is taken for the order all the same.').waitFor();
  expect(here.faults).toEqual([]);
}, 180_000);

test('of an order that was cancelled it is not, and the page says why', async () => {
  const bought = world.buy({ total: '9.00' });
  const id = await isLate(bought);
  world.shopify.cancel(bought.orderId);
  await using here = await admin(phone);
  const { inside } = here;
  await here.go(`/payments/${id}`);
  await inside.getByRole('button', { name: 'Take it for the order' }).click();
  await inside.getByRole('button', { name: 'Mark it as paid' }).click();
  await inside.getByText('it cannot take this money').waitFor();
  await shoot(here, 'late refused phone');
  await here.isPleasant();
  expect(await stateOf(id)).toBe('lapsed');
  expect(here.faults).toEqual([]);
}, 180_000);

test('who knows says what became of an invoice at a node that is gone', async () => {
  const bought = world.buy({ total: '5.00' });
  await world.invoiceOn(await world.payLink(bought));
  const id = await idOf(bought);
  await world.db.prisma.payment.update({ where: { id }, data: { attention: 'node_gone' } });
  await using here = await admin(phone);
  const { inside } = here;
  await here.go(`/payments/${id}`);
  await inside.getByText('Nobody knows whether this was paid').waitFor();
  await inside.getByRole('button', { name: 'I saw it paid there' }).click();
  await inside.getByText('Zaptill has no proof of this payment').waitFor();
  await shoot(here, 'gone phone');
  await here.isPleasant();
  await inside.getByRole('button', { name: 'I saw it paid', exact: true }).click();
  await inside.getByText('Mark it as paid in Shopify first.').waitFor();
  expect(await stateOf(id)).toBe('open');
  expect(here.faults).toEqual([]);
}, 180_000);

test.each([
  ['refund_undone', 'A refund came to nothing', phone],
  ['refund_unread', 'Shopify does not show us what was refunded', desk],
  ['refund_untold', 'Shopify does not hear how a refund ended', phone],
  ['not_charged', 'Not charged in time, and given back', desk],
] as const)(
  '%s is asked on the first page and seen to on its own',
  async (word, title, size) => {
    const bought = world.buy({ total: '7.00' });
    const request = await world.invoiceOn(await world.payLink(bought));
    expect((await world.lightning.pay(request)).ok).toBe(true);
    const id = await idOf(bought);
    await until('Shopify has it as paid', async () => (await stateOf(id)) === 'resolved', 60_000);
    await world.db.prisma.payment.update({ where: { id }, data: { attention: word } });
    await using here = await admin(size);
    const { inside } = here;
    await here.go('/');
    await shoot(here, `${word} first page`);
    await inside
      .getByRole('link', { name: /See the payment/ })
      .first()
      .click();
    await inside.getByText(title).first().waitFor();
    await shoot(here, word);
    await here.isPleasant();
    await inside.getByRole('button', { name: 'I have seen to it' }).click();
    await inside.getByRole('button', { name: 'Seen to', exact: true }).click();
    await until('it asks for nobody any more', async () => {
      const row = await world.db.prisma.payment.findUniqueOrThrow({ where: { id } });
      return row.attention === null;
    });
    expect(here.faults).toEqual([]);
  },
  180_000,
);

test('the settings say whether late money is taken', async () => {
  await using here = await admin();
  const { inside } = here;
  await here.go('/settings');
  await inside.getByLabel('Take money that comes late for an order that still stands').check();
  const drift = inside.getByLabel('How much less the sats may be worth by then');
  await drift.waitFor();
  expect(await drift.inputValue()).toBe('3');
  await shoot(here, 'late settings');
  await here.isPleasant();
  expect(here.faults).toEqual([]);
}, 120_000);
