// Each actor's own view against our books, when everything is at rest: the nodes' lists, what was
// done at Shopify, the answers that Shopify got, and the secrets that nobody may find.
import type { Violation } from '../../web/db/audit.ts';
import {
  auditAnswers,
  auditEffects,
  auditNodeList,
  auditSecrets,
} from '../../web/db/audit-outside.ts';
import type { Database } from '../../web/db/database.ts';
import type { ShopAt } from './buyers.ts';
import type { Parts } from './world.ts';

/** Runs as a process of ours: its statements are tasks like all others. */
export async function checkWorld(parts: Parts, db: Database): Promise<Violation[]> {
  const { nodes, shops, market, secrets } = parts;
  const violations: Violation[] = [];
  for (const [nodeId, node] of nodes) {
    const settled = node.settledList().map((each) => ({ ...each, settledAt: undefined }));
    const broken = await auditNodeList(db, { nodeId, settled, now: new Date() });
    violations.push(...(await notForgotten(parts, nodeId, broken)));
    violations.push(...(await nothingInvented(parts, nodeId)));
  }
  violations.push(...(await lapsedUnpaid(parts)));
  for (const shop of shops) {
    const { effects } = shop.played;
    const originIds = new Set(effects.map(({ originId }) => originId));
    const times = [...originIds].map((originId) => ({
      originId,
      times: effects.filter((effect) => effect.originId === originId).length,
    }));
    violations.push(...(await auditEffects(db, { shopId: shop.row.id, effects: times })));
    violations.push(...(await sameAmounts(parts, shop)));
    violations.push(...(await sameSessions(parts, shop)));
  }
  violations.push(...(await auditAnswers(db, market.answers)));
  violations.push(...(await auditSecrets(db, secrets.slice(0, 50))));
  return violations;
}

/** Everything ran on this world's clock. The real one is months ahead of it. */
export async function checkTime({ statements, timeline }: Parts): Promise<Violation[]> {
  const says = 'A storm runs on its own clock.';
  const columns = await statements.ask<{ place: string; name: string }>(`
    select format('%I.%I', table_schema, table_name) as place, quote_ident(column_name) as name
    from information_schema.columns join information_schema.tables
      using (table_catalog, table_schema, table_name)
    where table_schema in ('public', 'graphile_worker') and table_type = 'BASE TABLE'
      and data_type like 'timestamp%' and table_name not in ('_prisma_migrations', 'migrations')
    order by 1, 2`);
  const limit = new Date(timeline.now() + 200 * 86_400_000);
  const found = await statements.ask<{ what: string; rows: string }>(
    columns
      .map(
        ({ place, name }) =>
          `select '${place}.${name}' as what, count(*)::text as rows from ${place}
           where ${name} > $1 and ${name} < 'infinity'`,
      )
      .join(' union all '),
    [limit],
  );
  return [
    ...found.filter(({ rows }) => rows !== '0').map(({ what }) => ({ rule: 'I0', says, what })),
    ...timeline.strays.map((what) => ({ rule: 'I0', says, what })),
    ...(columns.length < 40 ? [{ rule: 'I0', says, what: 'hardly any column of time' }] : []),
  ];
}

/**
 * Only an invoice that nobody can pay ends a payment, so no money comes for one that lapsed. A node
 * that came back from a backup forgot that it had canceled.
 */
async function lapsedUnpaid({ statements, nodes }: Parts): Promise<Violation[]> {
  const paid = await statements.ask<{ what: string; node_id: number }>(
    `select p.id::text as what, i.node_id from payment p join invoice i on i.payment_id = p.id
     where p.state in ('lapsed', 'rejected') and i.state = 'settled' order by p.id`,
  );
  const says = 'A payment lapses only when no money can come for it.';
  return paid
    .filter(({ node_id: id }) => nodes.get(id)?.wentBack() !== true)
    .map(({ what }) => ({ rule: 'I6', says, what }));
}

/**
 * A node that came back from a backup may have forgotten that it canceled, and take the money for
 * what is over here. The comparison that follows lists it, and no shop of the storm has one: such
 * are counted beside the faults.
 */
