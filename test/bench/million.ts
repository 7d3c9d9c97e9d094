// A database of a big shop, for measurements: a million payments of ninety days with their quotes,
// invoices, history and postings, made by SQL alone. Every settled one has a preimage that hashes
// to its payment hash, as the database demands. The same number always gives the same payment.
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import pg from 'pg';
import { lastWill } from '../../scripts/last-will.ts';
import { ensurePostgres, stopPostgres } from '../../scripts/postgres.ts';
import { migrateDeploy } from '../../web/db/migrate.ts';

/** The big shop, its neighbour with a hundredth of it, and how many payments each has. */
export type Million = { shopId: number; neighbourId: number; nodeId: number; payments: number };

/** One for all statements: rows of one payment agree about when it was. */
const filledAt = new Date().toISOString();

export type Say = (line: string) => void;

/** The days over which the payments are spread; the last of them is today. */
export const daysOfMillion = 90;

const settings = {
  fsync: 'off',
  synchronous_commit: 'off',
  full_page_writes: 'off',
  shared_buffers: '512MB',
  work_mem: '64MB',
  maintenance_work_mem: '512MB',
  max_wal_size: '8GB',
  autovacuum: 'off',
};

/**
 * The n-th payment of a shop: `at` is when it was opened. Of a hundred, 80 are resolved, 14 lapsed,
 * 5 were rejected and one is open; every 5,000th is stranded, every 10,000th overpaid, and
 * the newest ten wait for Shopify. Every eighth was asked in dollars.
 */
const numbered = `
  select n, at, id, currency, owed_minor, state,
    case when state in ('resolved', 'stranded', 'settled')
      then at + make_interval(secs => 20 + (n * 7919) % 400) end as settled_at,
    make_interval(secs => (400 + (n * 104729) % 2600 + case when n % 97 = 0 then 60000 else 0 end)
      / 1000.0) as told_after
  from (
    select n, $now - make_interval(secs => (1.0 - n::float8 / $2::int) * 86400 * ${daysOfMillion})
        - interval '8 minutes' as at,
      md5('payment ' || $1::int || ' ' || n)::uuid as id,
      case when n % 8 = 3 then 'USD' else 'EUR' end as currency,
      (100 + (n * 7919) % 50000)::bigint as owed_minor,
      (case when n > $2::int - 10 then 'settled' when n % 5000 = 0 then 'stranded'
        when n % 100 < 80 then 'resolved' when n % 100 < 94 then 'lapsed'
        when n % 100 < 99 then 'rejected' else 'open' end)::payment_state as state
    from generate_series($3::bigint, $4::bigint) n) numbers`;

