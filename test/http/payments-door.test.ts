// The mTLS door over real TLS: who is let in, and that what was answered once is answered for ever.
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { request, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  makeCertificates,
  serverCertificate,
  type Certificates,
  type Presented,
} from '../../sandbox/shopify/payments/certificates.ts';
import { readConfig } from '../../web/config.ts';
import { audit } from '../../web/db/audit.ts';
import { unlinkPayments } from '../../web/db/privacy.ts';
import { installShop } from '../../web/db/shops.ts';
import { allRoutes } from '../../web/http/app.ts';
import { makePaymentsApp, paymentsRoutes } from '../../web/http/from-payments.ts';
import { openMutualTls } from '../../web/http/mutual-tls.ts';
import { makeLog } from '../../web/log.ts';
import { wire, type Wired } from '../../web/wiring.ts';
import { testDatabase, type TestDatabase } from '../database.ts';

const shop = 'alpine.myshopify.com';
const otherShop = 'beach.myshopify.com';
const merchantOnly = 'cash.myshopify.com';
const appUrl = 'https://pay.example.com';

let place: TestDatabase;
let wired: Wired;
let lines = '';
let known: Certificates;
let ours: Awaited<ReturnType<typeof serverCertificate>>;
let door: Server;
let doorPort: number;
const opened: Server[] = [];
let refused = 0;

const envOf = (clientCa: string): NodeJS.ProcessEnv => ({
  APP_URL: appUrl,
  VAULT_KEYS: `1:${randomBytes(32).toString('base64')}`,
  PAYMENTS_API_KEY: 'payments-client',
  PAYMENTS_API_SECRET: 'shpss_payments',
  PAYMENTS_PORT: '3443',
  PAYMENTS_TLS_CERT: ours.cert,
  PAYMENTS_TLS_KEY: ours.key,
  PAYMENTS_CLIENT_CA: clientCa,
});

