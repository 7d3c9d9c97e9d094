// Every door is knocked at with every wrong proof. The table of routes is the program's own, so a
// door that is added later is knocked at as well.
import { createHmac } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readConfig } from '../../web/config.ts';
import { allRoutes } from '../../web/http/app.ts';
import type { Policy, Route } from '../../web/http/doors.ts';
import { makeLog } from '../../web/log.ts';
import { wire } from '../../web/wiring.ts';
import { testDatabase, type TestDatabase } from '../database.ts';
import { app, paymentsApp, shopName, startWorld, type World } from '../world.ts';

let place: TestDatabase;
let world: World;
let routes: Route[];
beforeAll(async () => {
  place = await testDatabase();
  world = await startWorld({
    databaseUrl: place.url,
    env: { METRICS_TOKEN: 'a-token-of-the-operator' },
  });
  const config = readConfig({ ...world.env });
  const wired = wire({ config, log: makeLog({ level: 'silent' }), databaseUrl: place.url });
  routes = allRoutes(wired.doors());
  await wired.close();
});
afterAll(async () => {
  await world.close();
  await place.close();
});

const secret = 'shpss_of_somebody_else';
const now = (): number => Math.floor(Date.now() / 1_000);
const token = (
  kind: 'admin' | 'extension',
  more: { claims?: Record<string, string | number>; secret?: string } = {},
): string => world.shopify.sessionToken({ shop: shopName, app: app.name, kind, ...more });

const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
const unsigned = (kind: 'admin' | 'extension'): string => {
  const [, claims = ''] = token(kind).split('.');
  return `${part({ alg: 'none', typ: 'JWT' })}.${claims}.`;
};
/** Signed with the right secret, by an algorithm that nobody asked for. */
const otherAlgorithm = (kind: 'admin' | 'extension'): string => {
  const [, claims = ''] = token(kind).split('.');
  const signed = `${part({ alg: 'HS512', typ: 'JWT' })}.${claims}`;
  return `${signed}.${createHmac('sha512', app.secret).update(signed).digest('base64url')}`;
};
const bent = (kind: 'admin' | 'extension'): string => {
  const [head = '', , signature = ''] = token(kind).split('.');
  const [, claims = ''] = token(kind, { claims: { sub: '1' } }).split('.');
  return `${head}.${claims}.${signature}`;
};

/** What is wrong with a token, for a door that wants the other kind or this one. */
const wrong: Record<string, (right: 'admin' | 'extension') => string | undefined> = {
  'no header': () => undefined,
  'an empty token': () => 'Bearer ',
  'not a token': () => 'Bearer abc.def.ghi',
  'another scheme': (right) => `Basic ${token(right)}`,
  'the other kind': (right) => `Bearer ${token(right === 'admin' ? 'extension' : 'admin')}`,
  'another secret': (right) => `Bearer ${token(right, { secret })}`,
  'a signature of none': (right) => `Bearer ${unsigned(right)}`,
  'another algorithm': (right) => `Bearer ${otherAlgorithm(right)}`,
  'claims of another token': (right) => `Bearer ${bent(right)}`,
  'an end that is over': (right) => `Bearer ${token(right, { claims: { exp: now() - 60 } })}`,
  'a beginning to come': (right) => `Bearer ${token(right, { claims: { nbf: now() + 120 } })}`,
  'another app': (right) => `Bearer ${token(right, { claims: { aud: 'another-app' } })}`,
  'a shop that is none': (right) => `Bearer ${token(right, { claims: { dest: 'evil.example' } })}`,
};
const wrongOfMerchant: typeof wrong = {
  ...wrong,
  'an issuer of another shop': () =>
    `Bearer ${token('admin', { claims: { iss: 'https://other.myshopify.com/admin' } })}`,
  'a shop of another issuer': () =>
    `Bearer ${token('admin', { claims: { dest: 'https://other.myshopify.com' } })}`,
};

