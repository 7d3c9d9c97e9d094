// The dashboard's figures on a real PostgreSQL, against what one gets by looking at every payment.
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { waitOf } from '../../web/core/figures.ts';
import { audit } from '../../web/db/audit.ts';
import { openDatabase, type Database } from '../../web/db/database.ts';
import { recordSettlements } from '../../web/db/invoices.ts';
import { markViewed, movePayment } from '../../web/db/payments.ts';
import { storeShopFacts } from '../../web/db/shops.ts';
import { foldTallies } from '../../web/db/tallies.ts';
import * as views from '../../web/db/views.ts';
import { aNode, anInvoice, aPayment, aSettle, aSettledPayment, aShop } from '../builders.ts';
import { testDatabase, type TestDatabase } from '../database.ts';

let made: TestDatabase;
let db: Database;
beforeAll(async () => {
  made = await testDatabase();
  db = openDatabase({ url: made.url });
});
afterAll(async () => {
  await db.close();
  await made.close();
});

const berlin = 'Europe/Berlin';
/** What the audit says of the figures. */
const wrongFigures = async () => (await audit(db)).filter(({ rule }) => rule === 'I13');
const resolve = (paymentId: string): Promise<boolean> =>
  movePayment(db.pool, {
    paymentId,
    move: { from: 'settled', to: 'resolved' },
    because: 'told_shopify',
  });

type Sums = Record<string, bigint>;
const keys = ['opened', 'viewed', 'viewed_paid', 'paid', 'fiat_minor', 'amount_msat'] as const;

/** What the view says, by day and currency; rows that came to nothing are left out. */
async function told(period: views.Period): Promise<Record<string, Sums>> {
  const rows = await views.dayFigures(db, period);
  return Object.fromEntries(
    rows
      .map((row): [string, Sums] => [
        `${row.day} ${row.currency}`,
        Object.fromEntries(keys.map((key) => [key, BigInt(row[key])])),
      ])
      .filter(([, sums]) => Object.values(sums).some((sum) => sum !== 0n)),
  );
}

type Raw = {
  test: boolean;
  currency: string;
  opened_at: Date;
  viewed_at: Date | null;
  settled_at: Date | null;
  fiat_minor: string | null;
  amount_msat: string | null;
};

/** The same, slowly: every payment is looked at by itself, and JavaScript finds its day. */
async function looked(period: views.Period): Promise<Record<string, Sums>> {
  const { rows } = await db.pool.query<Raw>(
    `select p.test, p.currency, p.opened_at, p.viewed_at, p.settled_at, q.fiat_minor, i.amount_msat
     from payment p left join invoice i on i.id = p.settled_invoice_id
       left join quote q on q.id = i.quote_id where p.shop_id = $1`,
    [period.shopId],
  );
  const dayOf = (at: Date): string =>
    new Intl.DateTimeFormat('en-CA', { timeZone: period.timeZone }).format(at);
  const days = await views.daysOfPeriod(db, period);
  const sums: Record<string, Sums> = {};
  const add = (at: Date | null, row: Raw, what: Partial<Record<(typeof keys)[number], bigint>>) => {
    if (at === null || row.test || !days.includes(dayOf(at))) return;
    const of = (sums[`${dayOf(at)} ${row.currency}`] ??= Object.fromEntries(
      keys.map((key) => [key, 0n]),
    ));
    for (const [key, value] of Object.entries(what)) of[key] = (of[key] ?? 0n) + value;
  };
  for (const row of rows) {
    const isPaid = row.amount_msat !== null;
    add(row.opened_at, row, { opened: 1n });
    add(row.viewed_at, row, { viewed: 1n, viewed_paid: isPaid ? 1n : 0n });
    add(row.settled_at, row, {
      paid: 1n,
      fiat_minor: BigInt(row.fiat_minor ?? 0),
      amount_msat: BigInt(row.amount_msat ?? 0),
    });
  }
  return sums;
}

