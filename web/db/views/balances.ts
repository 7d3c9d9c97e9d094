// A shop's accounts over a time: what was on each before, what came and went, and what is on it at
// the end. Beside what is booked stands what follows from it: what buyers may still pay, and what
// rounding brought.
import { accountKinds, accountOf } from '../../core/ledger.ts';
import { currenciesWithExponent, MSAT_PER_BTC } from '../../core/money.ts';
import { answerWithinMs, rows, transaction, type Database } from '../database.ts';
import { boundsOf, type Period } from './export.ts';

/** Amounts in msat, as decimal text. The sum of all that is booked is zero. */
export type BalanceLine = {
  account: string;
  /** False: it follows from promises and invoices, and no posting says it. */
  booked: boolean;
  opening_msat: string;
  in_msat: string;
  out_msat: string;
  closing_msat: string;
};

/**
 * Each posting of the shop goes to one of its accounts, so it is counted once on either side. What
 * was paid as a test is worth nothing, and is on no account.
 */
const bookedText = `
  with side as (
    select p.at, s.account, s.msat
    from posting p join payment y on y.id = p.payment_id and not y.test
      cross join lateral (
        values (p.to_account, p.amount_msat), (p.from_account, -p.amount_msat)) s (account, msat)
    where p.to_account = any($1::text[]) and p.at < $3::timestamptz)
  select account, true as booked,
    coalesce(sum(msat) filter (where at < $2::timestamptz), 0)::text as opening_msat,
    coalesce(sum(msat) filter (where at >= $2::timestamptz and msat > 0), 0)::text as in_msat,
    coalesce(-sum(msat) filter (where at >= $2::timestamptz and msat < 0), 0)::text as out_msat,
    sum(msat)::text as closing_msat
  from side group by account order by account`;

/**
 * What is promised in whole satoshis is more than its exact worth by under one: the exact worth is
 * that of the quote, at its price and with the shop's own discount or markup.
 */
const roundedText = `
  with part as (
    select i.node_id, i.settled_at as at, i.amount_msat - (q.fiat_minor * ${String(MSAT_PER_BTC)}
        * power(10::numeric, 8 - case when q.currency = any($4::text[]) then 0
            when q.currency = any($5::text[]) then 3 else 2 end)
        * (10000 + coalesce((q.evidence ->> 'adjustmentBasisPoints')::numeric, 0)) / 10000)
      / q.price_e8 as msat
    from shop s join shop o on o.domain = s.domain join node n on n.shop_id = o.id
      join invoice i on i.node_id = n.id and i.state = 'settled' and i.settled_at < $3::timestamptz
      join payment p on p.id = i.payment_id and p.shop_id = s.id and not p.test
      join quote q on q.id = i.quote_id
    where s.id = $1::int),
  line as (
    select node_id, trunc(coalesce(sum(msat) filter (where at < $2::timestamptz), 0)) as opening,
      trunc(sum(msat)) as closing
    from part group by node_id)
  select 'rounding:' || node_id as account, false as booked, opening::text as opening_msat,
    (closing - opening)::text as in_msat, '0' as out_msat, closing::text as closing_msat
  from line order by node_id`;

/** What can be paid at this moment; of a time that is over nobody can say it any more. */
const receivableText = `
  select 'receivable:' || i.node_id as account, false as booked, '0' as opening_msat,
    sum(i.amount_msat)::text as in_msat, '0' as out_msat, sum(i.amount_msat)::text as closing_msat
  from shop s join shop o on o.domain = s.domain join node n on n.shop_id = o.id
    join invoice i on i.node_id = n.id and i.state = 'live' and i.ending is null
    join payment p on p.id = i.payment_id and p.shop_id = s.id and not p.test
    join quote q on q.id = i.quote_id
  where s.id = $1::int and q.lapses_at > now() and $2::timestamptz > now()
  group by i.node_id order by i.node_id`;

/** Of a million payments the sums take seconds. */
const sumsWithinMs = 120_000;

/** The accounts of one of our apps in the shop; with the nodes at which its money came. */
export async function balancesOf(
  db: Database,
  about: { shopId: number; period: Period },
): Promise<BalanceLine[]> {
  const { shopId, period } = about;
  const { begins, ends } = await boundsOf(db, period);
  const accounts = accountKinds
    .filter((kind) => kind !== 'node')
    .map((kind) => accountOf(kind, shopId));
  return transaction(db, async (on) => {
    await rows(
      on,
      {
        name: 'balances_patiently',
        text: `select set_config('statement_timeout', $1, true)`,
      },
      [String(sumsWithinMs)],
    );
    const ask = (name: string, text: string, values: readonly unknown[]): Promise<BalanceLine[]> =>
      rows<BalanceLine>(on, { name, text }, values, sumsWithinMs + answerWithinMs);
    const exponents = [currenciesWithExponent(0), currenciesWithExponent(3)];
    return [
      ...(await ask('balances_booked', bookedText, [accounts, begins, ends])),
      ...(await ask('balances_receivable', receivableText, [shopId, ends])),
      ...(await ask('balances_rounding', roundedText, [shopId, begins, ends, ...exponents])),
    ];
  });
}
