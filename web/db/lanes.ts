// A lane is one outside thing that can be slow, full or down: a node, a shop's API, where a shop's
// alerts go, or the addresses of those with whom it shares. A nudge wakes a lane. A paused lane
// claims nothing and burns no attempts; all processes see the pause here.
import { pauseMs, spreadMs } from '../core/retry.ts';
import { wakePools } from './announce.ts';
import type { Database, Queryable } from './database.ts';
import { rows } from './database.ts';

export type Lane = `node:${string}` | `shop:${string}:${'admin' | 'alert' | 'share'}`;
export const nodeLane = (nodeId: number): Lane => `node:${String(nodeId)}`;
export const shopLane = (shopId: number): Lane => `shop:${String(shopId)}:admin`;
export const alertLane = (shopId: number): Lane => `shop:${String(shopId)}:alert`;
export const shareLane = (shopId: number): Lane => `shop:${String(shopId)}:share`;

/** Which tables hold the rows of a lane, the most urgent first. */
export const laneTables = {
  node: ['invoice', 'reconcile_part'],
  shop: ['payment', 'sighting', 'hold_request', 'refund', 'shop', 'reconcile_part'],
  alert: ['alert'],
  share: ['share_task', 'reward_task', 'share_receiver'],
} as const;
export type DueTable = (typeof laneTables)[keyof typeof laneTables][number];

const laneForms = [
  ['node', /^node:(\d{1,9})$/],
  ['shop', /^shop:(\d{1,9}):admin$/],
  ['alert', /^shop:(\d{1,9}):alert$/],
  ['share', /^shop:(\d{1,9}):share$/],
] as const;

/** `id`: the node's, or the shop's. */
export function parseLane(lane: string): { kind: keyof typeof laneTables; id: number } | undefined {
  for (const [kind, form] of laneForms) {
    const id = form.exec(lane)?.[1];
    if (id !== undefined) return { kind, id: Number(id) };
  }
  return undefined;
}

/**
 * Sees to it that one job waits for each lane, now or by then: one that comes earlier keeps its
 * time. Part of the caller's transaction; the pools hear of it when that is committed.
 */
export async function nudge(on: Queryable, lanes: readonly Lane[], at?: Date): Promise<void> {
  if (lanes.length === 0) return;
  const [row] = await rows<{ made: number }>(
    on,
    { name: 'nudge', text: 'select nudge($1::text[], coalesce($2::timestamptz, now())) as made' },
    [lanes, at ?? null],
  );
  if (at === undefined) wakePools(on, row?.made ?? 0);
}

export type LanePause = { until: Date; because: string; failures: number };
/** Null: the lane may be worked. */
export type LanePauseRow =
  { paused_until: Date; because: string; failures: number } | { paused_until: null };

export const lanePauseOf = (row: LanePauseRow | undefined): LanePause | undefined =>
  row === undefined || row.paused_until === null
    ? undefined
    : { until: row.paused_until, because: row.because, failures: row.failures };

/** Until when the lane is paused; undefined when it may be worked. */
export async function pauseOf(db: Database, lane: Lane): Promise<LanePause | undefined> {
  const [row] = await rows<LanePauseRow>(
    db.pool,
    {
      name: 'lane_pause_of',
      text: `select paused_until, because, failures from lane where name = $1
        and paused_until is not null`,
    },
    [lane],
  );
  return lanePauseOf(row);
}

/**
 * Pauses the lane for longer with every failed probe in a row, or for as long as the outside asked.
 * Several processes that fail at once count as one failure.
 */
