// The merchant's pages in a real browser, inside the admin's frame: a node is connected as a
// merchant does it, every page is looked at by axe on a phone and on a desk, and what the first
// load weighs is counted. Our doors and pool run as processes of their own; shop and node are
// played.
import { gzipSync } from 'node:zlib';
import type { Browser, BrowserContext } from 'playwright-core';
import { beforeAll, describe, expect, test } from 'vitest';
import { shopName, until, type World } from '../world.ts';
import { worldOfFile } from '../world-of-file.ts';
import { desk, phone } from './pages.ts';
import { browserOfFile, openAdmin } from './stage.ts';

let world: World;
let browser: Browser;
worldOfFile(
  (made) => {
    world = made;
  },
  { notInstalled: true, soundInTheEnd: true },
);
browserOfFile((made) => {
  browser = made;
});

const visit = (options?: Parameters<Browser['newContext']>[0]) =>
  openAdmin({ browser, world }, options === undefined ? {} : { options });

const simulator = () => {
  const { lnd } = world;
  if (lnd === undefined) throw new Error('There is no simulated node.');
  return lnd;
};

const nodeOfShop = async () => (await world.api('GET', '/api/shop')).body['node'] as object | null;

describe('connecting a node', () => {
  test('the admin credential is refused; what the line bakes is taken', async () => {
    await using admin = await visit(desk);
    const { inside, page } = admin;
    await admin.go('');
    await inside.getByText('of 5 steps done').waitFor();
    await admin.isPleasant();
    await inside.getByRole('link', { name: 'Connect a node' }).first().click();

    const lnd = simulator();
    await inside
      .getByLabel('lndconnect link', { exact: true })
      .fill(lnd.lndconnect(lnd.macaroon('admin')));
    await inside.getByRole('button', { name: 'Connect and test' }).click();

    await inside.getByText('This credential can do too much').waitFor();
    await inside.getByText('pay from the node, close channels').waitFor();
    await inside.getByRole('button', { name: /^Show all \d+ permissions$/ }).click();
    await inside.getByText('macaroon:write').waitFor();
    await admin.isPleasant();
    expect(await nodeOfShop()).toBeNull();

    // The merchant does what the page says.
    const line = await inside.locator('[data-line="bake"]').textContent();
    const words = /^lncli bakemacaroon --root_key_id (\d+) (.+)$/.exec(line ?? '');
    const [, rootKeyId = '', permissions = ''] = words ?? [];
    expect(permissions).toContain('uri:/lnrpc.Lightning/AddInvoice');
    const baked = lnd.macaroon(permissions.split(' '), { rootKeyId });
    const field = inside.getByLabel('Paste the new credential here', { exact: true });
    await field.fill(baked.toString('hex'));
    await inside.getByRole('button', { name: 'Connect and test' }).click();

    await inside.getByText('Your node is connected').waitFor();
    await page.getByRole('status').getByText('Node connected').waitFor();
    await inside.getByRole('heading', { name: 'merchant' }).waitFor();
    expect(await nodeOfShop()).toMatchObject({ alias: 'merchant', health: 'reachable' });
    // The secret is in no field any more, and nowhere else on the page.
    expect(await admin.frame().content()).not.toContain(baked.toString('hex'));
    await admin.isPleasant();
    expect(admin.faults).toEqual([]);
  });

  test('a node that is away is said in plain words, and the typed stays', async () => {
    await using admin = await visit({ ...phone, locale: 'de-DE' });
    const { inside } = admin;
    await admin.go('/node');
    await inside.getByRole('button', { name: 'Weiteren Knoten hinzufügen' }).click();
    // Polaris draws its own radio button over the real one.
    await inside.getByText('Host, Zertifikat und Zugang', { exact: true }).click();
    await inside.getByLabel('Host und Port').fill('127.0.0.1:1');
    await inside
      .getByLabel('Zugang (Macaroon)', { exact: true })
      .fill(world.macaroon?.toString('hex') ?? '');
    await inside.getByRole('button', { name: 'Verbinden und testen' }).click();
    await inside.getByText('Ihr Knoten war nicht zu erreichen').waitFor();
    expect(await inside.getByLabel('Host und Port').inputValue()).toBe('127.0.0.1:1');
    await admin.isPleasant();
    // The node that works is still the one in use.
    expect(await nodeOfShop()).toMatchObject({ alias: 'merchant' });
  });
});

