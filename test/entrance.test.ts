// The doors begin while the database comes and goes: they wait for it, and do not end.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { migrateWhenThere } from '../web/entrance.ts';
import { storeRegistration } from '../web/db/registrations.ts';
import { openDatabase } from '../web/db/database.ts';
import { testDatabase, type TestDatabase } from './database.ts';
import { aLog } from './worker/play.ts';
import { freePort } from './world.ts';

let place: TestDatabase;
beforeAll(async () => {
  place = await testDatabase();
});
afterAll(async () => {
  await place.close();
});

test('a database that goes between the migrations and the registration of the app', async () => {
  const log = aLog();
  const shut = `postgresql://nobody@127.0.0.1:${String(await freePort())}/none`;
  const tried: string[] = [];
  const shopify = { clientId: 'the-app', clientSecret: 'a-secret' };
  await migrateWhenThere({
    ...{ log, db: { url: place.url }, config: { shopify, payments: undefined } },
    registerApp: async ({ name, clientId }) => {
      const url = tried.length === 0 ? shut : place.url;
      tried.push(clientId);
      const db = openDatabase({ url, onError: () => undefined });
      const sealedSecret = new Uint8Array([1]);
      await storeRegistration(db, { name, clientId, sealedSecret }).finally(() => db.close());
    },
  });
  expect(tried).toEqual(['the-app', 'the-app']);
  expect(log.said('database.away')).toHaveLength(1);
});
