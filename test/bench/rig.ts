// What every measurement stands on: a PostgreSQL of its own that really writes to the disk, shops
// with their nodes, the outside in processes of its own, and our own program as it is run in
// production.
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import { lastWill } from '../../scripts/last-will.ts';
import { ensurePostgres, stopPostgres } from '../../scripts/postgres.ts';
import { readConfig } from '../../web/config.ts';
import { migrateDeploy } from '../../web/db/migrate.ts';
import { storeTokens } from '../../web/db/shops.ts';
import { credentialPlace } from '../../web/flows/connect-node.ts';
import { sealTokens } from '../../web/flows/install-shop.ts';
import { makeLog } from '../../web/log.ts';
import { wire, type Wired } from '../../web/wiring.ts';
import { startChild, type Child } from './child.ts';
import type { NodeMade } from './node-double.ts';

const root = path.join(import.meta.dirname, '../..');

/** As in production: what is written is on the disk. */
const settings = {
  ...{ fsync: 'on', synchronous_commit: 'on', full_page_writes: 'on' },
  ...{ shared_buffers: '512MB', max_wal_size: '4GB', max_connections: 200, autovacuum: 'off' },
};

export type Postgres = {
  pid: number;
  version: string;
  dir: string;
  /** A migrated and empty database, or an empty one. */
  database: (how?: { empty?: true }) => Promise<string>;
  close: () => Promise<void>;
};

/** A server of its own, gone with its folder when it is closed or this process is gone. */
export async function startPostgres(): Promise<Postgres> {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'zaptill-bench-'));
  // Root's server runs as another user, who must be able to walk here.
  fs.chmodSync(dir, 0o711);
  const { url, pid } = await ensurePostgres({ dir, database: 'template', settings });
  const will = lastWill(
    'kill -QUIT "$(head -n 1 "$1/postgres/pgdata/postmaster.pid")"; sleep 1; rm -rf "$1"',
    [dir],
  );
  await migrateDeploy(url);
  const named = (name: string): string =>
    Object.assign(new URL(url), { pathname: `/${name}` }).href;
  const admin = new pg.Client(named('postgres'));
  await admin.connect();
  const { rows } = await admin.query<{ server_version: string }>('show server_version');
  return {
    ...{ pid, dir, version: rows[0]?.server_version ?? '' },
    database: async ({ empty } = {}) => {
      const name = `bench_${randomBytes(4).toString('hex')}`;
      const template = empty === true ? 'template0' : 'template';
      await admin.query(`create database ${name} template ${template}`);
      return named(name);
    },
    close: async () => {
      await admin.end();
      await stopPostgres(dir, 'immediate');
      fs.rmSync(dir, { recursive: true, force: true });
      will.drop();
    },
  };
}

export type Place = {
  url: string;
  wired: Wired;
  env: Record<string, string>;
  /** One statement on a connection of its own, without a limit of time. */
  sql: <Row extends pg.QueryResultRow>(text: string, values?: unknown[]) => Promise<Row[]>;
  close: () => Promise<void>;
};

/** Our program on a database: its configuration, and everything wired in this process too. */
export async function openPlace(about: {
  url: string;
  dir: string;
  origin: string;
  port?: number;
  env?: Record<string, string>;
}): Promise<Place> {
  const port = about.port ?? 9;
  const env = {
    ...{ PORT: String(port), APP_URL: `http://127.0.0.1:${String(port)}`, LOG_LEVEL: 'info' },
    ...{ DATABASE_URL: about.url, DATA_DIR: about.dir, ALLOW_PRIVATE_NODES: 'true' },
    VAULT_KEYS: `1:${randomBytes(32).toString('base64')}`,
    ...{ SHOPIFY_API_KEY: 'bench', SHOPIFY_API_SECRET: 'bench-secret' },
    ...{ PAYMENTS_API_KEY: 'bench-payments', PAYMENTS_API_SECRET: 'bench-payments-secret' },
    ...{ OUTSIDE_ORIGIN: about.origin, SWEEP_SECONDS: '3600', ...about.env },
  };
  const log = makeLog({ level: 'silent' });
  const wired = wire({ config: readConfig({ ...env }), log, databaseUrl: about.url });
  await wired.registerApp({ name: 'bench', clientId: 'bench', clientSecret: 'bench-secret' });
  await wired.registerApp({
    ...{ kind: 'payments', name: 'bench-payments', clientId: 'bench-payments' },
    clientSecret: 'bench-payments-secret',
  });
  const client = new pg.Client({ connectionString: about.url, options: '-c timezone=UTC' });
  await client.connect();
  return {
    ...{ url: about.url, wired, env },
    sql: async <Row extends pg.QueryResultRow>(text: string, values: unknown[] = []) =>
      (await client.query<Row>(text, values)).rows,
    close: async () => {
      await client.end();
      await wired.close();
    },
  };
}

