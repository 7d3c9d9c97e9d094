// Reconciliations: a run of a shop, its parts (one for Shopify, one for each node), what was met
// and what did not fit. A page is one transaction: what it found, what is to be looked at again,
// and where the next one begins, so that whoever is killed has done all of it or nothing.
import type { BreakWord, Found, Heal } from '../core/reconcile.ts';
import { reconcileRules } from '../core/reconcile.ts';
import type { Database, Queryable } from './database.ts';
import { rows, transaction } from './database.ts';
import { nodeLane, nudge, shopLane, type Lane } from './lanes.ts';
import { sight } from './sightings.ts';

export type RunReason = 'night' | 'outage' | 'merchant' | 'operator';

/**
 * Begins a run, or gives the one that is under way. Without `since` it goes back `atLeastMs`, and
 * at least to the last run that asked everybody, but not to before the app was installed.
 * Undefined: the shop has removed the app.
 */
export async function beginReconciliation(
  db: Database,
  about: Beginning,
): Promise<{ id: string; begun: boolean } | undefined> {
  // The run that was under way may have ended just before it was read: then another one begins.
  return (await beginOrJoin(db, about)) ?? (await beginOrJoin(db, about));
}

type Beginning = {
  shopId: number;
  because: RunReason;
  since?: Date | undefined;
  atLeastMs: number;
};

async function beginOrJoin(
  db: Database,
  about: Beginning,
): Promise<{ id: string; begun: boolean } | undefined> {
  return transaction(db, async (on) => {
    const [begun] = await rows<{ id: string }>(
      on,
      {
        name: 'reconciliation_begin',
        text: `
          insert into reconciliation (shop_id, because, since, reads_orders)
          select s.id, $2, coalesce($3::timestamptz, greatest(
              s.installed_at - interval '1 hour', now() - interval '60 days',
              least(now() - $4 * interval '1 ms', (
                select r.started_at - $5 * interval '1 ms' from reconciliation r
                where r.shop_id = s.id and r.state = 'done' order by r.id desc limit 1)))),
            a.kind <> 'payments'
          from shop s join registration a on a.id = s.registration_id
          where s.id = $1 and s.uninstalled_at is null
          on conflict (shop_id) where ended_at is null do nothing returning id::text`,
      },
      [about.shopId, about.because, about.since ?? null, about.atLeastMs, reconcileRules.overlapMs],
    );
    if (begun === undefined) {
      const [running] = await rows<{ id: string }>(
        on,
        {
          name: 'reconciliation_running',
          text: 'select id::text from reconciliation where shop_id = $1 and ended_at is null',
        },
        [about.shopId],
      );
      return running && { id: running.id, begun: false };
    }
    await wakeForgotten(on, begun.id);
    const parts = await rows<{ lane: Lane }>(
      on,
      {
        name: 'reconcile_parts_make',
        text: `
          insert into reconcile_part (reconciliation_id, node_id, lane, due_at)
          select $1::bigint, null, 'shop:' || ($2::int)::text || ':admin', now()
          union all
          select $1::bigint, n.id, 'node:' || n.id::text, now() from node n
          where n.shop_id = $2::int and n.sealed_credential is not null
          returning lane`,
      },
      [begun.id, about.shopId],
    );
    await nudge(
      on,
      parts.map(({ lane }) => lane),
    );
    return { id: begun.id, begun: true };
  });
}

/** What nobody is going to look at, and no page of this run shows. */
async function wakeForgotten(on: Queryable, runId: string): Promise<void> {
  await rows(
    on,
    {
      name: 'reconcile_wake_forgotten',
      text: `
        with run as (select shop_id, since from reconciliation where id = $1::bigint),
        shops as (
          update shop s set due_at = now() from run where s.id = run.shop_id and s.due_at is null)
        update invoice set due_at = now() where id = any(array(
          select i.id from run join node n on n.shop_id = run.shop_id
            join invoice i on i.node_id = n.id and i.state in ('made', 'live')
          where i.due_at is null and i.made_at < run.since
            -- Of a node that is gone nobody can be asked: what rests there stays at rest.
            and n.sealed_credential is not null
          order by i.id limit 10000 for no key update of i skip locked))`,
    },
    [runId],
  );
}

/** Where the next page of a part begins. `{}`: at its beginning. */
export type Place = {
  phase?: 'orders' | 'payments' | 'nodes' | 'list' | 'ours' | 'check';
  after?: string;
  /** Of the last row: a moment as ISO 8601, beside its id. */
  at?: string;
  /** Since when what did not fit is looked at again, as ISO 8601, and how often. */
  checkedFrom?: string;
  round?: number;
};

