// How the engine works for one shop: its lanes, the streams of its nodes, and what is waiting.
// Reads only what is this shop's, and of the pools that they are alive.
import type { WaitStep } from '../../core/figures.ts';
import { rows, type Database } from '../database.ts';
import { alertLane, laneTables, nodeLane, shareLane, shopLane, type Lane } from '../lanes.ts';
import type { Bucket } from '../pool-reports.ts';
import { poolSilentMs } from '../pool-reports.ts';

/** Waiting rows of a lane are counted no further. */
export const waitingAtMost = 10_000;
const mostNodes = 20;

export type NodeInOperation = {
  id: number;
  alias: string;
  identity: string;
  version: string;
  is: 'whole' | 'behind' | 'away';
  wholeSince: Date | null;
  lag: number;
  pool: string | null;
  trouble: string | null;
  troubleAt: Date | null;
  retired: boolean;
};

/** The shop's nodes that are still asked: those that work, then those that are watched. */
export async function nodesInOperation(db: Database, shopId: number): Promise<NodeInOperation[]> {
  return rows<NodeInOperation>(
    db.pool,
    {
      name: 'operation_nodes',
      text: `
        select n.id, n.alias, n.identity, n.version, n.trouble, n.trouble_at as "troubleAt",
          n.retired_at is not null as retired,
          case when n.stream_lease_until is null or n.stream_lease_until <= now() then 'away'
            when n.stream_whole_since is not null then 'whole'
            when n.stream_opened_at is not null then 'behind' else 'away' end as is,
          case when n.stream_lease_until > now() then n.stream_whole_since end as "wholeSince",
          case when n.stream_lease_until > now() then n.stream_holder end as pool,
          coalesce((
            select sum((p.behind->>n.id::text)::float8) from pool_report p
            where p.said_at > now() - $3 * interval '1 ms'), 0)::float8 as lag
        from node n
        where n.shop_id = $1 and n.sealed_credential is not null
        order by n.retired_at is not null, n.rank, n.id limit $2`,
    },
    [shopId, mostNodes, poolSilentMs],
  );
}

export type LaneInOperation = {
  lane: Lane;
  kind: 'shop' | 'node' | 'share' | 'alert';
  width: number | null;
  out: number;
  waiting: number;
  oldestSeconds: number;
  latencyMs: number | null;
  pausedUntil: Date | null;
  pausedSince: Date | null;
  /** The pause is not over yet; else the lane is tried with one call. */
  isPaused: boolean;
  because: string | null;
  failures: number;
};

/** The lanes of the shop and of these nodes: Shopify's first, then what is for others. */
export async function lanesInOperation(
  db: Database,
  of: { shopId: number; nodeIds: readonly number[] },
): Promise<LaneInOperation[]> {
  const lanes: [Lane, LaneInOperation['kind']][] = [
    [shopLane(of.shopId), 'shop'],
    ...of.nodeIds.map((id): [Lane, 'node'] => [nodeLane(id), 'node']),
    [shareLane(of.shopId), 'share'],
    [alertLane(of.shopId), 'alert'],
  ];
  const tables = [...new Set(Object.values(laneTables).flat())];
  // Each from its own index, and no further than can be read on a page.
  const due = tables.map(
    (table) => `
      (select due_at, lease_until from ${table} where lane = k.lane and due_at <= now()
        order by due_at limit $3)`,
  );
  return rows<LaneInOperation>(
    db.pool,
    {
      name: 'operation_lanes',
      text: `
        select k.lane, k.kind, floor(least(s.gradient, s.loss))::float8 as width,
          least(d.out, $3)::int as out, least(d.waiting, $3)::int as waiting,
          coalesce(extract(epoch from now() - d.oldest), 0)::float8 as "oldestSeconds",
          (select avg(value::float8) from jsonb_each_text(s.costs)) as "latencyMs",
          l.paused_until as "pausedUntil", l.paused_since as "pausedSince",
          coalesce(l.paused_until > now(), false) as "isPaused", l.because,
          coalesce(l.failures, 0) as failures
        from unnest($1::text[], $2::text[]) with ordinality k (lane, kind, place)
          cross join lateral (
            select count(*) filter (where lease_until > now()) as out,
              count(*) filter (where lease_until is null or lease_until <= now()) as waiting,
              min(due_at) filter (where lease_until is null or lease_until <= now()) as oldest
            from (${due.join(' union all ')}) each) d
          left join lane_state s on s.lane = k.lane
          left join lane l on l.name = k.lane
        order by k.place`,
    },
    [lanes.map(([lane]) => lane), lanes.map(([, kind]) => kind), waitingAtMost],
  );
}

export type ShopInOperation = {
  at: Date;
  poolsAlive: number;
  /** Seconds by the node's clock; null: Shopify has accepted all. */
  oldestUntold: number | null;
  reconciledAt: Date | null;
  bucket: Bucket | null;
};

export async function shopInOperation(db: Database, shopId: number): Promise<ShopInOperation> {
  const [row] = await rows<ShopInOperation>(
    db.pool,
    {
      name: 'operation_shop',
      text: `
        select now() as at,
          (select count(*) from pool_report where said_at > now() - $2 * interval '1 ms')::int
            as "poolsAlive",
          (select extract(epoch from now() - min(settled_at))::float8 from payment
            where shop_id = $1 and state = 'settled') as "oldestUntold",
          (select ended_at from reconciliation where shop_id = $1 and state = 'done'
            order by id desc limit 1) as "reconciledAt",
          (select p.buckets->$1::int::text from pool_report p
            where p.said_at > now() - $2 * interval '1 ms' and p.buckets ? $1::int::text
            order by (p.buckets->$1::int::text->>'available')::float8 limit 1) as bucket`,
    },
    [shopId, poolSilentMs],
  );
  if (row === undefined) throw new Error('a statement without a table gave no row');
  return row;
}

/** How long paid money waited until Shopify had the order as paid, in the last 24 hours. */
export async function waitsOfDay(db: Database, shopId: number): Promise<WaitStep[]> {
  const found = await rows<{ step: number; told: string }>(
    db.pool,
    {
      name: 'operation_waits',
      text: `
        select step, sum(told)::text as told from wait_tally
        where shop_id = $1 and slot > now() - interval '24 hours' group by step`,
    },
    [shopId],
  );
  return found.map(({ step, told }) => ({ step, told: BigInt(told) }));
}
