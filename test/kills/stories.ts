// What happens to a payment from its order to its verdict, in every way that there is. A story is
// told to its end whatever is killed meanwhile, and asserts that end by the outsiders' own
// records: the shop's effects, the wallet's payments, the node's invoices.
import { expect } from 'vitest';
import { reconcileNow } from '../../web/flows/reconcile-begin.ts';
import { makeLog } from '../../web/log.ts';
import { chosen, rowOfSession, sessionIs } from '../journey/offsite-shop.ts';
import { oneReady, payInTheEnd, type Ready } from '../journey/paid-once.ts';
import { until, type World } from '../world.ts';
import { other, unpaidHours } from './stage.ts';

/**
 * A world that dies all the time lets a story wait for as long as there is something left to kill.
 * The hunt sees when nothing goes on any more.
 */
const longMs = 120 * 60_000;

/** Tried again for as long as our doors are not there. */
const persist = <T>(what: string, act: () => Promise<T>): Promise<NonNullable<T>> =>
  until(what, () => act().catch(() => undefined), longMs);

const ready = (world: World, input: Parameters<typeof oneReady>[1] = {}): Promise<Ready> =>
  oneReady(world, input, longMs);

async function isPaidOnce(world: World, one: Ready): Promise<void> {
  await world.isPaid(one, longMs);
  await world.inState(one, 'resolved', longMs);
  expect(world.shopify.effects.payments(one.orderId)).toBe(1);
}

async function isLapsed(world: World, one: Ready): Promise<void> {
  await world.inState(one, 'lapsed', longMs);
  const canceled = (): boolean => world.lnd?.invoices.get(one.hash)?.state === 'CANCELED';
  await until('the node has canceled it', canceled, longMs);
  expect((await world.lightning.pay(one.bolt11)).ok).toBe(false);
  expect(world.shopify.effects.payments(one.orderId)).toBe(0);
}

/** Ordered, quoted, paid, told. */
async function paid(world: World): Promise<void> {
  // What is written once in the life of a shop is written again.
  await world.db.pool.query('update shop set method_seen_at = null, block_seen_at = null');
  const one = await ready(world);
  await isLookedAt(world, one);
  await payInTheEnd(world, one.bolt11, longMs);
  await isPaidOnce(world, one);
}

/** A buyer who takes a while: a pool looks meanwhile whether it is paid. */
const isLookedAt = (world: World, { hash }: Ready): Promise<unknown> =>
  persist('a pool looks at it', async () => {
    const { rows } = await world.db.pool.query<{ looked: boolean }>(
      `with due as (
         update invoice set due_at = least(due_at, now()) where hash = decode($1, 'hex')
         returning lane, lease_no)
       select nudge(array_agg(lane)), max(lease_no) > 0 as looked from due`,
      [hash],
    );
    return rows[0]?.looked;
  });

/** The order is cancelled before anybody pays. */
async function cancelled(world: World): Promise<void> {
  const one = await ready(world);
  world.shopify.cancel(one.orderId);
  await isLapsed(world, one);
}

const lapse = (world: World, one: { orderId: string }): Promise<unknown> =>
  persist('the price runs out', () =>
    world.db.pool.query(
      `update quote set lapses_at = least(lapses_at, now()) where payment_id in (
         select id from payment where origin_id = $1)`,
      [one.orderId],
    ),
  );

const anotherThan = (world: World, one: Ready): Promise<string> =>
  persist('another invoice', async () => {
    await fetch(`${one.payUrl}/quote`, { method: 'POST', redirect: 'manual' });
    const request = (await world.status(one.payUrl)).invoice?.request;
    return request === one.bolt11 ? undefined : request;
  });

/** The price runs out; the buyer asks for another and pays that. */
async function lapsing(world: World): Promise<void> {
  const one = await ready(world);
  await lapse(world, one);
  await payInTheEnd(world, await anotherThan(world, one), longMs);
  await isPaidOnce(world, one);
  expect(world.lnd?.invoices.get(one.hash)?.state).toBe('CANCELED');
}

/** The order costs more than when it was quoted. */
async function edited(world: World): Promise<void> {
  const one = await ready(world);
  world.shopify.edit(one.orderId, { total: '34.00' });
  await payInTheEnd(world, await anotherThan(world, one), longMs);
  await isPaidOnce(world, one);
}

