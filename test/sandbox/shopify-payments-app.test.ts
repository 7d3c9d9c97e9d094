/** The payments app as an app: its grant, its gateway, its API and what can go wrong there. */

import { createHmac } from 'node:crypto';
import { afterEach, describe, expect, test } from 'vitest';
import {
  APP,
  APP_URL,
  CONFIGURE,
  gidOf,
  paymentsWorld,
  RESOLVE,
  SHOP,
  tell,
  type PaymentsWorld,
} from './payments-at-hand.ts';

let open: PaymentsWorld | undefined;
afterEach(async () => {
  await open?.close();
  open = undefined;
});

async function begin(input: Parameters<typeof paymentsWorld>[0] = {}) {
  open = await paymentsWorld(input);
  return open.on;
}

const CALLBACK = `${APP_URL}/payments/auth/callback`;

const grantUrl = (origin: string, over: Record<string, string> = {}): string => {
  const query = new URLSearchParams({
    client_id: APP.clientId,
    scope: 'write_payment_gateways,write_payment_sessions',
    redirect_uri: CALLBACK,
    state: 'state-of-the-browser',
    'grant_options[]': '',
    ...over,
  });
  return `${origin}/${SHOP}/admin/oauth/authorize?${query.toString()}`;
};

const manual = { redirect: 'manual' } as const;

async function approve(origin: string): Promise<URLSearchParams> {
  const answer = await fetch(grantUrl(origin), { ...manual, method: 'POST' });
  expect(answer.status).toBe(302);
  const to = new URL(answer.headers.get('location') ?? '');
  expect(to.origin + to.pathname).toBe(CALLBACK);
  return to.searchParams;
}

async function exchange(origin: string, more: Record<string, unknown>) {
  const answer = await fetch(`${origin}/${SHOP}/admin/oauth/access_token`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ client_id: APP.clientId, client_secret: APP.secret, ...more }),
  });
  const body = (await answer.json()) as Record<string, string | number | undefined>;
  return { status: answer.status, body, token: String(body['access_token']) };
}

describe('the grant', () => {
  test('shows a page with one button, and comes back signed', async () => {
    const { origin } = await begin();
    const page = await fetch(grantUrl(origin), manual);
    expect(page.status).toBe(200);
    const html = await page.text();
    expect(html.match(/<button/g)).toHaveLength(1);
    expect(html).toContain('write payment sessions');
    const query = await approve(origin);
    expect([...query.keys()].sort()).toEqual('code hmac host shop state timestamp'.split(' '));
    expect(query.get('state')).toBe('state-of-the-browser');
    expect(query.get('shop')).toBe(SHOP);
    const signed = [...query]
      .filter(([key]) => key !== 'hmac')
      .sort(([a], [b]) => (a < b ? -1 : 1));
    const text = new URLSearchParams(signed).toString();
    expect(query.get('hmac')).toBe(createHmac('sha256', APP.secret).update(text).digest('hex'));
  });

  test('a code works once, for its app and shop, for a minute', async () => {
    const { origin, clock, payments } = await begin();
    const code = (await approve(origin)).get('code');
    expect(payments.gateway().installed).toBe(false);
    expect((await exchange(origin, { code, client_secret: 'wrong' })).status).toBe(401);
    const other = { client_id: 'payments-2', client_secret: 'hush hush hush' };
    expect((await exchange(origin, { code, ...other })).status).toBe(400);
    const first = await exchange(origin, { code });
    expect(first.body).toEqual({
      access_token: first.token,
      scope: 'write_payment_gateways,write_payment_sessions',
    });
    expect(payments.gateway().installed).toBe(true);
    expect((await exchange(origin, { code })).status).toBe(400);
    const late = (await approve(origin)).get('code');
    clock.turn(61_000);
    expect((await exchange(origin, { code: late })).status).toBe(400);
    expect((await exchange(origin, { code: 'invented' })).status).toBe(400);
  });

  test('tokens that expire, when asked so, and their refresh', async () => {
    const on = await begin();
    const { origin, clock } = on;
    const code = (await approve(origin)).get('code');
    const first = await exchange(origin, { code, expiring: '1' });
    expect(first.body).toMatchObject({ expires_in: 3_600, refresh_token_expires_in: 7_776_000 });
    clock.turn(3_600_001);
    const ready = { query: CONFIGURE, variables: { ready: true } };
    expect((await tell(on, first.token, ready)).status).toBe(401);
    const refresh_token = first.body['refresh_token'];
    const second = await exchange(origin, { grant_type: 'refresh_token', refresh_token });
    expect(second.status).toBe(200);
    expect((await tell(on, second.token, ready)).status).toBe(200);
  });

  test('an app that is installed is answered at once, and so is everyone by a switch', async () => {
    const { origin, payments } = await begin();
    payments.switches.approveAtOnce = true;
    expect((await fetch(grantUrl(origin), manual)).status).toBe(302);
    payments.switches.approveAtOnce = false;
    expect((await fetch(grantUrl(origin), manual)).status).toBe(200);
    payments.prepare();
    expect((await fetch(grantUrl(origin), manual)).status).toBe(302);
  });

  test('what is wrong with the address is said here, never to another address', async () => {
    const { origin } = await begin();
    const wrong: Record<string, string>[] = [
      { client_id: 'unknown' },
      { client_id: 'client-1' },
      { redirect_uri: 'https://evil.example.com/callback' },
      { scope: 'write_payment_sessions,read_orders' },
      { state: '' },
    ];
    for (const over of wrong)
      for (const method of ['GET', 'POST'])
        expect((await fetch(grantUrl(origin, over), { ...manual, method })).status).toBe(400);
  });

  test('a token of the admin’s frame is not exchanged: the app is not embedded', async () => {
    const { origin, sessionToken, payments } = await begin();
    payments.prepare();
    const said = await exchange(origin, {
      grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
      subject_token: sessionToken({ shop: SHOP, app: APP.name, kind: 'admin' }),
      subject_token_type: 'urn:ietf:params:oauth:token-type:id_token',
      requested_token_type: 'urn:shopify:params:oauth:token-type:offline-access-token',
    });
    expect(said.status).toBe(400);
  });
});

