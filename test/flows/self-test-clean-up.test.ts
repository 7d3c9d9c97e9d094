// What a self-test made in the merchant's shop is taken away, whoever died and whatever was away.
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { freshSteps, isOrderOfRun, type SelfTestStep } from '../../web/core/self-test.ts';
import { leftBySelfTests } from '../../web/db/self-tests.ts';
import { cleanUpSelfTests } from '../../web/flows/self-test-clean-up.ts';
import type { SelfTestDeps } from '../../web/flows/self-test.ts';
import { selfTestSweep } from '../../web/worker/sweep.ts';
import { shopName, startInProcess, type InProcess } from '../in-process.ts';

let our: InProcess;
let deps: SelfTestDeps;
beforeAll(async () => {
  our = await startInProcess();
  deps = { ...our.deps, testOrders: our.wired.testOrders };
}, 120_000);
afterAll(() => our.close());
beforeEach(async () => {
  our.shopify.faults.clear();
  await our.db.prisma.selfTest.deleteMany();
});

const testOrder = (): string =>
  our.shopify.createOrder({ shop: shopName, test: true, total: '2.00' }).id;
const isThere = (orderId: string): boolean => our.shopify.order(orderId) !== undefined;
const idsLeft = async () =>
  (await leftBySelfTests(our.db, { after: 0n, limit: 100 })).map(({ id }) => id);

/** A run as it was written down, so many minutes ago. */
async function aRun(
  about: Partial<Record<SelfTestStep['hop'], Partial<SelfTestStep>>>,
  { minutesAgo, ended = true }: { minutesAgo: number; ended?: boolean },
): Promise<bigint> {
  const steps = freshSteps().map((step) => ({ ...step, ...about[step.hop] }));
  const startedAt = new Date(Date.now() - minutesAgo * 60_000);
  const { id } = await our.db.prisma.selfTest.create({
    data: { shopId: our.shop.id, startedAt, endedAt: ended ? new Date() : null, steps },
  });
  return id;
}
const anInvoiceStep = (): Partial<SelfTestStep> => ({
  state: 'passed',
  made: { hash: randomBytes(32).toString('hex'), nodeId: our.node.id },
});
const stepOf = async (id: bigint, hop: string) => {
  const row = await our.db.prisma.selfTest.findUniqueOrThrow({ where: { id } });
  return (row.steps as SelfTestStep[]).find((step) => step.hop === hop);
};

test('an order whose answer was lost is never taken for one that was not made', async () => {
  await our.db.pool.query(
    `update node set stream_whole_since = now(), stream_lease_until = now() + interval '1 h'`,
  );
  our.shopify.faults.add({
    ...{ kind: 'status', status: 503, operation: 'TestOrderCreate', when: 'after', times: 1 },
  });
  // Its index lags.
  const hidden = our.shopify.faults.add({ kind: 'order-not-by-search', times: 1_000 });
  const run = await our.wired.selfTest(our.shop.id);
  const { steps, passed } = await run.ended();
  expect(passed).toBe(false);
  expect(steps.find(({ hop }) => hop === 'make_order')).toMatchObject({
    ...{ state: 'failed', code: 'shop_trouble' },
  });
  expect(steps.find(({ hop }) => hop === 'clean_up')).toMatchObject({
    ...{ state: 'warned', code: 'order_lost' },
  });
  expect(our.shopify.orders()).toHaveLength(1);
  await cleanUpSelfTests(deps, 0n);
  expect(await idsLeft()).toEqual([run.id]);
  hidden.remove();
  await cleanUpSelfTests(deps, 0n);
  expect(our.shopify.orders()).toEqual([]);
  expect(await stepOf(run.id, 'clean_up')).toMatchObject({ state: 'passed', code: null });
  expect(await idsLeft()).toEqual([]);
}, 120_000);

test('one that never shows itself was not made', async () => {
  const lost = { state: 'failed', code: 'shop_trouble' } as const;
  const about = { make_invoice: anInvoiceStep(), make_order: lost };
  const young = await aRun(about, { minutesAgo: 5 });
  const old = await aRun(about, { minutesAgo: 20 });
  await cleanUpSelfTests(deps, 0n);
  expect(await idsLeft()).toEqual([young]);
  expect(await stepOf(old, 'clean_up')).toMatchObject({ state: 'passed' });
});

test('the order goes although the node is down; the invoice runs out by itself', async () => {
  const [first, second] = [testOrder(), testOrder()];
  const made = (orderId: string) => ({
    make_invoice: anInvoiceStep(),
    make_order: { state: 'passed', made: { orderId } } as const,
    record_part: { state: 'failed', code: 'shop_trouble' } as const,
  });
  await our.lnd.stop({ how: 'kill' });
  const young = await aRun(made(first), { minutesAgo: 5 });
  // Nobody wrote down how this one ended: it was killed.
  const dead = await aRun(made(second), { minutesAgo: 20, ended: false });
  await cleanUpSelfTests(deps, 0n);
  expect([first, second].map(isThere)).toEqual([false, false]);
  expect(await idsLeft()).toEqual([young]);
  expect(await stepOf(dead, 'clean_up')).toMatchObject({ state: 'passed' });
  await our.lnd.restart();
  await expect
    .poll(
      async () => {
        await cleanUpSelfTests(deps, 0n);
        return idsLeft();
      },
      { timeout: 60_000 },
    )
    .toEqual([]);
}, 120_000);

test('a few at a time, however many runs came after, and by one pool at a time', async () => {
  const orders = [testOrder(), testOrder(), testOrder(), testOrder()];
  const ids: bigint[] = [];
  for (const orderId of orders) {
    const about = { make_order: { state: 'passed', made: { orderId } } } as const;
    ids.push(await aRun(about, { minutesAgo: 30 }));
  }
  const failed = { reach_node: { state: 'failed', code: 'no_node' } } as const;
  for (let later = 0; later < 8; later += 1) await aRun(failed, { minutesAgo: 20 });
  const [pool, other] = await Promise.all([our.db.pool.connect(), our.db.pool.connect()]);
  try {
    const lock = `hashtextextended('self-tests', 0)`;
    await other.query(`select pg_advisory_lock(${lock})`);
    const ask = async <Row extends Record<string, unknown>>(
      text: string,
      values: readonly unknown[],
    ): Promise<Row[]> => (await pool.query<Row>(text, [...values])).rows;
    const sweep = selfTestSweep(deps, { alive: { ask }, testOrders: deps.testOrders });
    await sweep();
    expect(orders.map(isThere)).toEqual([true, true, true, true]);
    await other.query(`select pg_advisory_unlock(${lock})`);
    await sweep();
    expect(orders.map(isThere)).toEqual([false, false, false, true]);
    expect(await idsLeft()).toEqual(ids.slice(3));
    await sweep();
    expect(orders.map(isThere)).toEqual([false, false, false, false]);
  } finally {
    pool.release();
    other.release();
  }
}, 120_000);

test('a run takes away its own order and no other', () => {
  const isIts = (name: string, more = { test: true }) => isOrderOfRun({ name, ...more }, '12');
  expect(isIts('Zaptill self-test 12')).toBe(true);
  expect(isIts('Zaptill self-test 123')).toBe(false);
  expect(isIts('Zaptill self-test 1')).toBe(false);
  expect(isIts('Zaptill self-test 12', { test: false })).toBe(false);
});
