// Merchants' nodes: where they are, how they are, and who owns their settle stream.
import type { Database, Queryable } from './database.ts';
import { rows, transaction } from './database.ts';
import { endInvoices } from './payments.ts';
import { nodeLane, nudge, type Lane } from './lanes.ts';
import { columnsOf, record, records, type Fields } from './records.ts';

export type NodeRow = {
  id: number;
  shopId: number;
  sealedCredential: Uint8Array | null;
  address: string;
  identity: string;
  alias: string;
  version: string;
  network: string;
  rootKeyId: string;
  credentialEndsAt: Date | null;
  connectedAt: Date;
  /** The lowest makes the invoices; the others stand in for it. */
  rank: number;
  retiredAt: Date | null;
  reachableAt: Date | null;
  troubleAt: Date | null;
  trouble: string | null;
  receivableMsat: bigint | null;
  largestPartMsat: bigint | null;
  channels: number | null;
  activeChannels: number | null;
  streamEpoch: number;
  streamCursor: bigint;
  streamWholeSince: Date | null;
  restoreSuspectedAt: Date | null;
  canHold: boolean;
};

const fields: Fields<NodeRow> = {
  ...{ id: true, shopId: true, sealedCredential: true, address: true, identity: true },
  ...{ alias: true, version: true, network: true, rootKeyId: true, credentialEndsAt: true },
  ...{ connectedAt: true, rank: true, retiredAt: true, reachableAt: true, troubleAt: true },
  ...{ trouble: true, receivableMsat: true, largestPartMsat: true, channels: true },
  ...{ activeChannels: true, streamEpoch: true, streamCursor: true, streamWholeSince: true },
  ...{ restoreSuspectedAt: true, canHold: true },
};
/** The fields of a row, of a node that a statement calls `n`. */
export const nodeColumns = columnsOf('n', fields);

const byIdText = `select ${nodeColumns} from node n where n.id = $1`;
export const nodeById = (db: Database, id: number): Promise<NodeRow | null> =>
  record<NodeRow>(db.pool, { name: 'node_by_id', text: byIdText }, [id]);

/** The nodes that make the shop's invoices, the preferred one first; retired ones are watched. */
export const workingNodes = (db: Database, shopId: number): Promise<NodeRow[]> =>
  records<NodeRow>(db.pool, { name: 'node_working', text: workingText }, [shopId]);

const workingText = `
  select ${nodeColumns} from node n where n.shop_id = $1 and n.retired_at is null
  order by n.rank, n.id limit 20`;

/** The preferred node of the shop. */
export const workingNode = async (db: Database, shopId: number): Promise<NodeRow | null> =>
  (await workingNodes(db, shopId))[0] ?? null;

export const nodesOfShop = (db: Database, shopId: number): Promise<NodeRow[]> =>
  db.prisma.node.findMany({ where: { shopId }, orderBy: { id: 'desc' }, take: 20 });

export type ConnectedNode = {
  shopId: number;
  address: string;
  identity: string;
  alias: string;
  version: string;
  network: string;
  rootKeyId: string;
  credentialEndsAt: Date | null;
  /** It may make and settle hold invoices. */
  canHold?: boolean;
  receivable:
    | { totalMsat: bigint; largestPartMsat: bigint; channels: number; activeChannels: number }
    | undefined;
};

/**
 * Stores a tested node. The same node with another credential keeps its row, its rank, its cursor
 * and its invoices, and what is suspected of its books; the other nodes stay. Another node either
 * replaces all that were there, whose live invoices are canceled and watched to their end, or is
 * added behind them. `sealFor` seals the credential for the id that the row got.
 */
