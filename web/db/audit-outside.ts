// The invariants that need an outsider's word beside the database: what a node says was settled,
// what was really done at Shopify, what an inbound call was answered, and secrets that must be
// nowhere. Whoever asks brings that word along; nobody is asked here, and nothing is changed.
import type { Violation } from './audit.ts';
import type { Database } from './database.ts';
import { rows } from './database.ts';
import { records } from './records.ts';

/** A settled invoice of a node's own list. Others' invoices may be among them. */
export type SettledAtNode = {
  /** Lower-case hex. */
  hash: string;
  receivedMsat: bigint;
  /** Undefined: the node does not say. */
  settleIndex: bigint | undefined;
  settledAt: Date | undefined;
};

/**
 * Every node that may have been paid for an invoice made since then: retired ones, and ones whose
 * credential was wiped with their shop, among them.
 */
export async function nodesToAudit(
  db: Database,
  madeSince: Date,
): Promise<{ id: number; mayAsk: boolean }[]> {
  return rows<{ id: number; mayAsk: boolean }>(
    db.pool,
    {
      name: 'audit_nodes',
      text: `
        select id, sealed_credential is not null as "mayAsk" from node
        where exists (select 1 from invoice where node_id = node.id and made_at >= $1)
        order by id limit 10000`,
    },
    [madeSince],
  );
}

/** After this time a settle must be recorded, while both sides are up. Source: I3. */
export const recordedWithinMs = 60_000;

/**
 * I3: what a node says was settled is recorded, with what it brought. I7: the cursor has not passed
 * one that is not recorded; beyond it the stream still brings it. `now`: the moment of the list.
 */
export async function auditNodeList(
  db: Database,
  about: { nodeId: number; settled: readonly SettledAtNode[]; now: Date },
): Promise<Violation[]> {
  const { nodeId, settled, now } = about;
  const broken = await rows<{ what: string; recorded: boolean; is_past: boolean; is_old: boolean }>(
    db.pool,
    {
      name: 'audit_node_list',
      text: `
        select s.hash || ' at node ' || n.id as what, i.state = 'settled' as recorded,
          coalesce(s.settle_index <= n.stream_cursor, false) as is_past,
          coalesce(s.settled_at < $5::timestamptz, true) as is_old
        from unnest($2::text[], $3::bigint[], $4::bigint[], $6::timestamptz[])
          as s (hash, received_msat, settle_index, settled_at)
        join node n on n.id = $1 join invoice i on i.hash = decode(s.hash, 'hex')
        where i.node_id = n.id and s.received_msat >= i.amount_msat
          and (i.state <> 'settled' or i.paid_msat <> s.received_msat)
        order by s.hash limit 100`,
    },
    [
      nodeId,
      settled.map(({ hash }) => hash),
      settled.map(({ receivedMsat }) => receivedMsat),
      settled.map(({ settleIndex }) => settleIndex ?? null),
      new Date(now.getTime() - recordedWithinMs),
      settled.map(({ settledAt }) => settledAt ?? null),
    ],
  );
  return broken.flatMap(({ what, recorded, is_past: isPast, is_old: isOld }) => [
    ...(recorded
      ? [{ rule: 'I3', says: 'What a node received is recorded msat for msat.', what }]
      : []),
    ...(!recorded && isOld
      ? [{ rule: 'I3', says: 'What is settled at a node is recorded within a minute.', what }]
      : []),
    ...(!recorded && isPast
      ? [{ rule: 'I7', says: 'A cursor never passes a settle that is not recorded.', what }]
      : []),
  ]);
}

/** A settled invoice of ours. `madeAt`: in milliseconds. */
export type SettledHere = { id: bigint; hash: string; madeAt: Date };

