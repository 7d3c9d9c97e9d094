// A registration whose secret cannot be opened, such as one sealed with a key that is gone, stops
// its own shops and nobody else's.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { storeRegistration } from '../../web/db/registrations.ts';
import { makeLog } from '../../web/log.ts';
import { wire } from '../../web/wiring.ts';
import { app, startInProcess, type InProcess } from '../in-process.ts';

let world: InProcess;
beforeAll(async () => {
  world = await startInProcess();
});
afterAll(() => world.close());

test('the others are served, and the log says which one it is', async () => {
  const sealedSecret = new Uint8Array([1]);
  await storeRegistration(world.db, { name: 'lost', clientId: 'lost-client', sealedSecret });
  const { id } = await world.db.prisma.registration.findFirstOrThrow({ where: { name: 'lost' } });
  const lines: unknown[] = [];
  const log = makeLog({
    level: 'error',
    to: { write: (line) => void lines.push(JSON.parse(line)) },
  });
  const after = wire({ config: world.wired.config, log, databaseUrl: world.db.url });
  try {
    const doors = after.doors();
    const names = async () => (await doors.registrations()).map(({ clientId }) => clientId);
    expect(await names()).toEqual([app.clientId]);
    expect(lines).toMatchObject([{ msg: 'registration.unreadable', registrationId: id }]);
    // A shop of it is there, and is no shop that removed the app: its work is tried again.
    const { id: shopId } = await world.db.prisma.shop.update({
      where: { id: world.shop.id },
      data: { registrationId: id },
    });
    await expect(after.deps.storefronts.of(shopId)).rejects.toThrow('cannot be opened');
  } finally {
    await after.close();
  }
});

test('a shop of an app that was registered a moment ago is served', async () => {
  const { deps, doors, registerApp } = world.wired;
  // Registrations are kept for some seconds, and it is none of these.
  await doors().registrations();
  const named = { name: 'young', clientId: 'young-client' };
  await registerApp({ ...named, clientSecret: 'shpss_canary_young_0001' });
  const { id } = await world.db.prisma.registration.findFirstOrThrow({ where: named });
  const shop = await world.db.prisma.shop.create({
    data: { domain: 'young.myshopify.com', lane: '', registrationId: id },
  });
  // Its client is made, and only then finds that the shop has no token.
  await expect(deps.storefronts.of(shop.id)).resolves.toBeDefined();
});
