// A shop, a node and our rows of which each has lost something: webhooks that never came, streams
// that nobody followed, nudges and due times that are gone. One run of the pool puts all of it
// right but what only a person can.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { audit } from '../../web/db/audit.ts';
import { nightIsBegun, takeNights } from '../../web/db/reconciliations.ts';
import type { PaymentRow } from '../../web/db/payments.ts';
import { shopById } from '../../web/db/shops.ts';
import { acceptBreak, reconcileNights, reconcileNow } from '../../web/flows/reconcile-begin.ts';
import { reconcileAndWait } from '../../web/flows/reconcile-command.ts';
import { startPool, type Pool } from '../../web/worker/pool.ts';
import { aShop } from '../builders.ts';
import { startInProcess, type InProcess, type Open } from '../in-process.ts';
import { until } from '../world.ts';

let our: InProcess;
let pool: Pool | undefined;
beforeAll(async () => {
  our = await startInProcess();
  await our.db.pool.query(
    `insert into settings (shop_id, alert_url) values ($1, 'https://alerts.example/hook')`,
    [our.shop.id],
  );
});
afterAll(async () => {
  await our.close();
});
/** The sweep of every minute would find some of it too: it believes that it has seen all. */
beforeEach(() =>
  our.db.pool.query(`update shop set due_at = null, sweep_cursor = now() + interval '1 day'`),
);
afterEach(async () => {
  await pool?.stop();
  pool = undefined;
});

const startOne = (): Pool => (pool = startPool(our.deps, { listener: false }));

type Ended = { id: string; state: string; orders: number; payments: number; invoices: number };
type Run = Ended & { healed: number; unmatched: number };

async function ended(id: string): Promise<Run> {
  return until(
    'the run ends',
    async () => {
      const { rows } = await our.db.pool.query<Run>(
        `select id::text, state, orders, payments, invoices, healed, unmatched
         from reconciliation where id = $1::bigint and ended_at is not null`,
        [id],
      );
      return rows[0];
    },
    120_000,
  );
}

async function reconcile(): Promise<Run> {
  const run = await reconcileNow(our.deps, { shopId: our.shop.id, because: 'operator' });
  if (run === undefined) throw new Error('no run was begun');
  startOne();
  return ended(run.id);
}

type Broken = { id: string; what: string; orderName: string };
const open = async (): Promise<Broken[]> => {
  const { rows } = await our.db.pool.query<Broken>(
    `select id::text, what, about ->> 'orderName' as "orderName" from reconcile_break
     where healed_at is null and accepted_at is null order by id`,
  );
  return rows;
};
const named = async (): Promise<string[]> =>
  (await open()).map(({ what, orderName }) => `${orderName} ${what}`).sort();
const alerts = async (): Promise<number> => {
  const { rows } = await our.db.pool.query<{ n: number }>(
    `select count(*)::int as n from alert where what = 'reconcile_break'`,
  );
  return rows[0]?.n ?? -1;
};
const nameOf = (orderId: string): string => our.shopify.order(orderId)?.name ?? '';
const statusOf = (orderId: string): string => our.shopify.order(orderId)?.financialStatus ?? '';
const rowOf = (one: Open): Promise<PaymentRow> => our.read(one.payment.id);

async function paidAtNode(one: Open): Promise<void> {
  const { request } = await our.quoted(one.payment.id);
  expect(await our.lnd.pay(request)).toMatchObject({ ok: true });
}
const forgetDue = (table: string, id: string): Promise<unknown> =>
  our.db.pool.query(`update ${table} set due_at = null where id::text = $1`, [id]);