const someId = '01890a5d-ac96-774b-bcce-b302099a8057';
const of = (policy: Policy): Route[] => routes.filter((route) => route.policy === policy);
const call = ({ method, path }: Route, authorization: string | undefined): Promise<Response> =>
  fetch(`${world.appUrl}${path.replace(':id', someId)}`, {
    method: method.toUpperCase(),
    headers: {
      'Content-Type': 'application/json',
      ...(authorization === undefined ? {} : { Authorization: authorization }),
    },
    ...(method === 'post'
      ? {
          body: JSON.stringify({ orderId: 'gid://shopify/Order/1', checkoutToken: 'x', name: 'x' }),
        }
      : {}),
  });

/** An installation is looked at in its own time, whoever calls. */
const ofOrders = { where: { originId: { startsWith: 'gid://shopify/Order/' } } };
/** Everything that a call could have changed. */
const rowsOf = async (): Promise<unknown> => {
  const { prisma } = world.db;
  return Promise.all([
    ...[prisma.shop.findMany(), prisma.node.count(), prisma.payment.count()],
    ...[prisma.delivery.count(), prisma.sighting.count(ofOrders), prisma.registration.count()],
  ]).then(([shops, ...counts]) => [
    (shops as { id: number; methodName: string; tokenVersion: number }[]).map((shop) => [
      ...[shop.id, shop.methodName, shop.tokenVersion],
    ]),
    ...counts,
  ]);
};

test('every route has a policy, and every /api route is a merchant’s', () => {
  expect(routes.length).toBeGreaterThan(12);
  const api = routes.filter(({ path }) => path.startsWith('/api'));
  expect(api.length).toBeGreaterThanOrEqual(5);
  expect(api.every(({ policy }) => policy === 'merchant')).toBe(true);
  const { length } = routes.filter(({ policy }) => policy === 'public');
  // Alive, ready, what a browser asks before it calls the door of the block, and the page that
  // checks receipts, which is the same for all.
  expect(length).toBe(4);
});

describe('the merchant’s doors', () => {
  test.each(Object.keys(wrongOfMerchant))(
    '%s is 401 at each of them, without effect',
    async (name) => {
      const before = await rowsOf();
      for (const route of of('merchant')) {
        const answer = await call(route, wrongOfMerchant[name]?.('admin'));
        expect([route.path, answer.status]).toEqual([route.path, 401]);
        expect(Object.keys((await answer.json()) as object)).toEqual(['error']);
        expect(answer.headers.get('X-Shopify-Retry-Invalid-Session-Request')).toBe('1');
      }
      expect(await rowsOf()).toEqual(before);
    },
  );
});

describe('the door of the thank-you block', () => {
  test.each(Object.keys(wrong))(
    '%s is 401, without effect, and readable from there',
    async (name) => {
      const before = await rowsOf();
      const [route] = of('extension');
      if (route === undefined) throw new Error('there is no such door');
      const answer = await call(route, wrong[name]?.('extension'));
      expect(answer.status).toBe(401);
      expect(answer.headers.get('Access-Control-Allow-Origin')).toBe('*');
      expect(await rowsOf()).toEqual(before);
    },
  );

  test('a token of another shop learns nothing of this shop’s order', async () => {
    const bought = world.buy();
    await world.payLink(bought);
    const other = world.shopify.sessionToken({
      ...{ shop: 'other.myshopify.com', app: app.name, kind: 'extension' },
    });
    const ask = (body: object) =>
      fetch(`${world.appUrl}/extension/payment`, {
        method: 'POST',
        headers: { Authorization: `Bearer ${other}`, 'Content-Type': 'application/json' },
        body: JSON.stringify(body),
      });
    const seen = await ask(bought);
    const invented = await ask({ ...bought, orderId: 'gid://shopify/Order/99' });
    expect([seen.status, await seen.json()]).toEqual([202, { state: 'not_yet' }]);
    expect([invented.status, await invented.json()]).toEqual([202, { state: 'not_yet' }]);
  });

  test('a browser may ask first', async () => {
    const answer = await fetch(`${world.appUrl}/extension/payment`, { method: 'OPTIONS' });
    expect(answer.status).toBe(204);
    expect(answer.redirected).toBe(false);
    expect(answer.headers.get('Access-Control-Allow-Headers')).toMatch(/Authorization/);
  });
});