export type BenchShop = { id: number; domain: string; nodeId: number };

/** A shop that has installed the payments app, with a node that was connected to it. */
export async function addShop(
  place: Place,
  about: { domain: string; node: NodeMade; cursor?: number },
): Promise<BenchShop> {
  const { wired, sql } = place;
  const { domain, node } = about;
  const [shop] = await sql<{ id: number }>(
    `insert into shop (registration_id, domain, lane, currency, time_zone, reconcile_at,
       facts_asked_at, ready_told_at)
     select id, $1, '', 'EUR', 'UTC', now() + interval '1 year', now(), now()
     from registration where kind = 'payments' returning id`,
    [domain],
  );
  const id = shop?.id ?? 0;
  await sql(`update shop set lane = 'shop:' || id || ':admin' where id = $1`, [id]);
  const tokens = {
    ...{ accessToken: 'shpat_bench', accessTokenEndsAt: null },
    ...{ refreshToken: null, refreshTokenEndsAt: null, scopes: '' },
  };
  await storeTokens(wired.db, { shopId: id, replacing: 0 }, sealTokens(wired.vault, id, tokens));
  const [row] = await sql<{ id: number }>(
    `insert into node (shop_id, address, identity, network, root_key_id, reachable_at, looked_at,
       receivable_msat, largest_part_msat, channels, active_channels, stream_cursor)
     values ($1, $2, $3, 'regtest', '57001', now(), now(), 900000000000, 900000000000, 1, 1, $4)
     returning id`,
    [id, node.address, node.identity, about.cursor ?? 0],
  );
  const nodeId = row?.id ?? 0;
  const { address, certificatePem, macaroonHex } = node;
  const credential = Buffer.from(JSON.stringify({ address, certificatePem, macaroonHex }));
  const sealed = wired.vault.seal(credential, credentialPlace(nodeId));
  await sql('update node set sealed_credential = $2 where id = $1', [nodeId, sealed]);
  return { id, domain, nodeId };
}

/** The address of the n-th payment's session, by which Shopify's side tells it. */
export const sessionOf = (lot: string, n: number): string =>
  `gid://shopify/PaymentSession/${lot}-${String(n)}`;

/**
 * Open payments with a live invoice each, whose secrets the node's double knows by the name of the
 * lot. They are due to be looked at when the program would have them so.
 */
