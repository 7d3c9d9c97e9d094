// Canaries: every secret of a whole journey is known here, in every form in which it could be
// written. None of them may be found in the database, in what our processes say at their most
// talkative, or in any answer to anybody, errors included.
import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import type { Response as Reply } from 'express';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { rows } from '../../web/db/database.ts';
import { testDatabase, type TestDatabase } from '../database.ts';
import { oneReady, payInTheEnd } from '../journey/paid-once.ts';
import { app, shopName, startWorld, until, type World } from '../world.ts';

const root = path.join(import.meta.dirname, '..', '..');
const node24 = path.join(root, 'node_modules', 'node', 'bin', 'node');
const metricsToken = 'canary-of-the-operator-5150';

let place: TestDatabase;
let world: World;
/** Name -> the secret, as text or as bytes. */
const canaries = new Map<string, string | Buffer>();
/** What anybody was answered at our doors. */
const answers: string[] = [];
const honestFetch = globalThis.fetch;

const plant = (name: string, secret: string | Buffer): void => {
  canaries.set(`${name} ${String(canaries.size)}`, secret);
};

/** Writes down what our doors answer to whatever is asked by this file and by the world's steps. */
const listeningFetch: typeof fetch = async (...asked) => {
  const answer = await honestFetch(...asked);
  if (answer.url.startsWith(world.appUrl)) {
    const text = await answer.clone().text();
    answers.push(`${JSON.stringify([...answer.headers])}\n${text}`);
  }
  return answer;
};

/** Shopify's tokens, heard where Shopify gives them out. */
function hearTokens(): void {
  world.shopify.outside.use('/:shop/admin/oauth/access_token', (_request, response, next) => {
    const json = response.json.bind(response);
    response.json = (body: Record<string, unknown>): Reply => {
      for (const name of ['access_token', 'refresh_token']) {
        const token = body[name];
        if (typeof token === 'string') plant(name, token);
      }
      return json(body);
    };
    next();
  });
}

beforeAll(async () => {
  place = await testDatabase();
  world = await startWorld({
    databaseUrl: place.url,
    notInstalled: true,
    env: { LOG_LEVEL: 'trace', METRICS_TOKEN: metricsToken },
  });
  globalThis.fetch = listeningFetch;
  hearTokens();
  plant('app secret', app.secret);
  plant('metrics token', metricsToken);
  plant('database password', new URL(place.url).password);
  plant('vault key', Buffer.from(world.vaultKeys.slice(2), 'base64'));
});
afterAll(async () => {
  globalThis.fetch = honestFetch;
  await world.close();
  await place.close();
});

/** Every way in which a secret could be written, in lower case where case is free. */
function formsOf(secret: string | Buffer): string[] {
  const bytes = Buffer.from(secret);
  const forms = [bytes.toString('hex'), bytes.toString('base64').replace(/=+$/, '')];
  forms.push(bytes.toString('base64url'), bytes.toString('hex').toUpperCase());
  if (typeof secret === 'string') forms.push(secret, encodeURIComponent(secret));
  return forms;
}

/** Names of the canaries that sing in this text. */
function singing(text: string, except: readonly string[] = []): string[] {
  return [...canaries]
    .filter(([name]) => !except.some((known) => name.startsWith(known)))
    .filter(([, secret]) => formsOf(secret).some((form) => text.includes(form)))
    .map(([name]) => name);
}

/** Every row of every table, also of the queue's. */
async function dump(): Promise<string> {
  const tables = await rows<{ name: string }>(
    world.db.pool,
    {
      name: 'canary_tables',
      text: `select format('%I.%I', schemaname, tablename) as name from pg_tables
             where schemaname not in ('pg_catalog', 'information_schema')`,
    },
    [],
  );
  expect(tables.length).toBeGreaterThan(12);
  const texts = await Promise.all(
    tables.map(async ({ name }) => {
      const found = await world.db.pool.query<{ row: string }>(
        `select t::text as row from ${name} t`,
      );
      return `${name}\n${found.rows.map(({ row }) => row).join('\n')}`;
    }),
  );
  return texts.join('\n');
}

const said = (): string => world.processes.map((process) => process.output()).join('\n');