describe('a run', () => {
  test('puts right whatever was lost, and says so', async () => {
    const unheard = ['7.00', '8.00', '9.00'].map((total) =>
      our.shopify.createOrder({ shop: our.shop.domain, total }),
    );
    const seen = our.shopify.createOrder({ shop: our.shop.domain, total: '6.00' });
    await our.db.pool.query(
      `insert into sighting (shop_id, origin_id, because, lane, due_at)
       values ($1, $2, 'orders/create', $3, null)`,
      [our.shop.id, seen.id, our.shopLane(our.shop.id)],
    );
    const paid = [await our.anOrder(), await our.anOrder(), await our.anOrder()];
    for (const one of paid) await paidAtNode(one);
    const watched = await our.anOrder();
    const { id: invoiceId } = await our.quoted(watched.payment.id);
    await our.db.pool.query('update invoice set due_at = null');
    const edited = await our.anOrder();
    our.shopify.edit(edited.orderId, { total: '34.00' });
    const cancelled = await our.anOrder();
    our.shopify.cancel(cancelled.orderId);

    const run = await reconcile();
    expect(await named()).toEqual([]);
    expect(run).toMatchObject({ state: 'done', unmatched: 0, orders: 10, invoices: 4 });
    for (const one of paid) {
      expect((await rowOf(one)).state).toBe('resolved');
      expect(statusOf(one.orderId)).toBe('PAID');
    }
    for (const { id } of [...unheard, seen]) {
      const found = await our.db.prisma.payment.findFirst({ where: { originId: id } });
      expect(found?.state).toBe('open');
    }
    expect(await rowOf(edited)).toMatchObject({ state: 'open', owedMinor: 3_400n });
    expect((await rowOf(cancelled)).state).toBe('lapsed');
    const invoice = await our.db.prisma.invoice.findUniqueOrThrow({ where: { id: invoiceId } });
    expect(invoice).toMatchObject({ state: 'live' });
    expect(invoice.dueAt).not.toBeNull();
    expect(await audit(our.db)).toEqual([]);
    expect(await alerts()).toBe(0);
  }, 150_000);

  test('tells a verdict whose nudge was lost, and money that settled meanwhile', async () => {
    const one = await our.anOrder();
    await paidAtNode(one);
    const run = await reconcileNow(our.deps, { shopId: our.shop.id, because: 'operator' });
    startOne();
    await until('it is recorded', async () => (await rowOf(one)).state !== 'open');
    expect((await ended(run?.id ?? '')).unmatched).toBe(0);
    const other = await our.anOrder();
    await pool?.stop();
    await paidAtNode(other);
    await our.db.pool.query(
      `update invoice set due_at = now() - interval '1 ms' where payment_id = $1::uuid`,
      [other.payment.id],
    );
    await recordByLook(other);
    await forgetDue('payment', other.payment.id);
    expect((await rowOf(other)).state).toBe('settled');
    expect(await reconcile()).toMatchObject({ state: 'done', unmatched: 0 });
    expect((await rowOf(other)).state).toBe('resolved');
  }, 150_000);

  test('finds what was given back in Shopify while nobody heard of it', async () => {
    const one = await our.anOrder();
    await paidAtNode(one);
    await recordByLook(one);
    startOne();
    await until('it is told', async () => (await rowOf(one)).state === 'resolved', 60_000);
    await pool?.stop();
    our.shopify.refund(one.orderId, { amount: '5.00' });
    expect(await reconcile()).toMatchObject({ state: 'done', unmatched: 0 });
    const refunds = (): Promise<unknown[]> =>
      our.db.prisma.refund.findMany({ where: { paymentId: one.payment.id } });
    await until('it is owed', async () => (await refunds()).length > 0, 60_000);
    expect(await refunds()).toMatchObject([{ origin: 'order_refund', amountMinor: 500n }]);
  }, 150_000);

  test('names exactly what only a person can put right, and tells it once', async () => {
    const stolen = our.shopify.createOrder({ shop: our.shop.domain, total: '50.00' });
    our.shopify.markByHand(stolen.id);
    const lost = await our.anOrder();
    await paidAtNode(lost);
    const unknown = await our.anOrder();
    const { request } = await our.quoted(unknown.payment.id);
    startOne();
    await reconcileNow(our.deps, { shopId: our.shop.id, because: 'operator' });
    await until('it is told', async () => (await rowOf(lost)).state === 'resolved', 60_000);
    await until('the run is over', async () => (await running()) === 0, 60_000);
    await pool?.stop();
    // The node forgets: it was restored from an old backup.
    const hashOf = async (one: Open): Promise<string> => {
      const row = await our.db.prisma.invoice.findFirstOrThrow({
        where: { paymentId: one.payment.id },
      });
      return Buffer.from(row.hash).toString('hex');
    };
    our.lnd.invoices.forget(await hashOf(lost));
    our.lnd.invoices.forget(await hashOf(unknown));
    expect(request).toMatch(/^ln/);

    const expected = [
      `${nameOf(stolen.id)} order_paid_without_money`,
      `${nameOf(lost.orderId)} recorded_not_at_node`,
      `${nameOf(unknown.orderId)} live_not_at_node`,
    ].sort();
    expect(await reconcile()).toMatchObject({ state: 'done', unmatched: 3 });
    expect(await named()).toEqual(expected);
    expect(await alerts()).toBe(3);
    await pool?.stop();

    // The next night finds the same, and nobody is told of it again.
    expect(await reconcile()).toMatchObject({ unmatched: 3 });
    expect(await named()).toEqual(expected);
    expect(await alerts()).toBe(3);
    await pool?.stop();

    const theft = (await open()).find(({ what }) => what === 'order_paid_without_money');
    const accept = { shopId: our.shop.id, id: theft?.id ?? '', staffId: '77' };
    expect(await acceptBreak(our.deps, { ...accept, shopId: our.shop.id + 1 })).toBe(false);
    expect(await acceptBreak(our.deps, accept)).toBe(true);
    expect(await acceptBreak(our.deps, accept)).toBe(false);
    expect(await reconcile()).toMatchObject({ unmatched: 2 });
    expect(await named()).not.toContain(expected[0]);
  }, 200_000);
});

