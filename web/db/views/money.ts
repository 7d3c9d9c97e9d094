// How refunds and the signer stand, over all shops: for the operator's metrics. Each is one
// statement at a scrape, under the time limit of every statement; every list has a limit.
import { refundStates, type RefundState } from '../../core/refund.ts';
import { rows, type Database } from '../database.ts';
import { poolSilentMs } from '../pool-reports.ts';

/** Labels of more would be a burden of their own. */
const mostLabels = 100;

export type MoneyStanding = {
  /** A line for each state, also for those that none is in. */
  refunds: readonly { state: RefundState; count: number }[];
  /** What the signer began, by its state and its last word. */
  payouts: readonly { state: string; because: string; count: number }[];
  inFlightMsat: bigint;
  /** Claims that have no payout yet, by the word why. */
  waits: readonly { because: string; count: number }[];
  /** Seconds since the oldest claim or batch of shares that may be paid was given, or approved. */
  oldestClaimSeconds: number;
  /** What the day's ceiling of each purse leaves, those that have least of it first. */
  budgets: readonly { shopId: number; leftMsat: bigint }[];
  /** Signers that said something of late; those of them that sign. */
  signers: { alive: number; sign: number };
  /** Since the one that signs, or did, said something; undefined: none ever did. */
  signerSilentSeconds: number | undefined;
};

export async function moneyStanding(db: Database): Promise<MoneyStanding> {
  const [refunds, payouts, waits, budgets, sums] = await Promise.all([
    refundsStanding(db),
    payoutsStanding(db),
    waitsStanding(db),
    budgetsStanding(db),
    signerSums(db),
  ]);
  return {
    ...{ refunds, payouts, waits, budgets },
    inFlightMsat: BigInt(sums?.in_flight ?? 0),
    oldestClaimSeconds: Math.max(0, sums?.oldest ?? 0),
    signers: { alive: sums?.alive ?? 0, sign: sums?.sign ?? 0 },
    signerSilentSeconds: sums?.silent ?? undefined,
  };
}

async function refundsStanding(db: Database): Promise<MoneyStanding['refunds']> {
  const found = await rows<{ state: string; n: number }>(
    db.pool,
    {
      name: 'view_refund_states',
      text: `
        select state::text, count(*)::int as n from refund where origin <> 'reward' group by state`,
    },
    [],
  );
  const counts = new Map(found.map(({ state, n }) => [state, n]));
  return (Object.keys(refundStates) as RefundState[]).map((state) => ({
    state,
    count: counts.get(state) ?? 0,
  }));
}

const payoutsStanding = (db: Database): Promise<MoneyStanding['payouts']> =>
  rows(
    db.pool,
    {
      name: 'view_payout_states',
      text: `
        select state, because, count(*)::int as count from payout
        group by state, because order by count(*) desc, state, because limit $1`,
    },
    [mostLabels],
  );

const waitsStanding = (db: Database): Promise<MoneyStanding['waits']> =>
  rows(
    db.pool,
    {
      name: 'view_payout_waits',
      text: `
        select word as because, count(*)::int as count from payout_wait
        group by word order by count(*) desc, word limit $1`,
    },
    [mostLabels],
  );

/** A purse pays for all rows of its merchant that have none of their own. */
async function budgetsStanding(db: Database): Promise<MoneyStanding['budgets']> {
  const found = await rows<{ shopId: number; left: string }>(
    db.pool,
    {
      name: 'view_purse_budgets',
      text: `
        select p.shop_id as "shopId", greatest(p.per_day_msat - spent.msat, 0)::text as left
        from purse p join shop s on s.id = p.shop_id cross join lateral (
          select coalesce(sum(o.amount_msat + coalesce(o.fee_msat, o.fee_limit_msat)), 0) as msat
          from shop served join payout o on o.shop_id = served.id
          where served.domain = s.domain
            and (served.id = s.id or not exists (
              select 1 from purse own where own.shop_id = served.id))
            and (o.state in ('reserved', 'sent')
              or (o.state = 'paid' and o.ended_at > now() - interval '24 h'))) spent
        order by (p.per_day_msat - spent.msat)::float8 / greatest(p.per_day_msat, 1), p.shop_id
        limit $1`,
    },
    [mostLabels],
  );
  return found.map(({ shopId, left }) => ({ shopId, leftMsat: BigInt(left) }));
}

type Sums = {
  in_flight: string;
  oldest: number;
  alive: number;
  sign: number;
  silent: number | null;
};

async function signerSums(db: Database): Promise<Sums | undefined> {
  const [row] = await rows<Sums>(
    db.pool,
    {
      name: 'view_signer_sums',
      text: `
        select
          (select coalesce(sum(amount_msat), 0) from payout
            where due_at is not null and state in ('reserved', 'sent'))::text as in_flight,
          (select coalesce(extract(epoch from now() - min(since)), 0) from (
            select min(greatest(c.given_at, f.approved_at)) as since
            from refund f join refund_claim c on c.refund_id = f.id
            where f.state = 'claimed' and c.state = 'given'
              and (not f.approval_wanted or f.approved_at is not null)
            union all
            select min(given_at) from share_batch where state = 'given') waits)::float8 as oldest,
          (select count(*) from signer_report
            where said_at > now() - $1 * interval '1 ms')::int as alive,
          (select count(*) from signer_report
            where signs and said_at > now() - $1 * interval '1 ms')::int as sign,
          (select extract(epoch from now() - max(said_at)) from signer_report
            where signs)::float8 as silent`,
    },
    [poolSilentMs],
  );
  return row;
}
