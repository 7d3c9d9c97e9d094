// The first page in a real browser: figures, the chart with its table, what needs a person and its
// button, on a phone and on a desk, light, dark and with forced colours. Figures are put into the
// database as the triggers would have added them; the payment that is stuck is a real row.
import type { Browser } from 'playwright-core';
import { beforeAll, describe, expect, test } from 'vitest';
import { shopName, until, type World } from '../world.ts';
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

const visit = (options?: Parameters<Browser['newContext']>[0]) =>
  openAdmin({ browser, world }, options === undefined ? {} : { options });
const shopId = async (): Promise<number> =>
  (await world.db.prisma.shop.findFirstOrThrow({ where: { domain: shopName } })).id;

/** Ninety days of a shop that sells more and more; amounts of 0.01 and of 99,999,999.99 too. */
async function putFigures(): Promise<void> {
  const id = await shopId();
  await world.db.pool.query(
    `insert into tally (shop_id, slot, currency, part, opened, viewed, viewed_paid, paid,
       fiat_minor, amount_msat)
     select $1::int, tally_slot(now() - n * interval '1 day'), 'EUR', 9, 1000 - n, 900 - n, 800 - n,
       900 - n, case n when 40 then 9999999999 else (100 - n)::bigint * 123456 end,
       (100 - n)::bigint * 987654000
     from generate_series(0, 89) n
     union all
     select $1::int, tally_slot(now()), 'USD', 9, 1, 1, 1, 1, 1, 1000
     on conflict do nothing`,
    [id],
  );
  await world.db.pool.query(
    `insert into wait_tally (shop_id, slot, step, told)
     select $1::int, tally_slot(now() - n * interval '1 day'), s, 10
     from generate_series(0, 89) n, generate_series(60, 100, 10) s on conflict do nothing`,
    [id],
  );
}

describe('before anything was bought', () => {
  test.each([
    ['390 px, German', { ...phone, locale: 'de-DE' }, 'Hier erscheint Ihre erste Zahlung'],
    [
      '1280 px, dark',
      { ...desk, colorScheme: 'dark' as const },
      'Your first payment will appear here',
    ],
  ])('the page teaches: %s', async (name, options, words) => {
    await using admin = await visit(options);
    await admin.go('');
    await admin.inside.getByText(words).waitFor();
    await admin.isPleasant();
    await shoot(admin, `empty ${name}`);
    expect(admin.faults).toEqual([]);
  });
});

describe('with a million payments', () => {
  let stuckId: string;
  beforeAll(async () => {
    const bought = world.buy();
    const bolt11 = await world.invoiceOn(await world.payLink(bought, 60_000), 60_000);
    await world.pools[0]?.kill('SIGTERM');
    world.shopify.cancel(bought.orderId);
    expect(await world.lightning.pay(bolt11)).toMatchObject({ ok: true });
    world.pools[0] = world.startPool();
    await world.inState(bought, 'stranded', 60_000);
    stuckId = (await world.rowOf(bought))?.id ?? '';
    await putFigures();
  });

  test.each([
    ['390 px, German', { ...phone, locale: 'de-DE' }],
    ['390 px, dark', { ...phone, colorScheme: 'dark' as const }],
    ['1280 px', desk],
    ['1280 px, dark', { ...desk, colorScheme: 'dark' as const }],
    ['1280 px, Arabic numbers', { ...desk, locale: 'ar-EG' }],
  ])('axe finds nothing, and nothing scrolls sideways: %s', async (name, options) => {
    await using admin = await visit(options);
    await admin.go('');
    const periods = admin.inside.getByRole('group').first();
    await periods.getByRole('button').last().click();
    await until('the address has it', () => admin.frame().url().includes('days=90'));
    await admin.inside.locator('[aria-busy="false"] .zt-chart canvas').waitFor();
    await admin.isPleasant();
    await admin.inside.locator('.zt-chart ~ div button').click();
    await admin.inside.getByRole('table').waitFor();
    await admin.isPleasant();
    await shoot(admin, `full ${name}`);
    expect(admin.faults).toEqual([]);
  });

  test('colours of the chart follow the system’s own', async () => {
    await using admin = await visit(desk);
    await admin.go('');
    const chart = admin.inside.locator('.zt-chart canvas');
    await chart.waitFor();
    const pixels = () =>
      chart.evaluate((canvas) => (canvas as HTMLCanvasElement).toDataURL().length);
    const before = await pixels();
    expect(before).toBeGreaterThan(1_000);
    await admin.page.emulateMedia({ forcedColors: 'active' });
    await until('the chart is drawn anew', async () => (await pixels()) !== before);
    await shoot(admin, 'forced colours');
  });

  test('periods change the figures and stay in the address', async () => {
    await using admin = await visit(desk);
    await admin.go('');
    const { inside } = admin;
    await inside.getByRole('button', { name: '7 days' }).click();
    await until('the address has it', () => admin.frame().url().includes('days=7'));
    await inside.getByRole('button', { name: '7 days', pressed: true }).waitFor();
    await admin.frame().goto(admin.frame().url());
    await inside.getByRole('button', { name: '7 days', pressed: true }).waitFor();
    await inside.getByRole('button', { name: 'Today' }).click();
    await inside.getByText('Paid orders day by day').waitFor({ state: 'detached' });
    await inside.getByText('Currencies are not added up.').waitFor();
  });

  test('a stuck payment is settled by hand: asked once more, done and said', async () => {
    await using admin = await visit(phone);
    await admin.go('');
    const { inside } = admin;
    const button = inside.getByRole('button', { name: /^Settle by hand: / });
    await button.click();
    await inside.getByText('This cannot be undone.').waitFor();
    await admin.isPleasant();
    await inside.getByRole('button', { name: 'Cancel' }).click();
    await inside.getByText('This cannot be undone.').waitFor({ state: 'detached' });
    // The focus is where it was, and not lost.
    await until('the focus is back', () =>
      admin.frame().evaluate(() => document.activeElement !== document.body),
    );
    await button.click();
    await inside.getByRole('button', { name: 'I have settled it with the shopper' }).click();
    await admin.page.getByRole('status').getByText('is settled').waitFor();
    await button.waitFor({ state: 'detached' });
    const row = await world.db.prisma.payment.findUniqueOrThrow({ where: { id: stuckId } });
    expect(row).toMatchObject({ state: 'resolved', reason: 'settled_by_hand', attention: null });
  });

  test('a node that is down is said first of all that is no payment, with its button', async () => {
    await world.db.pool.query(
      `update node set trouble = 'unreachable', trouble_at = now(), reachable_at = null,
         credential_ends_at = now() + interval '3 days'`,
    );
    await using admin = await visit({ ...phone, colorScheme: 'dark' as const });
    await admin.go('');
    await admin.inside.getByText('Your node does not answer').waitFor();
    await admin.inside.getByText('Your node’s credential is about to expire').waitFor();
    await admin.isPleasant();
    await shoot(admin, 'node down');
  });

  test('while Shopify is down the page stands, with what was known', async () => {
    world.shopify.faults.add({ kind: 'status', times: 10_000 });
    await using admin = await visit(desk);
    await admin.go('');
    await admin.inside.getByText('What came in').waitFor();
    await admin.isPleasant();
  });
});