/** As the lane's turn does, without telling Shopify. */
async function recordByLook(one: Open): Promise<void> {
  const { lookAtInvoice } = await import('../../web/flows/look-at-invoice.ts');
  const { id } = await our.db.prisma.invoice.findFirstOrThrow({
    where: { paymentId: one.payment.id },
  });
  const lane = our.nodeLane(our.node.id);
  await our.runStep(lookAtInvoice, { table: 'invoice', id, lane });
}

async function running(): Promise<number> {
  return our.db.prisma.reconciliation.count({ where: { endedAt: null } });
}

test('of a shop of the payments app no order is read, and the run says so', async () => {
  await our.db.pool.query(`update registration set kind = 'payments'`);
  const asked = our.shopify.log.length;
  try {
    const run = await reconcile();
    expect(run).toMatchObject({ state: 'done', orders: 0 });
    expect(run.payments).toBeGreaterThan(0);
    const { readsOrders } = await our.db.prisma.reconciliation.findUniqueOrThrow({
      where: { id: BigInt(run.id) },
    });
    expect(readsOrders).toBe(false);
    const calls = our.shopify.log.slice(asked).map((entry) => JSON.stringify(entry));
    expect(calls.filter((call) => call.includes('OrdersOfMethod'))).toEqual([]);
  } finally {
    await our.db.pool.query(`update registration set kind = 'merchant'`);
  }
}, 120_000);