export type PartRow = {
  id: string;
  runId: string;
  nodeId: number | null;
  place: Place;
  workedAt: Date;
  doneAt: Date | null;
  runEndedAt: Date | null;
  since: Date;
  startedAt: Date;
  readsOrders: boolean;
  shopId: number;
  methodName: string;
  installedAt: Date;
  uninstalledAt: Date | null;
};

export async function reconcilePartById(db: Database, id: string): Promise<PartRow | undefined> {
  const [row] = await rows<PartRow>(
    db.pool,
    {
      name: 'reconcile_part_by_id',
      text: `
        select p.id::text, r.id::text as "runId", p.node_id as "nodeId", p.place,
          p.worked_at as "workedAt", p.done_at as "doneAt", r.ended_at as "runEndedAt", r.since,
          r.started_at as "startedAt", r.reads_orders as "readsOrders", s.id as "shopId",
          s.method_name as "methodName", s.installed_at as "installedAt",
          s.uninstalled_at as "uninstalledAt"
        from reconcile_part p join reconciliation r on r.id = p.reconciliation_id
          join shop s on s.id = r.shop_id
        where p.id = $1::bigint`,
    },
    [id],
  );
  return row;
}

/** Whether somebody's payment waits in this lane at this moment. */
export async function laneHasUrgent(db: Database, lane: Lane): Promise<boolean> {
  const [row] = await rows<{ urgent: boolean }>(
    db.pool,
    {
      name: 'lane_has_urgent',
      text: `
        select exists (select 1 from payment t where t.lane = $1 and t.due_at <= now()
            and (t.lease_until is null or t.lease_until < now()))
          or exists (select 1 from sighting t where t.lane = $1 and t.due_at <= now()
            and (t.lease_until is null or t.lease_until < now()))
          or exists (select 1 from invoice t where t.lane = $1 and t.due_at <= now()
            and (t.lease_until is null or t.lease_until < now())) as urgent`,
    },
    [lane],
  );
  return row?.urgent ?? false;
}

/** Something that did not fit, and about what. */
export type FoundBreak = Found & {
  key: string;
  nodeId: number | null;
  paymentId: string | null;
  /** For `look_at_invoice`. */
  invoiceId?: string;
  about: Readonly<Record<string, string>>;
};

export type Page = {
  part: Pick<PartRow, 'id' | 'runId' | 'shopId' | 'nodeId'>;
  leaseNo: number;
  next: Place;
  dueInMs: number;
  /** What was met, each with how many of our payments or invoices it stands for. */
  met?: readonly { key: string; ours: number }[];
  /** How many of those that are met for the first time count as orders of Shopify. */
  counts?: 'orders' | 'payments' | 'invoices';
  found?: readonly FoundBreak[];
  /** Breaks that were looked at again. */
  healed?: readonly string[];
  confirmed?: readonly string[];
};

/** Stores a page. False: another process has the part. */
export async function storeReconcilePage(db: Database, page: Page): Promise<boolean> {
  return transaction(db, async (on) => {
    const kept = await rows(
      on,
      {
        name: 'reconcile_part_page',
        text: `
          update reconcile_part set place = $3::jsonb, worked_at = now(), attempts = 0,
            lease_until = null, due_at = now() + $4 * interval '1 ms'
          where id = $1::bigint and lease_no = $2 and done_at is null returning id`,
      },
      [page.part.id, page.leaseNo, JSON.stringify(page.next), page.dueInMs],
    );
    if (kept.length === 0) return false;
    await countMet(on, page);
    await keepLookedAt(on, page);
    // After that: what turns out to be another break is not certain by this look at it.
    await keepFound(on, page);
    return true;
  });
}

async function countMet(on: Queryable, page: Page): Promise<void> {
  const { met = [], counts, part } = page;
  if (met.length === 0) return;
  const fresh = await rows<{ key: string }>(
    on,
    {
      name: 'reconcile_seen_add',
      text: `
        insert into reconcile_seen (reconciliation_id, key)
        select $1::bigint, k from unnest($2::text[]) k on conflict do nothing returning key`,
    },
    [part.runId, [...new Set(met.map(({ key }) => key))].sort()],
  );
  const isFresh = new Set(fresh.map(({ key }) => key));
  const ours = met.reduce((all, { key, ours: n }) => all + (isFresh.has(key) ? n : 0), 0);
  await rows(
    on,
    {
      name: 'reconciliation_count',
      text: `
        update reconciliation set orders = orders + $2, payments = payments + $3,
          invoices = invoices + $4 where id = $1::bigint`,
    },
    [
      part.runId,
      counts === 'orders' ? isFresh.size : 0,
      counts === 'invoices' ? 0 : ours,
      counts === 'invoices' ? ours : 0,
    ],
  );
}