/** It costs more, and the buyer has paid the old price before we heard of it: a part is told. */
async function part(world: World): Promise<void> {
  const one = await ready(world);
  const mute = world.shopify.faults.add({ kind: 'webhook-never', times: 1 });
  world.shopify.edit(one.orderId, { total: '34.00' });
  const told = (): string | undefined => world.lnd?.invoices.get(one.hash)?.state;
  await until(
    'the old price is paid, or over',
    async () => {
      if (told() === 'CANCELED') return true;
      await world.lightning.pay(one.bolt11);
      return told() === 'SETTLED';
    },
    longMs,
  );
  mute.remove();
  // Somebody has looked at the order first: then the old price is over, and nobody has paid it.
  if (told() !== 'SETTLED') return;
  // The rest of the order may have a payment of its own by then.
  const first = { originId: one.orderId, sequence: 1, state: 'resolved' } as const;
  await persist('the part is told', async () =>
    (await world.db.prisma.payment.count({ where: first })) === 1 ? true : undefined,
  );
  expect(world.shopify.effects.payments(one.orderId)).toBe(1);
}

/** Nobody pays for hours, and the merchant wants such orders cancelled. */
async function unpaid(world: World): Promise<void> {
  const one = await ready(world);
  await lapse(world, one);
  await persist('hours go by', () =>
    world.db.pool.query(
      `update payment set opened_at = opened_at - $2::int * interval '1 hour'
       where origin_id = $1`,
      [one.orderId, unpaidHours + 1],
    ),
  );
  // Our word was stored, and whoever said it is dead: it is repeated when its job had its time.
  await until(
    'it is rejected',
    async () => {
      const again = world.db.pool.query(
        `update payment set tell_sent_at = now() - interval '10 minutes', due_at = now()
         where origin_id = $1 and state <> 'rejected'
           and tell_sent_at < now() - interval '8 seconds'`,
        [one.orderId],
      );
      await again.catch(() => undefined);
      return (await world.rowOf(one))?.state === 'rejected';
    },
    longMs,
  );
  const effects = world.shopify.effects.of(one.orderId).map(({ what }) => what);
  expect(effects.filter((what) => what === 'cancelled')).toHaveLength(1);
  expect(effects.filter((what) => what === 'restocked')).toHaveLength(1);
  expect(world.shopify.effects.payments(one.orderId)).toBe(0);
}

const session = (world: World, input: Parameters<typeof chosen>[1] = {}) =>
  persist('a session is opened', () => chosen(world, input));

/** A session of the payments app is paid and resolved. */
async function resolved(world: World): Promise<void> {
  const one = await session(world);
  await payInTheEnd(world, await world.invoiceOn(one.payUrl, longMs), longMs);
  await sessionIs(world, one, 'resolved', longMs);
  expect(world.shopify.payments.effects.count(one.id, 'resolved')).toBe(1);
  expect(world.shopify.payments.effects.orders(one.id)).toBe(1);
}

/** Two tabs of one purchase: one is paid, and the other closes. */
async function tabs(world: World): Promise<void> {
  const one = await session(world);
  const bolt11 = await world.invoiceOn(one.payUrl, longMs);
  const second = await session(world, { group: one.group });
  await world.invoiceOn(second.payUrl, longMs);
  await payInTheEnd(world, bolt11, longMs);
  await sessionIs(world, one, 'resolved', longMs);
  await sessionIs(world, second, 'lapsed', longMs);
  expect(world.shopify.payments.effects.count(one.group, 'resolved')).toBe(1);
}

/** A session below the merchant's limit is rejected. */
async function rejected(world: World): Promise<void> {
  const one = await session(world, { amount: '0.05', currency: 'EUR' });
  // Who saw an error comes again: nobody is rejected for having left.
  await persist('it is rejected', async () => {
    await fetch(one.payUrl);
    return (await rowOfSession(world, one)).state === 'rejected';
  });
  expect(world.shopify.payments.session(one.id)?.state).toBe('rejected');
}

/** The buyer of a session is let go while the node is away; nobody pays, and it is rejected. */
async function pending(world: World): Promise<void> {
  const one = await session(world);
  await world.invoiceOn(one.payUrl, longMs);
  await until(
    'Shopify waits',
    async () => {
      const row = await rowOfSession(world, one);
      if (row.verdictWanted === null) {
        await world.db.pool.query(`update node set trouble = 'node_unreachable'`);
        await fetch(`${one.payUrl}/wait`, { method: 'POST', redirect: 'manual' }).catch(() => null);
        await world.db.pool.query(`update node set trouble = null`);
      }
      return world.shopify.payments.session(one.id)?.state === 'pending';
    },
    longMs,
  );
  await until('our books have it', async () => (await rowOfSession(world, one)).pendingUntil);
  await persist('a day goes by', () =>
    world.db.prisma.payment.updateMany({
      where: { originId: `gid://shopify/PaymentSession/${one.id}`, state: 'open' },
      data: { pendingUntil: new Date(), dueAt: new Date() },
    }),
  );
  await sessionIs(world, one, 'rejected', longMs);
  expect(world.shopify.payments.session(one.id)?.state).toBe('rejected');
  expect(world.shopify.payments.effects.count(one.id, 'resolved')).toBe(0);
}

