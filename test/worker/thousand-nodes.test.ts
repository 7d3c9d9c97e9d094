// A thousand nodes in one process: what is done again and again is done for all of them together.
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { LightningNode } from '../../web/core/ports.ts';
import type { Database } from '../../web/db/database.ts';
import { startListener } from '../../web/worker/listener.ts';
import { aNode, aShop } from '../builders.ts';
import { testDatabase, type TestDatabase } from '../database.ts';
import { depsOn, open, until } from './play.ts';

const many = 1_000;
let home: TestDatabase;
let db: Database;
beforeAll(async () => {
  home = await testDatabase();
  db = open(home.url);
});
afterAll(async () => {
  await db.close();
  await home.close();
});

const wholeStreams = async (): Promise<number> => {
  const { rows } = await db.pool.query<{ n: number }>(
    'select count(*)::int as n from node where stream_whole_since is not null',
  );
  return rows[0]?.n ?? -1;
};

/** A node that lets itself be followed, and on which nothing happens. */
const quietNode: Pick<LightningNode, 'followSettles'> = {
  followSettles: (_from, on) => {
    setImmediate(() => {
      on.opened();
      on.replayed();
    });
    return { close: () => undefined };
  },
};

test('are followed with a few statements a second', async () => {
  const { id: shopId } = await aShop(db);
  const nodeId = await aNode(db, { shopId });
  await db.pool.query(
    `insert into node (shop_id, sealed_credential, address, identity, alias, version, network,
       root_key_id, rank)
     select shop_id, sealed_credential, address, md5(n::text), alias, version, network,
       root_key_id, n
     from node, generate_series(1, $2::int) n where id = $1`,
    [nodeId, many - 1],
  );
  const nodes = { of: () => Promise.resolve(quietNode as LightningNode) };
  const listening = open(home.url);
  let statements = 0;
  const { pool } = listening;
  const query = pool.query.bind(pool) as (...args: unknown[]) => unknown;
  Object.assign(pool, {
    query: (...args: unknown[]) => {
      statements += 1;
      return query(...args);
    },
  });
  const listener = startListener(depsOn(listening, { nodes }), {
    ...{ holder: 'one', now: () => new Date(), options: {} },
  });
  try {
    await until('all are followed', async () => (await wholeStreams()) === many);
    // What belongs to the opening is done when nothing more is asked for a moment.
    let before = -1;
    await until('the opening is over', async () => {
      const asked = statements;
      const calm = asked - before < 5;
      before = asked;
      await pause(500);
      return calm;
    });
    const from = statements;
    await pause(6_000);
    // Rounds of 2 s: three statements each; and one for all silent streams now and then.
    expect(statements - from).toBeLessThan(30);
    expect(listener.following()).toHaveLength(many);
    expect(await wholeStreams()).toBe(many);
  } finally {
    await listener.stop();
    await listening.close();
  }
}, 120_000);
