// Setting a shop up, at the merchant's doors: every step is done only when it was seen to work, the
// self-test goes the whole way and leaves nothing, and each of its hops can fail with a sentence.
import { expect, test } from 'vitest';
import type { SetupAnswer, SelfTestAnswer } from '../../web/frontend/shared/setup-api.ts';
import { app, shopName, until, type World } from '../world.ts';
import { worldOfFile } from '../world-of-file.ts';

let world: World;
worldOfFile(
  (made) => {
    world = made;
  },
  { notInstalled: true, soundInTheEnd: true },
);

const setup = async (): Promise<SetupAnswer> =>
  (await world.api('GET', '/api/setup')).body as unknown as SetupAnswer;

/** Begins a run and waits for its end. */
async function selfTest(): Promise<SelfTestAnswer> {
  const begun = await until(
    'a run may begin',
    async () => {
      const answer = await world.api('POST', '/api/self-test', {});
      return answer.status === 200 ? answer.body : undefined;
    },
    90_000,
  );
  const { id } = begun['run'] as SelfTestAnswer;
  return until(
    'the self-test ends',
    async () => {
      const { body } = await world.api('GET', '/api/self-test');
      const run = body['run'] as SelfTestAnswer;
      expect(run.id).toBe(id);
      return run.state === 'running' ? undefined : run;
    },
    180_000,
  );
}
const states = (run: SelfTestAnswer) =>
  Object.fromEntries(run.steps.map(({ hop, state }) => [hop, state]));
const failedHop = (run: SelfTestAnswer) => run.steps.find(({ state }) => state === 'failed');
const simulator = () => {
  if (world.lnd === undefined) throw new Error('There is no simulated node.');
  return world.lnd;
};
const connect = (more: object = {}) =>
  world.api('POST', '/api/node', { lndconnect: world.lightning.lndconnect, ...more });

test('at first nothing is done, and a self-test says what is missing', async () => {
  const first = await setup();
  expect(first).toMatchObject({
    done: false,
    node: null,
    receive: { state: 'no_node' },
    method: { name: 'Bitcoin (Lightning)', seenAt: null },
    block: { seenAt: null },
    selfTest: null,
  });
  const run = await selfTest();
  expect(run.state).toBe('failed');
  expect(failedHop(run)).toMatchObject({ hop: 'reach_node', code: 'no_node' });
  expect(states(run)).toMatchObject({ make_invoice: 'skipped', clean_up: 'skipped' });
  expect(world.shopify.orders()).toEqual([]);
}, 240_000);

test('the whole way: every hop passes with its time, and nothing is left', async () => {
  expect((await connect()).status).toBe(200);
  const run = await selfTest();
  expect(run.steps.map(({ hop, state, sentence }) => [hop, state, sentence])).toEqual(
    run.steps.map(({ hop }) => [hop, 'passed', null]),
  );
  expect(run.state).toBe('passed');
  expect(run.steps.every(({ ms }) => ms !== null && ms >= 0)).toBe(true);
  // The order is gone, the invoice is canceled, and no payment was opened for it.
  expect(world.shopify.orders()).toEqual([]);
  const invoices = simulator().invoices.all();
  expect(invoices.filter(({ state }) => state !== 'CANCELED')).toEqual([]);
  expect(await world.db.prisma.payment.count()).toBe(0);
  await world.shopify.webhooksSettled();
  await until('nobody looks for the order any more', async () => {
    const due = await world.db.prisma.sighting.count({ where: { NOT: { dueAt: null } } });
    return due === 0;
  });
  expect(await setup()).toMatchObject({ hasPassed: true, done: false, block: { seenAt: null } });
}, 240_000);

test('the method is seen by the self-test, the block when it asks: all is done', async () => {
  expect((await setup()).method.seenAt).not.toBeNull();
  await world.askAsBlock(world.buy());
  const done = await until('the block was seen', async () => {
    const answer = await setup();
    return answer.block.seenAt === null ? undefined : answer;
  });
  expect(done).toMatchObject({ done: true, receive: { state: 'enough', because: null } });
  // Another name has not been seen yet.
  await world.api('POST', '/api/method', { name: 'Sats' });
  const renamed = await setup();
  expect(renamed).toMatchObject({ done: false, method: { name: 'Sats', seenAt: null } });
});