/**
 * What has healed and is there again is another one. So is what has other amounts than the one that
 * a person has accepted: of these nobody has said that they are right.
 */
const amountsOf = (row: string): string =>
  `jsonb_build_array(${['here', 'there', 'amount', 'currency']
    .map((name) => `${row}.about -> '${name}'`)
    .join(', ')})`;
const isAnother = `(reconcile_break.healed_at is not null
  or reconcile_break.accepted_at is not null
    and ${amountsOf('reconcile_break')} <> ${amountsOf('excluded')})`;

async function keepFound(on: Queryable, page: Page): Promise<void> {
  for (const found of page.found ?? []) {
    await rows(
      on,
      {
        name: 'reconcile_break_see',
        text: `
          insert into reconcile_break (shop_id, what, key, node_id, payment_id, heal, about)
          values ($1, $2, $3, $4, $5::uuid, $6, $7::jsonb)
          on conflict (shop_id, what, key) do update set
            heal = excluded.heal, about = excluded.about, last_seen_at = now(),
            payment_id = excluded.payment_id,
            first_seen_at = case when ${isAnother} then now()
              else reconcile_break.first_seen_at end,
            confirmed_at = case when ${isAnother} then null
              else reconcile_break.confirmed_at end,
            accepted_at = case when ${isAnother} then null
              else reconcile_break.accepted_at end,
            accepted_by = case when ${isAnother} then null
              else reconcile_break.accepted_by end,
            healed_at = null`,
      },
      [
        page.part.shopId,
        found.what,
        found.key,
        found.nodeId,
        found.paymentId,
        found.heal,
        JSON.stringify(found.about),
      ],
    );
    await heal(on, { shopId: page.part.shopId, found });
  }
}

/** Only looks and wishes that are repeated. What a look finds goes through its own door. */
async function heal(on: Queryable, about: { shopId: number; found: FoundBreak }): Promise<void> {
  const { shopId, found } = about;
  if (found.heal === 'look_at_order') {
    await sight(on, { shopId, originId: found.key, because: 'reconcile' });
  }
  if (found.heal === 'tell') {
    await rows(
      on,
      {
        name: 'reconcile_wake_verdict',
        text: `
          update payment set due_at = now(), attempts = 0
          where id = any(array(
            select id from payment where shop_id = $1 and origin_id = $2 and state = 'settled'
            -- Whoever works on it at this moment needs no nudge.
            order by id for no key update skip locked))`,
      },
      [shopId, found.key],
    );
    await nudge(on, [shopLane(shopId)]);
  }
  if (found.heal === 'look_at_invoice' && found.nodeId !== null) {
    await rows(
      on,
      {
        name: 'reconcile_wake_invoice',
        text: `
          -- As after an attempt that failed: the node is asked, whatever its stream tells.
          update invoice set due_at = now(), attempts = greatest(attempts, 1)
          where id = any(array(
            select id from invoice where id = $1::bigint and state <> 'settled'
            for no key update skip locked))`,
      },
      [found.invoiceId ?? '0'],
    );
    await nudge(on, [nodeLane(found.nodeId)]);
  }
}

async function keepLookedAt(on: Queryable, page: Page): Promise<void> {
  const { healed = [], confirmed = [], part } = page;
  if (confirmed.length > 0) {
    await rows(
      on,
      {
        name: 'reconcile_break_confirm',
        text: `
          update reconcile_break set confirmed_at = coalesce(confirmed_at, now()),
            last_seen_at = now()
          where id = any($1::bigint[]) and healed_at is null`,
      },
      [confirmed],
    );
  }
  if (healed.length === 0) return;
  await rows(
    on,
    {
      name: 'reconcile_break_heal',
      text: `
        with healed as (
          update reconcile_break set healed_at = now()
          where id = any($1::bigint[]) and healed_at is null returning id)
        update reconciliation set healed = healed + (select count(*)::int from healed)
        where id = $2::bigint`,
    },
    [healed, part.runId],
  );
}

/**
 * The part is done, or it is left out. With the last one the run ends, and says how many breaks of
 * the shop are certain and open. Whoever waits for the nodes is woken.
 */
