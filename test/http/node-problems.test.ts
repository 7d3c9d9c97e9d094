// The first page says of each node of the shop what is wrong with it, and which one it is.
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { connectNode, workingNodes } from '../../web/db/nodes.ts';
import { problemsOf } from '../../web/http/merchant/problems.ts';
import { startInProcess, type InProcess } from '../in-process.ts';

let world: InProcess;
let second: number;
beforeAll(async () => {
  world = await startInProcess();
  const node = await connectNode(
    world.db,
    {
      ...{
        shopId: world.shop.id,
        address: 'second.example:10009',
        identity: `02${'b'.repeat(64)}`,
      },
      ...{ alias: '', version: '0.21.3-beta', network: 'regtest', rootKeyId: '57002', how: 'add' },
      credentialEndsAt: null,
      receivable: { totalMsat: 9n ** 15n, largestPartMsat: 1n, channels: 1, activeChannels: 1 },
    },
    () => new Uint8Array([1]),
  );
  second = node.id;
}, 60_000);
afterAll(() => world.close());
beforeEach(() => set('trouble = null, trouble_at = null, credential_ends_at = null'));

const set = (assign: string, of?: number): Promise<unknown> =>
  world.db.pool.query(`update node set ${assign} where $1::int is null or id = $1`, [of ?? null]);
const told = async (): Promise<[string, string | undefined][]> =>
  (await problemsOf(world.doors, { shop: world.shop })).map(({ what, values }) => [
    what,
    values?.['node'],
  ]);

test('nothing is wrong', async () => {
  expect(await told()).toEqual([]);
});

test('one that is away while another serves', async () => {
  await set(`trouble = 'node_down', trouble_at = now()`, second);
  expect(await told()).toEqual([['one_node_unreachable', 'second.example:10009']]);
  await set(`trouble = null, trouble_at = null`);
  await set(`trouble = 'node_down', trouble_at = now()`, world.node.id);
  expect(await told()).toEqual([['one_node_unreachable', 'merchant']]);
});

test('all are away: shoppers cannot pay', async () => {
  await set(`trouble = 'node_down', trouble_at = now()`);
  expect(await told()).toEqual([
    ['node_unreachable', 'merchant'],
    ['node_unreachable', 'second.example:10009'],
  ]);
});

test('little or nothing to receive, and a credential that ends, of whichever node', async () => {
  const { payment } = await world.anOrder();
  const invoice = await world.quoted(payment.id);
  await world.db.pool.query('update payment set settled_invoice_id = $2 where id = $1::uuid', [
    payment.id,
    invoice.id,
  ]);
  await set('receivable_msat = 1000', second);
  await set(`credential_ends_at = now() + interval '3 days 1 hour'`, world.node.id);
  expect(await told()).toEqual([
    ['credential_ends', 'merchant'],
    ['receivable_low', 'second.example:10009'],
  ]);
  await set('receivable_msat = 0', second);
  expect(await told()).toContainEqual(['nothing_receivable', 'second.example:10009']);
  expect((await workingNodes(world.db, world.shop.id)).map(({ id }) => id)).toHaveLength(2);
});
