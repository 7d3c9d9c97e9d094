// What pools have learned of lanes, one row each. Stale rows, rows of another version of the
// program and rows about another node are as good as none. No statement that moves money reads it.
import type { Database } from './database.ts';
import { rows } from './database.ts';
import type { Lane } from './lanes.ts';
import { parseLane } from './lanes.ts';

/** Counts up whenever the figures mean something else than before. */
const version = 1;
const freshMs = 15 * 60_000;

export type LaneState = {
  gradient: number;
  loss: number;
  /** Milliseconds of each operation. */
  bases: Readonly<Record<string, number>>;
  costs: Readonly<Record<string, number>>;
};

/** `identity`: of the lane's node and its address; empty for a shop. */
export type LaneFacts = {
  shopId: number | undefined;
  identity: string;
  state: LaneState | undefined;
};

/** What is known of a lane. */
export async function readLane(db: Database, lane: Lane): Promise<LaneFacts> {
  const of = parseLane(lane);
  const [row] = await rows<{
    shop_id: number | null;
    identity: string;
    gradient: number | null;
    loss: number;
    bases: LaneState['bases'];
    costs: LaneState['costs'];
  }>(
    db.pool,
    {
      name: 'lane_state_read',
      text: `
        with n as (select shop_id, identity || ' ' || address as identity from node where id = $2)
        select n.shop_id, coalesce(n.identity, '') as identity, s.gradient, s.loss, s.bases, s.costs
        from (select 1) one left join n on true
        left join lane_state s on s.lane = $1 and s.version = $3
          and s.taken_at > now() - $4 * interval '1 ms' and s.identity = coalesce(n.identity, '')`,
    },
    [lane, of?.kind === 'node' ? of.id : null, version, freshMs],
  );
  const shopId = of?.kind === 'node' ? row?.shop_id : of?.id;
  const known = row !== undefined && row.gradient !== null;
  return {
    shopId: shopId ?? undefined,
    identity: row?.identity ?? '',
    state: known
      ? { gradient: row.gradient ?? 0, loss: row.loss, bases: row.bases, costs: row.costs }
      : undefined,
  };
}

/** Writes what was learned of lanes, in one statement. */
export async function writeLanes(
  db: Database,
  learned: readonly (LaneState & { lane: Lane; identity: string })[],
): Promise<void> {
  if (learned.length === 0) return;
  const inOrder = [...learned].sort((a, b) => (a.lane < b.lane ? -1 : 1));
  await rows(
    db.pool,
    {
      name: 'lane_state_write',
      text: `
        insert into lane_state (lane, version, gradient, loss, bases, costs, identity)
        select l.lane, $1, l.gradient, l.loss, l.bases, l.costs, l.identity
        from jsonb_to_recordset($2::jsonb) as l (lane text, gradient float8, loss float8,
          bases jsonb, costs jsonb, identity text)
        on conflict (lane) do update set version = excluded.version, gradient = excluded.gradient,
          loss = excluded.loss, bases = excluded.bases, costs = excluded.costs,
          identity = excluded.identity, taken_at = now()`,
    },
    [version, JSON.stringify(inOrder)],
  );
}

/** Forgets what nobody would believe any more. */
export async function forgetOldLanes(db: Database): Promise<void> {
  await rows(
    db.pool,
    {
      name: 'lane_state_forget',
      text: `delete from lane_state where taken_at < now() - $1 * interval '1 ms'`,
    },
    [4 * freshMs],
  );
}
