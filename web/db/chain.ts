// The chains of the timelines: what the operator's audit reads of them, page by page, and the seals
// that the pool puts on their heads once a day. Triggers write the chains; see the migration
// `timeline_chains`.
import type { ChainedEntry, ChainHead } from '../core/chain.ts';
import { rows, transaction, type Database, type Queryable } from './database.ts';

/** A keyed hash, with the version of the key. */
export type Mac = { keyVersion: number; mac: Uint8Array };

/** A head that a seal covers, as it was then. */
export type SealedHeadRow = Mac & { paymentId: string; entries: number; sealId: number };

export type TimelinePage = {
  /** In order. The next page begins after the last of them; none: this was the last page. */
  paymentIds: string[];
  heads: ReadonlyMap<string, ChainHead>;
  /** By payment, the shortest first. */
  sealed: ReadonlyMap<string, SealedHeadRow[]>;
  /** In the order of payments and of their numbers. */
  entries: () => AsyncGenerator<ChainedEntry>;
};

const beforeAll = '00000000-0000-0000-0000-000000000000';

/** Whoever is named anywhere: a payment that was taken away is missed where it was sealed. */
const namedText = ['payment:id', 'chain_head', 'sealed_head', 'history', 'posting']
  .map((each) => {
    const [table = '', column = 'payment_id'] = each.split(':');
    return `(select distinct ${column} as id from ${table} where ${column} > $1::uuid
      order by 1 limit $2)`;
  })
  .join(' union ');

async function nextIds(
  on: Queryable,
  ask: { after: string | undefined; limit: number; shopIds: readonly number[] | undefined },
): Promise<string[]> {
  const { after = beforeAll, limit, shopIds } = ask;
  const text =
    shopIds === undefined
      ? `select id::text from (${namedText}) named order by named.id limit $2`
      : `select id::text from payment where shop_id = any($3::int[]) and id > $1::uuid
          order by payment.id limit $2`;
  const name = shopIds === undefined ? 'chain_payments' : 'chain_payments_of_shop';
  const given = shopIds === undefined ? [after, limit] : [after, limit, shopIds];
  return (await rows<{ id: string }>(on, { name, text }, given)).map(({ id }) => id);
}

type EntryRow = {
  payment_id: string;
  seq: number;
  chain: Buffer;
  table: 'history' | 'posting';
  id: string;
  at: Date;
  a: string;
  b: string | null;
  c: string | null;
  d: string;
  e: string;
};

const entryOf = (row: EntryRow): ChainedEntry => {
  const { payment_id: paymentId, seq, chain, id, at, a, b, c, d, e } = row;
  const common = { paymentId, seq, chain, id, atMs: Number(at) };
  return row.table === 'history'
    ? { ...common, table: 'history', what: a, from: b, to: c, because: d, details: e }
    : {
        ...{ ...common, table: 'posting', journal: a },
        ...{ fromAccount: b ?? '', toAccount: c ?? '', amountMsat: d },
      };
};

/** Both tables in one order; of two rows with one number the one that was written first. */
const entriesText = `
  select * from (
    select payment_id, seq, chain, 'history' as table, id, at, what as a, "from"::text as b,
      "to"::text as c, because as d, details::text as e
    from history where payment_id = any($1::uuid[])
    union all
    select payment_id, seq, chain, 'posting', id, at, journal, from_account, to_account,
      amount_msat::text, ''
    from posting where payment_id = any($1::uuid[])) entry
  where (payment_id, seq, "table", id) > ($2::uuid, $3::int, $4::text, $5::bigint)
  order by payment_id, seq, "table", id limit $6`;

/** So many rows are held at once: an endless timeline costs time, and no memory. */
const entriesAtOnce = 2_000;
const paymentsAtOnce = 200;

