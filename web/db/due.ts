// Rows that have something to do. A claim is a lease: whoever dies simply lets it run out. The
// lease's number counts up and never back, so that a step which comes late can be told from the
// one that has the row now.
import { count } from './counted.ts';
import type { Database, Queryable } from './database.ts';
import { rows } from './database.ts';
import { nudge, type DueTable, type Lane } from './lanes.ts';

/** Longer than one call outside may take; a step renews it before each further call. */
export const leaseMs = 15_000;

export type ClaimedRow = {
  table: DueTable;
  id: string;
  leaseNo: number;
  attempts: number;
  state: string;
};

const stateColumn = {
  payment: 'state::text',
  invoice: 'state::text',
  sighting: `''`,
  refund: 'state::text',
  hold_request: 'state',
  shop: `''`,
  alert: `''`,
  reconcile_part: `''`,
  share_task: `''`,
  reward_task: `''`,
  share_receiver: `''`,
} as const;

const waitedColumn = `extract(epoch from now() - due_at)::float8 * 1000 as waited_ms`;

const claimText = (table: DueTable): string => `
        update ${table} set lease_until = now() + $3 * interval '1 ms', lease_no = lease_no + 1
        where id = any(array(
          select id from ${table}
          where lane = $1 and due_at <= now() and (lease_until is null or lease_until < now())
          order by due_at, id limit $2 for no key update skip locked))
        returning id::text, lease_no, attempts, ${stateColumn[table]} as state,
          ${waitedColumn}`;

/** A select of the tables that have rows of the lane which a claim may find, in their order. */
const dueTablesText = (tables: readonly DueTable[]): string =>
  tables
    .map(
      (table) => `
      select '${table}' as "table" where exists (
        select 1 from ${table}
        where lane = $1 and due_at <= now() and (lease_until is null or lease_until < now()))`,
    )
    .join(' union all ');

type RawClaim = {
  id: string;
  lease_no: number;
  attempts: number;
  state: string;
  waited_ms: number;
};

const claimedFrom = (table: DueTable, raw: RawClaim): ClaimedRow => ({
  ...{ table, id: raw.id, leaseNo: raw.lease_no, attempts: raw.attempts, state: raw.state },
});

function claimedOf(db: Database, table: DueTable, raw: readonly RawClaim[]): ClaimedRow[] {
  for (const { waited_ms: ms } of raw) count(db.pool, { is: 'waited', table, ms });
  return raw.map((row) => claimedFrom(table, row));
}

/** PostgreSQL cuts the names of statements after 63 letters. */
const shortOf = (tables: readonly DueTable[]): string =>
  tables.map((table) => table.slice(0, 4)).join('_');

/** Takes up to `limit` due rows of the lane, oldest first. */
export async function claim(
  db: Database,
  from: { table: DueTable; lane: Lane; limit: number },
): Promise<ClaimedRow[]> {
  const { table, lane, limit } = from;
  const claimed = await rows<RawClaim>(
    db.pool,
    { name: `claim_${table}`, text: claimText(table) },
    [lane, limit, leaseMs],
  );
  return claimedOf(db, table, claimed);
}

/** The same, and in the same statement which of the tables below have rows for a claim. */
export async function claimAndLook(
  db: Database,
  from: { table: DueTable; lane: Lane; limit: number; below: readonly DueTable[] },
): Promise<{ claimed: ClaimedRow[]; below: DueTable[] }> {
  const { table, lane, limit, below } = from;
  const found = await rows<(RawClaim | { id: null }) & { below: DueTable[] }>(
    db.pool,
    {
      name: `claim_${table}_look_${shortOf(below)}`,
      text: `
        with claimed as (${claimText(table)})
        select b.below, c.* from (select array(${dueTablesText(below)}) as below) b
          left join claimed c on true`,
    },
    [lane, limit, leaseMs],
  );
  return {
    claimed: claimedOf(
      db,
      table,
      found.filter((row) => row.id !== null),
    ),
    below: found[0]?.below ?? [],
  };
}

/** Which of the tables have rows of the lane that a claim may find, in their order. */
export async function dueTables(
  db: Database,
  of: { lane: Lane; tables: readonly DueTable[] },
): Promise<DueTable[]> {
  const found = await rows<{ table: DueTable }>(
    db.pool,
    { name: `due_tables_${shortOf(of.tables)}`, text: dueTablesText(of.tables) },
    [of.lane],
  );
  return found.map(({ table }) => table);
}

export type WaitingRow = { id: string; state: string; dueAt: Date };

