// The figures of the merchant's first page. They are read from what triggers add up (`tally`), so
// that a shop with a million payments is as fast as one with ten; days begin in the shop's zone.
import type { WaitStep } from '../../core/figures.ts';
import type { PaymentState } from '../../core/payment.ts';
import { rows, type Database } from '../database.ts';
import { sameShopAs } from '../refunds-in-need.ts';

export type Period = {
  shopId: number;
  /** IANA name. */
  timeZone: string;
  /** Whole days, the last of which is today. */
  days: number;
  now: Date;
};

/** One day of the shop and one currency; whole numbers as decimal strings. */
export type DayFigures = {
  /** YYYY-MM-DD in the shop's zone. */
  day: string;
  currency: string;
  opened: string;
  viewed: string;
  viewed_paid: string;
  paid: string;
  fiat_minor: string;
  amount_msat: string;
};

/** The first moment of the period, in SQL: midnight in the shop's zone, so many days ago. */
const since = `
  (date_trunc('day', $4::timestamptz at time zone $2) - ($3::int - 1) * interval '1 day')
    at time zone $2`;

const periodValues = ({ shopId, timeZone, days, now }: Period): unknown[] => [
  shopId,
  timeZone,
  days,
  now,
];

/** Days without any payment are left out. At most one row for each day and currency. */
export async function dayFigures(db: Database, period: Period): Promise<DayFigures[]> {
  return rows<DayFigures>(
    db.pool,
    {
      name: 'dashboard_days',
      // Quarters first: their times of the day are found once for each, and not for each row.
      text: `
        select to_char(day, 'YYYY-MM-DD') as day, currency, sum(opened)::text as opened,
          sum(viewed)::text as viewed, sum(viewed_paid)::text as viewed_paid,
          sum(paid)::text as paid, sum(fiat_minor)::text as fiat_minor,
          sum(amount_msat)::text as amount_msat
        from (
          select (slot at time zone $2)::date as day, currency, opened, viewed, viewed_paid, paid,
            fiat_minor, amount_msat
          from tally where shop_id = $1 and slot >= ${since} and slot <= $4::timestamptz) quarters
        group by 1, 2 order by 1, 2`,
    },
    periodValues(period),
  );
}

/** How long money waited until Shopify had the order as paid, for what it got in the period. */
export async function waitSteps(db: Database, period: Period): Promise<WaitStep[]> {
  const found = await rows<{ step: number; told: string }>(
    db.pool,
    {
      name: 'dashboard_waits',
      text: `
        select step, sum(told)::text as told from wait_tally
        where shop_id = $1 and slot >= ${since} and slot <= $4::timestamptz
        group by step order by step`,
    },
    periodValues(period),
  );
  return found.map(({ step, told }) => ({ step, told: BigInt(told) }));
}

/** The dates of the period, oldest first, as the shop's zone counts them. */
export async function daysOfPeriod(db: Database, period: Period): Promise<string[]> {
  const found = await rows<{ day: string }>(
    db.pool,
    {
      name: 'dashboard_dates',
      text: `
        select to_char(($4::timestamptz at time zone $2)::date - n, 'YYYY-MM-DD') as day
        from generate_series($3::int - 1, 0, -1) n where $1::int is not null`,
    },
    periodValues(period),
  );
  return found.map(({ day }) => day);
}

export type PaymentForPerson = {
  id: string;
  order_name: string;
  state: PaymentState;
  attention: string;
};

/** Payments that a person must look at: stuck money first, then the newest. */
export async function paymentsForPerson(
  db: Database,
  ask: { shopId: number; limit: number },
): Promise<PaymentForPerson[]> {
  return rows<PaymentForPerson>(
    db.pool,
    {
      name: 'dashboard_person',
      // The newest thousand are looked through: whoever has more has another trouble first.
      text: `
        select id, order_name, state::text, attention from (
          select id, order_name, state, attention, opened_at from payment
          where shop_id = any(${sameShopAs('$1::int')}) and attention is not null
          order by opened_at desc limit 1000) p
        order by case attention when 'stranded' then 0 when 'untold' then 1 else 2 end,
          opened_at desc limit $2`,
    },
    [ask.shopId, ask.limit],
  );
}

/** The largest amount among the newest 200 payments, in msat; null without any. */
export async function largestRecentMsat(db: Database, shopId: number): Promise<bigint | null> {
  const [row] = await rows<{ largest: string | null }>(
    db.pool,
    {
      name: 'dashboard_largest',
      text: `
        select max(i.amount_msat)::text as largest from (
          select settled_invoice_id from payment where shop_id = $1
          order by opened_at desc, id desc limit 200) p
        join invoice i on i.id = p.settled_invoice_id`,
    },
    [shopId],
  );
  return row?.largest == null ? null : BigInt(row.largest);
}

/** At most this many payments of one state are counted. */
export const countedAtMost = 1_000;

/** How many payments of the shop are in each state; a thousand means a thousand or more. */
export async function countsByState(
  db: Database,
  shopId: number,
): Promise<Record<PaymentState, number>> {
  const found = await rows<{ state: PaymentState; n: number }>(
    db.pool,
    {
      name: 'dashboard_counts',
      text: `
        select s.state::text, p.n from unnest(enum_range(null::payment_state)) s (state)
        cross join lateral (
          select count(*)::int as n from (
            select 1 from payment where shop_id = $1 and state = s.state limit $2) few) p`,
    },
    [shopId, countedAtMost],
  );
  return Object.fromEntries(found.map(({ state, n }) => [state, n])) as Record<
    PaymentState,
    number
  >;
}

/** What Shopify's answers said of the API version, a row for each document of ours. */
export { apiNotices, type ApiNotice } from '../api-notices.ts';