/** There is one other merchant: one after the other. */
let turn: Promise<void> = Promise.resolve();
let came = 0;
function uninstalled(world: World): Promise<void> {
  const mine = turn.then(() => comeAndGo(world));
  turn = mine.catch(() => undefined);
  return mine;
}

/** The shop comes back with a node that it never had. */
const forgetNodes = (world: World, domain: string): Promise<unknown> =>
  persist('its nodes are forgotten', () =>
    world.db.pool.query(
      `update node set identity = '02' || encode(sha256(identity::bytea), 'hex')
       where shop_id in (select id from shop where domain = $1)`,
      [domain],
    ),
  );

/** Another merchant installs the app, connects a node, has an order open, and removes the app. */
async function comeAndGo(world: World): Promise<void> {
  const { app, shop } = other;
  const as = async (kind: 'admin' | 'extension', method: string, at: string, body?: object) => {
    const token = world.shopify.sessionToken({ shop, app: app.name, kind });
    const answer = await fetch(`${world.appUrl}${at}`, {
      method,
      headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return answer.status === 200 ? ((await answer.json()) as { payUrl?: string }) : undefined;
  };
  came += 1;
  if (came % 2 === 0) await forgetNodes(world, shop);
  world.shopify.install({ app: app.name, shop });
  await persist('it is installed', () => as('admin', 'GET', '/api/shop'));
  const { lndconnect } = world.lightning;
  await persist('it is connected', () => as('admin', 'POST', '/api/node', { lndconnect }));
  const order = world.shopify.createOrder({ shop, total: '9.00', currency: 'EUR' });
  const bought = { orderId: order.id, checkoutToken: order.checkoutToken };
  const view = () => as('extension', 'POST', '/extension/payment', bought);
  const payUrl = await persist('a pay link', async () => (await view())?.payUrl);
  const bolt11 = await world.invoiceOn(payUrl, longMs);
  world.shopify.uninstall({ app: app.name, shop });
  // Who was killed while it heard of that hears again, a minute later by Shopify's clock.
  const clock = setInterval(() => {
    world.shopify.clock.turn(60_000);
  }, 4_000);
  await world.inState(bought, 'lapsed', longMs).finally(() => {
    clearInterval(clock);
  });
  await until('nobody can pay', async () => !(await world.lightning.pay(bolt11)).ok, longMs);
  expect(world.shopify.effects.payments(order.id)).toBe(0);
}

/** Orders of which nobody heard are found by a reconciliation, and what was lost is woken. */
async function reconciled(world: World): Promise<void> {
  const one = await ready(world);
  const mute = world.shopify.faults.add({ kind: 'webhook-never', times: 2 });
  const unheard = world.buy({ total: '5.00' });
  mute.remove();
  const last = async () => {
    const { status, body } = await world.api('GET', '/api/reconciliation');
    if (status !== 200) return undefined;
    return body as { running: unknown; last: { id: string } | null };
  };
  const before = (await persist('the last run', last)).last?.id;
  const shop = await world.db.prisma.shop.findFirstOrThrow({ orderBy: { id: 'asc' } });
  const operator = { db: world.db, log: makeLog({ level: 'silent' }) };
  await persist('a run begins', async () => {
    const { status } = await world.api('POST', '/api/reconciliation', {});
    // A merchant may ask some times in ten minutes; the operator as often as it is told here.
    return status === 429
      ? reconcileNow(operator, { shopId: shop.id, because: 'operator' })
      : status === 200 || undefined;
  });
  await payInTheEnd(world, one.bolt11, longMs);
  await persist('the run ends', async () => {
    const seen = await last();
    return seen?.running === null && seen.last?.id !== before;
  });
  await world.inState(unheard, 'open', longMs);
  await isPaidOnce(world, one);
}

export const stories = {
  ...{ paid, cancelled, lapsing, edited, part, unpaid },
  ...{ resolved, tabs, rejected, pending, uninstalled, reconciled },
} satisfies Record<string, (world: World) => Promise<void>>;
export type StoryName = keyof typeof stories;
