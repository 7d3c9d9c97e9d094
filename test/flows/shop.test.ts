// The app is removed from a shop and comes back: only Shopify's tokens say which of the two is
// true, whatever an old tab, a late webhook or a quick merchant does.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { installationOrigin } from '../../web/flows/forget-shop.ts';
import { lookAtOrder } from '../../web/flows/look-at-order.ts';
import { nodeById } from '../../web/db/nodes.ts';
import { sight } from '../../web/db/sightings.ts';
import { app, shopName, startInProcess, type InProcess } from '../in-process.ts';

let our: InProcess;
beforeAll(async () => {
  our = await startInProcess();
});
afterAll(async () => {
  await our.close();
});

const pair = { app: app.name, shop: shopName };
const shop = () => our.readShop(our.shop.id);

/** A webhook says that the app was removed, and the pool looks. */
async function hearOfRemoval(): Promise<void> {
  const shopId = our.shop.id;
  await sight(our.db.pool, { shopId, originId: installationOrigin, because: 'app/uninstalled' });
}
async function lookAtInstallation(): Promise<void> {
  const sighting = await our.db.prisma.sighting.findFirstOrThrow({
    where: { originId: installationOrigin },
  });
  const lane = our.shopLane(our.shop.id);
  await our.runStep(lookAtOrder, { table: 'sighting', id: sighting.id, lane });
}

test('a removal that never was changes nothing', async () => {
  await hearOfRemoval();
  await lookAtInstallation();
  expect((await shop()).uninstalledAt).toBeNull();
  expect((await nodeById(our.db, our.node.id))?.retiredAt).toBeNull();
});

test('tabs of the admin that are older than the removal do not undo it', async () => {
  const old = our.adminToken();
  our.shopify.uninstall(pair);
  await hearOfRemoval();
  await lookAtInstallation();
  expect(await shop()).toMatchObject({ sealedAccessToken: null });
  // Several at once: those that wait for the first one's exchange must not take it for done.
  our.shopify.faults.add({ kind: 'slow', operation: 'token', delayMs: 600, times: 3 });
  const opened = await Promise.allSettled([1, 2, 3].map(() => our.openApp(old)));
  expect(opened.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
  expect((await shop()).uninstalledAt).not.toBeNull();
  const answer = await fetch(`${our.appUrl}/api/shop`, {
    headers: { Authorization: `Bearer ${old}` },
  });
  expect(answer.status).toBeGreaterThanOrEqual(400);
  expect((await shop()).uninstalledAt).not.toBeNull();
});

test('an installation with tokens is one, and what waited for it is done', async () => {
  const { db } = our;
  const lane = our.shopLane(our.shop.id);
  const put = async (attempts: number): Promise<bigint> => {
    const originId = `gid://shopify/Order/${String(9_000 + attempts)}`;
    await sight(db.pool, { shopId: our.shop.id, originId, because: 'webhook' });
    const row = await db.prisma.sighting.findFirstOrThrow({ where: { originId } });
    const dueAt = new Date(Date.now() + 3_600_000);
    await db.prisma.sighting.update({ where: { id: row.id }, data: { attempts, dueAt } });
    return row.id;
  };
  const gaveUp = await put(3);
  const ordinary = await put(0);
  const pausedUntil = new Date(Date.now() + 600_000);
  await db.prisma.lane.upsert({
    where: { name: lane },
    create: { name: lane, pausedUntil, because: 'token_refused', failures: 7 },
    update: { pausedUntil, because: 'token_refused', failures: 7 },
  });

  our.shopify.install(pair);
  await our.openApp();
  expect(await shop()).toMatchObject({ uninstalledAt: null });
  expect((await shop()).sealedAccessToken).not.toBeNull();
  const due = async (id: bigint): Promise<boolean> => {
    const { dueAt } = await db.prisma.sighting.findUniqueOrThrow({ where: { id } });
    return dueAt !== null && dueAt.getTime() <= Date.now() + 1_000;
  };
  expect([await due(gaveUp), await due(ordinary)]).toEqual([true, false]);
  const opened = await db.prisma.lane.findUnique({ where: { name: lane } });
  expect(opened).toMatchObject({ pausedUntil: null, failures: 0 });
});

test('removed and installed again before anybody looked: what was before has ended', async () => {
  const connected = await our.connect();
  expect(connected.ok).toBe(true);
  const { payment } = await our.anOrder();
  await our.db.prisma.shop.update({
    where: { id: our.shop.id },
    data: { tokenRefusedAt: new Date() },
  });
  our.shopify.uninstall(pair);
  await hearOfRemoval();
  our.shopify.install(pair);
  await our.openApp();
  const before = await shop();
  await lookAtInstallation();
  expect((await nodeById(our.db, our.node.id))?.retiredAt).not.toBeNull();
  expect((await our.read(payment.id)).state).toBe('lapsed');
  // The tokens are the new installation's, and good.
  expect(await shop()).toMatchObject({
    uninstalledAt: null,
    tokenVersion: before.tokenVersion,
    sealedAccessToken: before.sealedAccessToken,
  });
  const storefront = await our.deps.storefronts.of(our.shop.id);
  expect(await storefront.readOrder('gid://shopify/Order/1')).toBe('gone');
});

test('a removal told twice ends what was before it, and nothing of what is new', async () => {
  our.shopify.uninstall(pair);
  await hearOfRemoval();
  await lookAtInstallation();
  expect((await shop()).uninstalledAt).not.toBeNull();
  await hearOfRemoval();
  our.shopify.install(pair);
  await our.openApp();
  expect((await our.connect()).ok).toBe(true);
  const { payment } = await our.anOrder();
  const live = { where: { shopId: our.shop.id, retiredAt: null } };
  expect(await our.db.prisma.node.count(live)).toBe(1);

  await lookAtInstallation();
  expect(await our.db.prisma.node.count(live)).toBe(1);
  expect((await our.read(payment.id)).state).toBe('open');
});