async function zaptill(...words: string[]): Promise<string> {
  const env = { PATH: process.env['PATH'], ...world.env };
  const done = await promisify(execFile)(node24, ['web/cli.ts', ...words], {
    cwd: root,
    env,
  }).catch((error: unknown) => error as { stdout: string; stderr: string });
  return `${done.stdout}\n${done.stderr}`;
}

const sessionToken = (kind: 'admin' | 'extension'): string => {
  const token = world.shopify.sessionToken({ shop: shopName, app: app.name, kind });
  plant('session token', token.split('.')[2] ?? token);
  return token;
};

const connect = (lndconnect: string) => world.api('POST', '/api/node', { lndconnect });

test('the shop installs, and a node is connected, after many that are refused', async () => {
  const { lnd } = world;
  if (lnd === undefined) throw new Error('there is no node');
  await honestOf('/api/shop', sessionToken('admin'));
  await world.api('GET', '/api/shop');
  const admin = lnd.macaroon('admin', { rootKeyId: '57002' });
  const readonly = lnd.macaroon('readonly', { rootKeyId: '57003' });
  const good = world.macaroon ?? Buffer.alloc(0);
  for (const macaroon of [admin, readonly, good]) {
    plant('macaroon', macaroon);
    plant('its signature', macaroon.subarray(-32));
  }
  for (const macaroon of [admin, readonly]) {
    expect((await connect(lnd.lndconnect(macaroon))).status).toBe(422);
  }
  const away = new URL(lnd.lndconnect(good));
  away.port = '1';
  expect((await connect(away.toString())).status).toBe(422);
  expect((await connect(lnd.lndconnect(good).slice(0, -30))).status).toBe(422);
  lnd.setPhase('LOCKED');
  expect((await connect(lnd.lndconnect(good))).status).toBe(422);
  lnd.setPhase('SERVER_ACTIVE');
  expect((await connect(lnd.lndconnect(good))).status).toBe(200);
  expect([...canaries.keys()].some((name) => name.startsWith('refresh_token'))).toBe(true);
}, 60_000);

