// How the lanes stand, over all processes: for the operator's metrics. What is measured here are
// the rows themselves, so no process has to be asked.
import type { Database } from '../database.ts';
import { rows } from '../database.ts';
import { laneTables } from '../lanes.ts';

/** Those that have most to do; labels of more would be a burden of their own. */
const mostLabels = 100;

export type LaneStanding = {
  lane: string;
  /** Calls at once that it has learned to be right; undefined: nothing is known. */
  width: number | undefined;
  /** Rows that are claimed, and that wait. */
  out: number;
  waiting: number;
  /** Seconds that its operations take, in the mean. */
  seconds: number | undefined;
  /** Seconds since its oldest waiting row was due. */
  oldestSeconds: number;
  breaker: 'closed' | 'half_open' | 'open';
};

/** The busiest lanes. */
export async function lanesStanding(db: Database): Promise<LaneStanding[]> {
  const due = [...new Set(Object.values(laneTables).flat())].map(
    (table) => `
      select lane, count(*) filter (where lease_until > now()) as out,
        count(*) filter (where lease_until is null or lease_until <= now()) as waiting,
        min(due_at) filter (where lease_until is null or lease_until <= now()) as oldest
      from ${table} where due_at <= now() group by lane`,
  );
  const found = await rows<{
    lane: string;
    width: number | null;
    out: number;
    waiting: number;
    seconds: number | null;
    oldest: number;
    breaker: LaneStanding['breaker'];
  }>(
    db.pool,
    {
      name: 'view_lanes',
      text: `
        with due as (
          select lane, sum(out)::int as out, sum(waiting)::int as waiting, min(oldest) as oldest
          from (${due.join(' union all ')}) each group by lane),
        known as (
          select lane from due union select lane from lane_state
          union select name from lane where paused_until is not null)
        select k.lane, floor(least(s.gradient, s.loss))::float8 as width,
          coalesce(d.out, 0) as out, coalesce(d.waiting, 0) as waiting,
          (select avg(value::float8) / 1000 from jsonb_each_text(s.costs)) as seconds,
          coalesce(extract(epoch from now() - d.oldest), 0)::float8 as oldest,
          case when l.paused_until > now() then 'open'
            when l.paused_until is not null then 'half_open' else 'closed' end as breaker
        from known k left join due d on d.lane = k.lane left join lane_state s on s.lane = k.lane
          left join lane l on l.name = k.lane
        order by l.paused_until is not null desc, coalesce(d.waiting, 0) desc, k.lane
        limit $1`,
    },
    [mostLabels],
  );
  return found.map(({ width, seconds, oldest, ...row }) => ({
    ...row,
    width: width ?? undefined,
    seconds: seconds ?? undefined,
    oldestSeconds: oldest,
  }));
}

/** Seconds since the oldest settlement of a shop that Shopify has not accepted; the worst shops. */
export async function oldestUntold(db: Database): Promise<{ shopId: number; seconds: number }[]> {
  const found = await rows<{ shop_id: number; seconds: number }>(
    db.pool,
    {
      name: 'view_oldest_untold',
      text: `
        select shop_id, greatest(0, extract(epoch from now() - min(settled_at)))::float8 as seconds
        from payment where due_at is not null and state = 'settled'
        group by shop_id order by 2 desc limit $1`,
    },
    [mostLabels],
  );
  return found.map((row) => ({ shopId: row.shop_id, seconds: row.seconds }));
}

export type StreamStanding = {
  nodeId: number;
  /** `behind`: it is open, and what was before is not all recorded yet. */
  is: 'away' | 'behind' | 'whole';
};

/** The streams of nodes that are to be followed, those that are not whole first. */
export async function streamsStanding(db: Database): Promise<StreamStanding[]> {
  const found = await rows<{ id: number; state: StreamStanding['is'] }>(
    db.pool,
    {
      name: 'view_streams',
      text: `
        select id, case
            when stream_lease_until is null or stream_lease_until <= now() then 'away'
            when stream_whole_since is not null then 'whole'
            when stream_opened_at is not null then 'behind' else 'away' end as state
        from node where sealed_credential is not null and retired_at is null
        order by stream_whole_since is not null and stream_lease_until > now(), id limit $1`,
    },
    [mostLabels],
  );
  return found.map(({ id, state }) => ({ nodeId: id, is: state }));
}