describe('the doors behind the shop’s own address', () => {
  const proxied = (
    more: Record<string, string>,
    by: string | null = app.secret,
  ): URLSearchParams => {
    const given = { shop: shopName, timestamp: String(now()), order: '1', number: 'XPAV284CT' };
    const query = { ...given, path_prefix: '/apps/zaptill', logged_in_customer_id: '', ...more };
    const text = Object.entries(query).map(([key, value]) => `${key}=${value}`);
    const hmac = createHmac('sha256', by ?? '').update(text.sort().join(''));
    return new URLSearchParams(by === null ? query : { ...query, signature: hmac.digest('hex') });
  };
  const added = (query: URLSearchParams, key: string, value: string): URLSearchParams => {
    query.append(key, value);
    return query;
  };
  const wrongQuery: Record<string, () => URLSearchParams> = {
    'no signature': () => proxied({}, null),
    'another secret': () => proxied({}, secret),
    'the payments app’s secret': () => proxied({}, paymentsApp.secret),
    'the hmac of the admin’s frame': () => added(proxied({}, null), 'hmac', 'ab'.repeat(32)),
    'a time that is over': () => proxied({ timestamp: String(now() - 1_000) }),
    'a time to come': () => proxied({ timestamp: String(now() + 1_000) }),
    'a shop that is none': () => proxied({ shop: 'evil.example' }),
    'an order added afterwards': () => added(proxied({}), 'order', '2'),
    'a shop added afterwards': () => added(proxied({}), 'shop', 'other.myshopify.com'),
  };

  test.each(Object.keys(wrongQuery))('%s is 401 at each of them, without effect', async (name) => {
    await world.shopify.webhooksSettled();
    const before = await rowsOf();
    expect(of('shopify-proxy').length).toBeGreaterThan(0);
    for (const route of of('shopify-proxy')) {
      const query = wrongQuery[name]?.().toString() ?? '';
      const answer = await fetch(`${world.appUrl}${route.path}?${query}`, { redirect: 'manual' });
      expect([route.path, answer.status]).toEqual([route.path, 401]);
      expect(Object.keys((await answer.json()) as object)).toEqual(['error']);
    }
    expect(await rowsOf()).toEqual(before);
  });

  test('the right signature is not 401, and without its number leads nowhere', async () => {
    const bought = world.buy();
    await world.payLink(bought);
    const order = /\d+$/.exec(bought.orderId)?.[0] ?? '';
    const seen = async (query: URLSearchParams) => {
      const address = `${world.appUrl}/proxy/pay?${query.toString()}`;
      const answer = await fetch(address, { redirect: 'manual' });
      return [answer.status, answer.headers.get('Location'), await answer.text()];
    };
    const known = await seen(proxied({ order }));
    const invented = await seen(proxied({ order: '99' }));
    expect(known).toEqual(invented);
    expect(known.slice(0, 2)).toEqual([200, null]);
    expect(await seen(proxied({ order, shop: 'other.myshopify.com' }))).toEqual(known);
  });
});

test('the operator’s numbers are for the operator', async () => {
  const at = `${world.appUrl}/metrics`;
  for (const authorization of ['', 'Bearer a-token-of-the-operatoR', `Bearer ${token('admin')}`]) {
    expect((await fetch(at, { headers: { authorization } })).status).toBe(401);
  }
  const right = await fetch(at, { headers: { authorization: 'Bearer a-token-of-the-operator' } });
  expect(right.status).toBe(200);
  const text = await right.text();
  // The pool has no door: it tells what it has counted through the database.
  expect(text).toContain('zaptill_reconcile_breaks{kind="owed_differs"} 0');
  expect(text).toContain('zaptill_hedges_total');
});

