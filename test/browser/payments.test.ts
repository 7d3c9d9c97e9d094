// The list of payments and one payment in a real browser, inside the admin's frame: no payment, one
// and many, what is looked for and not there, names in Arabic, the smallest and the largest amount;
// saved views, pages, an export to the disk. On a phone and on a desk, with axe.
import { readFile } from 'node:fs/promises';
import type { Browser } from 'playwright-core';
import { beforeAll, describe, expect, test } from 'vitest';
import { rows } from '../../web/db/database.ts';
import { until, type Bought, type World } from '../world.ts';
import { worldOfFile } from '../world-of-file.ts';
import { desk, phone } from './pages.ts';
import { browserOfFile, openAdmin, type Admin } from './stage.ts';

let world: World;
let browser: Browser;
worldOfFile((made) => {
  world = made;
});
browserOfFile((made) => {
  browser = made;
});

const arabic = 'طلب-١٠٠٧';
const admin = (options: Parameters<Browser['newContext']>[0] = desk): Promise<Admin> =>
  openAdmin({ browser, world }, { options });
const linkTo = (inside: Admin['inside'], name: string) =>
  inside.getByRole('link', { name, exact: true }).filter({ visible: true });

/** The list with these words in its own address, as a reload of the frame has them. */
async function openList(on: Admin, words: Record<string, string>): Promise<void> {
  await on.go('/payments');
  const url = new URL(on.frame().url());
  for (const [name, value] of Object.entries(words)) url.searchParams.set(name, value);
  await on.frame().goto(url.toString());
}

/** A picture for whoever looks at them; the tests do not need one. */
async function shoot(on: Admin, name: string): Promise<void> {
  const dir = process.env['SHOTS_DIR'];
  if (dir !== undefined) await on.page.screenshot({ path: `${dir}/${name}.png` });
}

const sizes = [
  ['a desk', desk, 'desk'],
  ['a phone', phone, 'phone'],
] as const;

describe('before the first payment', () => {
  test.each(sizes)('the list teaches, on %s', async (_, size, name) => {
    await using here = await admin(size);
    await here.go('/payments');
    await here.inside.getByText('Your first payment will appear here').waitFor();
    await shoot(here, `none-${name}`);
    await here.isPleasant();
    expect(here.faults).toEqual([]);
  });
});

/** More came than the order owed, by 700 sats. */
const tooMuch = (why: string): Promise<unknown> =>
  world.db.pool.query(
    `with asking as (update payment set attention = 'overpaid' where order_name = '#501'
       returning id, shop_id)
     insert into posting (payment_id, journal, from_account, to_account, amount_msat)
     select id, 'settle:' || $1::text, 'node:1', 'overpaid:' || shop_id, 700000 from asking`,
    [why],
  );

