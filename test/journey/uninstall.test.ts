// The app is removed from the shop: what could still be paid is canceled at the node, and only then
// the credential is wiped. A new installation begins without a node.
import { expect, test } from 'vitest';
import { app, shopName, until, type World } from '../world.ts';
import { worldOfFile } from '../world-of-file.ts';
import { allPaidOnce, allReady, isSound, payInTheEnd } from './paid-once.ts';

let world: World;
worldOfFile((made) => {
  world = made;
});

test('uninstalled with invoices out, and installed again', async () => {
  const { lnd, shopify } = world;
  const bought = await allReady(world, 3);
  const [first, second, paid] = bought;
  if (first === undefined || second === undefined || paid === undefined) throw new Error('none');
  await payInTheEnd(world, paid.bolt11);
  await allPaidOnce(world, [paid]);
  // The node is away at that moment: its credential must outlive the invoices.
  await lnd?.stop({ how: 'kill' });
  shopify.uninstall({ app: app.name, shop: shopName });
  await until('the shop is gone', async () => {
    const shop = await world.db.prisma.shop.findFirst();
    return shop?.uninstalledAt !== null;
  });
  const node = () => world.db.prisma.node.findFirst({ orderBy: { id: 'asc' } });
  expect((await node())?.sealedCredential).not.toBeNull();
  await lnd?.restart();
  for (const { hash } of [first, second]) {
    const canceled = () => lnd?.invoices.get(hash)?.state === 'CANCELED';
    await until('the node has canceled it', canceled, 60_000);
  }
  for (const one of [first, second]) await world.inState(one, 'lapsed', 60_000);
  const shop = await world.db.prisma.shop.findFirst();
  expect(shop).toMatchObject({ sealedAccessToken: null, sealedRefreshToken: null });
  await until(
    'the credential is wiped',
    async () => (await node())?.sealedCredential === null,
    90_000,
  );
  expect(await world.status(first.payUrl)).toMatchObject({ state: 'lapsed', final: true });
  await isSound(world);

  shopify.install({ app: app.name, shop: shopName });
  const shown = await world.api('GET', '/api/shop');
  expect(shown).toMatchObject({ status: 200, body: { installed: true, node: null } });
  const calls = lnd?.callsOf('AddInvoice');
  const next = world.buy();
  const payUrl = await world.payLink(next);
  await until('there is no node', async () => (await world.status(payUrl)).refusal === 'no_node');
  expect(lnd?.callsOf('AddInvoice')).toBe(calls);
  const connected = await world.api('POST', '/api/node', {
    lndconnect: world.lightning.lndconnect,
  });
  expect(connected.status).toBe(200);
  await payInTheEnd(world, await world.invoiceOn(payUrl));
  await allPaidOnce(world, [next]);
}, 240_000);

test('two days after it left, a shop is forgotten but for its books', async () => {
  const { shopify } = world;
  const paid = (await world.db.prisma.payment.findMany()).filter(({ settledAt }) => settledAt);
  expect(paid.length).toBeGreaterThan(0);
  shopify.uninstall({ app: app.name, shop: shopName });
  await until('the shop is gone', async () => {
    const shop = await world.db.prisma.shop.findFirst();
    return shop?.uninstalledAt !== null;
  });
  shopify.clock.turn(49 * 3_600_000);
  const request = () => world.db.prisma.privacyRequest.findFirst();
  await until('it is done', async () => (await request())?.doneAt instanceof Date, 150_000);
  expect(await request()).toMatchObject({ topic: 'shop/redact', shopDomain: shopName });
  const nodes = await world.db.prisma.node.findMany();
  expect(nodes.map((node) => [node.address, node.sealedCredential])).toEqual(
    nodes.map(() => ['', null]),
  );
  for (const { id, link, state, owedMinor } of paid) {
    const kept = await world.db.prisma.payment.findUniqueOrThrow({ where: { id } });
    expect(kept).toMatchObject({ state, owedMinor, checkoutTokenHash: null });
    expect(kept.link).not.toBe(link);
    expect((await fetch(`${world.env['APP_URL']}/pay/${link}/status`)).status).toBe(404);
  }
  await isSound(world);
}, 240_000);
