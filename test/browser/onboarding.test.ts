// A merchant sets the shop up, from the app's first page to a self-test that has passed: the link
// read from a picture, the refused credential, the node without channels, the method, the block on
// a real thank-you page, and every hop of the test. The machine's time for it is measured.
import encodeQR from 'qr';
import { PNG } from 'pngjs';
import type { Browser, FrameLocator, Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { until, type World } from '../world.ts';
import { worldOfFile } from '../world-of-file.ts';
import { desk, phone } from './pages.ts';
import { browserOfFile, buyByHand, openAdmin, type Admin } from './stage.ts';

let world: World;
let browser: Browser;
worldOfFile(
  (made) => {
    world = made;
  },
  { notInstalled: true, block: true, soundInTheEnd: true },
);
browserOfFile((made) => {
  browser = made;
});

const visit = (options?: Parameters<Browser['newContext']>[0]) =>
  openAdmin({ browser, world }, options === undefined ? {} : { options });
const simulator = () => {
  if (world.lnd === undefined) throw new Error('There is no simulated node.');
  return world.lnd;
};

/** A picture as a node's own page would show it. */
function pictureOf(text: string): Buffer {
  const scale = 4;
  const rows = encodeQR(text, 'raw', { border: 4 });
  const png = new PNG({ width: rows.length * scale, height: rows.length * scale });
  for (let y = 0; y < png.height; y += 1) {
    for (let x = 0; x < png.width; x += 1) {
      const dark = rows[Math.floor(y / scale)]?.[Math.floor(x / scale)] === true;
      png.data.fill(dark ? 0 : 255, (y * png.width + x) * 4, (y * png.width + x) * 4 + 3);
      png.data[(y * png.width + x) * 4 + 3] = 255;
    }
  }
  return PNG.sync.write(png);
}

const progress = (inside: FrameLocator, done: number) =>
  inside.getByText(`${String(done)} of 5 steps done`).waitFor({ timeout: 30_000 });

async function choosePicture(inside: FrameLocator, text: string): Promise<void> {
  // Polaris draws its own radio button over the real one.
  await inside.getByText('A picture of its QR code', { exact: true }).click();
  const picture = { name: 'qr.png', mimeType: 'image/png', buffer: pictureOf(text) };
  await inside.locator('input[type="file"]').setInputFiles(picture);
}

/** The block on the thank-you page asks us. */
const buyOnce = (page: Page): Promise<void> => buyByHand({ page, world });

const hopStates = (admin: Admin): Promise<(string | null)[]> =>
  admin.inside
    .locator('.zt-hops > li')
    .evaluateAll((hops) => hops.map((hop) => hop.getAttribute('data-state')));

test('from install to a passed self-test, in less than a minute of the machine', async () => {
  const lnd = simulator();
  await using admin = await visit(desk);
  const { inside, page } = admin;
  const began = performance.now();
  await admin.go('/setup');
  await progress(inside, 0);
  // The self-test says what is missing before anything is there.
  await choosePicture(inside, 'https://example.com/no-link');
  await inside.getByText('no lndconnect link in it').waitFor();
  await choosePicture(inside, world.lightning.lndconnect);
  await page.getByText('The link was read from the picture.').waitFor();
  await inside.getByRole('button', { name: 'Connect and test' }).click();
  await progress(inside, 2);
  expect(await admin.frame().content()).not.toContain(world.macaroon?.toString('hex'));

  // The method and the block are seen when a shopper meets them.
  const shopper = await browser.newContext({ locale: 'en-GB' });
  await buyOnce(await shopper.newPage());
  await progress(inside, 4);
  await shopper.close();

  await inside.getByRole('button', { name: 'Run the self-test' }).click();
  await inside.getByText('The self-test is running').waitFor();
  await inside.getByText('The self-test has passed').waitFor({ timeout: 60_000 });
  await progress(inside, 5);
  const tookMs = Math.round(performance.now() - began);
  process.stdout.write(`install to passed self-test: ${String(tookMs)} ms\n`);
  expect(tookMs).toBeLessThan(60_000);

  expect(new Set(await hopStates(admin))).toEqual(new Set(['passed']));
  await inside.getByText('Everything works').waitFor();
  expect(lnd.invoices.all().filter(({ memo }) => memo === 'Zaptill self-test')).toHaveLength(1);
  expect(world.shopify.orders().filter(({ name }) => name.startsWith('Zaptill'))).toEqual([]);
  await admin.isPleasant();
  expect(admin.faults).toEqual([]);
});

test.each([
  ['390 px, German', { ...phone, locale: 'de-DE' }],
  ['1280 px, dark', { ...desk, colorScheme: 'dark' as const }],
])('axe finds nothing in any state, and nothing scrolls sideways: %s', async (_name, options) => {
  await using admin = await visit(options);
  const { inside } = admin;
  await admin.go('/setup');
  await admin.isPleasant();
  for (const step of await inside.locator('.zt-step-head button').all()) {
    if ((await step.getAttribute('aria-expanded')) === 'false') await step.click();
    await admin.isPleasant();
  }
  await admin.go('/node');
  await admin.isPleasant();
  expect(admin.faults).toEqual([]);
});

test('a node that cannot receive, and then can: the step says what to do and sees it', async () => {
  const lnd = simulator();
  const terms = [...lnd.channels];
  lnd.setChannels([]);
  await using admin = await visit(phone);
  const { inside } = admin;
  await admin.go('/setup');
  const step = inside.getByRole('button', { name: 'See that your node can receive' });
  // It opens by itself when the node was asked anew, as it is after a while.
  if ((await step.getAttribute('aria-expanded')) === 'false') await step.click();
  await inside.getByRole('button', { name: 'Look again' }).click();
  await inside.getByText('Your node has no channel.').waitFor();
  await progress(inside, 4);
  await admin.isPleasant();
  lnd.setChannels(terms);
  await inside.getByRole('button', { name: 'Look again' }).click();
  await progress(inside, 5);
});

test('the node is down: the first hop fails with a sentence, and nothing is left', async () => {
  const lnd = simulator();
  await lnd.stop({ how: 'kill' });
  await using admin = await visit({ ...phone, locale: 'de-DE' });
  const { inside } = admin;
  await admin.go('/setup');
  const open = inside.getByRole('button', { name: 'Den ganzen Weg testen' });
  if ((await open.getAttribute('aria-expanded')) === 'false') await open.click();
  await inside.getByRole('button', { name: 'Erneut starten' }).click();
  await inside.getByText('Der Selbsttest endete bei: Ihr Knoten antwortet').waitFor();
  expect(await hopStates(admin)).toEqual(['failed', ...Array.from({ length: 9 }, () => 'skipped')]);
  await admin.isPleasant();
  await lnd.restart();
  await until('the node is well again', async () => {
    const { body } = await world.api('POST', '/api/setup/look', {});
    return (body['node'] as { health: string } | null)?.health === 'reachable';
  });
});

test('a name in Arabic, and a method that Shopify does not know', async () => {
  await world.api('POST', '/api/method', { name: 'بيتكوين (لايتنينغ)' });
  await using admin = await visit(desk);
  const { inside } = admin;
  await admin.go('/setup');
  await inside.locator('[data-line="method"]', { hasText: 'بيتكوين' }).waitFor();
  await inside.getByRole('button', { name: 'Test the whole way' }).click();
  await inside.getByRole('button', { name: 'Run it again' }).click();
  await inside
    .getByText('The self-test has stopped at: A partial payment is recorded with your method')
    .waitFor({ timeout: 60_000 });
  await inside.getByText('Shopify knows no manual payment method').waitFor();
  await admin.isPleasant();
  await world.api('POST', '/api/method', { name: 'Bitcoin (Lightning)' });
});