/** What we recorded as settled at the node, made since then; the oldest first, beyond `after`. */
export const settledHere = (
  db: Database,
  about: { nodeId: number; madeSince: Date; after: SettledHere | undefined; limit: number },
): Promise<SettledHere[]> =>
  records<SettledHere>(
    db.pool,
    {
      name: 'audit_settled_here',
      text: `
        select id, encode(hash, 'hex') as hash, made_at as "madeAt" from invoice
        where node_id = $1 and state = 'settled'
          and made_at >= $2 and (made_at, id) > ($3::timestamptz, $4::bigint)
        order by made_at, id limit $5`,
    },
    [
      ...[about.nodeId, about.madeSince, about.after?.madeAt ?? '-infinity'],
      ...[about.after?.id ?? 0n, about.limit],
    ],
  );

export type AuditedShop = { id: number; domain: string; methodName: string; installedAt: Date };

/** Shops whose orders our app may read; `domain` undefined: all. */
export const shopsToAudit = (db: Database, domain: string | undefined): Promise<AuditedShop[]> =>
  records<AuditedShop>(
    db.pool,
    {
      name: 'audit_shops',
      text: `
        select s.id, s.domain, s.method_name as "methodName", s.installed_at as "installedAt"
        from shop s join registration a on a.id = s.registration_id
        where s.uninstalled_at is null and a.kind <> 'payments'
          and ($1::text is null or s.domain = $1)
        order by s.id limit 10000`,
    },
    [domain ?? null],
  );

export type ToldOrder = { id: string; originId: string; settledAt: Date };

/** Payments of orders that Shopify was told of, whose money came since then; the oldest first. */
export const toldOrders = (
  db: Database,
  about: { shopId: number; since: Date; after: ToldOrder | undefined; limit: number },
): Promise<ToldOrder[]> =>
  records<ToldOrder>(
    db.pool,
    {
      name: 'audit_told_orders',
      text: `
        select p.id::text, p.origin_id as "originId", p.settled_at as "settledAt" from payment p
        where p.shop_id = $1 and p.settled_at >= $2
          and (p.settled_at, p.id) > ($3::timestamptz, $4::uuid)
          and p.told_minor is not null and p.origin = 'order'
        order by p.settled_at, p.id limit $5`,
    },
    [
      ...[about.shopId, about.since, about.after?.settledAt ?? '-infinity'],
      ...[about.after?.id ?? '00000000-0000-0000-0000-000000000000', about.limit],
    ],
  );

/** What was done at Shopify for one order or session, by its own record. */
export type EffectsAtShopify = {
  originId: string;
  /** How often it was marked as paid, given a part, or resolved - by us. */
  times: number;
};

/**
 * I2: each payment has at most one effect at Shopify, and one that was told has one. I1: nothing
 * was told for an order without a settled payment. A payment whose verdict is under way may have
 * had its effect already.
 */
export async function auditEffects(
  db: Database,
  about: { shopId: number; effects: readonly EffectsAtShopify[] },
): Promise<Violation[]> {
  const { shopId, effects } = about;
  const broken = await rows<{ what: string; too_many: boolean; without: boolean }>(
    db.pool,
    {
      name: 'audit_effects',
      text: `
        with told as (
          select origin_id, count(*) filter (where told_minor is not null) as surely,
            count(*) filter (where told_minor is not null or tell_started_at is not null) as maybe
          from payment where shop_id = $1 and state in ('settled', 'resolved', 'stranded')
          group by origin_id),
        done as (select * from unnest($2::text[], $3::int[]) as e (origin_id, times))
        select coalesce(t.origin_id, d.origin_id) || ': ' || coalesce(d.times, 0) || ' effects, '
            || coalesce(t.surely, 0) || ' told' as what,
          coalesce(d.times, 0) > coalesce(t.maybe, 0) as too_many, t.origin_id is null as without
        from told t full join done d on d.origin_id = t.origin_id
        where coalesce(d.times, 0) < coalesce(t.surely, 0)
          or coalesce(d.times, 0) > coalesce(t.maybe, 0)
        order by 1 limit 100`,
    },
    [shopId, effects.map(({ originId }) => originId), effects.map(({ times }) => times)],
  );
  return broken.map(({ what, too_many: tooMany, without }) =>
    without
      ? { rule: 'I1', says: 'Nothing is told for an order without settled money.', what }
      : {
          rule: 'I2',
          says: tooMany
            ? 'A payment has at most one effect at Shopify.'
            : 'What was told has its effect at Shopify.',
          what,
        },
  );
}

