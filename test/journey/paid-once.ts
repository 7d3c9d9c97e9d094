// How these journeys begin and end. They begin with buyers who have an invoice before them; they
// end with every order paid once, in the shop's own record and in our books. The shop's record of
// effects is not ours, so a payment that was told twice cannot hide in it.
import { expect } from 'vitest';
import { readRequest } from '../../sandbox/lnd/index.ts';
import type { OrderInput } from '../../sandbox/shopify/index.ts';
import { until, type Bought, type World } from '../world.ts';

export type Ready = Bought & { payUrl: string; bolt11: string; hash: string };

/** A buyer with an order and its invoice. */
export async function oneReady(
  world: World,
  input: OrderInput = {},
  withinMs = 60_000,
): Promise<Ready> {
  const bought = world.buy(input);
  const payUrl = await world.payLink(bought, withinMs);
  const bolt11 = await world.invoiceOn(payUrl, withinMs);
  return { ...bought, payUrl, bolt11, hash: readRequest(bolt11).hash };
}

export const allReady = (world: World, count: number, input: OrderInput = {}): Promise<Ready[]> =>
  Promise.all(Array.from({ length: count }, () => oneReady(world, input)));

/** Nobody is about to look at an order: the next reading of one is that of a verdict. */
export async function isQuiet(world: World): Promise<void> {
  await world.shopify.webhooksSettled();
  await until('no order is to be looked at', async () => {
    const waiting = await world.db.prisma.sighting.count({ where: { NOT: { dueAt: null } } });
    return waiting === 0;
  });
}

/** A buyer who tries until the wallet says paid. */
export async function payInTheEnd(world: World, bolt11: string, withinMs = 60_000): Promise<void> {
  await until(
    'the payment arrives',
    async () => {
      const paid = await world.lightning.pay(bolt11);
      return paid.ok || paid.why === 'invoice is already paid';
    },
    withinMs,
  );
}

/** Each order is paid once by Shopify's own record and resolved in ours, and every rule holds. */
export async function allPaidOnce(
  world: World,
  bought: readonly Bought[],
  withinMs = 60_000,
): Promise<void> {
  const end = Date.now() + withinMs;
  for (const one of bought) {
    await world.isPaid(one, Math.max(1, end - Date.now()));
    await world.inState(one, 'resolved', Math.max(1, end - Date.now()));
  }
  const times = bought.map(({ orderId }) => world.shopify.effects.payments(orderId));
  expect(times).toEqual(bought.map(() => 1));
  await isSound(world);
}

/** `zaptill audit` is clean, Shopify has nothing to complain of, and nobody called us wrong. */
export async function isSound(world: World): Promise<void> {
  await isSoundButLate(world);
  expect(world.shopify.violations).toEqual([]);
}

/** Where doors stand still before they die, Shopify waits for an answer in vain, and asks again. */
export async function isSoundButLate(world: World): Promise<void> {
  expect(defects(world)).toEqual([]);
  expect(await world.violations()).toEqual([]);
  expect(world.shopify.violations.filter((one) => !/^No answer in time/.test(one))).toEqual([]);
}

/** A shop that took our token away pauses its lane until its merchant comes. */
const forAPerson = /"msg":"(payment\.(stranded|paid_again)|lane\.paused)"/;

/** What our processes said at the level of errors, but for what a person must look at. */
const defects = (world: World): string[] =>
  world.processes
    .flatMap((process) => process.output().split('\n'))
    .filter((line) => line.includes('"level":"error"'))
    .filter((line) => !forAPerson.test(line));
