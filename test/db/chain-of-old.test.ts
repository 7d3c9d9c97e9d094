// What was written before there were chains is chained by the migration, as it stands.
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import pg from 'pg';
import { expect, test } from 'vitest';
import { openDatabase } from '../../web/db/database.ts';
import { note } from '../../web/db/history.ts';
import { migrateDeploy } from '../../web/db/migrate.ts';
import { auditChain } from '../../web/flows/audit-chain.ts';
import { makeStamp } from '../../web/vault/stamp.ts';
import { aNode, aPayment, aSettledPayment, aShop } from '../builders.ts';
import { testDatabase } from '../database.ts';

const migrations = path.join(import.meta.dirname, '../../prisma/migrations');
const chains = '20261122050100_timeline_chains';

test('old timelines become chains, and go on as such', async () => {
  const place = await testDatabase();
  const name = `${new URL(place.url).pathname.slice(1)}_old`;
  const url = place.url.replace(/\/[^/]*$/, `/${name}`);
  const before = fs.mkdtempSync(path.join(os.tmpdir(), 'zaptill-before-'));
  const admin = new pg.Client(place.url);
  await admin.connect();
  try {
    await admin.query(`create database ${name}`);
    // All others: what writes the old rows is the program as it is, and knows every other column.
    for (const each of fs.readdirSync(migrations).filter((folder) => folder !== chains)) {
      fs.cpSync(path.join(migrations, each), path.join(before, each), { recursive: true });
    }
    await migrateDeploy(url, { dir: before });
    const db = openDatabase({ url, connections: 2 });
    const shop = await aShop(db);
    const nodeId = await aNode(db, { shopId: shop.id });
    const { payment } = await aSettledPayment(db, { shopId: shop.id, nodeId });
    await aPayment(db, { shopId: shop.id });
    await note(db.pool, payment.id, { what: 'kept', details: { by: 'ä"\\' } });
    await migrateDeploy(url);
    const stamp = makeStamp([{ version: 1, key: randomBytes(32) }]);
    const old = await auditChain({ db, stamp });
    expect(old).toMatchObject({ payments: 2, faults: [] });
    expect(old.entries).toBeGreaterThan(5);
    await note(db.pool, payment.id, { what: 'seen_to' });
    const grown = await auditChain({ db, stamp });
    expect(grown).toMatchObject({ entries: old.entries + 1, faults: [] });
    await db.close();
  } finally {
    await admin.query(`drop database if exists ${name} with (force)`);
    await admin.end();
    fs.rmSync(before, { recursive: true });
    await place.close();
  }
});
