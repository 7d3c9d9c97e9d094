// Shopify is away or full for a while, and then answers again; and Shopify did what it was asked,
// and its answer was lost. No attempt is burnt on the first, and nothing is done twice after the
// second.
import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { FaultInput } from '../../sandbox/shopify/index.ts';
import { until, type World } from '../world.ts';
import { worldOfFile } from '../world-of-file.ts';
import { allPaidOnce, allReady, isQuiet, payInTheEnd } from './paid-once.ts';

let world: World;
worldOfFile((made) => {
  world = made;
});

const ways = [
  ['503', { kind: 'status', status: 503 }],
  ['429 as a page of HTML', { kind: 'html-429' }],
  ['THROTTLED with 200', { kind: 'throttled' }],
] as const satisfies (readonly [string, FaultInput])[];

const awaySeconds = 8;

describe.each(ways)('Shopify answers %s for a while', (_name, fault) => {
  test('nothing is lost and no attempt is burnt', async () => {
    const bought = await allReady(world, 3);
    await isQuiet(world);
    const since = world.shopify.log.length;
    const away = world.shopify.faults.add({ ...fault, times: 10_000 });
    onTestFinished(() => {
      away.remove();
    });
    await Promise.all(bought.map(({ bolt11 }) => payInTheEnd(world, bolt11)));
    await Promise.all(bought.map((one) => world.inState(one, 'settled')));
    // The buyer is told at once: paid is paid, whatever Shopify says of it.
    for (const { payUrl } of bought) {
      expect((await world.status(payUrl)).state).toBe('settled');
    }
    await pause(awaySeconds * 1_000);
    for (const one of bought) {
      expect(await world.rowOf(one)).toMatchObject({ state: 'settled', attempts: 0 });
    }
    const asked = world.shopify.log.slice(since).filter((entry) => entry.way === 'in');
    // A paused lane is probed by one call at a time, ever more rarely. One without points goes on
    // when Shopify says that there are some again: each second, with each of its three rows.
    expect(asked.length).toBeLessThan(4 * awaySeconds);
    away.remove();
    await allPaidOnce(world, bought);
    for (const one of bought) expect(await world.rowOf(one)).toMatchObject({ attempts: 0 });
  }, 120_000);
});

const lost = [
  { kind: 'timeout', when: 'after' },
  { kind: 'reset', when: 'after' },
  { kind: 'truncated' },
  { kind: 'status', status: 503, when: 'after' },
  { kind: 'html-200', when: 'after' },
  { kind: 'internal-error', when: 'after' },
  { kind: 'slow', delayMs: 10_000 },
] as const satisfies FaultInput[];

test.each(lost)(
  'its answer is lost after it was done: $kind',
  async (fault) => {
    const [one] = await allReady(world, 1);
    if (one === undefined) throw new Error('nobody is ready');
    await isQuiet(world);
    world.shopify.faults.add({ operation: 'OrderMarkAsPaid', ...fault });
    await payInTheEnd(world, one.bolt11);
    await until('Shopify has done it', () => world.shopify.effects.payments(one.orderId) === 1);
    await allPaidOnce(world, [one]);
    expect((await world.rowOf(one))?.reason).toBe('told_before');
  },
  90_000,
);

test('its answers are lost in every way at once', async () => {
  const bought = await allReady(world, 7);
  await isQuiet(world);
  for (const fault of lost) world.shopify.faults.add({ operation: 'OrderMarkAsPaid', ...fault });
  await Promise.all(bought.map(({ bolt11 }) => payInTheEnd(world, bolt11)));
  await allPaidOnce(world, bought, 90_000);
}, 120_000);
