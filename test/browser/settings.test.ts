// The settings in a real browser, inside the admin's frame: saved and discarded, refused beside the
// field, kept through a network that is away and a second tab that was faster, in two languages.
import type { Browser } from 'playwright-core';
import { describe, expect, test } from 'vitest';
import type { World } from '../world.ts';
import { worldOfFile } from '../world-of-file.ts';
import { desk, phone } from './pages.ts';
import { browserOfFile, openAdmin, type Admin } from './stage.ts';

let world: World;
let browser: Browser;
worldOfFile(
  (made) => {
    world = made;
  },
  // The settings need no node.
  { soundInTheEnd: true, notInstalled: true },
);
browserOfFile((made) => {
  browser = made;
});

const visit = (options?: Parameters<Browser['newContext']>[0]): Promise<Admin> =>
  openAdmin({ browser, world }, options === undefined ? {} : { options });

const save = (admin: Admin): Promise<void> =>
  admin.page.getByRole('button', { name: 'Save' }).click();
const isSaved = async (admin: Admin): Promise<void> => {
  await admin.page.getByText('Settings saved').last().waitFor();
  await admin.page.getByText('Unsaved changes').waitFor({ state: 'hidden' });
};
type Stored = { settings: Record<string, unknown> };
const stored = async (): Promise<Stored['settings']> =>
  ((await world.api('GET', '/api/settings')).body as Stored).settings;

describe.each([
  ['390 px', phone],
  ['390 px, German, dark', { ...phone, locale: 'de-DE', colorScheme: 'dark' as const }],
  ['1280 px', desk],
  ['1280 px, dark', { ...desk, colorScheme: 'dark' as const }],
])('%s', (_name, options) => {
  test('axe finds nothing: as it comes, unfolded, and with every field wrong', async () => {
    await using admin = await visit(options);
    const { inside } = admin;
    await admin.go('/settings');
    await admin.isPleasant();
    await inside.getByRole('radio').nth(1).press('Space');
    await inside.getByLabel(/for bitcoin|für Bitcoin/).selectOption('markup');
    await inside.getByLabel(/no two sources|keine zwei Quellen/).selectOption('widen');
    for (const field of ['quoteSeconds', 'spreadLimitBp', 'smallestMsat', 'unpaidHours']) {
      await inside.locator(`#zt-${field}`).fill('never');
    }
    await inside.locator('#zt-methodName').fill('');
    await inside.locator('#zt-alertUrl').fill('nowhere');
    await inside.getByRole('checkbox').nth(0).press('Space');
    await inside.getByRole('checkbox').nth(1).press('Space');
    await expect.poll(() => inside.locator('[aria-invalid="true"]').count()).toBeGreaterThan(4);
    await admin.isPleasant();
    expect(admin.faults).toEqual([]);
  });
});

test('what a merchant chooses is stored, and is there when the page comes again', async () => {
  await using admin = await visit(desk);
  const { inside } = admin;
  // An order says in which currency the shop sells.
  await world.inState(world.buy(), 'open');
  await admin.go('/settings');
  await inside.getByLabel('How long a price holds').fill('15');
  await inside.getByLabel('Coinbase').press('Space');
  await inside.getByLabel('How far apart prices may be').fill('0,5');
  await inside.getByLabel('Discount or markup for bitcoin').selectOption('discount');
  await inside.getByLabel('How much').fill('2,5');
  await inside.getByLabel('Smallest payment').fill('1,000');
  await inside.getByLabel('Largest payment').fill('5 000 000');
  await inside
    .getByText(/^At the moment about €/)
    .first()
    .waitFor();
  await inside.getByLabel('In German').fill('Fragen? Rufen Sie uns an.');
  await inside.getByLabel('Cancel it and restock its goods').press('Space');
  await inside.getByLabel('Cancel after').fill('48');
  await save(admin);
  await isSaved(admin);
  expect(await stored()).toMatchObject({
    quoteSeconds: 900,
    rateSources: ['kraken', 'bitstamp'],
    spreadLimitBp: 50,
    priceAdjustmentBp: -250,
    smallestMsat: '1000000',
    largestMsat: '5000000000',
    buyerWords: { de: 'Fragen? Rufen Sie uns an.' },
    unpaidHours: 48,
  });
  await admin.go('/settings');
  await expect.poll(() => inside.getByLabel('Cancel after').inputValue()).toBe('48');
  expect(await inside.getByLabel('Largest payment').inputValue()).toBe('5000000');
  expect(admin.faults).toEqual([]);
});