export async function connectNode(
  db: Database,
  node: ConnectedNode & { how?: 'replace' | 'add' },
  sealFor: (nodeId: number) => Uint8Array<ArrayBuffer>,
): Promise<NodeRow> {
  const id = await transaction(db, async (on) => {
    await lockShop(on, node.shopId);
    const [kept] = await rows<{ id: number; working: boolean }>(
      on,
      {
        name: 'node_same',
        text: `
          select id, retired_at is null as working from node
          where shop_id = $1 and identity = $2 and network = $3
          order by retired_at is null desc, id desc limit 1`,
      },
      [node.shopId, node.identity, node.network],
    );
    if (node.how !== 'add') await retireOthers(on, { ...node, keptId: kept?.id ?? 0 });
    const nodeId = kept?.id ?? (await insertNode(on, node));
    if (kept?.working !== true) await rankLast(on, { shopId: node.shopId, nodeId });
    await storeTested(on, { node, nodeId, sealed: sealFor(nodeId) });
    // Retired, it may have been away for long: what it has to say of our invoices is heard at once.
    if (kept?.working === false) await lookAtAllInvoices(on, nodeId);
    return nodeId;
  });
  return db.prisma.node.findUniqueOrThrow({ where: { id } });
}

/** Who changes the set of a shop's nodes does it alone. */
async function lockShop(on: Queryable, shopId: number): Promise<void> {
  const text = 'select id from shop where id = $1 for no key update';
  await rows(on, { name: 'shop_lock', text }, [shopId]);
}

async function retireOthers(
  on: Queryable,
  about: { shopId: number; keptId: number },
): Promise<void> {
  const retired = await rows<{ id: number }>(
    on,
    {
      name: 'node_retire_others',
      text: `
        update node set retired_at = now() where shop_id = $1 and retired_at is null and id <> $2
        returning id`,
    },
    [about.shopId, about.keptId],
  );
  for (const old of retired) await endInvoicesOf(on, old.id);
}

/** Behind all that work: what is added stands in for the others until it is preferred. */
async function rankLast(on: Queryable, about: { shopId: number; nodeId: number }): Promise<void> {
  await rows(
    on,
    {
      name: 'node_rank_last',
      text: `
        update node set rank = (
          select coalesce(max(rank) + 1, 0) from node
          where shop_id = $1 and retired_at is null and id <> $2)
        where id = $2`,
    },
    [about.shopId, about.nodeId],
  );
}

async function storeTested(
  on: Queryable,
  about: { node: ConnectedNode; nodeId: number; sealed: Uint8Array },
): Promise<void> {
  const { node, nodeId, sealed } = about;
  await rows(
    on,
    {
      name: 'node_store',
      text: `
        update node set sealed_credential = $2, address = $3, alias = $4, version = $5,
          root_key_id = $6,
          credential_ends_at = $7, receivable_msat = $8, largest_part_msat = $9, channels = $10,
          active_channels = $11, connected_at = now(), retired_at = null, reachable_at = now(),
          trouble = null, trouble_at = null, looked_at = now(),
          can_hold = $12
        where id = $1`,
    },
    [
      nodeId,
      sealed,
      node.address,
      node.alias,
      node.version,
      node.rootKeyId,
      node.credentialEndsAt,
      node.receivable?.totalMsat ?? null,
      node.receivable?.largestPartMsat ?? null,
      node.receivable?.channels ?? null,
      node.receivable?.activeChannels ?? null,
      node.canHold ?? false,
    ],
  );
}

/** Puts one working node before the others, whose order stays. False: it does not work here. */
export async function preferNode(
  db: Database,
  about: { shopId: number; nodeId: number },
): Promise<boolean> {
  return transaction(db, async (on) => {
    await lockShop(on, about.shopId);
    const ranked = await rows<{ id: number }>(
      on,
      {
        name: 'node_prefer',
        text: `
          update node set rank = wanted.rank
          from (
            select id, (row_number() over (order by id = $2 desc, rank, id) - 1)::int as rank
            from node where shop_id = $1 and retired_at is null) wanted
          where node.id = wanted.id and exists (
            select 1 from node where id = $2 and shop_id = $1 and retired_at is null)
          returning node.id`,
      },
      [about.shopId, about.nodeId],
    );
    return ranked.length > 0;
  });
}

/**
 * Takes a node out of the shop: it makes no more invoices, those that can still be paid are
 * canceled, and it is watched until the last of them has ended. False: it does not work here.
 */