const fills: readonly { what: string; text: string }[] = [
  {
    what: 'payments',
    text: `
      insert into payment (id, link, shop_id, origin_id, sequence, order_name, currency, owed_minor,
        owed_at, state, reason, attention, told_minor, settled_at, told_at, viewed_at, lane, due_at,
        opened_at, tell_sales_before, settled_invoice_id)
      select id, left(translate(encode(sha256(id::text::bytea), 'base64'), '+/=', '-_'), 22), $1,
        'gid://shopify/Order/' || (5000000000 + n), 1, '#' || (1000 + n), currency, owed_minor, at,
        state, case state when 'resolved' then 'told_shopify' when 'stranded' then 'order_cancelled'
          when 'settled' then 'node_says_settled' when 'open' then 'order_seen'
          when 'lapsed' then 'node_says_canceled' else 'told_not_paid' end,
        case when state = 'stranded' then 'stranded' when n % 10000 = 1 then 'overpaid' end,
        case when state = 'resolved' then owed_minor end, settled_at,
        case when state = 'resolved' then settled_at + told_after end,
        case when n % 10 < 9 then at + interval '4 seconds' end,
        'shop:' || $1 || ':admin', case when state = 'settled' then now() + interval '1 hour' end,
        at, '{}', case when settled_at is not null then $5::bigint + n end
      from (${numbered}) p`,
  },
  {
    what: 'requests of payment sessions',
    text: `
      insert into session_request (shop_id, kind, id, gid, payment_id, content_hash, answer,
        proposed_at, received_at)
      select $1, 'payment', 'past-' || n, 'gid://shopify/PaymentSession/past-' || n, id,
        sha256(id::text::bytea), '{}', at, at
      from (${numbered}) p`,
  },
  {
    what: 'quotes',
    text: `
      insert into quote (id, payment_id, fiat_minor, currency, amount_msat, price_e8, evidence,
        made_at, lapses_at)
      select $5::bigint + n, id, owed_minor, currency, owed_minor * 10000, 10000000000000,
        jsonb_build_object('spreadBasisPoints', 4, 'sources', jsonb_build_array(jsonb_build_object(
          'source', 'kraken', 'currency', currency, 'price', '100000', 'at', at))),
        at + interval '3 seconds', at + interval '603 seconds'
      from (${numbered}) p`,
  },
  {
    what: 'invoices',
    text: `
      insert into invoice (id, payment_id, quote_id, node_id, hash, amount_msat, state, request,
        add_index, expires_at, ending, paid_msat, preimage, settle_index, settled_at, recorded_at,
        via, lane, due_at, made_at)
      select $5::bigint + n, id, $5::bigint + n, $6::int,
        sha256(sha256(('preimage ' || $1 || ' ' || n)::bytea)), owed_minor * 10000,
        (case when settled_at is not null then 'settled' when state = 'open' then 'live'
          else 'canceled' end)::invoice_state,
        'lnbcrt1' || md5(n::text), n, at + interval '603 seconds',
        case when settled_at is null and state <> 'open' then 'quote_over' end,
        case when settled_at is not null then owed_minor * 10000 end,
        case when settled_at is not null
          then sha256(('preimage ' || $1 || ' ' || n)::bytea) end,
        case when settled_at is not null then n end, settled_at,
        settled_at + interval '150 milliseconds',
        case when settled_at is not null then 'live' end, 'node:' || $6::int,
        case when state = 'open' then now() + interval '1 hour' end, at + interval '3 seconds'
      from (${numbered}) p`,
  },
  {
    what: 'lines of history',
    text: `
      insert into history (payment_id, at, what, "from", "to", because, details)
      select p.id, p.at + lines.after, lines.what, lines.from::payment_state,
        lines.to::payment_state, lines.because, '{}'
      from (${numbered}) p cross join lateral (
        values (interval '0', 'opened', null, null, 'order_seen', true),
          (interval '3 s', 'quoted', null, null, '', true),
          (p.settled_at - p.at, 'moved', 'open', 'settled', 'node_says_settled',
            p.settled_at is not null),
          (p.settled_at - p.at + p.told_after, 'moved', 'settled', p.state::text,
            case p.state when 'stranded' then 'order_cancelled' else 'told_shopify' end,
            p.state in ('resolved', 'stranded')),
          (interval '700 s', 'moved', 'open', 'closing', 'order_cancelled',
            p.state in ('lapsed', 'rejected')),
          (interval '701 s', 'moved', 'closing', 'lapsed', 'node_says_canceled',
            p.state in ('lapsed', 'rejected')),
          (interval '702 s', 'moved', 'lapsed', 'rejected', 'told_not_paid', p.state = 'rejected'))
        as lines (after, what, "from", "to", because, happened)
      where lines.happened`,
  },
  {
    what: 'postings',
    text: `
      insert into posting (payment_id, journal, from_account, to_account, amount_msat, at)
      select p.id, lines.journal, lines.f, lines.t, p.owed_minor * 10000, p.settled_at
      from (${numbered}) p cross join lateral (
        values ('settle:' || encode(sha256(sha256(('preimage ' || $1 || ' ' || p.n)::bytea)),
            'hex'), 'node:' || $6::int, 'awaiting:' || $1, true),
          ('verdict:' || p.id, 'awaiting:' || $1,
            case p.state when 'stranded' then 'stranded:' else 'resolved:' end || $1,
            p.state <> 'settled')) as lines (journal, f, t, happened)
      where p.settled_at is not null and lines.happened`,
  },
];

/** Fills a migrated, empty database. Takes about a minute for every 300,000 payments. */
export async function fillMillion(
  url: string,
  about: { payments?: number; say?: Say } = {},
): Promise<Million> {
  const { payments = 1_000_000, say = () => undefined } = about;
  const client = new pg.Client({ connectionString: url, options: '-c timezone=UTC' });
  await client.connect();
  try {
    // Checks hold as ever; foreign keys and triggers rest while rows come by the million.
    await client.query('set session_replication_role = replica');
    await chainsFire(client, 'always');
    const registration = await one<{ id: number }>(
      client,
      `insert into registration (name, client_id, sealed_secret)
       values ('bench', 'bench', '\\x00') returning id`,
    );
    const big = await shop(client, { registration: registration.id, domain: 'big.myshopify.com' });
    const small = await shop(client, {
      registration: registration.id,
      domain: 'small.myshopify.com',
    });
    const shops = [
      { of: big, count: payments, offset: 0 },
      { of: small, count: Math.ceil(payments / 100), offset: payments },
    ];
    const indexes = await dropIndexes(client);
    for (const { of, count, offset } of shops) {
      for (const { what, text } of fills) {
        await timed(say, `${String(count)} payments: ${what}`, () =>
          fill(client, { text, of, count, offset }),
        );
      }
    }
    await timed(say, `${String(indexes.length)} indexes`, async () => {
      for (const index of indexes) await client.query(index);
    });
    await chainsFire(client, '');
    await timed(say, 'vacuum and analyze', () => afterFill(client));
    return { shopId: big.id, neighbourId: small.id, nodeId: big.nodeId, payments };
  } finally {
    await client.end();
  }
}

/** An entry gets its place in its payment's chain from a trigger, and is nothing without. */
async function chainsFire(client: pg.Client, how: 'always' | ''): Promise<void> {
  for (const table of ['history', 'posting']) {
    await client.query(`alter table ${table} enable ${how} trigger ${table}_chain`);
  }
}

type MadeShop = { id: number; nodeId: number };

