// What is known of an order that somebody told us to look at.
import { beforeAll, expect, test } from 'vitest';
import type { Database } from '../../web/db/database.ts';
import { wasHeardOf } from '../../web/db/self-tests.ts';
import { sight } from '../../web/db/sightings.ts';
import { aShop } from '../builders.ts';
import { databaseOfFile } from '../database-of-file.ts';

let db: Database;
let shopId: number;
databaseOfFile((opened) => (db = opened));
beforeAll(async () => {
  ({ id: shopId } = await aShop(db));
});

test('a sweep that sees an order again does not undo that a webhook named it', async () => {
  const at = { shopId, originId: 'gid://shopify/Order/1' };
  await sight(db.pool, { ...at, because: 'sweep' });
  expect(await wasHeardOf(db, at)).toBe(false);
  await sight(db.pool, { ...at, because: 'orders/create' });
  expect(await wasHeardOf(db, at)).toBe(true);
  await sight(db.pool, { ...at, because: 'sweep' });
  expect(await wasHeardOf(db, at)).toBe(true);
});