describe('the gateway', () => {
  const settings = (origin: string) =>
    `${origin}/${SHOP}/services/payments_partners/gateways/${APP.clientId}/settings`;
  const press = (origin: string, fields: Record<string, string>) =>
    fetch(settings(origin), { ...manual, method: 'POST', body: new URLSearchParams(fields) });

  test('is activated by the merchant, but not before the app is ready', async () => {
    const on = await begin();
    const { origin, payments } = on;
    expect((await fetch(settings(origin))).status).toBe(404);
    const { token } = await exchange(origin, { code: (await approve(origin)).get('code') });
    expect(await (await fetch(settings(origin))).text()).toContain('has not said that it is ready');
    expect((await press(origin, { act: 'activate' })).status).toBe(422);
    expect(() => payments.activate()).toThrow('ready');
    const told = await tell(on, token, {
      query: CONFIGURE,
      variables: { ready: true, handle: 'shop-7' },
    });
    expect(told.payload).toEqual({
      paymentsAppConfiguration: { externalHandle: 'shop-7', ready: true },
      userErrors: [],
    });
    expect((await press(origin, { act: 'activate', test: 'on' })).status).toBe(303);
    expect(payments.gateway()).toMatchObject({ ready: true, active: true, test: true });
    expect((await press(origin, { act: 'deactivate' })).status).toBe(303);
    expect(payments.gateway().active).toBe(false);
  });

  test('is not offered when the app takes its word back, or is gone', async () => {
    const on = await begin();
    const { accessToken } = on.payments.prepare();
    await expect(on.payments.checkout()).resolves.toMatchObject({ state: 'open' });
    await tell(on, accessToken, { query: CONFIGURE, variables: { ready: false } });
    await expect(on.payments.checkout()).rejects.toThrow('not active');
    on.payments.prepare();
    on.uninstall({ app: APP.name, shop: SHOP });
    await expect(on.payments.checkout()).rejects.toThrow('not active');
    expect(on.payments.gateway()).toMatchObject({ installed: false, ready: false, active: false });
    const [uninstalled] = on.deliveries();
    expect(uninstalled).toMatchObject({ topic: 'app/uninstalled', clientId: APP.clientId });
    expect(
      (await tell(on, accessToken, { query: CONFIGURE, variables: { ready: true } })).status,
    ).toBe(401);
  });

  test('the admin leads to the app by a signed address at the top of the window', async () => {
    const { origin } = await begin();
    const at = `${origin}/admin.shopify.com/store/alpine-coffee/apps/${APP.clientId}`;
    const answer = await fetch(at, manual);
    expect(answer.status).toBe(302);
    const to = new URL(answer.headers.get('location') ?? '');
    expect(to.origin + to.pathname).toBe(`${APP_URL}/payments`);
    expect([...to.searchParams.keys()].sort()).toEqual(['hmac', 'host', 'shop', 'timestamp']);
  });
});