export async function endReconcilePart(
  db: Database,
  about: { part: Pick<PartRow, 'id' | 'runId'>; outcome: 'asked' | 'unreached' },
): Promise<void> {
  await transaction(db, async (on) => {
    // Parts of one run end one after the other: each sees whether it is the last.
    const [run] = await rows<{ shop_id: number }>(
      on,
      {
        name: 'reconciliation_lock',
        text: `select shop_id from reconciliation where id = $1::bigint and ended_at is null
          for no key update`,
      },
      [about.part.runId],
    );
    if (run === undefined) return;
    await rows(
      on,
      {
        name: 'reconcile_part_end',
        text: `
          update reconcile_part set done_at = now(), outcome = $2, due_at = null, lease_until = null
          where id = $1::bigint and done_at is null`,
      },
      [about.part.id, about.outcome],
    );
    await rows(
      on,
      {
        name: 'reconcile_part_wake',
        text: `
          update reconcile_part set due_at = now() where reconciliation_id = $1::bigint
            and node_id is null and done_at is null and place ->> 'phase' = 'nodes'`,
      },
      [about.part.runId],
    );
    await nudge(on, [shopLane(run.shop_id)]);
    await endRun(on, { runId: about.part.runId, shopId: run.shop_id });
  });
}

async function endRun(on: Queryable, about: { runId: string; shopId: number }): Promise<void> {
  await rows(
    on,
    {
      name: 'reconciliation_end',
      text: `
        update reconciliation r set ended_at = now(),
          state = case when exists (select 1 from reconcile_part p
            where p.reconciliation_id = r.id and p.outcome = 'unreached')
            then 'partly' else 'done' end,
          unmatched = (select count(*)::int from reconcile_break b where b.shop_id = $2
            and b.healed_at is null and b.accepted_at is null and b.confirmed_at is not null)
        where r.id = $1::bigint and r.ended_at is null and not exists (
          select 1 from reconcile_part p where p.reconciliation_id = r.id and p.done_at is null)`,
    },
    [about.runId, about.shopId],
  );
}

/** The shop has removed the app, or the run has hung for a day. */
export async function stopReconciliation(db: Database, runId: string): Promise<void> {
  await rows(
    db.pool,
    {
      name: 'reconciliation_stop',
      text: `
        with over as (
          update reconciliation set ended_at = now(), state = 'stopped'
          where id = $1::bigint and ended_at is null returning id)
        update reconcile_part set done_at = now(), due_at = null, lease_until = null
        where reconciliation_id in (select id from over) and done_at is null`,
    },
    [runId],
  );
}

/** Nodes that the run still waits for, and whether there is no point in waiting longer. */
export async function nodesUnderWay(
  db: Database,
  about: { runId: string; unreachedMs: number; pausedMs: number },
): Promise<{ partId: string; isHopeless: boolean }[]> {
  const found = await rows<{ id: string; hopeless: boolean }>(
    db.pool,
    {
      name: 'reconcile_nodes_under_way',
      text: `
        select p.id::text, p.worked_at < now() - interval '1 ms' *
          case when l.paused_until is null then $2::float8 else $3::float8 end as hopeless
        from reconcile_part p left join lane l on l.name = p.lane
        where p.reconciliation_id = $1::bigint and p.node_id is not null and p.done_at is null`,
    },
    [about.runId, about.unreachedMs, about.pausedMs],
  );
  return found.map(({ id, hopeless }) => ({ partId: id, isHopeless: hopeless }));
}

export type OpenBreak = {
  id: string;
  what: BreakWord;
  key: string;
  heal: Heal;
  confirmedAt: Date | null;
};

/**
 * What did not fit and has to be asked of this outside, in the order of id. What a person has
 * accepted is among what is certain, so that it can heal.
 */
export async function openBreaks(
  db: Database,
  ask: {
    shopId: number;
    nodeId: number | null;
    /** Only what has not been looked at long enough. */
    isNotCertain: boolean;
    after: string | undefined;
    limit: number;
  },
): Promise<OpenBreak[]> {
  return rows<OpenBreak>(
    db.pool,
    {
      name: 'reconcile_breaks_open',
      text: `
        select id::text, what, key, heal, confirmed_at as "confirmedAt" from reconcile_break
        where shop_id = $1 and node_id is not distinct from $2 and healed_at is null
          and id > $3::bigint and ($5 is false or confirmed_at is null)
        order by reconcile_break.id limit $4`,
    },
    [ask.shopId, ask.nodeId, ask.after ?? '0', ask.limit, ask.isNotCertain],
  );
}

