// How the engine stands, over all shops and processes: for the operator's metrics. Read from the
// rows themselves and from what pools say of themselves; every list has a limit.
import type { WaitStep } from '../../core/figures.ts';
import { waitOf } from '../../core/figures.ts';
import { breaks, type BreakWord } from '../../core/reconcile.ts';
import { rows, type Database } from '../database.ts';
import { laneTables, type DueTable } from '../lanes.ts';
import type { Bucket, Counted } from '../pool-reports.ts';
import { poolSilentMs } from '../pool-reports.ts';

/** Labels of more would be a burden of their own. */
const mostLabels = 100;

export type RowsStanding = {
  table: DueTable;
  waiting: number;
  out: number;
  oldestSeconds: number;
};

export type PoolStanding = {
  pool: string;
  version: string;
  startedAt: Date;
  saidAt: Date;
  brake: number;
  /** Settle streams that it owns. */
  streams: number;
};

export type EngineStanding = {
  rows: readonly RowsStanding[];
  nudges: { waiting: number; taken: number };
  waits: readonly { quantile: string; seconds: number }[];
  nodes: readonly { nodeId: number; lag: number; epoch: number; inboundMsat: bigint | undefined }[];
  nodesInTrouble: number;
  leaseTakeovers: number;
  poolsAlive: number;
  pools: readonly PoolStanding[];
  buckets: readonly (Bucket & { shopId: number })[];
  breaks: readonly { kind: BreakWord; count: number }[];
  /** Of the installed shop that waits longest; 0 without any. */
  reconciledSecondsAgo: number;
};

export async function engineStanding(db: Database): Promise<EngineStanding> {
  const [due, sums, waits, nodes, pools, buckets, counted] = await Promise.all([
    rowsStanding(db),
    engineSums(db),
    waitsOfHour(db),
    nodesStanding(db),
    poolsAlive(db, mostLabels),
    bucketsStanding(db),
    openBreaks(db),
  ]);
  return {
    ...{ rows: due, waits, nodes, pools, buckets, breaks: counted },
    nudges: { waiting: sums.waiting, taken: sums.taken },
    nodesInTrouble: sums.trouble,
    leaseTakeovers: sums.takeovers,
    poolsAlive: sums.pools,
    reconciledSecondsAgo: Math.max(0, sums.reconciled),
  };
}

async function rowsStanding(db: Database): Promise<RowsStanding[]> {
  const tables = [...new Set(Object.values(laneTables).flat())];
  const found = await rows<{ table: DueTable; waiting: number; out: number; oldest: number }>(
    db.pool,
    {
      name: 'view_engine_rows',
      text: tables
        .map(
          (table) => `
            select '${table}' as table,
              count(*) filter (where lease_until is null or lease_until <= now())::int as waiting,
              count(*) filter (where lease_until > now())::int as out,
              coalesce(extract(epoch from now() - min(due_at)
                filter (where lease_until is null or lease_until <= now())), 0)::float8 as oldest
            from ${table} where due_at <= now()`,
        )
        .join(' union all '),
    },
    [],
  );
  return found.map(({ oldest, ...row }) => ({ ...row, oldestSeconds: oldest }));
}

type Sums = Record<'waiting' | 'taken' | 'trouble' | 'takeovers' | 'pools' | 'reconciled', number>;

async function engineSums(db: Database): Promise<Sums> {
  const [row] = await rows<Sums>(
    db.pool,
    {
      name: 'view_engine_sums',
      text: `
        select
          (select count(*) from graphile_worker.jobs where locked_at is null
            and run_at <= now() and attempts < max_attempts)::int as waiting,
          (select count(*) from graphile_worker.jobs where locked_at is not null)::int as taken,
          (select count(*) from node where retired_at is null and trouble is not null)::int
            as trouble,
          (select coalesce(sum(stream_lease_no), 0) from node)::float8 as takeovers,
          (select count(*) from pool_report where said_at > now() - $1 * interval '1 ms')::int
            as pools,
          coalesce((select max(extract(epoch from now() - coalesce((
              select r.ended_at from reconciliation r
              where r.shop_id = s.id and r.state = 'done' order by r.id desc limit 1),
              s.installed_at)))
            from shop s where s.uninstalled_at is null), 0)::float8 as reconciled`,
    },
    [poolSilentMs],
  );
  return row ?? { waiting: 0, taken: 0, trouble: 0, takeovers: 0, pools: 0, reconciled: 0 };
}