export async function retireNode(
  db: Database,
  about: { shopId: number; nodeId: number },
): Promise<boolean> {
  return transaction(db, async (on) => {
    await lockShop(on, about.shopId);
    const [retired] = await rows<{ id: number }>(
      on,
      {
        name: 'node_retire',
        text: `
          update node set retired_at = now()
          where id = $2 and shop_id = $1 and retired_at is null returning id`,
      },
      [about.shopId, about.nodeId],
    );
    if (retired === undefined) return false;
    await endInvoicesOf(on, retired.id);
    return true;
  });
}

/** Nobody shall pay to a node that the merchant has replaced; who does meanwhile has paid. */
async function endInvoicesOf(on: Queryable, nodeId: number): Promise<void> {
  const paying = await rows<{ payment_id: string }>(
    on,
    {
      name: 'invoice_payable_of_node',
      text: `
        select payment_id from invoice
        -- What is held there is charged or given back there.
        where node_id = $1 and state in ('made', 'live') and held_at is null order by id`,
    },
    [nodeId],
  );
  for (const row of paying) await endInvoices(on, row.payment_id, 'node_replaced');
  await nudge(on, [nodeLane(nodeId)]);
}

/**
 * Ends what was stored in the moment in which its node was retired, and was not seen by it: the
 * making of an invoice does not wait for those who change nodes, and neither do settlements.
 */
export async function endInvoicesOfRetired(db: Database): Promise<void> {
  const missed = await rows<{ lane: Lane }>(
    db.pool,
    {
      name: 'invoice_of_retired',
      text: `
        with ended as (
          update invoice i set ending = 'node_replaced', ending_at = now(), due_at = now(),
            attempts = 0
          from node n
          where n.id = i.node_id and n.retired_at is not null and i.due_at is not null
            and i.state in ('made', 'live') and i.ending is null and i.held_at is null
          returning i.payment_id, i.hash, i.lane),
        line as (
          insert into history (payment_id, what, because, details)
          select payment_id, 'invoice_ending', 'node_replaced',
            jsonb_build_object('hash', encode(hash, 'hex')) from ended order by payment_id)
        select distinct lane from ended`,
    },
    [],
  );
  await nudge(
    db.pool,
    missed.map(({ lane }) => lane),
  );
}

async function insertNode(on: Queryable, node: ConnectedNode): Promise<number> {
  const [row] = await rows<{ id: number }>(
    on,
    {
      name: 'node_insert',
      text: `
        insert into node (shop_id, address, identity, network, root_key_id, retired_at)
        values ($1, $2, $3, $4, $5, now()) returning id`,
    },
    [node.shopId, node.address, node.identity, node.network, node.rootKeyId],
  );
  if (row === undefined) throw new Error('a node was not stored');
  return row.id;
}

/**
 * Nodes whose streams are to be followed: working ones, and retired ones with payable invoices.
 * `free`: nobody follows it.
 */
export async function nodesToFollow(db: Database): Promise<{ id: number; free: boolean }[]> {
  return rows<{ id: number; free: boolean }>(
    db.pool,
    {
      name: 'node_to_follow',
      text: `
        select id, stream_lease_until is null or stream_lease_until < now() as free
        from node where sealed_credential is not null and (retired_at is null or exists (
          select 1 from invoice where node_id = node.id and state in ('made', 'live')))
        order by id limit 10000`,
    },
    [],
  );
}

/** Says that this process may follow streams, and gives the names of all who may. */
export async function sayListening(
  db: Database,
  about: { holder: string; aliveMs: number },
): Promise<string[]> {
  const found = await rows<{ holder: string }>(
    db.pool,
    {
      name: 'listening_say',
      text: `
        with me as (
          insert into listening (holder, alive_until) values ($1, now() + $2 * interval '1 ms')
          on conflict (holder) do update set alive_until = excluded.alive_until),
        gone as (delete from listening where alive_until < now() - interval '1 hour')
        select holder from listening where alive_until > now() union select $1`,
    },
    [about.holder, about.aliveMs],
  );
  return found.map(({ holder }) => holder);
}

/** It follows no more, and others may have its share at once. */
export async function endListening(db: Database, holder: string): Promise<void> {
  const text = 'delete from listening where holder = $1';
  await rows(db.pool, { name: 'listening_end', text }, [holder]);
}

