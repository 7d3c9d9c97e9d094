// A merchant wants orders cancelled that nobody paid in time. The order is cancelled once and its
// goods are put back once, whoever dies in the middle; and whoever pays in the middle has paid.
import { beforeAll, beforeEach, expect, test } from 'vitest';
import type { Bought, World } from '../world.ts';
import { until } from '../world.ts';
import { worldOfFile } from '../world-of-file.ts';
import { allPaidOnce, isQuiet, isSound, oneReady, type Ready } from './paid-once.ts';

let world: World;
worldOfFile((made) => {
  world = made;
});

const hours = 5;

async function choose(unpaidHours: number | null): Promise<void> {
  const seen = await world.api('GET', '/api/settings');
  const { version, settings: was } = seen.body as { version: number; settings: object };
  const settings = { ...was, unpaidHours };
  const saved = await world.api('POST', '/api/settings', { version, was, settings });
  expect(saved.status).toBe(200);
}

beforeAll(async () => {
  await choose(hours);
});
beforeEach(async () => {
  await isQuiet(world);
});

/** So many hours go by since the order was seen; the price that was promised is over too. */
async function age(bought: Bought, by = hours + 1): Promise<void> {
  await world.db.pool.query(
    `update payment set opened_at = opened_at - $2::int * interval '1 hour' where origin_id = $1`,
    [bought.orderId, by],
  );
  await world.db.pool.query(
    `update quote set lapses_at = least(lapses_at, now()) where payment_id in (
       select id from payment where origin_id = $1)`,
    [bought.orderId],
  );
}

const effects = (bought: Bought, what: string): number =>
  world.shopify.effects.of(bought.orderId).filter((effect) => effect.what === what).length;
const isCancelled = (bought: Bought): boolean =>
  world.shopify.order(bought.orderId)?.cancelled === true;

async function isCancelledOnce(bought: Bought): Promise<void> {
  await world.inState(bought, 'rejected', 90_000);
  expect([effects(bought, 'cancelled'), effects(bought, 'restocked')]).toEqual([1, 1]);
  expect(world.shopify.effects.payments(bought.orderId)).toBe(0);
  expect((await world.rowOf(bought))?.reason).toBe('told_not_paid');
  await isSound(world);
}

const callsOf = (operation: string, since: number): number =>
  world.shopify.log.slice(since).filter(({ what }) => what.startsWith(`${operation} `)).length;

test('an unpaid order is cancelled and restocked once, after the node’s word', async () => {
  const ready = await oneReady(world);
  await age(ready);
  await isCancelledOnce(ready);
  const paid = await world.lightning.pay(ready.bolt11);
  expect(paid.ok).toBe(false);
  expect((await world.status(ready.payUrl)).state).toBe('rejected');
}, 120_000);

test('one that nobody even looked at is cancelled too, and a younger one is not', async () => {
  const old = world.buy();
  const young = world.buy();
  await Promise.all([old, young].map((one) => world.inState(one, 'open')));
  await age(old);
  await isCancelledOnce(old);
  expect(isCancelled(young)).toBe(false);
  expect((await world.rowOf(young))?.state).toBe('open');
}, 120_000);

test.each([
  ['paid by card', (one: Ready) => world.shopify.payByCard(one.orderId), 'PAID'],
  ['marked as paid', (one: Ready) => world.shopify.markByHand(one.orderId), 'PAID'],
  ['sent to the buyer', (one: Ready) => world.shopify.fulfill(one.orderId), 'PENDING'],
])(
  'an order that was %s meanwhile is never cancelled',
  async (_, act, status) => {
    const ready = await oneReady(world);
    const since = world.shopify.log.length;
    // No webhook comes: only reading the order shows it.
    const silence = world.shopify.faults.add({ kind: 'webhook-never', times: 1_000 });
    act(ready);
    await age(ready);
    await until('the policy has looked', async () => {
      const row = await world.rowOf(ready);
      return row?.unpaidLookedAt !== null || row.state !== 'open';
    });
    await until('nothing is to be done', async () => (await world.rowOf(ready))?.dueAt === null);
    silence.remove();
    expect(isCancelled(ready)).toBe(false);
    expect(world.shopify.order(ready.orderId)?.financialStatus).toBe(status);
    expect(callsOf('OrderCancel', since)).toBe(0);
  },
  120_000,
);

test('a part paid by gift card keeps the order', async () => {
  const ready = await oneReady(world, { total: '20.00', giftCard: '5.00' });
  await age(ready);
  await until(
    'the policy has looked',
    async () => (await world.rowOf(ready))?.unpaidLookedAt !== null,
  );
  expect(isCancelled(ready)).toBe(false);
  expect((await world.rowOf(ready))?.state).toBe('open');
}, 120_000);

test('who pays while the node is asked to cancel has paid, and the order stands', async () => {
  const ready = await oneReady(world);
  // The cancel call arrives, does nothing, and is never answered: the buyer is in the gap.
  world.lnd?.faults.onMethod('CancelInvoice', { kind: 'never-answer', work: false }, 1);
  const calls = world.lnd?.callsOf('CancelInvoice') ?? 0;
  await age(ready);
  await until('the node is asked', () => (world.lnd?.callsOf('CancelInvoice') ?? 0) > calls);
  const paid = await world.lightning.pay(ready.bolt11);
  expect(paid).toMatchObject({ ok: true });
  await allPaidOnce(world, [ready], 90_000);
  expect(isCancelled(ready)).toBe(false);
}, 150_000);

test.each(['before', 'after'] as const)(
  'kill -9 of the pool while Shopify cancels, %s it has heard: once in the end',
  async (when) => {
    const ready = await oneReady(world);
    const since = world.shopify.log.length;
    world.shopify.faults.add({ kind: 'timeout', operation: 'OrderCancel', when });
    await age(ready);
    await until('the call hangs', () => callsOf('OrderCancel', since) === 1, 60_000);
    await world.pools[0]?.kill('SIGKILL');
    // Whoever comes back to the page in between is not given a new invoice for a dying order.
    await world.askAsBlock(ready);
    if (when === 'before') {
      // Our word was stored and never heard: it is repeated when its job has had its time.
      await world.db.pool.query(
        `update payment set tell_sent_at = now() - interval '10 minutes' where origin_id = $1`,
        [ready.orderId],
      );
    }
    world.pools[0] = world.startPool();
    await isCancelledOnce(ready);
    expect(await world.db.prisma.payment.count({ where: { originId: ready.orderId } })).toBe(1);
  },
  150_000,
);

test('a merchant who changes the policy in the middle keeps the order', async () => {
  const ready = await oneReady(world);
  const away = world.shopify.faults.add({
    kind: 'status',
    status: 503,
    times: 1_000,
    operation: 'OrderCancel',
  });
  const since = world.shopify.log.length;
  await age(ready);
  await until('Shopify is asked in vain', () => callsOf('OrderCancel', since) > 0, 60_000);
  await choose(null);
  away.remove();
  const isLeft = async (): Promise<boolean> => {
    const row = await world.rowOf(ready);
    return row?.verdictWanted === null && row.dueAt === null;
  };
  // Shopify may have taken the word all the same: for a minute nobody says that it is over.
  await until('the order is left', isLeft, 120_000);
  expect(isCancelled(ready)).toBe(false);
}, 240_000);