describe('webhooks', () => {
  test.each(['forged', 'unsigned'] as const)('%s: 401, without effect', async (forgery) => {
    const before = await rowsOf();
    const order = world.shopify.createOrder({ shop: shopName, method: 'card', total: '5.00' });
    await world.shopify.webhooksSettled();
    const after = await rowsOf();
    const topics = ['orders/create', 'app/uninstalled', 'orders/cancelled', 'shop/redact'];
    for (const topic of topics) {
      const given = { topic, shop: shopName, app: app.name, order: order.id, forgery };
      expect(await world.shopify.sendWebhook(given)).toBe('401');
    }
    expect(await rowsOf()).toEqual(after);
    expect(JSON.stringify(before)).toBeTruthy();
  });

  test('replayed: 200, without effect', async () => {
    const bought = world.buy();
    const webhookId = 'the-same-again';
    const given = { topic: 'orders/create', shop: shopName, app: app.name, webhookId };
    const send = () => world.shopify.sendWebhook({ ...given, order: bought.orderId });
    expect(await send()).toBe('200');
    await world.payLink(bought);
    await world.shopify.webhooksSettled();
    const before = await rowsOf();
    for (let times = 0; times < 5; times += 1) expect(await send()).toBe('200');
    expect(await rowsOf()).toEqual(before);
  });

  test.each([
    ['nothing', ''],
    ['no JSON', '{"id":'],
    ['a list', '[1,2,3]'],
    ['no order', '{"hello":"world"}'],
    ['an id that is a path', '{"admin_graphql_api_id":"gid://shopify/Order/1/../2"}'],
    ['an id of another kind', '{"admin_graphql_api_id":"gid://shopify/Customer/7"}'],
  ])('genuine and holding %s: 200, and nothing to look at', async (_name, body) => {
    const before = await world.db.prisma.sighting.count();
    const given = { topic: 'orders/create', shop: shopName, app: app.name, body };
    expect(await world.shopify.sendWebhook(given)).toBe('200');
    expect(await world.db.prisma.sighting.count()).toBe(before);
  });

  test.each(['app/uninstalled', 'app/scopes_update', 'shop/redact'])(
    'an address that Shopify signed for a browser is no %s of any shop',
    async (topic) => {
      const counted = async () => [
        await world.db.prisma.sighting.findMany(),
        await world.db.prisma.privacyRequest.count(),
      ];
      const before = await counted();
      // Whoever opens the app sees it, with its signature: of the same secret, over the same bytes.
      const body = 'host=YWRtaW4&session=1f&shop=evil.myshopify.com&timestamp=1790000000';
      const given = { topic, shop: shopName, app: app.name, body };
      expect(await world.shopify.sendWebhook(given)).toBe('200');
      expect(await counted()).toEqual(before);
    },
  );

  test('an unknown topic and an unknown shop: 200', async () => {
    const before = await rowsOf();
    for (const [topic, shop] of [
      ['themes/publish', shopName],
      ['orders/create', 'unknown.myshopify.com'],
    ] as const) {
      const body = { admin_graphql_api_id: 'gid://shopify/Order/5' };
      const said = await world.shopify.sendWebhook({ topic, shop, app: app.name, body });
      expect(said).toBe('200');
    }
    const [shops, ...counts] = (await rowsOf()) as number[];
    const [shopsBefore, ...countsBefore] = before as number[];
    expect(shops).toEqual(shopsBefore);
    // The delivery of the known shop is remembered, and that is all.
    expect(counts.toSpliced(2, 1)).toEqual(countsBefore.toSpliced(2, 1));
  });
});

describe('the buyer’s link', () => {
  test.each([
    ['of nobody', 'AAAAAAAAAAAAAAAAAAAAAA'],
    ['too short', 'a'],
    ['a path', '..%2f..%2fetc%2fpasswd'],
    ['a statement', "1'%20or%20'1'='1"],
    ['of zeros', '%00'.repeat(7)],
    ['too long', 'a'.repeat(5_000)],
  ])('%s leads nowhere', async (_name, link) => {
    for (const [method, rest] of [
      ['GET', ''],
      ['GET', '/status'],
      ['POST', '/quote'],
    ] as const) {
      const answer = await fetch(`${world.appUrl}/pay/${link}${rest}`, { method });
      expect(answer.status).toBe(404);
      expect(await answer.text()).not.toMatch(/prisma|postgres|at \/|node_modules|stack/i);
    }
  });

  test('another site cannot ask for a price in the buyer’s name', async () => {
    const payUrl = await world.payLink(world.buy());
    const answer = await fetch(`${payUrl}/quote`, {
      method: 'POST',
      headers: { Origin: 'https://evil.example' },
      redirect: 'manual',
    });
    expect(answer.status).toBe(403);
  });
});

// The last one, because it has effects, some of which come later: a test order makes a webhook.
test('the right token is not 401', async () => {
  for (const route of of('merchant')) {
    expect((await call(route, `Bearer ${token('admin')}`)).status).not.toBe(401);
  }
});
