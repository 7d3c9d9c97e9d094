// Shopify is away for a whole minute, in three ways one after the other, while shoppers go on
// buying and paying.
import { setTimeout as pause } from 'node:timers/promises';
import { expect, test } from 'vitest';
import type { World } from '../world.ts';
import { worldOfFile } from '../world-of-file.ts';
import { allPaidOnce, allReady, payInTheEnd } from './paid-once.ts';

let world: World;
worldOfFile(
  (made) => {
    world = made;
  },
  { pools: 2 },
);

test('a minute of 503, HTML 429 and THROTTLED', async () => {
  const bought = await allReady(world, 12);
  const paying = Promise.all(
    bought.map(async ({ bolt11 }, at) => {
      await pause(at * 4_500);
      await payInTheEnd(world, bolt11);
    }),
  );
  const untold = world.buy();
  for (const fault of [
    { kind: 'status', status: 503 },
    { kind: 'html-429' },
    { kind: 'throttled' },
  ] as const) {
    world.shopify.faults.add({ ...fault, seconds: 20 });
    await pause(19_800);
    const attempts = await Promise.all(
      bought.map(async (one) => (await world.rowOf(one))?.attempts),
    );
    expect(attempts).toEqual(bought.map(() => 0));
    await pause(200);
  }
  await paying;
  const payUrl = await world.payLink(untold, 60_000);
  await payInTheEnd(world, await world.invoiceOn(payUrl));
  await allPaidOnce(world, [...bought, untold], 90_000);
}, 240_000);
