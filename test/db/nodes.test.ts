// What is known of a node stays with its row, however often its credential is renewed.
import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import type { Database } from '../../web/db/database.ts';
import { beginStreamEpoch, nodeById, retireNode, takeStream } from '../../web/db/nodes.ts';
import { aNode, aShop } from '../builders.ts';
import { databaseOfFile } from '../database-of-file.ts';

let db: Database;
databaseOfFile((made) => {
  db = made;
});
test('a node that may have been restored stays so under a new credential', async () => {
  const { id: shopId } = await aShop(db);
  const identity = `02${randomBytes(32).toString('hex')}`;
  const nodeId = await aNode(db, { shopId, identity });
  const lease = await takeStream(db, { nodeId, holder: 'a-pool', leaseMs: 60_000 });
  if (lease === undefined) throw new Error('somebody has the stream');
  await beginStreamEpoch(db, lease);
  const before = await nodeById(db, nodeId);
  expect(before?.restoreSuspectedAt).not.toBeNull();
  const renewed = async () => {
    expect(await aNode(db, { shopId, identity, sealed: new Uint8Array([2]) })).toBe(nodeId);
    return nodeById(db, nodeId);
  };
  const { restoreSuspectedAt } = before ?? {};
  expect(await renewed()).toMatchObject({ restoreSuspectedAt, streamEpoch: 1 });
  await retireNode(db, { shopId, nodeId });
  expect(await renewed()).toMatchObject({ restoreSuspectedAt, retiredAt: null });
  const other = await aNode(db, { shopId });
  expect((await nodeById(db, other))?.restoreSuspectedAt).toBeNull();
});