describe('figures by day', () => {
  test('whatever happens, sums are what every payment adds, folded or not', async () => {
    const zones = [berlin, 'Asia/Kathmandu', 'America/St_Johns', 'Pacific/Kiritimati', 'UTC'];
    const life = fc.record({
      hoursAgo: fc.integer({ min: 0, max: 24 * 12 }),
      test: fc.boolean(),
      currency: fc.constantFrom('EUR', 'USD', 'JPY'),
      owedMinor: fc.bigInt({ min: 1n, max: 9_999_999_999n }),
      viewedAfterMin: fc.option(fc.integer({ min: 0, max: 3_000 })),
      paidAfterMin: fc.option(fc.integer({ min: 0, max: 3_000 })),
      isTold: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(life, { minLength: 1, maxLength: 8 }),
        fc.constantFrom(...zones),
        async (lives, timeZone) => {
          const { id: shopId } = await aShop(db);
          const nodeId = await aNode(db, { shopId });
          for (const one of lives) await live(one, { shopId, nodeId });
          const now = new Date();
          for (const days of [1, 7, 30]) {
            const period = { shopId, timeZone, days, now };
            expect(await told(period)).toEqual(await looked(period));
          }
          await foldTallies(db, { shopId, timeZone, now });
          const period = { shopId, timeZone, days: 30, now };
          expect(await told(period)).toEqual(await looked(period));
        },
      ),
      { numRuns: 25 },
    );
    expect(await wrongFigures()).toEqual([]);
  });

  type Life = {
    hoursAgo: number;
    test: boolean;
    currency: string;
    owedMinor: bigint;
    viewedAfterMin: number | null;
    paidAfterMin: number | null;
    isTold: boolean;
  };
  async function live(one: Life, at: { shopId: number; nodeId: number }): Promise<void> {
    const payment = await aPayment(db, { shopId: at.shopId, owedMinor: one.owedMinor });
    const { pool } = db;
    const openedAt = new Date(Date.now() - one.hoursAgo * 3_600_000);
    // As if it had been so from the start: the figures must follow whoever changes a row.
    await pool.query(
      'update payment set opened_at = $2, test = $3, currency = $4 where id = $1::uuid',
      [payment.id, openedAt, one.test, one.currency],
    );
    const after = (minutes: number): Date =>
      new Date(Math.min(Date.now(), openedAt.getTime() + minutes * 60_000));
    if (one.viewedAfterMin !== null) {
      await markViewed(db, payment.id);
      await markViewed(db, payment.id);
      await pool.query('update payment set viewed_at = $2 where id = $1::uuid', [
        payment.id,
        after(one.viewedAfterMin),
      ]);
    }
    if (one.paidAfterMin === null) return;
    const currency = one.currency as typeof payment.currency;
    const invoice = await anInvoice(db, { payment: { ...payment, currency }, nodeId: at.nodeId });
    const settle = aSettle(invoice, { settledAt: after(one.paidAfterMin) });
    const record = () =>
      recordSettlements(pool, {
        nodeId: at.nodeId,
        observations: [settle],
        recorder: { via: 'lookup' },
      });
    await record();
    await record();
    if (one.isTold) await resolve(payment.id);
  }

  test('many who write at once lose nothing, also while days are folded', async () => {
    const { id: shopId } = await aShop(db);
    const nodeId = await aNode(db, { shopId });
    const old = await Promise.all(
      Array.from({ length: 20 }, () => aSettledPayment(db, { shopId, nodeId })),
    );
    await db.pool.query(
      `update payment set opened_at = now() - interval '9 days', settled_at = now() - interval
        '9 days' where shop_id = $1`,
      [shopId],
    );
    const now = new Date();
    await Promise.all([
      ...old.map(({ payment }) => resolve(payment.id)),
      ...old.map(({ payment }) => markViewed(db, payment.id)),
      ...Array.from({ length: 3 }, () => foldTallies(db, { shopId, timeZone: berlin, now })),
      ...Array.from({ length: 30 }, async () => {
        const { payment } = await aSettledPayment(db, { shopId, nodeId });
        await resolve(payment.id);
      }),
    ]);
    const period = { shopId, timeZone: berlin, days: 30, now: new Date() };
    expect(await told(period)).toEqual(await looked(period));
    const steps = await views.waitSteps(db, period);
    expect(steps.reduce((sum, { told: n }) => sum + n, 0n)).toBe(50n);
    expect(await wrongFigures()).toEqual([]);
  });

  test('the audit names a shop whose figures are wrong', async () => {
    const { id: shopId } = await aShop(db);
    await aPayment(db, { shopId });
    await db.pool.query('update tally set opened = opened + 1 where shop_id = $1', [shopId]);
    expect(await wrongFigures()).toMatchObject([
      { rule: 'I13', what: `tally of shop ${String(shopId)} in EUR` },
    ]);
    await db.pool.query('select recount_tallies()');
    expect(await wrongFigures()).toEqual([]);
  });
});