async function* entriesOf(
  on: Queryable,
  paymentIds: readonly string[],
): AsyncGenerator<ChainedEntry> {
  let place: readonly unknown[] = [beforeAll, -2_147_483_648, '', 0];
  for (;;) {
    const found = await rows<EntryRow>(on, { name: 'chain_entries', text: entriesText }, [
      ...[paymentIds, ...place],
      entriesAtOnce,
    ]);
    for (const row of found) yield entryOf(row);
    const last = found.at(-1);
    if (last === undefined || found.length < entriesAtOnce) return;
    place = [last.payment_id, last.seq, last.table, last.id];
  }
}

async function headsOf(on: Queryable, ids: readonly string[]): Promise<Map<string, ChainHead>> {
  const found = await rows<{ payment_id: string; entries: number; hash: Buffer }>(
    on,
    {
      name: 'chain_heads',
      text: 'select payment_id, entries, hash from chain_head where payment_id = any($1::uuid[])',
    },
    [ids],
  );
  return new Map(found.map(({ payment_id: id, entries, hash }) => [id, { entries, hash }]));
}

async function sealedOf(
  on: Queryable,
  ids: readonly string[],
): Promise<Map<string, SealedHeadRow[]>> {
  const found = await rows<SealedHeadRow>(
    on,
    {
      name: 'chain_sealed_heads',
      text: `
        select payment_id as "paymentId", entries, seal_id as "sealId",
          key_version as "keyVersion", mac
        from sealed_head where payment_id = any($1::uuid[]) order by payment_id, entries`,
    },
    [ids],
  );
  return Map.groupBy(found, ({ paymentId }) => paymentId);
}

/**
 * One page of timelines with their heads and seals, all of one moment: payments go on meanwhile.
 * `work` reads what it wants of it, and nothing else.
 */
export function timelinePage<T>(
  db: Database,
  ask: { after: string | undefined; shopIds: readonly number[] | undefined },
  work: (page: TimelinePage) => Promise<T>,
): Promise<T> {
  return transaction(db, async (on) => {
    await readOneMoment(on);
    const paymentIds = await nextIds(on, { ...ask, limit: paymentsAtOnce });
    return work({
      paymentIds,
      heads: await headsOf(on, paymentIds),
      sealed: await sealedOf(on, paymentIds),
      entries: () => entriesOf(on, paymentIds),
    });
  });
}

async function readOneMoment(on: Queryable): Promise<void> {
  const text = 'set transaction isolation level repeatable read, read only';
  await rows(on, { name: 'chain_one_moment', text }, []);
}

export type SealRow = Mac & { id: number; day: string; heads: number };

/** Seals after this one, the oldest first. */
export const sealsAfter = (db: Database, id: number, limit: number): Promise<SealRow[]> =>
  rows<SealRow>(
    db.pool,
    {
      name: 'chain_seals',
      text: `
        select id, to_char(day, 'YYYY-MM-DD') as day, heads, key_version as "keyVersion", mac
        from chain_seal where id > $1 order by id limit $2`,
    },
    [id, limit],
  );

/** All heads of one seal, in the order in which it covers them. */
export async function* headsOfSeal(
  on: Queryable,
  sealId: number,
): AsyncGenerator<Pick<SealedHeadRow, 'paymentId' | 'entries' | 'mac'>> {
  let place: readonly unknown[] = [beforeAll, 0];
  for (;;) {
    const found = await rows<Pick<SealedHeadRow, 'paymentId' | 'entries' | 'mac'>>(
      on,
      {
        name: 'chain_heads_of_seal',
        text: `
          select payment_id as "paymentId", entries, mac from sealed_head
          where seal_id = $1 and (payment_id, entries) > ($2::uuid, $3::int)
          order by payment_id, entries limit $4`,
      },
      [sealId, ...place, entriesAtOnce],
    );
    yield* found;
    const last = found.at(-1);
    if (last === undefined || found.length < entriesAtOnce) return;
    place = [last.paymentId, last.entries];
  }
}

