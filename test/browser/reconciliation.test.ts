// Orders and money on the first page: a merchant asks for the comparison, sees what does not fit
// with what to do about it, and says that it was dealt with. On a phone and a desk, light and dark.
import type { Browser } from 'playwright-core';
import { beforeAll, expect, test } from 'vitest';
import { until, type World } from '../world.ts';
import { worldOfFile } from '../world-of-file.ts';
import { desk, phone } from './pages.ts';
import { browserOfFile, openAdmin, shoot } from './stage.ts';

let world: World;
let browser: Browser;
let stolen: string;
worldOfFile((made) => {
  world = made;
});
browserOfFile((made) => {
  browser = made;
});
const visit = (options: Parameters<Browser['newContext']>[0]) =>
  openAdmin({ browser, world }, options === undefined ? {} : { options });

beforeAll(async () => {
  const bought = world.buy();
  await world.lightning.pay(await world.invoiceOn(await world.payLink(bought, 60_000), 60_000));
  await world.inState(bought, 'resolved');
  const order = world.shopify.createOrder({ shop: 'alpine.myshopify.com', total: '9.00' });
  world.shopify.markByHand(order.id);
  stolen = order.name;
}, 120_000);

test('a click compares, and what does not fit stands where a person is needed', async () => {
  await using admin = await visit(desk);
  await admin.go('');
  const { inside } = admin;
  await inside.getByText(/The first time is tonight/).waitFor();
  await admin.isPleasant();
  await inside.getByRole('button', { name: 'Check now' }).click();
  await inside.getByText('2 orders checked, 1 unmatched').waitFor({ timeout: 60_000 });
  await until('the problem is there', async () => {
    const title = inside.getByText(`Order ${stolen}: orders and money do not agree`);
    return (await title.count()) === 1;
  });
  await admin.isPleasant();
  expect(admin.faults).toEqual([]);
}, 120_000);

test.each([
  ['390 px, German', { ...phone, locale: 'de-DE' }, '2 Bestellungen geprüft, 1 ohne Gegenstück'],
  ['390 px, dark', { ...phone, colorScheme: 'dark' as const }, '2 orders checked, 1 unmatched'],
  ['1280 px', desk, '2 orders checked, 1 unmatched'],
  [
    '1280 px, dark, German',
    { ...desk, locale: 'de-DE', colorScheme: 'dark' as const },
    '2 Bestellungen geprüft, 1 ohne Gegenstück',
  ],
])('axe finds nothing, and nothing scrolls sideways: %s', async (name, options, words) => {
  await using admin = await visit(options);
  await admin.go('');
  await admin.inside.getByText(words).waitFor();
  await admin.isPleasant();
  await shoot(admin, `reconciled ${name}`);
  expect(admin.faults).toEqual([]);
});

test('what was dealt with is gone, and is not there again after another comparison', async () => {
  await using admin = await visit(phone);
  await admin.go('');
  const { inside } = admin;
  const button = inside.getByRole('button', { name: `I have dealt with it: ${stolen}` });
  await button.click();
  await button.waitFor({ state: 'detached' });
  await inside.getByText('2 orders checked, 0 unmatched').waitFor();
  await inside.getByRole('button', { name: 'Check again' }).click();
  await inside.getByText('so far').waitFor();
  await inside.getByText('so far').waitFor({ state: 'detached', timeout: 60_000 });
  await inside.getByText('2 orders checked, 0 unmatched').waitFor();
  expect(await button.count()).toBe(0);
}, 120_000);