async function notForgotten(
  { statements, nodes, market }: Parts,
  nodeId: number,
  broken: readonly Violation[],
): Promise<Violation[]> {
  if (broken.length === 0 || nodes.get(nodeId)?.wentBack() !== true) return [...broken];
  const canceled = await statements.ask<{ hash: string }>(
    `select encode(hash, 'hex') as hash from invoice where node_id = $1 and state = 'canceled'`,
    [nodeId],
  );
  const over = new Set(canceled.map(({ hash }) => hash));
  const isOver = ({ what }: Violation): boolean => over.has(what.split(' ')[0] ?? '');
  for (const { rule } of broken.filter(isOver)) {
    if (rule === 'I3') market.fault('paid_what_a_backup_forgot');
  }
  return broken.filter((violation) => !isOver(violation));
}

/** What we booked for a node is what it received, msat for msat. */
async function nothingInvented(parts: Parts, nodeId: number): Promise<Violation[]> {
  const { statements, nodes } = parts;
  const received = nodes.get(nodeId)?.received ?? new Map<string, bigint>();
  const booked = await statements.ask<{ hash: string; msat: string }>(
    `select split_part(journal, ':', 2) as hash, sum(amount_msat)::text as msat from posting
     where from_account = $1 group by 1`,
    [`node:${String(nodeId)}`],
  );
  return booked
    .filter(({ hash, msat }) => received.get(hash) !== BigInt(msat))
    .map(({ hash }) => ({ rule: 'I3', says: 'What is booked was received.', what: hash }));
}

/**
 * Order by order, Shopify recorded from us what we say that we told; and where that is more than
 * was paid, because an order grew while it was marked, a person was asked to look.
 */
async function sameAmounts({ statements, market }: Parts, shop: ShopAt): Promise<Violation[]> {
  const done = new Map<string, bigint>();
  for (const { originId, did, amountMinor } of shop.played.effects) {
    if (did !== 'resolved') done.set(originId, (done.get(originId) ?? 0n) + amountMinor);
  }
  const told = await statements.ask<{
    origin_id: string;
    minor: string;
    more: number;
    asked: number;
  }>(
    `select p.origin_id, sum(p.told_minor)::text as minor,
       (count(*) filter (where p.told_minor > q.fiat_minor))::int as more,
       (count(*) filter (where p.told_minor > q.fiat_minor and p.attention is not null))::int
         as asked
     from payment p join invoice i on i.id = p.settled_invoice_id join quote q on q.id = i.quote_id
     where p.shop_id = $1 and p.origin = 'order' and p.told_minor is not null group by 1`,
    [shop.row.id],
  );
  for (const { more } of told) if (more > 0) market.fault('marked_behind_an_edit');
  return [
    ...told
      .filter(({ origin_id: id, minor }) => done.get(id) !== BigInt(minor))
      .map(({ origin_id: id, minor }) => ({
        ...{ rule: 'I2', says: 'What was told is what was done.' },
        what: `${id} told ${minor}, done ${String(done.get(id) ?? 0n)}`,
      })),
    ...told
      .filter(({ more, asked }) => asked < more)
      .map(({ origin_id: id }) => ({
        ...{ rule: 'I11', says: 'Whoever is marked with more than was paid is shown to a person.' },
        what: id,
      })),
  ];
}

/** A session ends at Shopify as its payment ended here, and a purchase is resolved once. */
async function sameSessions({ statements }: Parts, shop: ShopAt): Promise<Violation[]> {
  const states = await statements.ask<{ origin_id: string; state: string }>(
    // What Shopify did not take and was given back is settled here, and never resolved there.
    `select origin_id, case when reason = 'refund_opened' then 'stranded' else state::text end
       as state from payment
     where shop_id = $1 and origin = 'payment_session'`,
    [shop.row.id],
  );
  const says = 'A session ends at Shopify as it ended here.';
  const differ = states.filter(({ origin_id: gid, state }) => {
    const its = shop.played.sessions.get(gid)?.state;
    return (
      (its === 'resolved') !== (state === 'resolved') ||
      (its === 'rejected') !== (state === 'rejected')
    );
  });
  const resolved = [...shop.played.sessions.values()].filter(({ state }) => state === 'resolved');
  const groups = new Set(resolved.map(({ group }) => group));
  return [
    ...differ.map(({ origin_id: what }) => ({ rule: 'I2', says, what })),
    ...(groups.size === resolved.length
      ? []
      : [{ rule: 'I2', says: 'A purchase is resolved once.', what: shop.row.domain }]),
  ];
}