async function waitsOfHour(db: Database): Promise<EngineStanding['waits']> {
  const found = await rows<{ step: number; told: string }>(
    db.pool,
    {
      name: 'view_engine_waits',
      text: `
        select w.step, sum(w.told)::text as told from shop s cross join lateral (
          select step, told from wait_tally
          where shop_id = s.id and slot > now() - interval '1 hour') w
        group by w.step`,
    },
    [],
  );
  const steps: WaitStep[] = found.map(({ step, told }) => ({ step, told: BigInt(told) }));
  return (
    [
      ['0.5', 500n],
      ['0.99', 990n],
    ] as const
  ).flatMap(([quantile, permille]) => {
    const ms = waitOf(steps, permille);
    return ms === undefined ? [] : [{ quantile, seconds: ms / 1_000 }];
  });
}

async function nodesStanding(db: Database): Promise<EngineStanding['nodes']> {
  const found = await rows<{ id: number; lag: number; epoch: number; inbound: string | null }>(
    db.pool,
    {
      name: 'view_engine_nodes',
      text: `
        with lag as (
          select b.key::int as id, sum(b.value::float8) as events
          from pool_report p, jsonb_each_text(p.behind) b
          where p.said_at > now() - $2 * interval '1 ms' group by 1)
        select n.id, coalesce(l.events, 0)::float8 as lag, n.stream_epoch as epoch,
          n.receivable_msat::text as inbound
        from node n left join lag l on l.id = n.id
        where n.sealed_credential is not null and n.retired_at is null
        order by coalesce(l.events, 0) desc, n.id limit $1`,
    },
    [mostLabels, poolSilentMs],
  );
  return found.map(({ id, inbound, ...of }) => ({
    ...of,
    nodeId: id,
    inboundMsat: inbound === null ? undefined : BigInt(inbound),
  }));
}

/** Pools that have said something of late, the oldest first. */
export async function poolsAlive(db: Database, limit: number): Promise<PoolStanding[]> {
  return rows<PoolStanding>(
    db.pool,
    {
      name: 'view_pools',
      text: `
        select p.pool, p.version, p.started_at as "startedAt", p.said_at as "saidAt", p.brake,
          (select count(*) from node n where n.stream_holder = p.pool
            and n.stream_lease_until > now())::int as streams
        from pool_report p where p.said_at > now() - $2 * interval '1 ms'
        order by p.started_at, p.pool limit $1`,
    },
    [limit, poolSilentMs],
  );
}

/** As the pool knows it that has seen least of it; the emptiest first. */
async function bucketsStanding(db: Database): Promise<EngineStanding['buckets']> {
  return rows<Bucket & { shopId: number }>(
    db.pool,
    {
      name: 'view_engine_buckets',
      text: `
        select "shopId", available, maximum, "restoreRate" from (
          select distinct on (b.key) b.key::int as "shopId",
            (b.value->>'available')::float8 as available,
            (b.value->>'maximum')::float8 as maximum,
            (b.value->>'restoreRate')::float8 as "restoreRate"
          from pool_report p, jsonb_each(p.buckets) b
          where p.said_at > now() - $2 * interval '1 ms'
          order by b.key, (b.value->>'available')::float8) told
        order by available / greatest(maximum, 1), "shopId" limit $1`,
    },
    [mostLabels, poolSilentMs],
  );
}

/** A line for each kind, also for those of which there is none. */
async function openBreaks(db: Database): Promise<EngineStanding['breaks']> {
  const found = await rows<{ what: string; n: number }>(
    db.pool,
    {
      name: 'view_engine_breaks',
      text: `
        select what, count(*)::int as n from reconcile_break
        where healed_at is null and accepted_at is null and confirmed_at is not null
        group by what`,
    },
    [],
  );
  const counts = new Map(found.map(({ what, n }) => [what, n]));
  return (Object.keys(breaks) as BreakWord[]).map((kind) => ({
    kind,
    count: counts.get(kind) ?? 0,
  }));
}

/** What the living pools have counted, for /metrics; the oldest pools first. */
export async function poolCounters(
  db: Database,
): Promise<{ pool: string; counters: readonly Counted[] }[]> {
  return rows<{ pool: string; counters: readonly Counted[] }>(
    db.pool,
    {
      name: 'view_pool_counters',
      text: `
        select pool, counters from pool_report where said_at > now() - $2 * interval '1 ms'
        order by started_at, pool limit $1`,
    },
    [mostLabels, poolSilentMs],
  );
}
