// The whole way of a payment session: chosen at checkout, paid on our page, told to Shopify, and
// the buyer back at the shop; and what becomes of it when any part of that fails in between.
import { beforeAll, describe, expect, test } from 'vitest';
import { until, type World } from '../world.ts';
import { worldOfFile } from '../world-of-file.ts';
import { chosen, hasPaymentsApp, rowOfSession, sessionIs } from './offsite-shop.ts';
import { isSound, payInTheEnd } from './paid-once.ts';

let world: World;
let shopId: number;
worldOfFile(
  (made) => {
    world = made;
  },
  { payments: true },
);
beforeAll(async () => {
  shopId = await hasPaymentsApp(world);
});

const resolvedTimes = (session: { id: string }): number =>
  world.shopify.payments.effects.count(session.id, 'resolved');
const ordersOf = (session: { id: string }): number =>
  world.shopify.payments.effects.orders(session.id);

/** A buyer before an invoice. */
async function ready(input: Parameters<typeof chosen>[1] = {}) {
  const session = await chosen(world, input);
  return { ...session, bolt11: await world.invoiceOn(session.payUrl, 60_000) };
}

const cancelUrlOf = (session: { sent: string }): string =>
  (JSON.parse(session.sent) as { payment_method: { data: { cancel_url: string } } }).payment_method
    .data.cancel_url;

async function killPool(): Promise<void> {
  await world.pools[0]?.kill('SIGKILL');
}
function startPoolAgain(): void {
  world.pools[0] = world.startPool();
}

/** Resolved once by Shopify's own record, with one order. */
async function isResolvedOnce(session: { id: string }): Promise<void> {
  await sessionIs(world, session, 'resolved');
  expect([resolvedTimes(session), ordersOf(session)]).toEqual([1, 1]);
}

test('chosen, paid, resolved: the page leads back, and the order is there', async () => {
  const session = await chosen(world, { amount: '21.00', currency: 'EUR' });
  const cancelUrl = cancelUrlOf(session);
  const html = await (await fetch(session.payUrl)).text();
  expect(html).toContain(`href="${cancelUrl}"`);
  expect(await world.status(session.payUrl)).toMatchObject({
    session: true,
    state: 'open',
    backUrl: cancelUrl,
    fiat: { amount: '21.00', currency: 'EUR' },
  });
  const bolt11 = await world.invoiceOn(session.payUrl);
  // The buyer closes the tab here: nobody asks for the page any more.
  await payInTheEnd(world, bolt11);
  await isResolvedOnce(session);
  const { returnUrl } = await rowOfSession(world, session);
  const view = await world.status(session.payUrl);
  expect(view).toMatchObject({ state: 'resolved', final: true, returnUrl });
  const after = await (await fetch(session.payUrl)).text();
  expect(after).toContain(`http-equiv="refresh" content="1;url=${String(returnUrl)}"`);
  expect(after).toContain(`href="${String(returnUrl)}"`);
  await isSound(world);
}, 120_000);

