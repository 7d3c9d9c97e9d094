// Whole processes, and an outside that loses things: webhooks that never come, a pool that is dead
// while buyers pay, due times and sightings that are gone, a stream cursor far too high. One
// reconciliation later nothing is unmatched, also when its pool was killed in the middle.
import { expect, test } from 'vitest';
import type { ReconciliationAnswer } from '../../web/frontend/shared/reconcile-api.ts';
import type { Problem } from '../../web/frontend/shared/merchant-api.ts';
import { until, type World } from '../world.ts';
import { worldOfFile } from '../world-of-file.ts';
import { allReady, isQuiet, type Ready } from './paid-once.ts';

let world: World;
worldOfFile(
  (made) => {
    world = made;
  },
  // The sweep of pending orders comes once, and not again.
  { env: { SWEEP_SECONDS: '3600' } },
);

const state = async (): Promise<ReconciliationAnswer> =>
  (await world.api('GET', '/api/reconciliation')).body as unknown as ReconciliationAnswer;
const begin = async (): Promise<void> => {
  const answer = await world.api('POST', '/api/reconciliation', {});
  expect(answer.status).toBe(200);
  expect(answer.body['running']).not.toBeNull();
};
/** The run that began last has come to its end. */
const isOver = (after: string | undefined): Promise<ReconciliationAnswer> =>
  until(
    'the run ends',
    async () => {
      const answer = await state();
      return answer.running === null && answer.last?.id !== after ? answer : undefined;
    },
    150_000,
  );
const lastRun = async (): Promise<string | undefined> => (await state()).last?.id;

/** The same draws in every run: mulberry32. */
function draws(seed: number): () => number {
  let at = seed;
  return () => {
    at = (at + 0x6d2b79f5) | 0;
    let mixed = Math.imul(at ^ (at >>> 15), 1 | at);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

const killPools = (): Promise<unknown> =>
  Promise.all(world.processes.filter((one) => one !== world.doors).map((one) => one.kill()));

test('whatever was lost at random is found again by one run', async () => {
  const draw = draws(20_261_121);
  const before = await lastRun();
  const bought: Ready[] = await allReady(world, 12);
  await isQuiet(world);
  await killPools();
  const paid = bought.filter(() => draw() < 0.6);
  expect(paid.length).toBeGreaterThan(3);
  await Promise.all(paid.map(({ bolt11 }) => world.lightning.pay(bolt11)));
  // From here on nobody is told of anything.
  const silent = world.shopify.faults.add({ kind: 'webhook-never', times: 1_000 });
  const unheard = Array.from({ length: 60 }, () => world.buy({ total: '5.00' }));
  const cancelled = bought.filter((one) => !paid.includes(one)).slice(0, 2);
  for (const { orderId } of cancelled) world.shopify.cancel(orderId);
  const { pool } = world.db;
  await pool.query('delete from sighting where get_byte(sha256(origin_id::bytea), 0) < 128');
  await pool.query('delete from graphile_worker._private_jobs');
  await pool.query('update invoice set due_at = null');
  await pool.query('update payment set due_at = null');
  await pool.query(`update shop set due_at = null, sweep_cursor = now() + interval '1 day'`);
  await pool.query('update node set stream_cursor = 1000000');
  const stolen = world.buy({ total: '77.00' });
  world.shopify.markByHand(stolen.orderId);
  silent.remove();

  world.startPool();
  await begin();
  const { last, unmatched } = await isOver(before);
  expect(last).toMatchObject({ isWhole: true, readsOrders: true, orders: 73 });
  expect(unmatched).toBe(1);
  const { body } = await world.api('GET', '/api/shop');
  const problems = (body['problems'] as Problem[]).filter(({ what }) => what === 'unmatched');
  expect(problems.map(({ values }) => [values?.['break'], values?.['orderId']])).toEqual([
    ['order_paid_without_money', stolen.orderId],
  ]);
  for (const one of paid) {
    await world.inState(one, 'resolved');
    expect(world.shopify.effects.payments(one.orderId)).toBe(1);
  }
  for (const one of unheard) expect(await world.rowOf(one)).toMatchObject({ state: 'open' });
  for (const one of cancelled) await world.inState(one, 'lapsed', 60_000);
  expect(await world.violations()).toEqual([]);
}, 300_000);

test('a run whose pool is killed goes on where it was, and counts nothing twice', async () => {
  const before = await lastRun();
  const whole = world.shopify.orders().length;
  const kills: string[] = [];
  await begin();
  // Each page of Shopify's orders takes a while, so that a kill hits the middle of one.
  const slow = world.shopify.faults.add({
    kind: 'slow',
    operation: 'OrdersOfMethod',
    delayMs: 1_500,
    times: 9,
  });
  const read = (name: string): number =>
    world.shopify.log.filter((entry) => JSON.stringify(entry).includes(name)).length;
  for (const what of ['first', 'second']) {
    const seen = read('OrdersOfMethod');
    await until('a page is read', () => read('OrdersOfMethod') > seen);
    await killPools();
    kills.push(what);
    world.startPool();
  }
  slow.remove();
  const { last } = await isOver(before);
  expect(kills).toHaveLength(2);
  expect(last).toMatchObject({ isWhole: true, orders: whole });
  const { rows } = await world.db.pool.query<{ n: number }>(
    `select count(*)::int as n from reconcile_break where confirmed_at is not null`,
  );
  expect(rows[0]?.n).toBe(1);
  expect(await world.violations()).toEqual([]);
}, 300_000);

test('a node that is away is left out, and the report says so', async () => {
  const before = await lastRun();
  await world.lnd?.stop({ how: 'kill' });
  await until('its lane is paused', async () => {
    await world.db.pool.query(`update invoice set due_at = now() where state = 'live'`);
    return (await world.db.prisma.lane.count({ where: { NOT: { pausedUntil: null } } })) > 0;
  });
  await begin();
  const { last, unmatched } = await isOver(before);
  expect(last).toMatchObject({ isWhole: false });
  expect(unmatched).toBe(1);
  await world.lnd?.restart();
}, 240_000);