export type StreamLease = {
  nodeId: number;
  holder: string;
  leaseNo: number;
  epoch: number;
  cursor: bigint;
};

/**
 * Takes the ownership of those nodes' streams that nobody has, each with a number higher than any
 * before. One whose row somebody writes at this moment is left for the next time.
 */
export async function takeStreams(
  db: Database,
  about: { nodeIds: readonly number[]; holder: string; leaseMs: number },
): Promise<StreamLease[]> {
  const taken = await rows<{
    id: number;
    stream_lease_no: number;
    stream_epoch: number;
    stream_cursor: string;
  }>(
    db.pool,
    {
      name: 'stream_take',
      text: `
        update node set stream_holder = $2, stream_lease_no = stream_lease_no + 1,
          stream_lease_until = now() + $3 * interval '1 ms', stream_whole_since = null,
          stream_opened_at = null
        where id = any(array(
          select id from node
          where id = any($1::int[]) and (stream_lease_until is null or stream_lease_until < now())
          order by id for no key update skip locked))
        returning id, stream_lease_no, stream_epoch, stream_cursor`,
    },
    [about.nodeIds, about.holder, about.leaseMs],
  );
  return taken.map((row) => ({
    nodeId: row.id,
    holder: about.holder,
    leaseNo: row.stream_lease_no,
    epoch: row.stream_epoch,
    cursor: BigInt(row.stream_cursor),
  }));
}

/** Takes one. Undefined: somebody has it. */
export async function takeStream(
  db: Database,
  about: { nodeId: number; holder: string; leaseMs: number },
): Promise<StreamLease | undefined> {
  const [lease] = await takeStreams(db, { ...about, nodeIds: [about.nodeId] });
  return lease;
}

/**
 * Keeps all streams of one holder in one statement, and gives the nodes whose stream it kept. One
 * whose row is being written is left out: it must not hold up the others. Ask for it by itself.
 */
export async function keepStreams(
  db: Database,
  about: { holder: string; leases: readonly StreamLease[]; leaseMs: number },
): Promise<Set<number>> {
  const { holder, leases, leaseMs } = about;
  const kept = await rows<{ id: number }>(
    db.pool,
    {
      name: 'stream_keep_all',
      text: `
        update node set stream_lease_until = now() + $4 * interval '1 ms'
        where id = any(array(
          select n.id from node n join unnest($2::int[], $3::int[]) as l (id, no) on l.id = n.id
          where n.stream_holder = $1 and n.stream_lease_no = l.no and n.stream_lease_until > now()
          order by n.id for no key update of n skip locked))
        returning id`,
    },
    [holder, leases.map(({ nodeId }) => nodeId), leases.map(({ leaseNo }) => leaseNo), leaseMs],
  );
  return new Set(kept.map(({ id }) => id));
}

/** Keeps the stream. False: it was lost, and must be closed. */
export async function keepStream(
  db: Database,
  lease: StreamLease,
  leaseMs: number,
): Promise<boolean> {
  const kept = await rows(
    db.pool,
    {
      name: 'stream_keep',
      text: `
        update node set stream_lease_until = now() + $4 * interval '1 ms'
        where id = $1 and stream_holder = $2 and stream_lease_no = $3 and stream_lease_until > now()
        returning id`,
    },
    [lease.nodeId, lease.holder, lease.leaseNo, leaseMs],
  );
  return kept.length === 1;
}

/** Gives the stream up, so that another process may take it at once. */
export async function leaveStream(db: Database, lease: StreamLease): Promise<void> {
  await rows(
    db.pool,
    {
      name: 'stream_leave',
      text: `
        update node set stream_lease_until = now(), stream_whole_since = null,
          stream_opened_at = null
        where id = $1 and stream_holder = $2 and stream_lease_no = $3`,
    },
    [lease.nodeId, lease.holder, lease.leaseNo],
  );
}

/** Says since when the stream has been up without a hole; null: it is not. */
export async function streamIsWhole(
  db: Database,
  lease: StreamLease,
  since: Date | null,
): Promise<void> {
  await rows(
    db.pool,
    {
      name: 'stream_whole',
      text: `
        update node set stream_whole_since = $4,
          -- It has come: when it goes and comes again, that is another time.
          back_at = case when $4::timestamptz is null then back_at end
        where id = $1 and stream_holder = $2 and stream_lease_no = $3`,
    },
    [lease.nodeId, lease.holder, lease.leaseNo, since],
  );
}