async function one<Row extends pg.QueryResultRow>(
  client: pg.Client,
  text: string,
  values: readonly unknown[] = [],
): Promise<Row> {
  const { rows } = await client.query<Row>(text, [...values]);
  const [row] = rows;
  if (row === undefined) throw new Error('no row came back');
  return row;
}

async function shop(
  client: pg.Client,
  about: { registration: number; domain: string },
): Promise<MadeShop> {
  const { id } = await one<{ id: number }>(
    client,
    `insert into shop (registration_id, domain, lane, due_at, currency, time_zone, installed_at)
     values ($1, $2, '', now() + interval '1 hour', 'EUR', 'Europe/Berlin',
       now() - interval '1 year')
     returning id`,
    [about.registration, about.domain],
  );
  await client.query(`update shop set lane = 'shop:' || id || ':admin' where id = $1`, [id]);
  const node = await one<{ id: number }>(
    client,
    `insert into node (shop_id, address, identity, network, root_key_id, reachable_at,
       receivable_msat, largest_part_msat, channels, active_channels)
     values ($1, '127.0.0.1:10009', '02' || repeat('ab', 32), 'regtest', '57001', now(),
       500000000000, 100000000000, 8, 8) returning id`,
    [id],
  );
  return { id, nodeId: node.id };
}

/** In parts, so that a slow disk shows how far it is and memory stays small. */
async function fill(
  client: pg.Client,
  about: { text: string; of: MadeShop; count: number; offset: number },
): Promise<void> {
  const { text, of, count, offset } = about;
  const part = 250_000;
  for (let from = 1; from <= count; from += part) {
    const until = Math.min(count, from + part - 1);
    // Whole numbers of our own, and not every statement has a place for each of them.
    const numbers = [of.id, count, from, until, offset, of.nodeId];
    await client.query(
      text
        .replaceAll('$now', `'${filledAt}'::timestamptz`)
        .replace(/\$(\d)/g, (_, place: string) => String(numbers[Number(place) - 1])),
    );
  }
}

/** An index that is made at the end is made in a tenth of the time. Gives what makes them again. */
async function dropIndexes(client: pg.Client): Promise<string[]> {
  const { rows } = await client.query<{ name: string; made_by: string }>(`
    select indexrelid::regclass::text as name, pg_get_indexdef(indexrelid) as made_by
    from pg_index where indrelid::regclass::text in ('payment', 'quote', 'invoice', 'history',
      'posting') and not exists (select 1 from pg_constraint where conindid = indexrelid)
    order by 1`);
  for (const { name } of rows) await client.query(`drop index ${name}`);
  return rows.map((row) => row.made_by);
}

async function timed(say: Say, what: string, work: () => Promise<void>): Promise<void> {
  const startedAt = Date.now();
  await work();
  say(`${what} in ${String(Date.now() - startedAt)} ms`);
}

async function afterFill(client: pg.Client): Promise<void> {
  for (const table of ['quote', 'invoice']) {
    await client.query(
      `select setval(pg_get_serial_sequence($1, 'id'), (select max(id) from ${table}))`,
      [table],
    );
  }
  // The triggers that add up the figures rested too.
  await client.query('select recount_tallies()');
  await client.query('vacuum analyze');
}

export type MillionDatabase = { url: string; million: Million; close: () => Promise<void> };

/**
 * A PostgreSQL of its own with a million payments, gone with its folder at the end. With `keepIn`
 * the filled folder stays and is used again by the next call, as long as the migrations are the
 * same ones.
 */
export async function millionDatabase(
  about: { payments?: number; keepIn?: string | undefined; say?: Say } = {},
): Promise<MillionDatabase> {
  const dir = about.keepIn ?? fs.mkdtempSync(path.join(os.tmpdir(), 'zaptill-bench-'));
  fs.mkdirSync(dir, { recursive: true });
  // Root's server runs as another user, who must be able to walk here.
  fs.chmodSync(dir, 0o711);
  const { url } = await ensurePostgres({ dir, database: 'million', settings, endWithUs: true });
  const will =
    about.keepIn === undefined
      ? lastWill(
          'kill -QUIT "$(head -n 1 "$1/postgres/pgdata/postmaster.pid")"; sleep 1; rm -rf "$1"',
          [dir],
        )
      : undefined;
  const close = async (): Promise<void> => {
    await stopPostgres(dir, about.keepIn === undefined ? 'immediate' : 'fast');
    if (about.keepIn === undefined) fs.rmSync(dir, { recursive: true, force: true });
    will?.drop();
  };
  try {
    const made = path.join(dir, 'million.json');
    if (!fs.existsSync(made)) {
      await migrateDeploy(url);
      fs.writeFileSync(made, JSON.stringify(await fillMillion(url, about)));
    } else if ((await migrateDeploy(url)).length > 0) {
      about.say?.('migrations were added since it was filled');
      const client = new pg.Client({ connectionString: url });
      await client.connect();
      await client.query('vacuum analyze');
      await client.end();
    }
    return { url, close, million: JSON.parse(fs.readFileSync(made, 'utf8')) as Million };
  } catch (error) {
    await close();
    throw error;
  }
}