test('a method that Shopify does not know is named, and what was made is taken away', async () => {
  const run = await selfTest();
  expect(failedHop(run)).toMatchObject({
    hop: 'record_part',
    code: 'method_unknown',
    values: { method: 'Sats' },
  });
  expect(states(run)).toMatchObject({ mark_order: 'skipped', clean_up: 'passed' });
  expect((await setup()).method.seenAt).toBeNull();
  expect(world.shopify.orders().filter(({ name }) => name.startsWith('Zaptill'))).toEqual([]);
  await world.api('POST', '/api/method', { name: 'Bitcoin (Lightning)' });
}, 240_000);

test('cash on delivery does not show that the method is there', async () => {
  world.buy({ method: 'Cash on delivery' });
  await world.shopify.webhooksSettled();
  expect((await setup()).method.seenAt).toBeNull();
  await world.askAsBlock(world.buy());
  await until('an order with it does', async () => (await setup()).method.seenAt);
});

test('Shopify refuses each step: a sentence, and nothing is left', async () => {
  for (const [operation, when] of [
    ['TestOrderCreate', 'before'],
    // The order was made, and its id never came back.
    ['TestOrderCreate', 'after'],
    ['OrderMarkAsPaid', 'before'],
  ] as const) {
    world.shopify.faults.add({ kind: 'status', status: 503, operation, when, times: 3 });
    const run = await selfTest();
    expect(failedHop(run)).toMatchObject({ code: 'shop_trouble' });
    world.shopify.faults.clear();
  }
  expect(world.shopify.orders().filter(({ name }) => name.startsWith('Zaptill'))).toEqual([]);
}, 400_000);

test('a node that is down fails the first hop; one without channels is warned about', async () => {
  await simulator().stop({ how: 'kill' });
  expect(failedHop(await selfTest())).toMatchObject({ hop: 'reach_node', code: 'node_trouble' });
  await simulator().restart();
  simulator().setChannels([]);
  const looked = await until('the node is seen again', async () => {
    const { body } = await world.api('POST', '/api/setup/look', {});
    const { receive } = body as unknown as SetupAnswer;
    return receive.state === 'nothing' ? receive : undefined;
  });
  expect(looked).toMatchObject({ because: 'no_channels' });
}, 240_000);

test('a run whose process died is shown as ended, and the next one cleans up', async () => {
  const shop = await world.db.prisma.shop.findFirstOrThrow({ where: { domain: shopName } });
  const left = world.shopify.createOrder({
    shop: shopName,
    test: true,
    total: '2.00',
  });
  await world.db.prisma.selfTest.create({
    data: {
      shopId: shop.id,
      startedAt: new Date(Date.now() - 600_000),
      steps: [
        {
          hop: 'make_order',
          state: 'running',
          ms: null,
          code: null,
          sentence: null,
          made: { orderId: left.id },
        },
      ],
    },
  });
  const { selfTest: shown } = await setup();
  expect(shown).toMatchObject({ state: 'interrupted', steps: [{ state: 'skipped' }] });
  await selfTest();
  expect(world.shopify.order(left.id)).toBeUndefined();
}, 240_000);

test('the doors are killed in the middle of a run: a new run is possible', async () => {
  const { body } = await world.api('POST', '/api/self-test', {});
  const { id } = body['run'] as SelfTestAnswer;
  await world.doors.kill();
  const row = await world.db.prisma.selfTest.findUniqueOrThrow({ where: { id: BigInt(id) } });
  expect(row.endedAt).toBeNull();
  await world.db.prisma.selfTest.update({
    where: { id: row.id },
    data: { startedAt: new Date(Date.now() - 600_000) },
  });
  await world.startDoors();
  expect((await setup()).selfTest).toMatchObject({ id, state: 'interrupted' });
  expect((await selfTest()).id).not.toBe(id);
  expect(world.shopify.orders().filter(({ name }) => name.startsWith('Zaptill'))).toEqual([]);
}, 240_000);

test('another app’s session says nothing of this shop', async () => {
  const token = world.shopify.sessionToken({ shop: shopName, app: app.name, kind: 'extension' });
  const answer = await fetch(`${world.appUrl}/api/setup`, {
    headers: { Authorization: `Bearer ${token}` },
  });
  expect(answer.status).toBe(401);
});
