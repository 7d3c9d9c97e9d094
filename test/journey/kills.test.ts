// kill -9 of the pool and of the doors, at every point between an invoice and its verdict. The
// moments are made, not waited for: a call hangs at the outsider, before or after its effect, and
// whoever made it is killed meanwhile.
import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { until, type World } from '../world.ts';
import { worldOfFile } from '../world-of-file.ts';
import { allPaidOnce, allReady, isQuiet, oneReady, payInTheEnd } from './paid-once.ts';

let world: World;
worldOfFile((made) => {
  world = made;
});

const victims = ['pool', 'doors', 'both'] as const;
type Victim = (typeof victims)[number];

async function kill(victim: Victim): Promise<void> {
  const [pool] = world.pools;
  await Promise.all([
    victim === 'doors' ? undefined : pool?.kill('SIGKILL'),
    victim === 'pool' ? undefined : world.doors.kill('SIGKILL'),
  ]);
}

/** Brings back whatever is not there. */
async function revive(): Promise<void> {
  if (world.pools[0]?.isAlive() !== true) world.pools[0] = world.startPool();
  if (!world.doors.isAlive()) world.doors = await world.startDoors();
}

/** Calls that reached the shop and were kept waiting, since the log had this length. */
const hanging = (since: number): string[] =>
  world.shopify.log
    .slice(since)
    .filter(({ fault }) => fault === 'timeout')
    .map(({ what }) => what);

describe.each(victims)('kill -9: %s', (victim) => {
  test('while the reading hangs, before the mutation is done, and after it is done', async () => {
    const bought = await allReady(world, 3);
    await isQuiet(world);
    const since = world.shopify.log.length;
    // The calls of three payments: one hangs in its reading, two in their mutations.
    for (const fault of [
      { operation: 'OrderById', when: 'before' },
      { operation: 'OrderMarkAsPaid', when: 'before' },
      { operation: 'OrderMarkAsPaid', when: 'after' },
    ] as const) {
      world.shopify.faults.add({ kind: 'timeout', ...fault });
    }
    await Promise.all(bought.map(({ bolt11 }) => world.lightning.pay(bolt11)));
    await until('all three calls hang', () => hanging(since).length === 3);
    expect(hanging(since).sort()).toEqual([
      'OrderById order',
      'OrderMarkAsPaid orderMarkAsPaid',
      'OrderMarkAsPaid orderMarkAsPaid',
    ]);
    // One of them is paid already, and nobody has heard of it. On a slow machine the deadline of
    // the first call may pass before the last one hangs, and its second try pays another.
    const paid = bought.filter(({ orderId }) => world.shopify.effects.payments(orderId) === 1);
    expect(paid.length).toBeGreaterThanOrEqual(1);
    await kill(victim);
    await revive();
    await allPaidOnce(world, bought);
  }, 120_000);

  test('after the settle is recorded and before Shopify is asked', async () => {
    const bought = await allReady(world, 2);
    await isQuiet(world);
    const away = world.shopify.faults.add({ kind: 'status', status: 503, times: 1_000 });
    await Promise.all(bought.map(({ bolt11 }) => world.lightning.pay(bolt11)));
    await Promise.all(bought.map((one) => world.inState(one, 'settled')));
    await kill(victim);
    away.remove();
    await revive();
    await allPaidOnce(world, bought);
  }, 120_000);

  test('before the settle is heard of', async () => {
    const bought = await allReady(world, 2);
    await kill(victim);
    await Promise.all(bought.map(({ bolt11 }) => world.lightning.pay(bolt11)));
    await revive();
    await allPaidOnce(world, bought);
  }, 120_000);
});

test('the doors are killed while the node makes the invoice: there is one in the end', async () => {
  const before = world.lnd?.invoices.all().length ?? 0;
  world.lnd?.faults.onMethod('AddInvoice', { kind: 'never-answer', work: true }, 1);
  const calls = world.lnd?.callsOf('AddInvoice') ?? 0;
  const bought = world.buy();
  const asked = world.askAsBlock(bought).catch(() => undefined);
  await until('the node is asked', () => (world.lnd?.callsOf('AddInvoice') ?? 0) > calls);
  await world.doors.kill('SIGKILL');
  await asked;
  await revive();
  const payUrl = await world.payLink(bought, 60_000);
  const bolt11 = await world.invoiceOn(payUrl, 60_000);
  expect(world.lnd?.invoices.all().length).toBe(before + 1);
  await payInTheEnd(world, bolt11);
  await allPaidOnce(world, [bought]);
}, 120_000);

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

test('ten kills at any moment while 20 buyers come and pay', async () => {
  const draw = draws(20_261_121);
  const buyer = async () => {
    await pause(draw() * 8_000);
    // The doors are away for most of the time until the last kill.
    const ready = await oneReady(world, {}, 150_000);
    await pause(draw() * 1_000);
    await payInTheEnd(world, ready.bolt11);
    return ready;
  };
  const buyers = Promise.all(Array.from({ length: 20 }, buyer));
  buyers.catch(() => undefined); // told below
  for (let kills = 0; kills < 10; kills += 1) {
    await pause(200 + draw() * 800);
    await kill(victims[Math.floor(draw() * victims.length)] ?? 'both');
    await revive();
  }
  await allPaidOnce(world, await buyers, 90_000);
}, 300_000);
