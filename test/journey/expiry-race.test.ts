// The price runs out and a buyer pays in that second. Whoever has paid has his order; whoever has
// not asks for a new price and pays that. The wallets' own record says who is who.
import { expect, test } from 'vitest';
import { readRequest } from '../../sandbox/lnd/index.ts';
import { until, type World } from '../world.ts';
import { worldOfFile } from '../world-of-file.ts';
import { allPaidOnce, allReady, payInTheEnd, type Ready } from './paid-once.ts';

let world: World;
worldOfFile(
  (made) => {
    world = made;
  },
  { env: { QUOTE_SECONDS: '6' }, lnd: { settleDelayMs: { low: 0, high: 150 } } },
);

/** A new price, asked for with one tap as often as it takes. */
const newInvoice = (payUrl: string, old: string): Promise<string> =>
  until('a new price', async () => {
    const tapped = await fetch(`${payUrl}/quote`, { method: 'POST', redirect: 'manual' });
    expect(tapped.status).toBe(303);
    const request = (await world.status(payUrl)).invoice?.request;
    return request !== undefined && request !== old ? request : undefined;
  });

/** The last one does not go by a clock: he pays when the node has taken its request back. */
const whenCanceled = ({ hash }: Ready): Promise<unknown> =>
  until('the node takes it back', () => world.lnd?.invoices.get(hash)?.state === 'CANCELED');

test('30 buyers pay in the second in which the price runs out', async () => {
  const bought = await allReady(world, 30);
  const paid = await Promise.all(
    bought.map(async (one, at) => {
      if (at === 29) await whenCanceled(one);
      // From 0.9 s before the end to 0.6 s after it: on both sides of both clocks.
      const result = await world.lnd?.pay(one.bolt11, { late: at * 50 - 900 });
      return result?.ok === true;
    }),
  );
  expect(paid.at(-1)).toBe(false);
  const lost = bought.filter((_one, at) => paid[at] !== true);
  const won = bought.filter((_one, at) => paid[at] === true);
  for (const { hash } of won) expect(world.lnd?.invoices.get(hash)?.state).toBe('SETTLED');
  await allPaidOnce(world, won);
  for (const one of lost) {
    expect(world.shopify.effects.payments(one.orderId)).toBe(0);
    expect((await world.rowOf(one))?.state).toBe('open');
  }
  await Promise.all(
    lost.map(async ({ payUrl, bolt11 }) => {
      // Nobody in a hurry here: of six seconds half may be gone before the wallet has it.
      const next = await newInvoice(payUrl, bolt11);
      await payInTheEnd(world, next);
      expect(world.lnd?.invoices.get(readRequest(bolt11).hash)?.state).toBe('CANCELED');
    }),
  );
  await allPaidOnce(world, bought);
  // What the wallets have paid is what our books have, to the millisatoshi.
  const booked = await world.db.prisma.invoice.aggregate({ _sum: { paidMsat: true } });
  expect(booked._sum.paidMsat).toBe(world.lnd?.ledger.totalMsat());
}, 120_000);