test('the buyer cancels: nothing is told, and the same session can be paid later', async () => {
  const session = await ready();
  // The link is an address of the shop: following it is nothing that we hear of.
  expect(cancelUrlOf(session)).toMatch(/^https?:\/\//);
  expect(world.shopify.payments.session(session.id)?.state).toBe('open');
  await payInTheEnd(world, session.bolt11);
  await isResolvedOnce(session);
}, 120_000);

describe('what fails between the money and the verdict', () => {
  test('kill -9 of the pool while Shopify is being told, before and after its effect', async () => {
    const sessions = await Promise.all([ready(), ready()]);
    const since = world.shopify.log.length;
    for (const when of ['before', 'after'] as const) {
      world.shopify.faults.add({ kind: 'timeout', operation: 'PaymentSessionResolve', when });
    }
    await Promise.all(sessions.map(({ bolt11 }) => payInTheEnd(world, bolt11)));
    await until(
      'both calls hang',
      () => world.shopify.log.slice(since).filter(({ fault }) => fault === 'timeout').length === 2,
      60_000,
    );
    await killPool();
    startPoolAgain();
    for (const session of sessions) await isResolvedOnce(session);
    await isSound(world);
  }, 180_000);

  test('kill -9 of the pool before the settle is heard of', async () => {
    const session = await ready();
    await killPool();
    await payInTheEnd(world, session.bolt11);
    startPoolAgain();
    await isResolvedOnce(session);
  }, 180_000);

  test('the answer is lost, spoilt, throttled or a 500: it is told until it is taken', async () => {
    const operation = 'PaymentSessionResolve';
    for (const fault of [
      { kind: 'reset', when: 'after' },
      { kind: 'truncated', when: 'after' },
      { kind: 'html-429' },
      { kind: 'throttled' },
      { kind: 'internal-error' },
      { kind: 'status', status: 500 },
    ] as const) {
      world.shopify.faults.add({ ...fault, operation });
    }
    const session = await ready();
    await payInTheEnd(world, session.bolt11);
    await sessionIs(world, session, 'resolved', 120_000);
    await isResolvedOnce(session);
    world.shopify.faults.clear();
    await isSound(world);
  }, 240_000);

  test('Shopify is away while the buyer pays: the way back comes when it is there', async () => {
    const session = await ready();
    const away = world.shopify.faults.add({ kind: 'status', status: 503, times: 10_000 });
    await payInTheEnd(world, session.bolt11);
    await sessionIs(world, session, 'settled');
    expect((await world.status(session.payUrl)).returnUrl).toBeUndefined();
    away.remove();
    await isResolvedOnce(session);
    expect((await world.status(session.payUrl)).returnUrl).toMatch(/\/processing$/);
  }, 180_000);
});

describe('several sessions of one purchase', () => {
  test('both tabs are paid: one is told, the other is overpaid and asks for a person', async () => {
    const first = await ready();
    const second = await ready({ group: first.group });
    await killPool();
    await Promise.all([first, second].map(({ bolt11 }) => payInTheEnd(world, bolt11)));
    startPoolAgain();
    const rows = await until(
      'both have an end',
      async () => {
        const both = await Promise.all([first, second].map((one) => rowOfSession(world, one)));
        return both.every(({ state }) => ['resolved', 'stranded'].includes(state)) ? both : null;
      },
      90_000,
    );
    expect(rows.map(({ state }) => state).sort()).toEqual(['resolved', 'stranded']);
    expect(rows.find(({ state }) => state === 'stranded')).toMatchObject({
      reason: 'group_paid_otherwise',
      attention: 'overpaid',
    });
    expect(world.shopify.payments.effects.count(first.group, 'resolved')).toBe(1);
    expect(world.shopify.payments.effects.count(first.group, 'resolved_again')).toBe(0);
    const lost = rows[0]?.state === 'stranded' ? first : second;
    expect(await (await fetch(lost.payUrl)).text()).toContain('Please do not pay again');
    await isSound(world);
  }, 240_000);

  test('one tab is paid: the others close, and so does one that is opened later', async () => {
    const first = await ready();
    const second = await ready({ group: first.group });
    await payInTheEnd(world, first.bolt11);
    await isResolvedOnce(first);
    await sessionIs(world, second, 'lapsed');
    expect(await world.status(second.payUrl)).toMatchObject({ over: 'order_paid_otherwise' });
    const third = await chosen(world, { group: first.group });
    await fetch(third.payUrl);
    await sessionIs(world, third, 'lapsed');
    expect(world.shopify.payments.session(second.id)?.state).toBe('open');
    await isSound(world);
  }, 180_000);
});

describe('what can never be paid here', () => {
  test('an amount below the merchant’s limit is rejected, and the page leads back', async () => {
    const merchant = await world.db.prisma.shop.findFirstOrThrow({
      where: { registration: { kind: 'merchant' } },
    });
    const limits = { smallestMsat: 1_000_000_000_000n, version: 1 };
    await world.db.prisma.settings.upsert({
      where: { shopId: merchant.id },
      create: { shopId: merchant.id, ...limits },
      update: limits,
    });
    const session = await chosen(world);
    await fetch(session.payUrl);
    await sessionIs(world, session, 'rejected');
    await world.db.prisma.settings.deleteMany({ where: { shopId: merchant.id } });
    expect(world.shopify.payments.session(session.id)).toMatchObject({
      state: 'rejected',
      rejection: { code: 'AMOUNT_TOO_SMALL' },
    });
    expect(await world.status(session.payUrl)).toMatchObject({
      state: 'rejected',
      final: true,
      returnUrl: (await rowOfSession(world, session)).returnUrl,
    });
    await isSound(world);
  }, 120_000);

  test('a test never touches a mainnet node, and is paid on any other', async () => {
    await world.db.prisma.node.updateMany({ data: { network: 'mainnet' } });
    const calls = world.lnd?.callsOf('AddInvoice');
    const session = await chosen(world, { test: true });
    await until(
      'the page says that it is a test',
      async () => (await world.status(session.payUrl)).refusal === 'no_test_node',
    );
    expect(await (await fetch(session.payUrl)).text()).toContain('This is only a test');
    expect(world.lnd?.callsOf('AddInvoice')).toBe(calls);
    await world.db.prisma.node.updateMany({ data: { network: 'regtest' } });
    await payInTheEnd(world, await world.invoiceOn(session.payUrl, 60_000));
    await isResolvedOnce(session);
    await isSound(world);
  }, 120_000);
});

describe('a node that is away while the buyer has paid', () => {
  const press = (session: { payUrl: string }): Promise<Response> =>
    fetch(`${session.payUrl}/wait`, { method: 'POST', redirect: 'manual' });

  /** Paid, and the node went away before anybody heard of it. */
  async function paidUnheard(pay: boolean) {
    const session = await ready();
    await killPool();
    if (pay) await payInTheEnd(world, session.bolt11);
    await world.lnd?.stop({ how: 'kill' });
    startPoolAgain();
    await until(
      'the page offers to wait',
      async () => (await world.status(session.payUrl)).mayWait === true,
      90_000,
    );
    return session;
  }

  test('nobody waits while the node answers', async () => {
    const session = await ready();
    expect((await press(session)).status).toBe(303);
    expect((await rowOfSession(world, session)).verdictWanted).toBeNull();
    expect(await (await fetch(session.payUrl)).text()).not.toContain('/wait');
  }, 60_000);

  test('the buyer goes back, Shopify waits, and hears of it when the node is there', async () => {
    const session = await paidUnheard(true);
    expect((await press(session)).status).toBe(303);
    await until(
      'the page leads back',
      async () => (await world.status(session.payUrl)).returnUrl,
      90_000,
    );
    const told = world.shopify.payments.session(session.id);
    expect(told?.state).toBe('pending');
    const inMs = (told?.pendingExpiresAt ?? 0) - Date.now();
    expect(inMs).toBeGreaterThan(23 * 3_600_000);
    expect(inMs).toBeLessThan(25 * 3_600_000);
    await world.lnd?.restart();
    await sessionIs(world, session, 'resolved', 120_000);
    expect(resolvedTimes(session)).toBe(1);
    await isSound(world);
  }, 300_000);

  test('at the end of the wait without money it is rejected', async () => {
    const session = await paidUnheard(false);
    await press(session);
    await until(
      'Shopify waits',
      () => world.shopify.payments.session(session.id)?.state === 'pending',
      90_000,
    );
    await world.lnd?.restart();
    await world.db.prisma.payment.updateMany({
      where: { shopId, originId: `gid://shopify/PaymentSession/${session.id}` },
      data: { pendingUntil: new Date(), dueAt: new Date() },
    });
    await sessionIs(world, session, 'rejected', 120_000);
    expect(world.shopify.payments.session(session.id)).toMatchObject({
      state: 'rejected',
      rejection: { code: 'PROCESSING_ERROR' },
    });
    await isSound(world);
  }, 300_000);
});
