// The merchant's node goes away while buyers pay, in every way in which a node can; and it stays,
// connected and silent. What was paid meanwhile is found.
import { setTimeout as pause } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { until, type World } from '../world.ts';
import { worldOfFile } from '../world-of-file.ts';
import { allPaidOnce, allReady, isSound, oneReady, payInTheEnd } from './paid-once.ts';

let world: World;
worldOfFile(
  (made) => {
    world = made;
  },
  { lnd: { settleDelayMs: { low: 5, high: 120 } } },
);

test('restarted politely, without a word and by a kill, while 50 buyers pay', async () => {
  const { lnd } = world;
  const bought = await allReady(world, 50);
  const paying = Promise.all(
    bought.map(async ({ bolt11 }, at) => {
      await pause(at * 90);
      await payInTheEnd(world, bolt11);
    }),
  );
  for (const how of ['clean', 'drop', 'kill'] as const) {
    await pause(700);
    await lnd?.stop({ how });
    await pause(500);
    await lnd?.restart();
  }
  await paying;
  await allPaidOnce(world, bought, 90_000);
  expect(lnd?.ledger.paid()).toHaveLength(50);
}, 240_000);

test('away when a buyer comes: the page says so, and goes on when the node is back', async () => {
  await world.lnd?.stop({ how: 'kill' });
  const bought = world.buy();
  const payUrl = await world.payLink(bought);
  await until('the page says why', async () => {
    const { refusal } = await world.status(payUrl);
    return refusal === 'node_unreachable';
  });
  await world.lnd?.restart();
  await payInTheEnd(world, await world.invoiceOn(payUrl, 90_000));
  await allPaidOnce(world, [bought]);
}, 180_000);

test('a stream that is silent and connected: payments are found all the same', async () => {
  const bought = await allReady(world, 5);
  await until('the stream is open', () => (world.lnd?.openStreams('SubscribeInvoices') ?? 0) > 0);
  world.lnd?.faults.set({ silentStreams: true });
  await Promise.all(bought.map(({ bolt11 }) => payInTheEnd(world, bolt11)));
  await allPaidOnce(world, bought);
  world.lnd?.faults.set({ silentStreams: false });
  // The stream was opened anew, and tells again by itself.
  const { bolt11, ...next } = await oneReady(world);
  await payInTheEnd(world, bolt11);
  await allPaidOnce(world, [next]);
  await isSound(world);
}, 180_000);
