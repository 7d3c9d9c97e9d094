// The shop's token ends, is revoked, or is to do more or less than before, while payments are to be
// told. Whoever needs it refreshes it once for all; a verdict waits and is told once.
import { expect, test } from 'vitest';
import { app, shopName, until, type World } from '../world.ts';
import { worldOfFile } from '../world-of-file.ts';
import { allPaidOnce, allReady, isQuiet, isSound, payInTheEnd } from './paid-once.ts';

let world: World;
worldOfFile(
  (made) => {
    world = made;
  },
  { pools: 3 },
);

const pair = { shop: shopName, app: app.name };
const refreshesSince = (since: number): number =>
  world.shopify.log.slice(since).filter(({ what }) => what === 'token refresh_token').length;
const shopRow = () =>
  world.db.prisma.shop.findFirstOrThrow({ where: { domain: shopName, uninstalledAt: null } });

test('ended while three pools have eight payments to tell: one refresh', async () => {
  const bought = await allReady(world, 8);
  await isQuiet(world);
  const since = world.shopify.log.length;
  const { tokenVersion } = await shopRow();
  world.shopify.expireTokens(pair);
  await world.db.prisma.shop.updateMany({ data: { accessTokenEndsAt: new Date(0) } });
  await Promise.all(bought.map(({ bolt11 }) => payInTheEnd(world, bolt11)));
  await allPaidOnce(world, bought);
  expect(refreshesSince(since)).toBe(1);
  expect((await shopRow()).tokenVersion).toBe(tokenVersion + 1);
}, 120_000);

test('revoked while the mutation is out: the verdict waits for the merchant', async () => {
  const [one] = await allReady(world, 1);
  if (one === undefined) throw new Error('nobody is ready');
  await isQuiet(world);
  const since = world.shopify.log.length;
  world.shopify.faults.add({ operation: 'OrderMarkAsPaid', kind: 'timeout', when: 'before' });
  await payInTheEnd(world, one.bolt11);
  await until('its mutation hangs', () =>
    world.shopify.log.slice(since).some(({ fault }) => fault === 'timeout'),
  );
  world.shopify.revokeTokens(pair);
  await until('the token is known to be dead', async () => (await shopRow()).tokenRefusedAt);
  expect(await world.rowOf(one)).toMatchObject({ state: 'settled' });
  expect(world.shopify.effects.payments(one.orderId)).toBe(0);
  // The buyer's page says paid all the while; the merchant opens the app, and that is all.
  expect((await world.status(one.payUrl)).state).toBe('settled');
  expect((await world.api('GET', '/api/shop')).status).toBe(200);
  await allPaidOnce(world, [one], 90_000);
}, 180_000);

test('its scopes change: what is granted is known before anybody opens the app', async () => {
  const before = (await shopRow()).scopes;
  world.shopify.setScopes({ ...pair, scopes: ['read_orders'] });
  await until('the shop has fewer', async () => (await shopRow()).scopes === 'read_orders');
  world.shopify.setScopes({ ...pair, scopes: ['read_orders', 'write_orders'] });
  await until('the shop has them back', async () => (await shopRow()).scopes === before);
  await isSound(world);
}, 90_000);