/** How long a stream may take until it is whole; then lookups go on without it. */
const comingMs = 60_000;
/**
 * A node that comes and goes, or whose stream opens and is never whole, is believed to be coming
 * for half of the time at most: in the other half lookups tell.
 */
const nowUnlessJust = `
  case when back_at > now() - ${String(2 * comingMs)} * interval '1 ms' then back_at
    else now() end`;

/** Says since when the stream has been up, with or without a hole; null: it is not. */
export async function streamIsOpen(
  db: Database,
  lease: StreamLease,
  since: Date | null,
): Promise<void> {
  await rows(
    db.pool,
    {
      name: 'stream_open',
      text: `
        update node set stream_opened_at = $4,
          back_at = case when $4::timestamptz is null then back_at else ${nowUnlessJust} end
        where id = $1 and stream_holder = $2 and stream_lease_no = $3`,
    },
    [lease.nodeId, lease.holder, lease.leaseNo, since],
  );
}

/**
 * - `none`: nobody follows the node, what is followed is not whole, or so few can be paid that
 *   each is asked for: only lookups tell.
 * - `coming`: the node is back, and its stream is just being brought up to date.
 * - `whole`: the stream tells what is settled.
 * - `sample`: so it does, and it is time that a lookup looks whether it is silent.
 */
export type StreamCover = 'none' | 'coming' | 'whole' | 'sample';

/**
 * What the node's stream tells at this moment. Once in `sampleMs` it is to be checked. `few`: of
 * so many payable invoices each is asked for.
 */
export async function coverOfStream(
  db: Database,
  about: { nodeId: number; sampleMs: number; few: number },
): Promise<StreamCover> {
  const [row] = await rows<{ cover: StreamCover }>(
    db.pool,
    {
      name: 'stream_cover',
      text: `
        with sampled as (
          update node set stream_sampled_at = now()
          where id = $1 and stream_lease_until > now()
            and stream_whole_since < now() - $2 * interval '1 ms'
            and (stream_sampled_at is null
              or stream_sampled_at < now() - $2 * interval '1 ms')
          returning id)
        select case
          when (select count(*) from (
            select 1 from invoice where node_id = $1 and state in ('made', 'live')
            limit $4::int + 1) payable) <= $4::int then 'none'
          when exists (select 1 from sampled) then 'sample'
          when stream_whole_since is not null then 'whole'
          when back_at > now() - $3 * interval '1 ms' then 'coming'
          else 'none' end as cover
        from node where id = $1 and stream_lease_until > now()`,
    },
    [about.nodeId, about.sampleMs, comingMs, about.few],
  );
  return row?.cover ?? 'none';
}

/** So many in one statement: well within the time that a statement may take. */
const putOffAtOnce = 1_000;

/**
 * What the stream of a node tells need not be looked at one by one: those of its invoices that are
 * due, can still be paid, and of which no look failed, are due again in about so long, at different
 * times, or when their time is over.
 */
export async function putOffTold(
  db: Database,
  about: { nodeId: number; laterMs: number },
): Promise<void> {
  await rows(
    db.pool,
    {
      name: 'invoice_put_off',
      text: `
        with due as (
          select i.id, q.lapses_at from invoice i join quote q on q.id = i.quote_id
          -- What a node holds its stream does not tell.
          where i.lane = $1 and i.due_at <= now() and i.state = 'live' and not i.hold
            and i.ending is null
            and i.attempts = 0 and (i.lease_until is null or i.lease_until < now())
            and q.lapses_at > now()
          order by i.due_at, i.id limit $3 for no key update of i skip locked)
        update invoice i set due_at = least(
          now() + $2 * (0.8 + 0.4 * random()) * interval '1 ms',
          due.lapses_at + interval '100 ms')
        from due where i.id = due.id`,
    },
    [nodeLane(about.nodeId), about.laterMs, putOffAtOnce],
  );
}

