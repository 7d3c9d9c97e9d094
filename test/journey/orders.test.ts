// An order changes while its page is open: it is cancelled, edited, paid by card. And a buyer pays
// in the very second in which the invoice is being canceled. Who won is what the buyers' side says:
// their wallets know whether they have paid, and our books must agree.
import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { readRequest } from '../../sandbox/lnd/index.ts';
import { until, type World } from '../world.ts';
import { worldOfFile } from '../world-of-file.ts';
import {
  allPaidOnce,
  allReady,
  isQuiet,
  isSound,
  oneReady,
  payInTheEnd,
  type Ready,
} from './paid-once.ts';

let world: World;
worldOfFile(
  (made) => {
    world = made;
  },
  { lnd: { settleDelayMs: { low: 0, high: 60 } } },
);

const onNode = (hash: string) => world.lnd?.invoices.get(hash)?.state;
const endsAtNode = (hash: string, withinMs = 15_000): Promise<unknown> =>
  until('the node has canceled it', () => onNode(hash) === 'CANCELED', withinMs);

/** A page that is open asks every second. */
function openPage(payUrl: string): { close: () => Promise<void> } {
  const closing = new AbortController();
  const { signal } = closing;
  const asking = (async () => {
    while (!signal.aborted) {
      await fetch(`${payUrl}/status`).then((answer) => answer.text());
      await pause(1_000, undefined, { signal }).catch(() => undefined);
    }
  })();
  return {
    close: () => {
      closing.abort();
      return asking;
    },
  };
}

const changes = {
  cancelled: (one: Ready) => world.shopify.cancel(one.orderId),
  'paid by card': (one: Ready) => world.shopify.payByCard(one.orderId),
  edited: (one: Ready) => world.shopify.edit(one.orderId, { total: '34.00' }),
};

/** What is so once the old invoice is canceled. */
async function afterwards(change: keyof typeof changes, one: Ready): Promise<void> {
  if (change !== 'edited') {
    await world.inState(one, 'lapsed');
    const over = change === 'cancelled' ? 'order_cancelled' : 'order_paid_otherwise';
    expect(await world.status(one.payUrl)).toMatchObject({ state: 'lapsed', final: true, over });
    expect(world.shopify.effects.payments(one.orderId)).toBe(0);
    return;
  }
  const bolt11 = await until('the page has another invoice', async () => {
    const request = (await world.status(one.payUrl)).invoice?.request;
    return request !== undefined && request !== one.bolt11 ? request : undefined;
  });
  const shown = await world.status(one.payUrl);
  expect(shown.fiat).toEqual({ amount: '34.00', currency: 'EUR' });
  expect(readRequest(bolt11).amountMsat).toBeGreaterThan(readRequest(one.bolt11).amountMsat);
  await payInTheEnd(world, bolt11);
  await allPaidOnce(world, [one]);
}

describe.each(Object.keys(changes) as (keyof typeof changes)[])('the order is %s', (change) => {
  test('while its page is open: the old invoice ends within 15 s', async () => {
    const one = await oneReady(world);
    await isQuiet(world);
    const page = openPage(one.payUrl);
    changes[change](one);
    await endsAtNode(one.hash);
    await afterwards(change, one);
    await page.close();
    await isSound(world);
  }, 60_000);

  test('and no webhook comes, with and without a page that is open', async () => {
    const mute = world.shopify.faults.add({ kind: 'webhook-never', times: 1_000 });
    const [shown, alone] = await Promise.all([oneReady(world), oneReady(world)]);
    await isQuiet(world);
    const page = openPage(shown.payUrl);
    for (const one of [shown, alone]) changes[change](one);
    // SWEEP_SECONDS is five here.
    await Promise.all([endsAtNode(shown.hash), endsAtNode(alone.hash)]);
    mute.remove();
    for (const one of [shown, alone]) await afterwards(change, one);
    await page.close();
    await isSound(world);
  }, 60_000);
});

test('a payment that settles for a cancelled order is stranded, and nothing is told', async () => {
  const one = await oneReady(world);
  // Nobody is there to cancel the invoice in time.
  await world.pools[0]?.kill('SIGTERM');
  world.shopify.cancel(one.orderId);
  await payInTheEnd(world, one.bolt11);
  world.pools[0] = world.startPool();
  await world.inState(one, 'stranded');
  expect(world.shopify.effects.payments(one.orderId)).toBe(0);
  expect(await world.rowOf(one)).toMatchObject({
    reason: 'order_cancelled',
    attention: 'stranded',
  });
  await isSound(world);
}, 60_000);

test('20 buyers pay while their orders are cancelled: the wallet is right', async () => {
  const bought = await allReady(world, 20);
  const wins = await Promise.all(
    bought.map(async (one, at) => {
      await pause(at * 120);
      const paying = pause((at % 5) * 15).then(() => world.lightning.pay(one.bolt11));
      world.shopify.cancel(one.orderId);
      return (await paying).ok;
    }),
  );
  for (const [at, one] of bought.entries()) {
    const paid = wins[at] === true;
    expect(onNode(one.hash) === 'SETTLED').toBe(paid);
    await world.inState(one, paid ? 'stranded' : 'lapsed');
    expect(world.shopify.effects.payments(one.orderId)).toBe(0);
  }
  await isSound(world);
}, 90_000);