/** I10: whoever asks again with the same id gets the same answer, byte for byte. */
export async function auditAnswers(
  db: Database,
  heard: ReadonlyMap<string, Iterable<string>>,
): Promise<Violation[]> {
  const told = [...heard].flatMap(([id, answers]) =>
    [...answers].map((answer) => ({ id, answer })),
  );
  const broken = await rows<{ what: string }>(
    db.pool,
    {
      name: 'audit_answers',
      text: `
        select h.id as what from unnest($1::text[], $2::text[]) as h (id, answer)
        left join session_request r on r.kind = 'payment' and r.id = h.id
        -- The answer of a forgotten buyer is gone with the link that it told.
        where r.id is null or (r.answer <> h.answer and r.answer <> '')
        order by h.id limit 100`,
    },
    [told.map(({ id }) => id), told.map(({ answer }) => answer)],
  );
  const says = 'A repeated call of Shopify gets the same answer.';
  return broken.map(({ what }) => ({ rule: 'I10', says, what }));
}

/** Columns that hold what is sealed, or what is a proof and no secret any more. */
const sealedColumns = /^sealed_|^preimage$/;

/**
 * I11: none of these secrets stands in any row outside the sealed columns, as text, hex or base64.
 * Reads every row of every table: for tests and small databases.
 */
export async function auditSecrets(
  db: Database,
  secrets: readonly Uint8Array[],
): Promise<Violation[]> {
  const forms = secrets.flatMap((secret) => {
    const bytes = Buffer.from(secret);
    return [bytes.toString('hex'), bytes.toString('base64').replace(/=+$/, '')];
  });
  const columns = await rows<{ place: string; of: string; name: string }>(
    db.pool,
    {
      name: 'audit_columns',
      text: `
        select format('%I.%I', c.table_schema, c.table_name) as place, c.column_name as name,
          quote_ident(c.column_name) as of
        from information_schema.columns c join information_schema.tables t
          on t.table_schema = c.table_schema and t.table_name = c.table_name
        where t.table_type = 'BASE TABLE' and c.table_schema in ('public', 'graphile_worker')
          and c.data_type in ('text', 'json', 'jsonb', 'bytea', 'ARRAY')
        order by 1, 2`,
    },
    [],
  );
  const violations: Violation[] = [];
  const tables = Map.groupBy(
    columns.filter(({ name }) => !sealedColumns.test(name)),
    ({ place }) => place,
  );
  for (const [place, its] of tables) {
    // Where the whole row has none of them, no column of it has.
    if (!(await holdsOne(db, { place, of: its.map(({ of }) => of), forms }))) continue;
    for (const { of, name } of its) {
      if (!(await holdsOne(db, { place, of: [of], forms }))) continue;
      const says = 'No secret stands outside the sealed columns.';
      violations.push({ rule: 'I11', says, what: `${place}.${name}` });
    }
  }
  return violations;
}

/** Whether one of the forms stands in one of the columns. A row is put into text once for all. */
async function holdsOne(
  db: Database,
  about: { place: string; of: readonly string[]; forms: readonly string[] },
): Promise<boolean> {
  const { place, of, forms } = about;
  const text = of.map((column) => `${column}::text`).join(', ');
  const found = await rows(
    db.pool,
    {
      name: '',
      text: `
        select 1 as found from (select concat_ws(' ', ${text}) as said from ${place} offset 0) t
        where exists (select 1 from unnest($1::text[]) as s (form) where strpos(said, form) > 0)
        limit 1`,
    },
    [forms],
  );
  return found.length > 0;
}
