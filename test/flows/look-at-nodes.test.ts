// What a node can receive is asked by the pool, with nobody looking.
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { nodeHasTrouble, takeNodesToLookAt } from '../../web/db/nodes.ts';
import { lookAtNodes } from '../../web/flows/look-at-nodes.ts';
import { startPool } from '../../web/worker/pool.ts';
import { aNode, aShop } from '../builders.ts';
import { startInProcess, type InProcess } from '../in-process.ts';
import { until } from '../world.ts';

let world: InProcess;
beforeAll(async () => {
  world = await startInProcess();
}, 60_000);
afterAll(() => world.close());

const node = () => world.db.prisma.node.findUniqueOrThrow({ where: { id: world.node.id } });
const asked = (): number => world.lnd.callsOf('ListChannels');
const lookedAt = (ago: string): Promise<unknown> =>
  world.db.pool.query(
    `update node set looked_at = now() - $1::interval, receivable_msat = null where id = $2`,
    [ago, world.node.id],
  );
beforeEach(() => lookedAt('1 second'));

test('each node is asked about every ten minutes, by one of all who could', async () => {
  const before = asked();
  await lookAtNodes(world.deps);
  await lookedAt('7 minutes');
  await lookAtNodes(world.deps);
  expect(asked()).toBe(before);
  await lookedAt('13 minutes');
  await Promise.all([1, 2, 3, 4].map(() => lookAtNodes(world.deps)));
  expect(asked()).toBe(before + 1);
  expect((await node()).receivableMsat).toBeGreaterThan(0n);
});

test('one that is away is not asked, and no row is held while one is', async () => {
  await lookedAt('1 hour');
  await nodeHasTrouble(world.db, world.node.id, 'node_down');
  const before = asked();
  await lookAtNodes(world.deps);
  expect(asked()).toBe(before);
  await world.db.pool.query('update node set trouble = null, trouble_at = null');
  const gate = Promise.withResolvers<undefined>();
  const slow = await world.deps.nodes.of(world.node.id);
  const of = () =>
    Promise.resolve({ ...slow, receivable: () => gate.promise.then(slow.receivable) });
  const looking = lookAtNodes({ ...world.deps, nodes: { of } });
  await until('it is taken', async () => {
    const { lookedAt: at } = await node();
    return at !== null && Date.now() - at.getTime() < 60_000;
  });
  const free = await world.db.pool.query('select id from node for update nowait');
  expect(free.rowCount).toBe(1);
  gate.resolve(undefined);
  await looking;
  expect((await node()).receivableMsat).toBeGreaterThan(0n);
});

test('a round is bounded: who waits longest comes first', async () => {
  const shop = await aShop(world.db, { clientId: 'other' });
  const ids: number[] = [];
  for (let n = 0; n < 3; n += 1) ids.push(await aNode(world.db, { shopId: shop.id }));
  await world.db.pool.query('update node set retired_at = null where id = any($1)', [ids]);
  await world.db.pool.query(
    `update node set looked_at = now() - (id - $1::int + 20) * interval '1 minute'
     where id = any($2)`,
    [ids[0], ids],
  );
  const take = () => takeNodesToLookAt(world.db, { everyMs: 600_000, limit: 2 });
  expect((await take()).sort()).toEqual(ids.slice(1));
  expect(await take()).toEqual(ids.slice(0, 1));
  await world.db.pool.query('update node set retired_at = now() where id = any($1)', [ids]);
});

test('the pool does it, and the merchant hears of too little', async () => {
  const { db, deps, shop } = world;
  await db.pool.query(
    `insert into settings (shop_id, alert_email, largest_msat) values ($1, 'a@b.example', $2)`,
    [shop.id, 10n ** 15n],
  );
  await lookedAt('1 hour');
  const pool = startPool(deps, { sweeps: { nodesMs: 100, housekeepingMs: 100 } });
  try {
    await until(
      'it is told of',
      async () => (await db.prisma.alert.count({ where: { what: 'receivable_low' } })) > 0,
    );
  } finally {
    await pool.stop();
  }
}, 60_000);

test('one that fails leaves what is known, and is asked again at its time only', async () => {
  await lookedAt('1 hour');
  await world.db.pool.query('update node set receivable_msat = 5000');
  await world.lnd.stop({ how: 'kill' });
  await lookAtNodes(world.deps);
  expect((await node()).receivableMsat).toBe(5_000n);
  expect(world.log.said('node.not_looked_at')).toHaveLength(1);
  expect(await takeNodesToLookAt(world.db, { everyMs: 600_000, limit: 9 })).toEqual([]);
  await world.lnd.restart();
});
