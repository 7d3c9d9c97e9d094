// Staff share what a shop is paid: rules, what is owed to whom, and a payout, between a pool and
// nobody who signs. On a phone and a desk, light and dark.
import type { Browser } from 'playwright-core';
import { expect, test } from 'vitest';
import { until, type World } from '../world.ts';
import { worldOfFile } from '../world-of-file.ts';
import { desk, phone } from './pages.ts';
import { browserOfFile, openAdmin, shoot } from './stage.ts';

let world: World;
let browser: Browser;
worldOfFile((made) => {
  world = made;
});
browserOfFile((made) => {
  browser = made;
});
const visit = (options: Parameters<Browser['newContext']>[0]) =>
  openAdmin({ browser, world }, options === undefined ? {} : { options });

test('switched on, a rule is made, and a payment shows who is owed what', async () => {
  await using admin = await visit({ ...desk, colorScheme: 'dark' });
  const { inside } = admin;
  await admin.go('/shares');
  await inside.getByText('Receivers appear here').waitFor();
  await admin.isPleasant();
  await shoot(admin, 'shares-empty');
  // Polaris lays its own drawing over the box of the browser.
  await inside.getByText('Set a part of each payment aside for others').click();
  await inside.getByRole('button', { name: 'Save', exact: true }).click();
  await inside.getByText(/the signer has no paying credential/).waitFor();
  await inside.getByRole('button', { name: 'Add a rule' }).click();
  await inside.getByLabel('Name', { exact: true }).fill('Anna the artist');
  await inside.getByLabel('Lightning address').fill('anna');
  await inside.getByLabel('How much').fill('150');
  await inside.getByRole('button', { name: 'Add a rule' }).click();
  await inside.getByText(/Give a Lightning address/).waitFor();
  await inside.getByLabel('Lightning address').fill('anna@wallet.example.com');
  await inside.getByRole('button', { name: 'Add a rule' }).click();
  await inside.getByText(/Give a percentage/).waitFor();
  await admin.isPleasant();
  await shoot(admin, 'shares-rule');
  await inside.getByLabel('How much').fill('12.5');
  await inside.getByRole('button', { name: 'Add a rule' }).click();
  await inside.getByText(/^12.5\s%$/).waitFor();
  const bought = world.buy();
  await world.lightning.pay(await world.invoiceOn(await world.payLink(bought, 60_000), 60_000));
  await world.inState(bought, 'resolved');
  await until('the pool has booked it', async () => {
    const { rows } = await world.db.pool.query('select 1 from share');
    return rows.length === 1;
  });
  await admin.go('/shares');
  const receivers = inside.getByRole('table', { name: 'Receivers' });
  await receivers.getByText('Anna the artist').waitFor();
  await admin.isPleasant();
  await shoot(admin, 'shares-owed');
  expect(admin.faults).toEqual([]);
}, 240_000);

test('on a phone and in German, and a rule is ended', async () => {
  await using admin = await visit({ ...phone, locale: 'de-DE' });
  const { inside } = admin;
  await admin.go('/shares');
  await inside.getByRole('table', { name: 'Empfänger' }).getByText('Anna the artist').waitFor();
  await admin.isPleasant();
  await shoot(admin, 'shares-phone');
  await inside.getByRole('button', { name: 'Die Regel für Anna the artist beenden' }).click();
  await inside.getByText(/Es gibt keine Regel/).waitFor();
  await inside.getByRole('table', { name: 'Empfänger' }).getByText('Anna the artist').waitFor();
  expect(admin.faults).toEqual([]);
}, 240_000);