describe('when it runs', () => {
  test('every night by the clock of the shop, once for however many pools', async () => {
    const zone = 'Asia/Tokyo';
    await our.db.pool.query('update shop set time_zone = $1, reconcile_at = null', [zone]);
    expect(await takeNights(our.db)).toEqual([]);
    const { rows } = await our.db.pool.query<{ at: string; ahead: number }>(
      `select to_char(reconcile_at at time zone $1, 'HH24:MI') as at,
         extract(epoch from reconcile_at - now())::float8 as ahead from shop`,
      [zone],
    );
    expect(rows[0]?.at).toMatch(/^03:[0-4]\d$/);
    expect(rows[0]?.ahead).toBeGreaterThan(0);
    expect(rows[0]?.ahead).toBeLessThan(25 * 3_600);
    await our.db.pool.query(`update shop set reconcile_at = now() - interval '1 minute'`);
    const taken = await Promise.all([1, 2, 3].map(() => takeNights(our.db)));
    expect(taken.flat()).toMatchObject([{ shopId: our.shop.id, because: 'night' }]);
  });

  test('again after ten minutes, by whoever is there, if its comparison never began', async () => {
    const isDue = `update shop set reconcile_at = now() - interval '1 minute',
      reconcile_because = 'outage'`;
    await our.db.pool.query(isDue);
    const [killed] = await takeNights(our.db);
    const tenMinutes = 10 * 60_000;
    expect(killed?.because).toBe('outage');
    expect(Math.abs((killed?.until.getTime() ?? 0) - Date.now() - tenMinutes)).toBeLessThan(60_000);
    expect(await takeNights(our.db)).toEqual([]);
    await our.db.pool.query(`update shop set reconcile_at = now() - interval '1 ms'`);
    const [again] = await takeNights(our.db);
    if (killed === undefined || again === undefined) throw new Error('no night was taken');
    expect(again.because).toBe('outage');
    // The first of the two was not killed, and only slow: it plans nothing any more.
    await nightIsBegun(our.db, killed);
    const planned = () => our.db.prisma.shop.findFirstOrThrow({ where: { id: again.shopId } });
    expect(await planned()).toMatchObject({ reconcileAt: again.until, reconcileBecause: 'outage' });
    await nightIsBegun(our.db, again);
    expect((await planned()).reconcileBecause).toBeNull();
    expect((await planned()).reconcileAt?.getTime()).toBeGreaterThan(Date.now());
    // And what was asked for while it began is not forgotten.
    await our.db.pool.query(isDue);
    const [begun] = await takeNights(our.db);
    await our.db.pool.query(isDue);
    if (begun === undefined) throw new Error('no night was taken');
    await nightIsBegun(our.db, begun);
    expect(await takeNights(our.db)).toMatchObject([{ because: 'outage' }]);
  });

  test('of one shop that fails the others hear nothing', async () => {
    const { timeZone } = await our.db.prisma.shop.findFirstOrThrow();
    const other = await aShop(our.db);
    await our.db.pool.query(
      `update shop set reconcile_at = now() - interval '1 minute',
         time_zone = case when id = $1 then 'Nowhere/Never' else time_zone end`,
      [our.shop.id],
    );
    const plannedOf = async (id: number): Promise<number | undefined> =>
      (await our.db.prisma.shop.findUniqueOrThrow({ where: { id } })).reconcileAt?.getTime();
    try {
      await expect(reconcileNights(our.deps)).rejects.toThrow('Nowhere/Never');
      const anHour = 3_600_000;
      expect(await plannedOf(our.shop.id)).toBeLessThan(Date.now() + anHour / 2);
      const runs = { where: { shopId: other.id } };
      expect(await our.db.prisma.reconciliation.count(runs)).toBe(1);
    } finally {
      await our.db.pool.query('update shop set time_zone = $2 where id = $1', [
        ...[our.shop.id, timeZone],
      ]);
      await our.db.pool.query(
        `update shop set reconcile_at = null, uninstalled_at = now() where id = $1`,
        [other.id],
      );
      await our.db.pool.query('delete from reconcile_part');
      await our.db.pool.query('delete from reconciliation where ended_at is null');
    }
  });

  test('after an outage of more than ten minutes, of Shopify or of a node', async () => {
    const { pauseLane, openLane } = await import('../../web/db/lanes.ts');
    for (const lane of [our.shopLane(our.shop.id), our.nodeLane(our.node.id)]) {
      await takeNights(our.db);
      await pauseLane(our.db, lane, { because: 'away', draw: 0 });
      expect(await openLane(our.db, lane)).toBe(true);
      expect(await takeNights(our.db)).toEqual([]);
      await pauseLane(our.db, lane, { because: 'away', draw: 0 });
      await our.db.pool.query('alter table lane disable trigger lane_outage');
      await our.db.pool.query(`update lane set paused_since = now() - interval '11 minutes'`);
      await our.db.pool.query('alter table lane enable trigger lane_outage');
      await pauseLane(our.db, lane, { because: 'away', draw: 0 });
      expect(await openLane(our.db, lane)).toBe(true);
      const outage = { shopId: our.shop.id, because: 'outage' };
      expect(await takeNights(our.db)).toMatchObject([outage]);
    }
  });

  test('one at a time: who asks meanwhile is given the one under way', async () => {
    const ask = { shopId: our.shop.id, because: 'merchant' } as const;
    const runs = await Promise.all([1, 2, 3, 4].map(() => reconcileNow(our.deps, ask)));
    expect(new Set(runs.map((run) => run?.id)).size).toBe(1);
    expect(runs.filter((run) => run?.begun)).toHaveLength(1);
    startOne();
    await ended(runs[0]?.id ?? '');
  }, 120_000);

  test('one that goes back less far does not answer the operator', async () => {
    const { id: shopId } = our.shop;
    const monthAgo = Date.now() - 30 * 86_400_000;
    await our.db.pool.query(`update shop set installed_at = now() - interval '40 days'`);
    const short = { shopId, because: 'merchant', since: new Date(Date.now() - 3_600_000) } as const;
    const begun = await reconcileNow(our.deps, short);
    startOne();
    const shop = await shopById(our.db, shopId);
    if (shop === null) throw new Error('the shop is gone');
    const asked = { shop, since: undefined, withinMs: 120_000 };
    const report = await reconcileAndWait(our.deps, asked);
    expect(report?.run.id).not.toBe(begun?.id);
    expect(report?.run.since.getTime()).toBeLessThanOrEqual(monthAgo + 60_000);
    // One that was asked for like it does.
    await pool?.stop();
    const same = await reconcileNow(our.deps, { shopId, because: 'merchant' });
    startOne();
    expect((await reconcileAndWait(our.deps, asked))?.run.id).toBe(same?.id);
  }, 300_000);
});