describe('with payments', () => {
  let paid: Bought;
  let paidId: string;
  let hash: string;
  let preimage: string;

  beforeAll(async () => {
    paid = world.buy({ total: '21.00' });
    await world.lightning.pay(await world.invoiceOn(await world.payLink(paid)));
    await world.inState(paid, 'resolved', 90_000);
    paidId = (await world.rowOf(paid))?.id ?? '';
    const invoice = await world.db.prisma.invoice.findFirstOrThrow({
      where: { paymentId: paidId, state: 'settled' },
    });
    hash = Buffer.from(invoice.hash).toString('hex');
    preimage = Buffer.from(invoice.preimage ?? []).toString('hex');
    const shop = await world.db.prisma.shop.findFirstOrThrow();
    const insert = (of: { count: number; name: string; owedMinor: string; minutesAgo: number }) =>
      rows(
        world.db.pool,
        {
          name: '',
          text: `
            insert into payment (id, link, shop_id, origin_id, sequence, order_name, currency,
              owed_minor, owed_at, opened_at, state, reason, lane, tell_sales_before, test)
            select gen_random_uuid(), left(md5($3 || n), 22), $1::int,
              'gid://shopify/Order/9' || md5($3 || n), 1, replace($3, '*', n::text), 'EUR',
              $4::bigint, now(), now() - ($5::int + n) * interval '1 minute', 'lapsed',
              'node_says_canceled', 'shop:' || $1::int || ':admin', '{}', n % 7 = 0
            from generate_series(1, $2::int) n`,
        },
        [shop.id, of.count, of.name, of.owedMinor, of.minutesAgo],
      );
    await insert({ count: 1, name: arabic, owedMinor: '1', minutesAgo: 1 });
    await insert({ count: 1, name: '#1008', owedMinor: '9999999999', minutesAgo: 3 });
    await insert({ count: 60, name: '#50*', owedMinor: '4200', minutesAgo: 60 });
    await tooMuch('setup');
  }, 180_000);

  test.each(sizes)('pages turn both ways, on %s', async (_, size, name) => {
    await using here = await admin(size);
    const { inside } = here;
    await here.go('/payments');
    await linkTo(inside, arabic).waitFor();
    await inside.getByText('€99,999,999.99').filter({ visible: true }).first().waitFor();
    await inside.getByText('€0.01').filter({ visible: true }).first().waitFor();
    await inside.getByText('63 payments').filter({ visible: true }).first().waitFor();
    await shoot(here, `many-${name}`);
    await here.isPleasant();
    await inside.getByRole('button', { name: 'Older payments' }).click();
    await linkTo(inside, '#5030').waitFor();
    await inside.getByRole('button', { name: 'Newer payments' }).click();
    await linkTo(inside, arabic).waitFor();
    expect(here.faults).toEqual([]);
  });

  test('a search finds by what is at hand, and a preimage is in no address', async () => {
    await using here = await admin();
    const { inside, page } = here;
    const addresses: string[] = [];
    page.context().on('request', (request) => addresses.push(request.url()));
    page.on('framenavigated', (frame) => addresses.push(frame.url()));
    await here.go('/payments');
    await linkTo(inside, arabic).waitFor();
    await inside.getByRole('button', { name: 'Search and filter payments' }).click();
    const field = inside.getByRole('textbox').filter({ visible: true });
    const order = (await world.rowOf(paid))?.orderName ?? '';
    const only = linkTo(inside, order);
    for (const text of [order, '21.00', hash, preimage, paidId]) {
      await field.fill('nothing like it');
      await inside.getByText('No payment found').waitFor();
      await field.fill(text);
      await only.waitFor();
      await expect.poll(() => inside.locator('tbody tr').count()).toBe(1);
    }
    await shoot(here, 'search-desk');
    await here.isPleasant();
    expect(addresses.filter((url) => url.includes(preimage))).toEqual([]);
    expect(addresses.filter((url) => url.includes(hash)).length).toBeGreaterThan(0);
    await field.fill('nothing like it');
    await inside.getByText('No payment found').waitFor();
    await shoot(here, 'no-match-desk');
    await here.isPleasant();
    expect(here.faults).toEqual([]);
  });

  test('a filter becomes a view of one’s own, and stays one after a reload', async () => {
    await using here = await admin();
    const { inside } = here;
    await openList(here, { min: '40', max: '50' });
    await linkTo(inside, '#501').waitFor();
    expect(await linkTo(inside, arabic).count()).toBe(0);
    await inside.getByRole('button', { name: 'Search and filter payments' }).click();
    await inside.getByText('40 – 50').filter({ visible: true }).waitFor();
    await shoot(here, 'filter-desk');
    await here.isPleasant();
    await inside.getByRole('button', { name: 'Save as' }).filter({ visible: true }).click();
    await inside.getByRole('dialog').getByRole('textbox').fill('Forty to fifty');
    await inside.getByRole('dialog').getByRole('button', { name: 'Save' }).click();
    await here.page.getByText('View saved').waitFor();
    const mine = inside.getByRole('tab', { name: 'Forty to fifty' }).filter({ visible: true });
    await mine.waitFor();
    await here.go('/payments');
    await mine.click();
    await expect.poll(() => linkTo(inside, arabic).count()).toBe(0);
    await linkTo(inside, '#501').waitFor();
    expect(here.faults).toEqual([]);
  });

  test('chosen rows are saved to the disk', async () => {
    await using here = await admin({ ...desk, acceptDownloads: true });
    const { inside, page } = here;
    await here.go('/payments');
    await linkTo(inside, arabic).waitFor();
    for (const name of [arabic, '#1008']) {
      await inside.getByRole('checkbox', { name: `Select payment ${name}` }).check({ force: true });
    }
    await inside.getByRole('button', { name: 'Export selected' }).filter({ visible: true }).click();
    const dialog = inside.getByRole('dialog');
    await dialog.getByText('The selected payments go into the file: 2.').waitFor();
    await dialog.getByRole('button', { name: 'What is in each column' }).click();
    await shoot(here, 'export-desk');
    await here.isPleasant();
    const [file] = await Promise.all([
      page.waitForEvent('download'),
      dialog.getByRole('button', { name: 'Export', exact: true }).click(),
    ]);
    await page.getByText('Exported: 2 rows').waitFor();
    expect(file.suggestedFilename()).toMatch(/^payments-\d{4}-\d\d-\d\d\.csv$/);
    const text = await readFile(await file.path(), 'utf8');
    expect(text).toContain(arabic);
    expect(text).toContain('99999999.99');
    expect(text).toMatch(/\r\nEND,2,+\r\n$/);
    expect(here.faults).toEqual([]);
  });

  test.each(sizes)('the tax view goes to the disk, on %s', async (_, size, name) => {
    await using here = await admin({ ...size, acceptDownloads: true });
    const { inside, page } = here;
    await here.go('/payments');
    await inside.getByRole('button', { name: 'Export', exact: true }).click();
    const dialog = inside.getByRole('dialog');
    await dialog.getByRole('radio', { name: 'Tax view' }).check({ force: true });
    await dialog.getByLabel('From').fill('2020-01-01');
    await shoot(here, `export-tax-${name}`);
    await dialog.getByRole('button', { name: 'What is in each column' }).click();
    await dialog.getByText('price_sources').scrollIntoViewIfNeeded();
    await shoot(here, `export-columns-${name}`);
    await here.isPleasant();
    const [file] = await Promise.all([
      page.waitForEvent('download'),
      dialog.getByRole('button', { name: 'Export', exact: true }).click(),
    ]);
    expect(file.suggestedFilename()).toMatch(/^tax-\d{4}-\d\d-\d\d\.csv$/);
    const [names = '', line = ''] = (await readFile(await file.path(), 'utf8')).split('\r\n');
    expect(names).toContain('fiat_value_at_receipt');
    expect(line).toContain(paidId);
    expect(line).toContain('21.00');
    expect(here.faults).toEqual([]);
  });

  test.each(sizes)('a payment tells everything, on %s', async (_, size, name) => {
    await using here = await admin(size);
    const { inside } = here;
    await here.go(`/payments/${paidId}`);
    await inside.getByText('Price and its sources').waitFor();
    await inside.getByText('Kraken').first().waitFor();
    await inside.getByText('Accepted by Shopify').first().waitFor();
    await inside.getByText(preimage).first().waitFor();
    await shoot(here, `payment-${name}`);
    for (const heading of ['Price and its sources', 'Invoices']) {
      const at = inside.getByRole('heading', { name: heading });
      await at.scrollIntoViewIfNeeded();
      await shoot(here, `payment-${heading.split(' ')[0] ?? ''}-${name}`);
    }
    await here.isPleasant();
    expect(here.faults).toEqual([]);
  });

  test('a payment that needs a person says the next right thing', async () => {
    await using here = await admin({ ...phone, colorScheme: 'dark' });
    const { inside } = here;
    await openList(here, { view: 'needs_person' });
    await linkTo(inside, '#501').click();
    await inside.getByText('The money came after the payment was over').waitFor();
    await inside.getByRole('button', { name: 'Take it for the order' }).waitFor();
    await inside.getByText('No price was promised yet.').waitFor();
    await inside.getByText('To be given back: 700 sats.').waitFor();
    await shoot(here, 'overpaid-phone');
    await here.isPleasant();
  });

  test.each(sizes)(
    'what was too much is given back, and no more asked, on %s',
    async (_, size, name) => {
      if (size !== desk) await tooMuch(name);
      await using here = await admin(size);
      const { inside } = here;
      await openList(here, { view: 'needs_person' });
      await linkTo(inside, '#501').click();
      await inside.getByRole('button', { name: 'We keep it' }).waitFor();
      await inside.getByRole('button', { name: 'I gave it back' }).click();
      await inside.getByText('This cannot be undone.').waitFor();
      await shoot(here, `given-back-${name}`);
      await here.isPleasant();
      await inside.getByRole('button', { name: 'It went back to the buyer' }).click();
      await inside
        .getByText('The money came after the payment was over')
        .waitFor({ state: 'detached' });
      await inside.getByText('A person gave the buyer back what was too much.').first().waitFor();
      await shoot(here, `given-back-done-${name}`);
      await here.isPleasant();
    },
  );

  test('while Shopify is away the list and the payments are there', async () => {
    await using here = await admin();
    await here.go('/payments');
    // Its API only: the admin around us is Shopify's as well.
    world.shopify.faults.add({ kind: 'status', seconds: 20 });
    await linkTo(here.inside, arabic).click();
    await here.inside
      .getByText('The order was seen.')
      .or(here.inside.getByText('What happened'))
      .first()
      .waitFor();
  });

  test('a list that cannot be had says so, and comes when it can', async () => {
    await using here = await admin(phone);
    const { inside } = here;
    await here.page.context().route(/\/api\/payments\?/, (route) => route.fulfill({ status: 503 }));
    await here.go('/payments');
    await inside.getByText('The payments could not be loaded').waitFor();
    await shoot(here, 'away-phone');
    await here.isPleasant();
    await here.page.context().unroute(/\/api\/payments\?/);
    await inside.getByRole('button', { name: 'Try again' }).click();
    await linkTo(inside, arabic).waitFor();
    await until(
      'the banner is gone',
      async () => (await inside.getByText('The payments could not be loaded').count()) === 0,
    );
  });
});