/**
 * Since when the node's stream has been up without a hole. Undefined: it is not, or whoever
 * followed it is gone, and nobody has said so.
 */
export async function streamWholeSince(db: Database, nodeId: number): Promise<Date | undefined> {
  const [row] = await rows<{ stream_whole_since: Date }>(
    db.pool,
    {
      name: 'stream_whole_since',
      text: `
        select stream_whole_since from node
        where id = $1 and stream_lease_until > now() and stream_whole_since is not null`,
    },
    [nodeId],
  );
  return row?.stream_whole_since;
}

/**
 * The node's counters went back: it was migrated or restored. A new epoch begins at cursor zero,
 * and every payable invoice is looked at now. A node out of a backup has also forgotten what it was
 * asked to cancel, and may have been paid for it: so what it has is compared with the books at
 * once, and not in the night.
 */
export async function beginStreamEpoch(db: Database, lease: StreamLease): Promise<void> {
  await transaction(db, async (on) => {
    await rows(
      on,
      {
        name: 'stream_epoch',
        text: `
          with gone_back as (
            update node set stream_epoch = stream_epoch + 1, stream_cursor = 0,
              restore_suspected_at = now()
            where id = $1 and stream_holder = $2 and stream_lease_no = $3 returning shop_id)
          update shop set reconcile_at = now(), reconcile_because = 'outage'
          where id in (select shop_id from gone_back) and uninstalled_at is null`,
      },
      [lease.nodeId, lease.holder, lease.leaseNo],
    );
    await lookAtAllInvoices(on, lease.nodeId);
  });
}

/**
 * Makes every payable invoice of the node due now; or only those that are named. Each is to be
 * asked for, whatever the stream tells: that is what an attempt that failed says.
 */
export async function lookAtAllInvoices(
  on: Queryable,
  nodeId: number,
  ids?: readonly string[],
): Promise<void> {
  if (ids?.length === 0) return;
  await rows(
    on,
    {
      name: 'invoice_look_at_all',
      text: `
        -- A step that has one in hand shall not put it off.
        update invoice set due_at = now(), attempts = greatest(attempts, 1),
          lease_no = lease_no + 1, lease_until = null
        where node_id = $1 and state in ('made', 'live')
          and ($2::bigint[] is null or id = any($2::bigint[]))`,
    },
    [nodeId, ids ?? null],
  );
  await nudge(on, [nodeLane(nodeId)]);
}

export type PayableInvoice = {
  id: string;
  /** Lower-case hex. */
  hash: string;
  addIndex: bigint | null;
  madeAt: Date;
  lapsesAt: Date;
};

type PayableRow = {
  id: string;
  hash: string;
  add_index: string | null;
  made_at: Date;
  lapses_at: Date;
};
const payableColumns = `i.id, encode(i.hash, 'hex') as hash, i.add_index, i.made_at, q.lapses_at`;
/** What is held is due every minute by itself. */
const isPayable = `i.node_id = $1 and i.state in ('made', 'live') and i.held_at is null`;
const payableOf = (row: PayableRow): PayableInvoice => ({
  ...{ id: row.id, hash: row.hash, madeAt: row.made_at, lapsesAt: row.lapses_at },
  addIndex: row.add_index === null ? null : BigInt(row.add_index),
});

/**
 * Some invoices of the node that can still be paid, in the order in which they were made, behind
 * the one that is named. `lapsedBefore`: only those whose time was over then.
 */
export async function payableInvoices(
  db: Database,
  ask: { nodeId: number; after: string; limit: number; lapsedBefore: Date | undefined },
): Promise<PayableInvoice[]> {
  const found = await rows<PayableRow>(
    db.pool,
    {
      name: 'invoice_payable',
      text: `
        select ${payableColumns} from invoice i join quote q on q.id = i.quote_id
        where ${isPayable} and i.id > $2::bigint
          and ($3::timestamptz is null or q.lapses_at <= $3) order by i.id limit $4`,
    },
    [ask.nodeId, ask.after, ask.lapsedBefore ?? null, ask.limit],
  );
  return found.map(payableOf);
}