/** Sealed heads of seals that are not there; the next one's are being made. */
export async function headsOfNoSeal(db: Database): Promise<number[]> {
  const found = await rows<{ id: number }>(
    db.pool,
    {
      name: 'chain_heads_of_no_seal',
      text: `
        select distinct seal_id as id from sealed_head h
        where not exists (select 1 from chain_seal s where s.id = h.seal_id)
          and seal_id <> (select coalesce(max(id), 0) + 1 from chain_seal)
        order by 1 limit 100`,
    },
    [],
  );
  return found.map(({ id }) => id);
}

export async function newestSeal(on: Queryable): Promise<SealRow | undefined> {
  const [row] = await rows<SealRow>(
    on,
    {
      name: 'chain_newest_seal',
      text: `
        select id, to_char(day, 'YYYY-MM-DD') as day, heads, key_version as "keyVersion", mac
        from chain_seal order by id desc limit 1`,
    },
    [],
  );
  return row;
}

/**
 * Does a part of the making of seal `sealId`, while nobody else does one. Undefined: somebody else
 * is at it, or has made it.
 */
export function whileSealing<T>(
  db: Database,
  sealId: number,
  work: (on: Queryable, before: SealRow | undefined) => Promise<T>,
): Promise<T | undefined> {
  return transaction(db, async (on) => {
    const text = `select pg_try_advisory_xact_lock(hashtextextended('chain-seal', 0)) as got`;
    const [lock] = await rows<{ got: boolean }>(on, { name: 'chain_seal_lock', text }, []);
    if (lock?.got !== true) return undefined;
    // Read by a later statement than the one that locks: what was committed before is seen.
    const before = await newestSeal(on);
    return (before?.id ?? 0) + 1 === sealId ? work(on, before) : undefined;
  });
}

/** So few that a payment which goes on in that moment waits for milliseconds. */
const headsAtOnce = 500;

/**
 * Takes heads on which no seal is, and puts on them what `seal` makes. A head that somebody is
 * writing waits for the next seal: nobody is waited for. Gives the last payment; undefined: none is
 * left.
 */
export async function sealHeads(
  on: Queryable,
  about: { sealId: number; after: string | undefined },
  seal: (paymentId: string, head: ChainHead) => Mac,
): Promise<string | undefined> {
  const found = await rows<{ payment_id: string; entries: number; hash: Buffer }>(
    on,
    {
      name: 'chain_heads_unsealed',
      text: `
        select payment_id, entries, hash from chain_head
        where unsealed and payment_id > $1::uuid order by payment_id limit $2
        for no key update skip locked`,
    },
    [about.after ?? beforeAll, headsAtOnce],
  );
  if (found.length === 0) return undefined;
  const macs = found.map(({ payment_id: id, entries, hash }) => seal(id, { entries, hash }));
  await rows(
    on,
    {
      name: 'chain_seal_heads',
      text: `
        with sealed as (
          insert into sealed_head (payment_id, entries, seal_id, key_version, mac)
          select s.id, s.entries, $1, s.key_version, s.mac
          from unnest($2::uuid[], $3::int[], $4::int[], $5::bytea[])
            as s (id, entries, key_version, mac)
          returning payment_id)
        update chain_head h set unsealed = false from sealed s where s.payment_id = h.payment_id`,
    },
    [
      about.sealId,
      found.map(({ payment_id: id }) => id),
      found.map(({ entries }) => entries),
      macs.map(({ keyVersion }) => keyVersion),
      macs.map(({ mac }) => Buffer.from(mac)),
    ],
  );
  return found.at(-1)?.payment_id;
}

/** The seal itself, once all heads that it covers are there. */
export async function storeSeal(on: Queryable, seal: SealRow): Promise<void> {
  await rows(
    on,
    {
      name: 'chain_seal_store',
      text: `
        insert into chain_seal (id, day, heads, key_version, mac) values ($1, $2, $3, $4, $5)`,
    },
    [seal.id, seal.day, seal.heads, seal.keyVersion, Buffer.from(seal.mac)],
  );
}
