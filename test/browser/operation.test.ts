// How the engine works, in the admin of the shop: with a pool and without one, with a lane that is
// paused, while the database is away; on a phone and a desk, light and dark. It is read again by
// itself.
import type { Browser } from 'playwright-core';
import { beforeAll, expect, test } from 'vitest';
import { nodeLane } from '../../web/db/lanes.ts';
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

beforeAll(async () => {
  const bought = world.buy();
  await world.lightning.pay(await world.invoiceOn(await world.payLink(bought, 60_000), 60_000));
  await world.inState(bought, 'resolved');
  await until(
    'a pool says how it is',
    async () => {
      const { rows } = await world.db.pool.query<{ n: number }>(
        `select count(*)::int as n from pool_report where buckets <> '{}'`,
      );
      return (rows[0]?.n ?? 0) > 0;
    },
    60_000,
  );
}, 120_000);

test.each([
  ['390 px, German', { ...phone, locale: 'de-DE' }, 'Auf dem Stand'],
  ['390 px, dark', { ...phone, colorScheme: 'dark' as const }, 'Up to date'],
  ['1280 px', desk, 'Up to date'],
  [
    '1280 px, dark, German',
    { ...desk, locale: 'de-DE', colorScheme: 'dark' as const },
    'Auf dem Stand',
  ],
])('at work, axe finds nothing, and nothing scrolls sideways: %s', async (name, options, words) => {
  await using admin = await visit(options);
  await admin.go('/operation');
  await admin.inside.getByText(words, { exact: true }).waitFor({ timeout: 60_000 });
  await admin.isPleasant();
  await shoot(admin, `operation ${name}`);
  expect(admin.faults).toEqual([]);
});

test('a node that is paused shows by itself, with the reason, and is open again', async () => {
  await using admin = await visit(phone);
  await admin.go('/operation');
  const { inside } = admin;
  const { id } = await world.db.prisma.node.findFirstOrThrow();
  await world.db.pool.query(
    `insert into lane (name, paused_until, because, failures)
     values ($1, now() + interval '1 hour', 'wallet_locked', 3)
     on conflict (name) do update set paused_until = excluded.paused_until,
       because = excluded.because, failures = excluded.failures`,
    [nodeLane(id)],
  );
  await inside.getByText(/Its wallet is locked/).waitFor({ timeout: 60_000 });
  await inside.getByText('Paused', { exact: true }).waitFor();
  await admin.isPleasant();
  await shoot(admin, 'operation paused');
  await world.db.pool.query('update lane set paused_until = null where name = $1', [nodeLane(id)]);
  await inside.getByText(/Its wallet is locked/).waitFor({ state: 'detached', timeout: 60_000 });
  expect(admin.faults).toEqual([]);
}, 180_000);

test('an answer that does not come leaves what was there, with a word and a way on', async () => {
  await using admin = await visit(desk);
  await admin.go('/operation');
  const { inside, page } = admin;
  await inside.getByText('At a glance').waitFor();
  const away = { status: 503, json: { error: 'The server is starting or busy.' } };
  await page.route('**/api/operation', (route) => route.fulfill(away));
  const title = inside.getByText('This could not be brought up to date');
  await title.waitFor({ timeout: 60_000 });
  expect(await inside.getByText('At a glance').count()).toBe(1);
  await admin.isPleasant();
  await shoot(admin, 'operation away');
  await page.unroute('**/api/operation');
  await inside.getByRole('button', { name: 'Try again' }).click();
  await title.waitFor({ state: 'detached', timeout: 60_000 });
}, 180_000);

test('when no pool is left the page says so, and what to start', async () => {
  await Promise.all(world.pools.map((pool) => pool.kill('SIGTERM')));
  await using admin = await visit({ ...phone, colorScheme: 'dark' });
  await admin.go('/operation');
  const { inside } = admin;
  await inside.getByText('Nobody works on this server').waitFor({ timeout: 60_000 });
  await inside.getByText('npm run work').waitFor();
  await admin.isPleasant();
  await shoot(admin, 'operation nobody');
  expect(admin.faults).toEqual([]);
}, 180_000);