/** A door that knows the certificates of this bundle, on a free port. */
async function openDoor(clientCa: string): Promise<{ server: Server; port: number }> {
  const { paymentsDoor } = readConfig(envOf(clientCa));
  if (paymentsDoor === undefined) throw new Error('there is no door');
  const server = openMutualTls(paymentsDoor, makePaymentsApp(wired.doors()), () => {
    refused += 1;
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  opened.push(server);
  return { server, port: (server.address() as AddressInfo).port };
}

beforeAll(async () => {
  place = await testDatabase();
  [known, ours] = await Promise.all([makeCertificates(), serverCertificate()]);
  const config = readConfig(envOf(known.bundles.current));
  const to = { write: (line: string) => void (lines += line) };
  wired = wire({ config, log: makeLog({ level: 'info', to }), databaseUrl: place.url });
  await wired.registerApp({
    ...{ kind: 'payments', name: 'payments' },
    ...{ clientId: 'payments-client', clientSecret: 'shpss_payments' },
  });
  await wired.registerApp({ name: 'first', clientId: 'merchant', clientSecret: 'shpss_merchant' });
  const [payments] = await wired.registrations('payments');
  const [merchant] = await wired.registrations('merchant');
  for (const domain of [shop, otherShop]) {
    await installShop(wired.db, { registrationId: payments?.id ?? 0, domain });
  }
  await installShop(wired.db, { registrationId: merchant?.id ?? 0, domain: merchantOnly });
  ({ server: door, port: doorPort } = await openDoor(known.bundles.current));
});
afterAll(async () => {
  for (const server of opened) {
    server.close();
    server.closeAllConnections();
  }
  await wired.close();
  await place.close();
});

let sessions = 0;
const buyer = 'canary.buyer@example.com';
function aSession(more: Record<string, unknown> = {}) {
  sessions += 1;
  const id = `session-${String(sessions)}`;
  return {
    id,
    gid: `gid://shopify/PaymentSession/${id}`,
    group: `group-of-${id}=`,
    session_id: 'a-session=',
    amount: '123.00',
    currency: 'CAD',
    test: false,
    merchant_locale: 'en',
    payment_method: { type: 'offsite', data: { cancel_url: 'https://shop.example/1?a=1&b=2' } },
    proposed_at: '2026-11-21T12:00:00Z',
    kind: 'sale',
    customer: { email: buyer, billing_address: { given_name: 'Alice', line1: '1 Canary Street' } },
    transaction_metadata: { tax_amount: '1.00' },
    ...more,
  };
}

type Sent = {
  to?: string;
  body?: object | string;
  shop?: string;
  who?: Presented;
  port?: number;
  servername?: string;
};
type Got = { status: number; body: string };

/** What Shopify sends; rejects when the line is cut. */
function knock(sent: Sent = {}): Promise<Got> {
  const { to = 'session', body = aSession(), who = 'current', port = doorPort } = sent;
  const pair = who === 'none' ? {} : known.pairs[who];
  const { servername } = sent;
  return new Promise((resolve, reject) => {
    const call = request(
      {
        ...{ host: '127.0.0.1', port, path: `/payments/${to}`, method: 'POST', agent: false },
        ...pair,
        ...(servername === undefined ? {} : { servername }),
        ca: ours.cert,
        headers: { 'Content-Type': 'application/json', 'Shopify-Shop-Domain': sent.shop ?? shop },
      },
      (answer) => {
        const parts: Buffer[] = [];
        answer.on('data', (part: Buffer) => parts.push(part));
        answer.on('end', () => {
          resolve({ status: answer.statusCode ?? 0, body: Buffer.concat(parts).toString() });
        });
        answer.on('error', reject);
      },
    );
    call.on('error', reject);
    call.setTimeout(20_000, () => call.destroy(new Error('no answer')));
    call.end(typeof body === 'string' ? body : JSON.stringify(body));
  });
}

const paymentsOf = (body: { gid: string }) =>
  wired.db.prisma.payment.findMany({ where: { originId: body.gid } });
const letIn = { status: 200 };
const isCut = /ECONNRESET|socket hang up|certificate|alert|EPIPE/i;

describe('who is let in', () => {
  test('a certificate of the authority that was given', async () => {
    expect(await knock()).toMatchObject(letIn);
  });

  test.each(['none', 'stranger', 'expired', 'server_only', 'old', 'leaf'] as const)(
    'not with this certificate: %s',
    async (who) => {
      const body = aSession();
      const before = refused;
      await expect(knock({ who, body })).rejects.toThrow(isCut);
      expect(await paymentsOf(body)).toEqual([]);
      await expect.poll(() => refused).toBeGreaterThan(before);
    },
  );

  test('during a rotation both are known', async () => {
    const { port } = await openDoor(known.bundles.both);
    expect(await knock({ port, who: 'old' })).toMatchObject(letIn);
    expect(await knock({ port, who: 'current' })).toMatchObject(letIn);
    await expect(knock({ port, who: 'stranger' })).rejects.toThrow(isCut);
  });

  test('a client is known by its own certificate, with a server name and without', async () => {
    const { port } = await openDoor(known.bundles.leaf);
    expect(await knock({ port, who: 'leaf' })).toMatchObject(letIn);
    expect(await knock({ port, who: 'leaf', servername: 'localhost' })).toMatchObject(letIn);
    for (const who of ['current', 'none', 'stranger', 'expired'] as const) {
      await expect(knock({ port, who })).rejects.toThrow(isCut);
    }
  });

  test('authorities and single certificates may stand in one bundle', async () => {
    const { port } = await openDoor(`${known.bundles.leaf}\n${known.bundles.current}`);
    expect(await knock({ port, who: 'leaf' })).toMatchObject(letIn);
    expect(await knock({ port, who: 'current' })).toMatchObject(letIn);
    for (const who of ['none', 'old', 'expired'] as const) {
      await expect(knock({ port, who })).rejects.toThrow(isCut);
    }
  });

  test('the open doors have none of these routes, and this door has no other', async () => {
    const open = allRoutes(wired.doors());
    const locked = paymentsRoutes(wired.doors());
    expect(locked.map(({ path }) => path).sort()).toEqual(
      ['session', 'refund', 'capture', 'void'].map((kind) => `/payments/${kind}`).sort(),
    );
    expect(locked.every(({ policy }) => policy === 'shopify-payments')).toBe(true);
    expect(open.filter(({ policy }) => policy === 'shopify-payments')).toEqual([]);
    expect(open.filter((route) => locked.some(({ path }) => path === route.path))).toEqual([]);
    expect(await knock({ to: '../webhooks' })).toMatchObject({ status: 404 });
    expect(door.listening).toBe(true);
  });

  test('without certificates to know nothing is opened; with a wrong one the start says so', () => {
    const env = envOf(known.bundles.current);
    expect(readConfig({ ...env, PAYMENTS_CLIENT_CA: '' }).paymentsDoor).toBeUndefined();
    for (const [name, value] of [
      ['PAYMENTS_CLIENT_CA', 'no-such-file.pem'],
      ['PAYMENTS_CLIENT_CA', known.pairs.current.key],
      ['PAYMENTS_TLS_CERT', ours.key],
      ['PAYMENTS_TLS_KEY', known.pairs.current.key],
      ['PAYMENTS_TLS_KEY', 'rubbish'],
      ['PAYMENTS_PORT', '3000'],
    ] as const) {
      const wrong = new RegExp(`^${name} is wrong: it must be .+, for example `);
      expect(() => readConfig({ ...env, [name]: value })).toThrow(wrong);
    }
    for (const name of ['PAYMENTS_PORT', 'PAYMENTS_TLS_CERT', 'PAYMENTS_API_KEY']) {
      expect(() => readConfig({ ...env, [name]: '' })).toThrow(`${name} is missing`);
    }
    const left = { ...env };
    readConfig(left);
    expect(left['PAYMENTS_TLS_KEY'] ?? left['PAYMENTS_API_SECRET']).toBeUndefined();
  });
});

describe('a session', () => {
  test('opens one payment, and says where its buyer pays', async () => {
    const body = aSession();
    const got = await knock({ body });
    const [payment] = await paymentsOf(body);
    expect(got).toEqual({
      status: 200,
      body: JSON.stringify({ redirect_url: `${appUrl}/pay/${payment?.link ?? ''}` }),
    });
    expect(payment).toMatchObject({
      origin: 'payment_session',
      orderName: body.id,
      currency: 'CAD',
      owedMinor: 12_300n,
      state: 'open',
      reason: 'session_seen',
      groupKey: body.group,
      cancelUrl: 'https://shop.example/1?a=1&b=2',
      test: false,
      dueAt: null,
    });
  });

  test('fifty at once with one id: one payment, one answer, byte for byte', async () => {
    const body = aSession();
    const got = await Promise.all(Array.from({ length: 50 }, () => knock({ body })));
    expect(new Set(got.map(({ body: text }) => text)).size).toBe(1);
    expect(got.every(({ status }) => status === 200)).toBe(true);
    expect(await paymentsOf(body)).toHaveLength(1);
    // Also when the spelling is another, and the buyer has corrected the address.
    const reversed = Object.fromEntries(Object.entries(body).reverse());
    const again = await knock({ body: { ...reversed, amount: '123', customer: null } });
    expect(again.body).toBe(got[0]?.body);
  });

  test.each([
    ['amount', '123.01'],
    ['currency', 'USD'],
    ['test', true],
    ['group', 'another'],
    ['kind', 'authorization'],
    ['proposed_at', '2026-11-21T12:00:01Z'],
    ['gid', 'gid://shopify/PaymentSession/another'],
    ['payment_method', { data: { cancel_url: 'https://evil.example/' } }],
  ])('the same id with another %s is refused, logged, and changes nothing', async (key, value) => {
    const body = aSession();
    const first = await knock({ body });
    const [before] = await paymentsOf(body);
    lines = '';
    expect(await knock({ body: { ...body, [key]: value } })).toMatchObject({ status: 409 });
    expect(lines).toContain('session.other_content');
    expect(await paymentsOf(body)).toEqual([before]);
    expect(await knock({ body })).toEqual(first);
  });

  test('the same id at another shop is another session', async () => {
    const body = aSession();
    const [here, there] = [await knock({ body }), await knock({ body, shop: otherShop })];
    expect([here.status, there.status]).toEqual([200, 200]);
    expect(here.body).not.toBe(there.body);
    expect(await paymentsOf(body)).toHaveLength(2);
  });

  test('one whose buyer was forgotten is gone, and is not opened again', async () => {
    const body = aSession();
    await knock({ body });
    const [payment] = await paymentsOf(body);
    await unlinkPayments(wired.db, {
      ...{ shopId: payment?.shopId ?? 0, orderIds: [body.gid] },
      ...{ since: new Date(), portionsAtMost: 1 },
    });
    expect(await knock({ body })).toMatchObject({ status: 410 });
    expect(await paymentsOf(body)).toHaveLength(1);
  });

  test('the gid of another session is refused', async () => {
    const body = aSession();
    await knock({ body });
    expect(await knock({ body: { ...body, id: 'another-id' } })).toMatchObject({ status: 409 });
  });

  test.each([
    ['unknown', 'nobody.myshopify.com'],
    ['with the merchant app only', merchantOnly],
    ['no shop at all', 'evil.example'],
    ['nothing', ''],
  ])('a shop that never installed has none: %s', async (_name, domain) => {
    const body = aSession();
    expect(await knock({ body, shop: domain })).toMatchObject({ status: 404 });
    expect(await paymentsOf(body)).toEqual([]);
  });

  test('after an uninstall what was answered is answered, and nothing new', async () => {
    const domain = 'gone.myshopify.com';
    const [payments] = await wired.registrations('payments');
    const { shop: row } = await installShop(wired.db, {
      registrationId: payments?.id ?? 0,
      domain,
    });
    const body = aSession();
    const before = await knock({ body, shop: domain });
    await wired.db.prisma.shop.update({
      where: { id: row.id },
      data: { uninstalledAt: new Date() },
    });
    expect(await knock({ body, shop: domain })).toEqual(before);
    expect(await knock({ shop: domain })).toMatchObject({ status: 404 });
  });

  test.each([
    ['currency', { currency: 'XTS' }, 'INVALID_CURRENCY'],
    ['decimals', { amount: '1.005' }, 'INVALID_AMOUNT'],
    ['nothing', { amount: '0.00' }, 'INVALID_AMOUNT'],
    ['more than is counted', { amount: '9'.repeat(30) }, 'INVALID_AMOUNT'],
    ['a coin more than is counted', { amount: '92233720368547758.08' }, 'INVALID_AMOUNT'],
    ['kind', { kind: 'authorization' }, 'INVALID_PURCHASE_TYPE'],
  ])(
    'what can never be paid here is closed at once, to be rejected: %s',
    async (_n, more, code) => {
      const body = aSession(more);
      expect(await knock({ body })).toMatchObject(letIn);
      const [payment] = await paymentsOf(body);
      expect(payment).toMatchObject({
        state: 'lapsed',
        verdictWanted: 'reject',
        verdictCode: code,
      });
      expect(payment?.dueAt).not.toBeNull();
    },
  );

  test('the cancel address stands in either place, and only https is kept', async () => {
    const top = aSession({ payment_method: { type: 'offsite', data: {} } });
    await knock({ body: { ...top, cancel_url: 'https://top.example/c' } });
    expect((await paymentsOf(top))[0]?.cancelUrl).toBe('https://top.example/c');
    for (const url of ['http://a.example/', 'javascript:alert(1)', 'https://u:p@a.example/', '']) {
      const body = aSession({ payment_method: { data: { cancel_url: url } } });
      expect(await knock({ body })).toMatchObject(letIn);
      expect((await paymentsOf(body))[0]?.cancelUrl).toBeNull();
    }
  });

  test.each([
    ['not JSON', '{'],
    ['no object', '[]'],
    ['a number for an amount', aSession({ amount: 123 })],
    ['a negative amount', aSession({ amount: '-1.00' })],
    ['an exponent', aSession({ amount: '1e3' })],
    ['no id', aSession({ id: undefined })],
    ['an id with spaces', aSession({ id: 'a b' })],
    ['another noun', aSession({ gid: 'gid://shopify/Order/1' })],
    ['a time that is none', aSession({ proposed_at: 'yesterday' })],
    ['another kind', aSession({ kind: 'gift' })],
  ])('what cannot be read is refused: %s', async (_name, body) => {
    expect(await knock({ body })).toMatchObject({ status: 400 });
  });

  test('a body without an end is not read to its end', async () => {
    const body = aSession({ group: 'x'.repeat(300_000) });
    expect((await knock({ body })).status).toBe(413);
  });

  test('nothing of the buyer is stored or logged', async () => {
    await knock();
    const tables = ['payment', 'session_request', 'history'];
    for (const table of tables) {
      const { rows } = await wired.db.pool.query(`select t::text as row from ${table} t`);
      expect(JSON.stringify(rows)).not.toMatch(/canary|Alice/i);
    }
    expect(lines).not.toMatch(/canary|Alice/i);
  });

  test('is answered where neither a node nor Shopify nor a price can be reached', async () => {
    // None of them is there in this file, and an answer that waited for one would be none.
    const answers = await Promise.all(Array.from({ length: 20 }, () => knock()));
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
  });
});

describe('refund, capture and void', () => {
  const asked = (kind: 'refund' | 'capture' | 'void', paymentId: string) => {
    const id = `${kind}-${randomBytes(6).toString('hex')}`;
    const noun = { refund: 'RefundSession', capture: 'CaptureSession', void: 'VoidSession' }[kind];
    return {
      id,
      gid: `gid://shopify/${noun}/${id}`,
      payment_id: paymentId,
      ...(kind === 'void' ? {} : { amount: '23.00', currency: 'CAD' }),
      test: false,
      merchant_locale: 'en',
      proposed_at: '2026-11-21T13:00:00Z',
    };
  };

  test.each(['refund', 'capture', 'void'] as const)('%s: taken once, 201', async (kind) => {
    const session = aSession();
    await knock({ body: session });
    const body = asked(kind, session.id);
    const got = await Promise.all(Array.from({ length: 10 }, () => knock({ to: kind, body })));
    expect(got).toEqual(Array.from({ length: 10 }, () => ({ status: 201, body: '{}' })));
    const stored = await wired.db.prisma.sessionRequest.findMany({ where: { id: body.id } });
    expect(stored).toHaveLength(1);
    expect(stored[0]).toMatchObject({ kind, amountMinor: kind === 'void' ? null : 2_300n });
    expect((await paymentsOf(session))[0]?.id).toBe(stored[0]?.paymentId);
    expect(await knock({ to: kind, body: { ...body, test: true } })).toMatchObject({ status: 409 });
  });

  test('of an unknown payment, or another shop’s: 404, and nothing is stored', async () => {
    const session = aSession();
    await knock({ body: session });
    const unknown = asked('refund', 'no-such-session');
    expect(await knock({ to: 'refund', body: unknown })).toMatchObject({ status: 404 });
    const foreign = asked('refund', session.id);
    expect(await knock({ to: 'refund', body: foreign, shop: otherShop })).toMatchObject({
      status: 404,
    });
    const ids = [unknown.id, foreign.id];
    expect(await wired.db.prisma.sessionRequest.count({ where: { id: { in: ids } } })).toBe(0);
  });

  test('an amount that is none is refused', async () => {
    const session = aSession();
    await knock({ body: session });
    for (const amount of ['0.00', '1.001', '-1.00', 'all', '9'.repeat(30), undefined]) {
      const body = { ...asked('refund', session.id), amount };
      expect(await knock({ to: 'refund', body })).toMatchObject({ status: 400 });
    }
  });
});

test('every rule of the books holds', async () => {
  expect(await audit(wired.db)).toEqual([]);
});