/**
 * Of all those some that follow each other. `draw`, from 0 to below 1, says where they begin; they
 * are as many as `limit`, or all.
 */
export async function samplePayable(
  db: Database,
  ask: { nodeId: number; draw: number; limit: number },
): Promise<PayableInvoice[]> {
  const found = await rows<PayableRow>(
    db.pool,
    {
      name: 'invoice_payable_sample',
      text: `
        select ${payableColumns} from (
          select i.id from invoice i where ${isPayable} order by i.id limit $3
          offset (select floor($2::float8 * (greatest(count(*) - $3, 0) + 1))::bigint
            from invoice i where ${isPayable})) sample
        join invoice i on i.id = sample.id join quote q on q.id = i.quote_id order by i.id`,
    },
    [ask.nodeId, ask.draw, ask.limit],
  );
  return found.map(payableOf);
}

/** Which of these hashes are of invoices of the node, and what is recorded of their settlement. */
export async function settledOf(
  db: Database,
  about: { nodeId: number; hashes: readonly string[] },
): Promise<ReadonlyMap<string, { settled: boolean; settleIndex: bigint | null }>> {
  const found = await rows<{ hash: string; settled: boolean; settle_index: string | null }>(
    db.pool,
    {
      name: 'invoice_settled_of',
      text: `
        select encode(hash, 'hex') as hash, state = 'settled' as settled, settle_index
        from invoice where node_id = $1
          and hash = any(array(select decode(h, 'hex') from unnest($2::text[]) h))`,
    },
    [about.nodeId, about.hashes],
  );
  return new Map(
    found.map(({ hash, settled, settle_index: index }) => {
      return [hash, { settled, settleIndex: index === null ? null : BigInt(index) }];
    }),
  );
}

/** Of these nodes, those of which a lookup found a settlement that the stream should have told. */
export async function settledBehindStream(
  db: Database,
  followed: readonly { nodeId: number; since: Date }[],
): Promise<Set<number>> {
  if (followed.length === 0) return new Set();
  const found = await rows<{ id: number }>(
    db.pool,
    {
      name: 'settled_behind_stream',
      text: `
        select f.id from unnest($1::int[], $2::timestamptz[]) as f (id, since)
        where exists (
          select 1 from invoice where node_id = f.id and state = 'settled' and via = 'lookup'
            and recorded_at > f.since)`,
    },
    [followed.map(({ nodeId }) => nodeId), followed.map(({ since }) => since)],
  );
  return new Set(found.map(({ id }) => id));
}

/**
 * The node has answered. Written down when it says something new: it was away, its channels were
 * looked at, or it was last written some seconds ago.
 */
export async function nodeAnswered(
  db: Database,
  nodeId: number,
  receivable?: ConnectedNode['receivable'],
): Promise<void> {
  await rows(
    db.pool,
    {
      name: 'node_answered',
      // Another node behind the same address answers too: that ends with a new connection only.
      text: `
        update node set reachable_at = now(), trouble = null, trouble_at = null,
          back_at = case when trouble is null then back_at else ${nowUnlessJust} end,
          receivable_msat = case when $2 then $3::bigint else receivable_msat end,
          largest_part_msat = case when $2 then $4::bigint else largest_part_msat end,
          channels = case when $2 then $5::int else channels end,
          active_channels = case when $2 then $6::int else active_channels end
        where id = $1 and trouble is distinct from 'identity_changed'
          and ($2 or trouble is not null or reachable_at is null
            or reachable_at < now() - interval '5 s')`,
    },
    [
      nodeId,
      receivable !== undefined,
      receivable?.totalMsat ?? null,
      receivable?.largestPartMsat ?? null,
      receivable?.channels ?? null,
      receivable?.activeChannels ?? null,
    ],
  );
}

/**
 * Takes nodes that nobody has asked for so long what they can receive, the longest first; whoever
 * takes them asks them. One that is away is not among them: whoever probes it says when it is back.
 * Rows that another takes at this moment are passed over. A fifth of the time, drawn for each,
 * keeps them apart.
 */