/** One call as an outsider makes it, with a token that is a canary too. */
async function honestOf(at: string, token: string, body?: object): Promise<number> {
  const answer = await fetch(`${world.appUrl}${at}`, {
    method: body === undefined ? 'GET' : 'POST',
    headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  await answer.text();
  return answer.status;
}

test('an invoice that the node made, and whose answer was lost: its secret is sealed', async () => {
  world.lnd?.faults.onMethod('AddInvoice', { kind: 'never-answer', work: true }, 1);
  const before = world.lnd?.invoices.all().length ?? 0;
  const bought = world.buy();
  plant('checkout token', bought.checkoutToken);
  const asking = honestOf('/extension/payment', sessionToken('extension'), bought);
  await until('the node has it', () => (world.lnd?.invoices.all().length ?? 0) > before);
  const invoice = world.lnd?.invoices.all().at(-1);
  plant('preimage', Buffer.from(invoice?.secret ?? '', 'hex'));
  const row = await world.db.prisma.invoice.findFirst({ orderBy: { id: 'desc' } });
  expect(row?.state).toBe('made');
  expect(row?.sealedPreimage?.length).toBeGreaterThan(32);
  expect(singing(await dump())).toEqual([]);
  await asking;
  const payUrl = await world.payLink(bought);
  await world.invoiceOn(payUrl, 60_000);
}, 90_000);

test('a journey in which everything goes wrong once', async () => {
  const { shopify, lnd } = world;
  const one = await oneReady(world);
  plant('checkout token', one.checkoutToken);
  const other = await oneReady(world);
  plant('preimage', Buffer.from(lnd?.invoices.get(other.hash)?.secret ?? '', 'hex'));
  // Wrong proofs that hold right secrets.
  for (const [at, kind] of [
    ['/api/shop', 'extension'],
    ['/extension/payment', 'admin'],
  ] as const) {
    expect(await honestOf(at, sessionToken(kind), {})).toBeGreaterThanOrEqual(401);
  }
  await honestOf('/extension/payment', sessionToken('extension'), {
    orderId: one.orderId,
    checkoutToken: other.checkoutToken,
  });
  for (const [method, fault] of [
    ['LookupInvoice', { kind: 'error-before', code: 13 }],
    ['CancelInvoice', { kind: 'cut-after' }],
    ['AddInvoice', { kind: 'error-after', code: 2 }],
  ] as const) {
    lnd?.faults.onMethod(method, fault, 1);
  }
  shopify.expireTokens({ app: app.name, shop: shopName });
  shopify.faults.add({ kind: 'html-200', operation: 'token' });
  for (const kind of ['status', 'html-200', 'truncated', 'access-denied', 'reset'] as const) {
    shopify.faults.add({ kind, operation: 'OrderById' });
  }
  const third = world.buy();
  plant('checkout token', third.checkoutToken);
  await honestOf('/extension/payment', sessionToken('extension'), third);
  lnd?.faults.cutConnections();
  await lnd?.restart({ how: 'kill' });
  await world.db.pool.query(
    `select pg_terminate_backend(pid) from pg_stat_activity
     where datname = current_database() and pid <> pg_backend_pid()`,
  );
  await payInTheEnd(world, one.bolt11);
  await until('it is settled', async () => (await world.rowOf(one))?.state !== 'open');
  // Dead tokens: nothing helps but a merchant who opens the app.
  shopify.revokeTokens({ app: app.name, shop: shopName });
  await honestOf('/api/shop', sessionToken('admin'));
  await until(
    'the shop has a token that works',
    async () => {
      await honestOf('/api/shop', sessionToken('admin'));
      return shopify.order(one.orderId)?.financialStatus === 'PAID';
    },
    90_000,
  );
  await world.inState(one, 'resolved');
  expect(shopify.effects.payments(one.orderId)).toBe(1);
  shopify.cancel(other.orderId);
  await world.inState(other, 'lapsed', 60_000);
  await world.api('GET', '/api/payments');
  const row = await world.rowOf(one);
  await world.api('GET', `/api/payments/${row?.id ?? ''}`);
  await fetch(`${world.appUrl}/metrics`);
}, 240_000);

test('none of them is found in the database', async () => {
  const text = await dump();
  // The search finds what is there.
  expect(text).toContain(shopName);
  plant('control', shopName);
  expect(singing(text)).toEqual([expect.stringMatching(/^control/)]);
  for (const name of [...canaries.keys()]) if (name.startsWith('control')) canaries.delete(name);
  expect(canaries.size).toBeGreaterThan(20);
  expect(singing(text)).toEqual([]);
});

test('none of them is said by a process, not even by an operator’s command', async () => {
  const spoken = [
    said(),
    await zaptill('explain', (await world.db.prisma.payment.findFirst())?.id ?? ''),
    await zaptill('node', 'status'),
    await zaptill('shop', 'list', '--json'),
    await zaptill('audit', '--json'),
    await zaptill(
      'node',
      'connect',
      '--shop',
      shopName,
      '--lndconnect',
      'lndconnect://x?macaroon=AgED',
    ),
  ].join('\n');
  expect(said()).toMatch(/payment\.resolved/);
  expect(said()).toMatch(/lane\.paused/);
  expect(singing(spoken)).toEqual([]);
  // Whoever knows a link may see a payment: links are kept out of logs as well.
  const links = await world.db.prisma.payment.findMany({ select: { link: true } });
  expect(links.filter(({ link }) => said().includes(link))).toEqual([]);
}, 60_000);

test('none of them is in an answer to anybody', () => {
  expect(answers.length).toBeGreaterThan(30);
  expect(singing(answers.join('\n'))).toEqual([]);
});

test('the proof of a payment is shown to the merchant, and to nobody else', async () => {
  const paid = await world.db.prisma.invoice.findFirst({ where: { state: 'settled' } });
  const preimage = Buffer.from(paid?.preimage ?? []).toString('hex');
  expect(preimage).toHaveLength(64);
  expect(said()).not.toContain(preimage);
  const shown = answers.filter((answer) => answer.includes(preimage));
  expect(shown.length).toBeGreaterThan(0);
  expect(shown.every((answer) => answer.includes('"timeline"'))).toBe(true);
  // Steps were made to fail here; the books hold all the same.
  expect(await world.violations()).toEqual([]);
});