describe('with payments', () => {
  const nobodys = '/payments/00000000-0000-4000-8000-000000000000';
  let paidId: string;

  beforeAll(async () => {
    const paid = world.buy();
    const link = await world.payLink(paid);
    await world.lightning.pay(await world.invoiceOn(link));
    await world.inState(paid, 'resolved');
    paidId = (await world.rowOf(paid))?.id ?? '';
    await world.payLink(world.buy({ total: '1234.56' }));
  });

  test.each([
    ['390 px, German', { ...phone, locale: 'de-DE' }],
    ['1280 px', desk],
    ['1280 px, dark', { ...desk, colorScheme: 'dark' as const }],
  ])('axe finds nothing on any page, and none scrolls sideways: %s', async (_name, options) => {
    await using admin = await visit(options);
    const paths = ['', '/payments', `/payments/${paidId}`, nobodys, '/node', '/settings'];
    for (const path of paths) {
      await admin.go(path);
      await admin.isPleasant();
    }
    expect(admin.faults).toEqual([]);
  });

  test('a view stays in the address when the frame is loaded again', async () => {
    await using admin = await visit(desk);
    const { inside } = admin;
    await admin.go('/payments');
    const rows = inside.locator('tbody tr');
    await expect.poll(() => rows.count()).toBe(2);
    await inside.getByRole('tab', { name: 'Paid', exact: true }).filter({ visible: true }).click();
    await expect.poll(() => rows.count()).toBe(1);
    expect(new URL(admin.frame().url()).searchParams.get('state')).toBe('resolved');
    await admin.frame().goto(admin.frame().url());
    await expect.poll(() => rows.count()).toBe(1);
    await rows.first().click();
    await inside.getByText('Shopify accepted the payment.').waitFor();
    const order = inside.getByRole('link', { name: 'Open the order' }).filter({ visible: true });
    await order.click();
    await admin.page.waitForURL(/\/orders\/\d+$/);
  });

  test('a page that stays open shows a payment as it comes', async () => {
    const bought = world.buy();
    const link = await world.payLink(bought);
    const id = (await world.rowOf(bought))?.id ?? '';
    await using admin = await visit(desk);
    await admin.go(`/payments/${id}`);
    await admin.inside.getByText('The order waits for its payment.').first().waitFor();
    await world.lightning.pay(await world.invoiceOn(link));
    await admin.inside.getByText('Shopify accepted the payment.').waitFor({ timeout: 15_000 });
  });

  test('nobody leaves the settings without saving or discarding', async () => {
    await using admin = await visit(desk);
    const { inside, page } = admin;
    await admin.go('/settings');
    const name = inside.getByLabel('Exact name of the manual payment method');
    await name.fill('Lightning!');
    await page.getByText('Unsaved changes').waitFor();
    await page.getByRole('link', { name: 'Payments' }).last().click();
    expect(await name.inputValue()).toBe('Lightning!');
    await page.getByRole('button', { name: 'Discard' }).click();
    await expect.poll(() => name.inputValue()).toBe('Bitcoin (Lightning)');
    await name.fill('bitcoin (lightning)');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByText('Settings saved').waitFor();
    const { body } = await world.api('GET', '/api/shop');
    expect(body['method']).toEqual({ name: 'bitcoin (lightning)' });
  });
});

test('the first load is light and does not move', async () => {
  const bytes = new Map<string, number>();
  const weighing: Promise<void>[] = [];
  const prepare = async (context: BrowserContext): Promise<void> => {
    await context.addInitScript(() => {
      const seen = globalThis as unknown as { shifted: number };
      seen.shifted = 0;
      new PerformanceObserver((list) => {
        for (const entry of list.getEntries()) {
          seen.shifted += (entry as unknown as { value: number }).value;
        }
      }).observe({ type: 'layout-shift', buffered: true });
    });
    context.on('response', (response) => {
      if (!response.url().startsWith(`${world.appUrl}/`)) return;
      const weigh = async (): Promise<void> => {
        bytes.set(response.url(), gzipSync(await response.body()).length);
      };
      weighing.push(weigh());
    });
  };
  await using admin = await openAdmin({ browser, world }, { options: phone, prepare });
  await admin.go('');
  await admin.inside.getByText('Latest payments').waitFor();
  await Promise.all(weighing);
  expect(bytes.size).toBeGreaterThan(4);
  expect(bytes.size).toBeLessThan(16);
  const total = [...bytes.values()].reduce((sum, one) => sum + one, 0);
  expect(total).toBeGreaterThan(50_000);
  expect(total).toBeLessThan(250_000);
  const shifted = await admin
    .frame()
    .evaluate(() => (globalThis as unknown as { shifted: number }).shifted);
  expect(shifted).toBeLessThan(0.1);
});

test('only the shop’s own admin may frame it, and its script comes first', async () => {
  const query = `shop=${shopName}&embedded=1`;
  const answer = await fetch(`${world.appUrl}/?${query}`);
  const html = await answer.text();
  expect(html.indexOf('shopify-api-key')).toBeLessThan(html.indexOf('app-bridge.js'));
  expect(html.indexOf('app-bridge.js')).toBeLessThan(html.indexOf('/merchant/assets/'));
  expect(answer.headers.get('content-security-policy')).toMatch(/frame-ancestors http:\/\/127\./);
  const other = await fetch(`${world.appUrl}/?shop=evil.example&embedded=1`);
  expect(other.headers.get('content-security-policy')).toContain("frame-ancestors 'none'");
  await until('the doors still answer', async () => (await fetch(`${world.appUrl}/readyz`)).ok);
});