export async function takeNodesToLookAt(
  db: Database,
  about: { everyMs: number; limit: number },
): Promise<number[]> {
  const taken = await rows<{ id: number }>(
    db.pool,
    {
      name: 'node_take_to_look_at',
      text: `
        update node set looked_at = now()
        where id in (
          select id from node
          where retired_at is null and sealed_credential is not null and trouble is null
            and (looked_at is null
              or looked_at < now() - (0.8 + 0.4 * random()) * $1 * interval '1 ms')
          order by looked_at nulls first, id limit $2
          for no key update skip locked)
        returning id`,
    },
    [about.everyMs, about.limit],
  );
  return taken.map(({ id }) => id);
}

export async function nodeHasTrouble(db: Database, nodeId: number, trouble: string): Promise<void> {
  await rows(
    db.pool,
    {
      name: 'node_trouble',
      text: `
        update node set trouble = $2, trouble_at = coalesce(trouble_at, now()) where id = $1`,
    },
    [nodeId, trouble],
  );
}

/** So long a retired node may be away before its credential goes without its last word. */
const goneAfterDays = 14;
/** As of an invoice that a node has forgotten: its own clock may be behind ours. */
export const marginMinutes = 10;

/**
 * Wipes the credential of retired nodes that have been away for two weeks, and are away at this
 * moment by the word of a probe, once no buyer can pay there: nobody keeps the key to a house that
 * is gone. What became of their invoices only the node knows. They are not called canceled: they
 * rest as they are, the history says why, and a person is asked where a payment waits for one. So
 * does what became due later, when the order of such an invoice ended. Connected again, the node is
 * asked at once. Gives the nodes.
 */
export async function wipeGoneCredentials(db: Database): Promise<number[]> {
  const gone = await rows<{ id: number }>(
    db.pool,
    {
      name: 'node_wipe_gone',
      text: `
        with gone as (
          update node n set sealed_credential = null
          where n.sealed_credential is not null
            and n.retired_at < now() - $1::int * interval '1 day'
            and n.trouble is not null and n.trouble_at < now() - $1::int * interval '1 day'
            and exists (
              select 1 from lane l where l.name = 'node:' || n.id and l.failures > 0
                and l.paused_until > now() - interval '5 minutes')
            and not exists (
              select 1 from invoice i where i.node_id = n.id and i.state in ('made', 'live')
                and i.expires_at > now() - $2::int * interval '1 minute')
          returning id),
        bare as (
          -- Locked: whoever connects it again makes its invoices due, and they stay so.
          select n.id from node n
          where n.sealed_credential is null and n.retired_at is not null and exists (
            select 1 from invoice i where i.lane = 'node:' || n.id and i.due_at is not null)
          for no key update skip locked),
        rested as (
          update invoice i set due_at = null, lease_until = null, lease_no = lease_no + 1,
            attempts = 0
          from (select id from gone union all select id from bare) n
          where i.lane = 'node:' || n.id and i.due_at is not null and (
            i.state not in ('made', 'live')
            or i.expires_at <= now() - $2::int * interval '1 minute')
          returning i.payment_id, i.hash, i.state),
        line as (
          insert into history (payment_id, what, because, details)
          select payment_id, 'node_gone', '', jsonb_build_object('hash', encode(hash, 'hex'))
          from rested where state in ('made', 'live') order by payment_id),
        asked as (
          update payment set attention = 'node_gone'
          where attention is null and state in ('open', 'held', 'closing')
            and id in (select payment_id from rested where state = 'live')
          returning id)
        select id, (select count(*) from asked) as asked from gone`,
    },
    [goneAfterDays, marginMinutes],
  );
  return gone.map(({ id }) => id);
}

/**
 * Wipes the credential of retired nodes once nothing payable is left on them, and they need not be
 * asked to cancel anything.
 */
export async function wipeIdleCredentials(db: Database): Promise<number> {
  const wiped = await rows(
    db.pool,
    {
      name: 'node_wipe',
      text: `
        update node set sealed_credential = null
        where retired_at is not null and sealed_credential is not null
          and not exists (
            select 1 from invoice where node_id = node.id and state in ('made', 'live'))
          and not exists (
            select 1 from invoice where lane = 'node:' || node.id and due_at is not null)
        returning node.id`,
    },
    [],
  );
  return wiped.length;
}