export async function pauseLane(
  db: Database,
  lane: Lane,
  about: { because: string; waitMs?: number; draw: number },
): Promise<LanePause> {
  const [row] = await rows<{ paused_until: Date; because: string; failures: number }>(
    db.pool,
    {
      name: 'lane_pause',
      text: `
        insert into lane (name, paused_until, because, failures)
        values ($1, now() + $3 * interval '1 ms', $2, 1)
        on conflict (name) do update set
          because = excluded.because,
          failures = case when lane.paused_until > now() then lane.failures
            else lane.failures + 1 end,
          paused_until = greatest(lane.paused_until, now() +
            ($4::float8[])[least(
              case when lane.paused_until > now() then lane.failures else lane.failures + 1 end,
              cardinality($4::float8[]))] * interval '1 ms',
            case when $5 then excluded.paused_until else '-infinity' end)
        returning paused_until, because, failures`,
    },
    [
      lane,
      about.because,
      about.waitMs ?? spreadMs(pauseMs(1), about.draw),
      [1, 2, 3, 4, 5, 6].map((failures) => spreadMs(pauseMs(failures), about.draw)),
      about.waitMs !== undefined,
    ],
  );
  if (row === undefined) throw new Error('a lane was not paused');
  await nudge(db.pool, [lane], row.paused_until);
  return { until: row.paused_until, because: row.because, failures: row.failures };
}

/**
 * The outside answers again: every row of the lane that was put off is due now, so that an outage
 * of hours is not followed by hours of back-off, and the pause ends. In this order: whoever dies
 * between leaves a pause, after which the lane is opened again. True when there was a pause.
 */
export async function openLane(db: Database, lane: Lane): Promise<boolean> {
  const closed = await rows(
    db.pool,
    {
      name: 'lane_is_closed',
      text: `select name from lane
        where name = $1 and (paused_until is not null or failures > 0)`,
    },
    [lane],
  );
  if (closed.length === 0) return false;
  await bringForward(db, { lane, inMs: 0 });
  const opened = await rows(
    db.pool,
    {
      name: 'lane_open',
      text: `
        update lane set paused_until = null, because = null, failures = 0
        where name = $1 and (paused_until is not null or failures > 0) returning name`,
    },
    [lane],
  );
  await nudge(db.pool, [lane]);
  return opened.length > 0;
}

/**
 * A person has mended what the lane waited for: its pause ends, and what was put off is due in so
 * many milliseconds, also what had given up for the time being.
 */
export async function reopenLane(db: Database, about: { lane: Lane; inMs: number }): Promise<void> {
  await bringForward(db, about);
  await rows(
    db.pool,
    {
      name: 'lane_reopen',
      text: 'update lane set paused_until = null, because = null, failures = 0 where name = $1',
    },
    [about.lane],
  );
  await nudge(db.pool, [about.lane]);
}

/** Only what waits because of a failure is brought forward: an ordinary look keeps its time. */
async function bringForward(db: Database, about: { lane: Lane; inMs: number }): Promise<void> {
  const { lane, inMs } = about;
  const kind = parseLane(lane)?.kind;
  for (const table of kind === undefined ? [] : laneTables[kind]) {
    await rows(
      db.pool,
      {
        name: `lane_wake_${table}`,
        text: `update ${table} set due_at = now() + $2 * interval '1 ms'
          where lane = $1 and due_at > now() + $2 * interval '1 ms' and attempts > 0`,
      },
      [lane, inMs],
    );
  }
}

/** A skip scan over the partial index: as many steps as lanes, however many rows. */
const forgottenText = (table: DueTable): string => `
      (with recursive l as (
        (select lane from ${table} where due_at is not null order by lane limit 1)
        union all
        select (select t.lane from ${table} t where t.due_at is not null and t.lane > l.lane
                order by t.lane limit 1) from l where l.lane is not null)
      select l.lane from l left join lane on lane.name = l.lane
      where l.lane is not null and (lane.paused_until is null or lane.paused_until <= now())
        and exists (select 1 from ${table} t where t.lane = l.lane and t.due_at <= now()
                    and (t.lease_until is null or t.lease_until < now()))
        and not exists (select 1 from graphile_worker.jobs j
                        where j.key = 'lane:' || l.lane and j.locked_at is null
                          and j.attempts < j.max_attempts))`;

const allForgottenText = [...new Set(Object.values(laneTables).flat())]
  .map(forgottenText)
  .join(' union ');

/**
 * Lanes with due rows and no waiting job: their nudge was lost, or was never made because the row
 * was due later.
 */
export async function forgottenLanes(db: Database): Promise<Lane[]> {
  const found = await rows<{ lane: Lane }>(
    db.pool,
    { name: 'lanes_forgotten', text: allForgottenText },
    [],
  );
  return found.map(({ lane }) => lane).sort();
}