/** A person says that it is right as it is. False: the shop has no such open break. */
export async function acceptBreak(
  db: Database,
  about: { shopId: number; id: string; staffId: string | undefined },
): Promise<boolean> {
  const accepted = await rows(
    db.pool,
    {
      name: 'reconcile_break_accept',
      text: `
        update reconcile_break set accepted_at = now(), accepted_by = $3
        where shop_id = $1 and id = $2::bigint and healed_at is null and accepted_at is null
          and confirmed_at is not null returning id`,
    },
    [about.shopId, about.id, about.staffId ?? null],
  );
  return accepted.length === 1;
}

/** `until`: then it is somebody else's, unless it was said before that its comparison has begun. */
export type Night = { shopId: number; because: RunReason; until: Date };

/**
 * Shops whose night has come, or whose outage is over, for ten minutes in which their comparison is
 * to begin. A shop that was not planned yet is only planned. At most 500.
 */
export async function takeNights(db: Database): Promise<Night[]> {
  return rows<Night>(
    db.pool,
    {
      name: 'reconcile_nights',
      text: `
        with due as (
          select id, reconcile_at, reconcile_because from shop
          where uninstalled_at is null and (reconcile_at is null or reconcile_at <= now())
          order by reconcile_at limit 500 for no key update skip locked),
        planned as (
          update shop s set reconcile_at = case when due.reconcile_at is null then ${nextNight}
            else now() + interval '10 minutes' end
          from due where due.id = s.id
          returning s.id, s.reconcile_because, s.reconcile_at, due.reconcile_at as was)
        select id as "shopId", coalesce(reconcile_because, 'night') as because,
          reconcile_at as "until"
        from planned where was is not null`,
    },
    [],
  );
}

/** Its comparison has begun: the next one is in its next night, unless one was asked for since. */
export async function nightIsBegun(
  db: Database,
  { shopId, until }: Pick<Night, 'shopId' | 'until'>,
): Promise<void> {
  await rows(
    db.pool,
    {
      name: 'reconcile_night_begun',
      text: `
        update shop s set reconcile_because = null, reconcile_at = ${nextNight}
        where id = $1 and reconcile_at = $2::timestamptz`,
    },
    [shopId, until],
  );
}

/** At three by the clock of the shop, and not all shops of a zone in one minute. */
const nextNight = `(date_trunc('day', now() at time zone s.time_zone - interval '3 hours')
              + interval '1 day 3 hours' + (s.id * 7919 % 2700) * interval '1 second')
              at time zone s.time_zone`;

/** Parts whose nudge was lost are due; runs that have hung for a day are stopped. */
export async function mendReconciliations(db: Database): Promise<void> {
  await rows(
    db.pool,
    {
      name: 'reconcile_parts_mend',
      text: `
        update reconcile_part p set due_at = now() from reconciliation r
        where r.id = p.reconciliation_id and r.ended_at is null and p.done_at is null
          and p.due_at is null`,
    },
    [],
  );
  const hung = await rows<{ id: string }>(
    db.pool,
    {
      name: 'reconciliations_hung',
      text: `select id::text from reconciliation
        where ended_at is null and started_at < now() - interval '1 day'`,
    },
    [],
  );
  for (const { id } of hung) await stopReconciliation(db, id);
}

/** Forgets what runs have met, and runs and breaks of long ago, some at a time. */
export async function forgetReconciliations(db: Database): Promise<void> {
  const kept = reconcileRules.keptMs;
  const forget = (name: string, text: string, values: readonly unknown[]): Promise<unknown> =>
    rows(db.pool, { name, text }, values);
  await forget(
    'reconcile_forget_seen',
    // The run itself takes with it what this leaves.
    `delete from reconcile_seen where (reconciliation_id, key) in (
      select s.reconciliation_id, s.key from reconciliation r
        join reconcile_seen s on s.reconciliation_id = r.id
      where r.ended_at > now() - interval '2 days' limit 10000)`,
    [],
  );
  await forget(
    'reconcile_forget_runs',
    `delete from reconciliation where id in (
      select id from reconciliation where ended_at < now() - $1 * interval '1 ms' limit 100)`,
    [kept],
  );
  await forget(
    'reconcile_forget_breaks',
    `delete from reconcile_break where id in (
      select id from reconcile_break where healed_at < now() - $1 * interval '1 ms' limit 1000)`,
    [kept],
  );
}