describe('its API', () => {
  test('each kind of app has its own, and the other is a violation', async () => {
    const on = await begin();
    const { accessToken } = on.payments.prepare();
    const shop = { query: '{ shop { name } }', api: 'admin/api' };
    expect((await tell(on, accessToken, shop)).status).toBe(403);
    expect(on.violations).toEqual([`${APP.name} called the admin API of ${SHOP}`]);
    const subject = on.sessionToken({ shop: SHOP, app: 'Zaptill', kind: 'admin' });
    const merchant = await exchange(on.origin, {
      client_id: 'client-1',
      client_secret: 'hush',
      grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
      subject_token: subject,
      subject_token_type: 'urn:ietf:params:oauth:token-type:id_token',
      requested_token_type: 'urn:shopify:params:oauth:token-type:offline-access-token',
    });
    const ready = { query: CONFIGURE, variables: { ready: true } };
    expect((await tell(on, merchant.token, ready)).status).toBe(403);
    expect(on.violations).toHaveLength(2);
  });

  test('another version, an unknown token and what the schema lacks are refused', async () => {
    const on = await begin();
    const { accessToken } = on.payments.prepare();
    const { id } = await on.payments.checkout();
    const resolve = { query: RESOLVE, variables: { id: gidOf(id) } };
    for (const version of ['2026-04', '2026-10', 'unstable'])
      expect((await tell(on, accessToken, { ...resolve, version })).status).toBe(404);
    expect((await tell(on, 'shpat_invented', resolve)).status).toBe(401);
    const coded = RESOLVE.replace('userErrors { field', 'userErrors { code field');
    const lookUp = `{ paymentSession(id: "${gidOf(id)}") { id } }`;
    const shop = '{ shop { name } }';
    for (const query of [coded, lookUp, shop]) {
      const said = await tell(on, accessToken, { ...resolve, query });
      expect(JSON.stringify(said.body.errors)).toContain('Cannot query field');
    }
    expect(on.payments.session(id)?.state).toBe('open');
    const versions = await tell(on, accessToken, { query: '{ publicApiVersions { handle } }' });
    expect(versions.body.data).toEqual({ publicApiVersions: [{ handle: '2026-07' }] });
  });

  test('without the scope the mutation is denied', async () => {
    const on = await begin();
    const { accessToken } = on.payments.prepare();
    const { id } = await on.payments.checkout();
    on.setScopes({ app: APP.name, shop: SHOP, scopes: ['write_payment_gateways'] });
    const said = await tell(on, accessToken, { query: RESOLVE, variables: { id: gidOf(id) } });
    expect(said.body.errors).toMatchObject([{ extensions: { code: 'ACCESS_DENIED' } }]);
    expect(on.orders()).toEqual([]);
  });

  test('the old bucket is empty after some sixty verdicts, and refuses without doing', async () => {
    const on = await begin({ plan: 'old' });
    const { accessToken } = on.payments.prepare();
    const { id } = await on.payments.checkout();
    const query = `mutation Many($id: ID!) { ${Array.from(
      { length: 60 },
      (_, n) => `r${n}: paymentSessionReject(id: $id, reason: { code: RISKY }) {
        userErrors { message } paymentSession { id } }`,
    ).join(' ')} }`;
    const call = { query, variables: { id: gidOf(id) } };
    const first = await tell(on, accessToken, call);
    expect(first.body.extensions?.cost.throttleStatus).toMatchObject({ restoreRate: 50 });
    const second = await on.payments.checkout();
    const said = await tell(on, accessToken, { query, variables: { id: gidOf(second.id) } });
    expect(said.body.errors).toMatchObject([{ extensions: { code: 'THROTTLED' } }]);
    expect(on.payments.session(second.id)?.state).toBe('open');
  });

  test('an outage, a bot page, THROTTLED, and answers lost before and after', async () => {
    const on = await begin();
    const { accessToken } = on.payments.prepare();
    const { id } = await on.payments.checkout();
    const resolve = () => tell(on, accessToken, { query: RESOLVE, variables: { id: gidOf(id) } });
    const operation = 'paymentSessionResolve';
    on.faults.add({ kind: 'status', operation });
    expect((await resolve()).status).toBe(503);
    on.faults.add({ kind: 'html-429', operation: 'payments-api' });
    expect(await resolve()).toMatchObject({ status: 429, body: {} });
    on.faults.add({ kind: 'throttled', operation });
    expect((await resolve()).body.errors).toMatchObject([{ extensions: { code: 'THROTTLED' } }]);
    on.faults.add({ kind: 'timeout', operation, delayMs: 50 });
    await expect(resolve()).rejects.toThrow();
    expect(on.orders()).toEqual([]);
    on.faults.add({ kind: 'timeout', operation, delayMs: 50, when: 'after' });
    await expect(resolve()).rejects.toThrow();
    expect(on.orders()).toHaveLength(1);
    on.revokeTokens({ app: APP.name, shop: SHOP });
    expect((await resolve()).status).toBe(401);
    expect(on.payments.effects.count(id, 'resolved')).toBe(1);
  });

  test('a fault of the one API leaves the other alone', async () => {
    const on = await begin();
    const { accessToken } = on.payments.prepare();
    on.faults.add({ kind: 'status', operation: 'admin-api', seconds: 60 });
    const ready = { query: CONFIGURE, variables: { ready: true } };
    expect((await tell(on, accessToken, ready)).status).toBe(200);
  });
});