/** Looks which rows of the lane are due, oldest first, and takes none of them. */
export async function peekDue(
  db: Database,
  from: { table: DueTable; lane: Lane; limit: number },
): Promise<WaitingRow[]> {
  const { table, lane, limit } = from;
  const found = await rows<{ id: string; state: string; due_at: Date }>(
    db.pool,
    {
      name: `peek_${table}`,
      text: `
        select id::text, ${stateColumn[table]} as state, due_at from ${table}
        where lane = $1 and due_at <= now() and (lease_until is null or lease_until < now())
        order by due_at, ${table}.id limit $2`,
    },
    [lane, limit],
  );
  return found.map((row) => ({ id: row.id, state: row.state, dueAt: row.due_at }));
}

/** Takes those of the rows that are still due and free, in this order. */
export async function claimThese(
  db: Database,
  from: { table: DueTable; lane: Lane; ids: readonly string[] },
): Promise<ClaimedRow[]> {
  const { table, lane, ids } = from;
  if (ids.length === 0) return [];
  const claimed = await rows<RawClaim>(
    db.pool,
    {
      name: `claim_these_${table}`,
      text: `
        update ${table} set lease_until = now() + $3 * interval '1 ms', lease_no = lease_no + 1
        where id = any(array(
          select id from ${table}
          where id = any($2::text[]::${idType[table]}[]) and lane = $1 and due_at <= now()
            and (lease_until is null or lease_until < now())
          order by id for no key update skip locked))
        returning id::text, lease_no, attempts, ${stateColumn[table]} as state,
          ${waitedColumn}`,
    },
    [lane, ids, leaseMs],
  );
  const place = new Map(ids.map((id, at) => [id, at]));
  return claimedOf(db, table, claimed).sort(
    (a, b) => (place.get(a.id) ?? 0) - (place.get(b.id) ?? 0),
  );
}

const idType = {
  payment: 'uuid',
  invoice: 'bigint',
  sighting: 'bigint',
  refund: 'uuid',
  hold_request: 'bigint',
  shop: 'int',
  alert: 'bigint',
  reconcile_part: 'bigint',
  share_task: 'uuid',
  reward_task: 'uuid',
  share_receiver: 'bigint',
} as const;

/** Keeps the row for another call outside. False: it was taken over, and the step must stop. */
export async function renewLease(db: Database, row: ClaimedRow): Promise<boolean> {
  const kept = await rows(
    db.pool,
    {
      name: `lease_renew_${row.table}`,
      text: `
        update ${row.table} set lease_until = now() + $3 * interval '1 ms'
        where id = $1::${idType[row.table]} and lease_no = $2 returning id`,
    },
    [row.id, row.leaseNo, leaseMs],
  );
  if (kept.length === 0) count(db.pool, { is: 'fenced', lease: 'row' });
  return kept.length === 1;
}

/**
 * Gives the row back. `dueInMs` undefined: it is at rest. `attempt` says whether this was a try
 * that
 * failed; a row that only waited its turn, or whose lane was away, burns none. `afresh`: it went
 * well, and what failed before counts no more.
 */
export async function giveBack(
  on: Queryable,
  row: ClaimedRow,
  next: { dueInMs: number | undefined; attempt: boolean; afresh?: boolean },
): Promise<void> {
  await rows(
    on,
    {
      name: `give_back_${row.table}`,
      text: `
        update ${row.table} set lease_until = null,
          due_at = now() + $3 * interval '1 ms',
          attempts = case when $4 then attempts + 1 when $5 then 0 else attempts end
        where id = $1::${idType[row.table]} and lease_no = $2`,
    },
    [row.id, row.leaseNo, next.dueInMs ?? null, next.attempt, next.afresh ?? false],
  );
}

/**
 * Makes verdicts due that are wanted and lie at rest: their shop was away, or an older version of
 * this program had no step for them. At most 500; gives how many.
 */
export async function wakeVerdicts(db: Database): Promise<number> {
  const woken = await rows<{ lane: Lane }>(
    db.pool,
    {
      name: 'verdicts_wake',
      text: `
        update payment set due_at = now(), attempts = 0
        where id = any(array(
          select p.id from payment p join shop s on s.id = p.shop_id
          where p.verdict_wanted is not null and p.due_at is null and s.uninstalled_at is null
            -- The two states in the words of the index that holds just these rows.
            and p.state in ('open', 'lapsed')
            and (p.state = 'lapsed' or p.verdict_wanted = 'pending')
          order by p.id limit 500 for no key update of p skip locked))
        returning lane`,
    },
    [],
  );
  await nudge(db.pool, [...new Set(woken.map(({ lane }) => lane))].sort());
  return woken.length;
}