test('the server’s no is beside its field, which has the focus', async () => {
  await using admin = await visit(desk);
  const { inside } = admin;
  await admin.go('/settings');
  await inside.getByLabel('Web address (webhook)').fill('https://192.168.0.1.nip/');
  await inside.getByLabel('Web address (webhook)').fill('http://example.com/');
  await save(admin);
  await inside.getByText('Give a public address that begins with https://.').waitFor();
  const focused = admin.frame().evaluate(() => document.activeElement?.id);
  expect(await focused).toBe('zt-alertUrl');
  await admin.page.getByRole('button', { name: 'Discard' }).click();
  await expect.poll(() => inside.getByLabel('Web address (webhook)').inputValue()).toBe('');
});

test('nothing is lost while the network is away, and leaving asks first', async () => {
  await using admin = await visit(desk);
  const { inside, page } = admin;
  await admin.go('/settings');
  const words = inside.getByLabel('In English');
  await words.fill('Questions? Call us.');
  await page.context().route('**/api/settings', (route) => route.abort());
  await save(admin);
  await inside.getByText('The settings are not saved yet').waitFor();
  expect(await words.inputValue()).toBe('Questions? Call us.');
  await page.getByRole('link', { name: 'Payments' }).last().click();
  expect(await words.inputValue()).toBe('Questions? Call us.');
  await page.context().unroute('**/api/settings');
  await inside.getByRole('button', { name: 'Try again' }).click();
  await isSaved(admin);
  expect(await stored()).toMatchObject({ buyerWords: { en: 'Questions? Call us.' } });
});

test('two tabs: the slower one sees what changed, and keeps its own', async () => {
  await using slow = await visit(desk);
  await slow.go('/settings');
  await slow.inside.getByLabel('Cancel after').fill('72');
  await using fast = await visit(desk);
  await fast.go('/settings');
  await fast.inside.getByLabel('Smallest payment').fill('2000');
  await fast.inside.getByLabel('Cancel after').fill('96');
  await save(fast);
  await isSaved(fast);
  await save(slow);
  await slow.inside.getByText('Somebody else saved the settings meanwhile').waitFor();
  await slow.inside.getByText('Changed there: Smallest payment and Unpaid orders.').waitFor();
  await slow.isPleasant();
  expect(await slow.inside.getByLabel('Smallest payment').inputValue()).toBe('2000');
  expect(await slow.inside.getByLabel('Cancel after').inputValue()).toBe('72');
  await save(slow);
  await isSaved(slow);
  expect(await stored()).toMatchObject({ smallestMsat: '2000000', unpaidHours: 72 });
});

test('a web address brings a secret that is shown once, and a test says how it went', async () => {
  await using admin = await visit(desk);
  const { inside } = admin;
  await admin.go('/settings');
  await inside.getByText(/This server is not set up to send e-mail/).waitFor();
  await inside.getByLabel('Web address (webhook)').fill('https://hooks.example.com/zaptill');
  await save(admin);
  const secret = inside.getByText(/^zas_/);
  await secret.waitFor();
  await admin.isPleasant();
  await inside.getByRole('button', { name: 'Send a test alert' }).click();
  await inside.getByText(/^Web address: it answered, but not with success/).waitFor();
  await admin.go('/settings');
  await inside.getByRole('button', { name: 'Make a new secret' }).waitFor();
  expect(await secret.count()).toBe(0);
});

test('the language changes at once, and is there on the next load', async () => {
  await using admin = await visit(desk);
  const { inside, page } = admin;
  await admin.go('/settings');
  await inside.getByLabel('Language of these pages').selectOption({ label: 'German' });
  await save(admin);
  await inside.getByRole('heading', { level: 1, name: 'Einstellungen' }).waitFor();
  expect(await admin.frame().evaluate(() => document.documentElement.lang)).toBe('de');
  await admin.go('/settings');
  await inside.getByRole('heading', { level: 1, name: 'Einstellungen' }).waitFor();
  await inside.getByLabel('Sprache dieser Seiten').selectOption('');
  await page.getByRole('button', { name: /Save|Speichern/ }).click();
  await inside.getByRole('heading', { level: 1, name: 'Settings' }).waitFor();
});