export async function fillOpen(
  place: Place,
  about: { shop: BenchShop; lot: string; count: number },
): Promise<void> {
  const { shop, lot, count } = about;
  const values = [shop.id, shop.nodeId, lot, count];
  const numbered = (text: string): string =>
    text.replace(/\$(\d)/g, (_, at: string) => {
      const value = values[Number(at) - 1] ?? '';
      return typeof value === 'number' ? String(value) : `'${value}'`;
    });
  const amount = `(1000000 + (n % 1000) * 1000)`;
  const id = `md5($3 || ' ' || n)::uuid`;
  await place.sql('set session_replication_role = replica');
  for (const text of [
    `insert into payment (id, link, shop_id, origin, origin_id, sequence, order_name, currency,
       owed_minor, owed_at, state, reason, lane, tell_sales_before, kind)
     select ${id}, left(translate(encode(sha256(($3 || n)::bytea), 'base64'), '+/=', '-_'), 22), $1,
       'payment_session', 'gid://shopify/PaymentSession/' || $3 || '-' || n, 1, $3 || n, 'EUR',
       1000, now(), 'open', 'session_seen', 'shop:' || $1 || ':admin', '{}', 'sale'
     from generate_series(1, $4) n`,
    `insert into quote (payment_id, fiat_minor, currency, amount_msat, price_e8, evidence, made_at,
       lapses_at)
     select ${id}, 1000, 'EUR', ${amount}, 10000000000000,
       '{"sources": [{"source": "kraken"}]}', now(), now() + interval '1 day'
     from generate_series(1, $4) n`,
    `insert into invoice (payment_id, quote_id, node_id, hash, amount_msat, state, request,
       expires_at, lane, due_at)
     select q.payment_id, q.id, $2, sha256(sha256(($3 || ' ' || n)::bytea)), ${amount}, 'live',
       'lnbcrt1', now() + interval '1 day', 'node:' || $2, now() + random() * interval '30 s'
     from generate_series(1, $4) n join quote q on q.payment_id = ${id}`,
  ]) {
    await place.sql(numbered(text));
  }
  await place.sql('set session_replication_role = origin');
}

export type Ours = { pid: number; output: () => string; stop: () => Promise<void> };

/**
 * One of our entrances, as `npm run serve` and `npm run work` start it. `BENCH_NODE_OPTIONS` are
 * for it alone, such as `--cpu-prof` to see where its time goes.
 */
export function startOurs(
  entrance: 'server.ts' | 'worker.ts',
  place: { env: Record<string, string> },
  more: Record<string, string> = {},
): Ours {
  const file = path.join(os.tmpdir(), `zaptill-bench-${randomBytes(6).toString('hex')}.log`);
  const out = fs.openSync(file, 'w');
  const options = process.env['BENCH_NODE_OPTIONS'] ?? '';
  const child = spawn(process.execPath, [path.join(root, 'web', entrance)], {
    cwd: root,
    env: {
      PATH: process.env['PATH'] ?? '',
      HOME: os.tmpdir(),
      NODE_OPTIONS: options,
      ...place.env,
      ...more,
    },
    stdio: ['ignore', out, out],
  });
  fs.closeSync(out);
  const gone = once(child, 'exit');
  const will = lastWill('kill -KILL "$1"; rm -f "$2"', [String(child.pid), file]);
  return {
    pid: child.pid ?? 0,
    output: () => fs.readFileSync(file, 'utf8'),
    stop: async () => {
      child.kill('SIGTERM');
      await gone;
      will.drop();
      fs.rmSync(file, { force: true });
    },
  };
}

/** Waits until it is so; what never came is said. */
export async function until(
  what: string,
  ask: () => Promise<boolean> | boolean,
  withinMs = 60_000,
): Promise<void> {
  const end = performance.now() + withinMs;
  while (!(await ask())) {
    if (performance.now() > end) throw new Error(`waited in vain: ${what}`);
    await pause(25);
  }
}

/** Waits until the nodes' streams are open and have shown that they miss nothing. */
export const streamsAreWhole = (place: Place, count: number): Promise<void> =>
  until('the streams are open', async () => {
    const [row] = await place.sql<{ whole: number }>(
      'select count(*)::int as whole from node where stream_whole_since is not null',
    );
    return (row?.whole ?? 0) >= count;
  });

export type Outside = { nodes: Child; shop: Child; origin: string; made: NodeMade[] };

export async function startOutside(about: {
  nodes: number;
  nodeMs?: number;
  shopMs?: number;
}): Promise<Outside & { close: () => Promise<void> }> {
  const nodes = startChild('node-double.ts');
  const shop = startChild('shop-double.ts');
  const origin = await shop.ask<string>('start');
  await shop.ask('delay', about.shopMs ?? 120);
  const made = await nodes.ask<NodeMade[]>('start', {
    count: about.nodes,
    latencyMs: about.nodeMs ?? 5,
  });
  return {
    ...{ nodes, shop, origin, made },
    close: async () => {
      await Promise.all([nodes.stop(), shop.stop()]);
    },
  };
}