describe('waits', () => {
  test('median and 99th percentile are at most a tenth above the true ones', async () => {
    const { id: shopId } = await aShop(db);
    const nodeId = await aNode(db, { shopId });
    const waitsMs = [400, 500, 900, 1_500, 2_000, 4_000, 60_000];
    for (const ms of waitsMs) {
      const { payment } = await aSettledPayment(db, { shopId, nodeId });
      await resolve(payment.id);
      await db.pool.query(
        `update payment set told_at = settled_at + $2 * interval '1 ms' where id = $1::uuid`,
        [payment.id, ms],
      );
    }
    const period = { shopId, timeZone: 'UTC', days: 7, now: new Date(Date.now() + 120_000) };
    const steps = await views.waitSteps(db, period);
    for (const [permille, trueMs] of [
      [500n, 1_500],
      [990n, 60_000],
    ] as const) {
      const ms = waitOf(steps, permille) ?? 0;
      expect(ms).toBeGreaterThanOrEqual(trueMs - 1);
      expect(ms).toBeLessThanOrEqual(trueMs * 1.11);
    }
  });

  test('what was settled by hand was told to nobody, and counts in no wait', async () => {
    const { id: shopId } = await aShop(db);
    const nodeId = await aNode(db, { shopId });
    const { payment } = await aSettledPayment(db, { shopId, nodeId });
    await movePayment(db.pool, {
      paymentId: payment.id,
      move: { from: 'settled', to: 'stranded' },
      because: 'order_cancelled',
      attention: 'stranded',
    });
    await movePayment(db.pool, {
      paymentId: payment.id,
      move: { from: 'stranded', to: 'resolved' },
      because: 'settled_by_hand',
      answersAttention: 'stranded',
    });
    const period = { shopId, timeZone: 'UTC', days: 7, now: new Date() };
    expect(await views.waitSteps(db, period)).toEqual([]);
    expect(await views.paymentsForPerson(db, { shopId, limit: 5 })).toEqual([]);
  });
});

describe('what is around the figures', () => {
  test('a period is so many whole days of the shop, also where a day has 23 hours', async () => {
    const days = await views.daysOfPeriod(db, {
      shopId: 1,
      timeZone: berlin,
      days: 7,
      now: new Date('2026-03-29T22:30:00Z'),
    });
    expect(days).toHaveLength(7);
    expect(days.at(-1)).toBe('2026-03-30');
    expect(days[0]).toBe('2026-03-24');
  });

  test('payments by state are counted up to a thousand', async () => {
    const { id: shopId } = await aShop(db);
    await db.pool.query(
      `insert into payment (id, link, shop_id, origin_id, sequence, order_name, currency,
        owed_minor, owed_at, reason, lane, tell_sales_before)
       select gen_random_uuid(), 'many ' || n, $1, 'gid://shopify/Order/' || n, 1, '#' || n, 'EUR',
        100, now(), 'order_seen', '', '{}' from generate_series(1, 1200) n`,
      [shopId],
    );
    const counts = await views.countsByState(db, shopId);
    expect(counts).toMatchObject({ open: views.countedAtMost, resolved: 0, stranded: 0 });
    const period = { shopId, timeZone: 'UTC', days: 1, now: new Date() };
    const [today] = Object.values(await told(period));
    expect(today?.['opened']).toBe(1_200n);
  });

  test('a time zone that the database does not know is not taken', async () => {
    const { id: shopId } = await aShop(db);
    const facts = { shopId, currency: 'EUR', at: new Date() };
    expect(await storeShopFacts(db, { ...facts, timeZone: 'Asia/Kathmandu' })).toBe(
      'Asia/Kathmandu',
    );
    expect(await storeShopFacts(db, { ...facts, timeZone: 'Mars/Base' })).toBe('Asia/Kathmandu');
  });
});
