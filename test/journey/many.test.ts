// Many at once: pools, buyers, tabs, deliveries of one webhook. However many ask, one order makes
// one payment, one payable invoice and one verdict.
import { describe, expect, test } from 'vitest';
import { app, freePort, shopName, until, type Bought, type World } from '../world.ts';
import { worldOfFile } from '../world-of-file.ts';
import { allPaidOnce, isSound, oneReady, payInTheEnd } from './paid-once.ts';

let world: World;
worldOfFile((made) => {
  world = made;
});

/** Where the payment of an order is, from its row: nobody has opened it yet. */
async function linkOf(bought: Bought): Promise<string> {
  const row = await until('the payment is there', () => world.rowOf(bought));
  return `${world.appUrl}/pay/${row.link}`;
}
const paymentsOf = ({ orderId }: Bought): Promise<number> =>
  world.db.prisma.payment.count({ where: { originId: orderId } });
const bolt11In = (text: string): string[] => text.match(/lnbcrt[a-z0-9]{100,}/g) ?? [];

test('50 openings of one page at two doors make one invoice', async () => {
  const port = await freePort();
  const second = await world.startDoors(port);
  const bought = world.buy();
  const payUrl = await linkOf(bought);
  const other = payUrl.replace(world.appUrl, `http://127.0.0.1:${String(port)}`);
  const before = world.lnd?.invoices.all().length ?? 0;
  const open = async (at: number): Promise<string> => {
    const page = at % 2 === 0 ? payUrl : other;
    const answer = await fetch(at % 5 === 0 ? `${page}/status` : page);
    expect(answer.status).toBe(200);
    return answer.text();
  };
  const openings = Array.from({ length: 50 }, (_, at) => at);
  const answers = [
    ...(await Promise.all(openings.map(open))),
    ...(await Promise.all(openings.map(open))),
  ];
  const seen = new Set(answers.flatMap(bolt11In));
  expect(seen.size).toBe(1);
  expect(world.lnd?.invoices.all()).toHaveLength(before + 1);
  const { id = '' } = (await world.rowOf(bought)) ?? {};
  const promised = { paymentId: id, what: 'quoted' };
  expect(await world.db.prisma.history.count({ where: promised })).toBe(1);
  expect(await world.db.prisma.quote.count({ where: { paymentId: id } })).toBe(1);
  const [bolt11 = ''] = seen;
  // Whoever comes later sees the same one.
  const late = await Promise.all(openings.slice(0, 10).map(open));
  expect(late.flatMap(bolt11In).every((one) => one === bolt11)).toBe(true);
  expect(late.every((text) => text.includes(bolt11))).toBe(true);
  await payInTheEnd(world, bolt11);
  await allPaidOnce(world, [bought]);
  await second.kill('SIGTERM');
}, 60_000);

describe('we are told of an order', () => {
  const muted = () => world.shopify.faults.add({ kind: 'webhook-never', times: 1 });
  const send = (bought: Bought, webhookId?: string): Promise<string> =>
    world.shopify.sendWebhook({
      topic: 'orders/create',
      shop: shopName,
      app: app.name,
      order: bought.orderId,
      ...(webhookId === undefined ? {} : { webhookId }),
    });
  const finish = async (bought: Bought): Promise<void> => {
    expect(await paymentsOf(bought)).toBe(1);
    const payUrl = await world.payLink(bought);
    await payInTheEnd(world, await world.invoiceOn(payUrl));
    await allPaidOnce(world, [bought]);
    expect(await paymentsOf(bought)).toBe(1);
  };

  test('20 times by one delivery, and 20 times by others', async () => {
    muted();
    const bought = world.buy();
    const said = await Promise.all([
      ...Array.from({ length: 20 }, () => send(bought, 'one-delivery')),
      ...Array.from({ length: 20 }, () => send(bought)),
    ]);
    expect(said).toEqual(said.map(() => '200'));
    await linkOf(bought);
    await finish(bought);
  }, 60_000);

  test('by the block before the webhook, and again after the order was paid', async () => {
    muted();
    const bought = world.buy();
    await world.payLink(bought);
    expect(await send(bought, 'late')).toBe('200');
    await finish(bought);
    expect(await send(bought)).toBe('200');
    await until('it was looked at', async () => {
      const waiting = await world.db.prisma.sighting.count({ where: { NOT: { dueAt: null } } });
      return waiting === 0;
    });
    expect(await paymentsOf(bought)).toBe(1);
  }, 60_000);

  test('by webhook and block at once, many times', async () => {
    const rounds = Array.from({ length: 10 }, async () => {
      const bought = world.buy();
      await Promise.all([
        send(bought),
        ...Array.from({ length: 4 }, () => world.askAsBlock(bought)),
        send(bought),
      ]);
      await world.payLink(bought);
      return bought;
    });
    const all = await Promise.all(rounds);
    for (const bought of all) expect(await paymentsOf(bought)).toBe(1);
    await Promise.all(
      all.map(async (bought) => {
        await payInTheEnd(world, await world.invoiceOn(await world.payLink(bought)));
      }),
    );
    await allPaidOnce(world, all);
  }, 60_000);

  test('before Shopify itself gives it out', async () => {
    const bought = world.buy({ readableAfterMs: 2_500, searchableAfterMs: 60_000 });
    const early = await world.askAsBlock(bought);
    expect(early).toEqual({ status: 202, body: { state: 'not_yet' } });
    await linkOf(bought);
    await finish(bought);
  }, 60_000);

  test('by nobody: the sweep finds it', async () => {
    muted();
    const bought = world.buy({ searchableAfterMs: 3_000 });
    await linkOf(bought);
    await finish(bought);
    // A sweep looks at what waits for its money by our method, and at nothing else.
    const cash = world.buy({ method: 'Cash on delivery' });
    expect(await paymentsOf(cash)).toBe(0);
  }, 60_000);
});

test('8 pools at once: 100 payments, 100 verdicts', async () => {
  world.pools.push(...Array.from({ length: 7 }, world.startPool));
  await until(
    'all pools are open',
    () => world.pools.every((pool) => pool.output().includes('pool.open')),
    90_000,
  );
  const buyer = async () => {
    // Ten processes and everybody around them share the machine's cores.
    const ready = await oneReady(world, {}, 180_000);
    await payInTheEnd(world, ready.bolt11, 120_000);
    return ready;
  };
  const bought = await Promise.all(Array.from({ length: 100 }, buyer));
  await allPaidOnce(world, bought, 120_000);
  const ids = bought.map(({ orderId }) => orderId);
  const verdicts = await world.db.prisma.history.count({
    where: { to: 'resolved', payment: { originId: { in: ids } } },
  });
  expect(verdicts).toBe(100);
  expect(world.lnd?.ledger.paid().length).toBeGreaterThanOrEqual(100);
  await isSound(world);
}, 480_000);
