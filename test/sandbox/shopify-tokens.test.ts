import '@shopify/shopify-api/adapters/node';
import { ApiVersion, shopifyApi } from '@shopify/shopify-api';
import { createHmac } from 'node:crypto';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import type { Shopify } from '../../sandbox/shopify/index.ts';
import {
  frameQuery,
  proxySignature,
  querySignature,
  readToken,
  signToken,
  webhookSignature,
} from '../../sandbox/shopify/signatures.ts';
import { APP, ask, askToken, exchangeOf, shopify, SHOP, tokenFor } from './shopify-at-hand.ts';

const DAY_MS = 86_400_000;
const library = shopifyApi({
  apiKey: APP.clientId,
  apiSecretKey: APP.secret,
  hostName: 'app.example.com',
  apiVersion: ApiVersion.July26,
  isEmbeddedApp: true,
  logger: { log: () => undefined },
});

let shop: Shopify;
beforeAll(async () => {
  shop = await shopify();
});
afterAll(() => shop.close());

const admin = (claims = {}, secret?: string) =>
  shop.sessionToken({
    shop: SHOP,
    app: 'Zaptill',
    kind: 'admin',
    claims,
    ...(secret === undefined ? {} : { secret }),
  });
const refresh = (token: string | undefined) =>
  askToken(shop, { grant_type: 'refresh_token', refresh_token: token });
const works = async (token: string) =>
  (await ask(shop, token, { query: '{ shop { id } }' })).status === 200;

test('the published vectors come out of the signers', () => {
  expect(webhookSignature('hush', Buffer.from('{"id":820982911946154508,"name":"#1001"}'))).toBe(
    'Mkf2s8BiWQBb/dlay3RDP15QWaH8IejS3UDTmBxVmfo=',
  );
  expect(
    proxySignature('hush', {
      extra: '1,2',
      logged_in_customer_id: '1',
      path_prefix: '/apps/awesome_reviews',
      shop: 'shop-name.myshopify.com',
      timestamp: '1317327555',
    }),
  ).toBe('4c68c8624d737112c91818c11017d24d334b524cb5c2b8ba08daa056f7395ddb');
  expect(
    querySignature('hush', {
      code: '0907a61c0c8d55e99db179b68161bc00',
      host: 'YWRtaW4uc2hvcGlmeS5jb20vc3RvcmUvc2hvcDE',
      shop: 'shop1.myshopify.com',
      state: '0.6784241404160823',
      timestamp: '1337178173',
    }),
  ).toBe('d15c637e62e93fa7d930e8951409d4545760b5c377cc6301fe5aadb652c32c7f');
  expect(
    signToken('hush', {
      dest: 'shop1.myshopify.com',
      aud: 'test-client-id',
      exp: 4102444800,
      nbf: 1767225600,
      iat: 1767225600,
      jti: '00000000-0000-4000-8000-000000000001',
    }),
  ).toMatch(/^eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9\.eyJkZXN0.*\._bQiCTok1iFVl5leXF3PFl6IJ0bexx/);
});

test('Shopify’s own library accepts its session tokens and frame queries', async () => {
  const payload = await library.session.decodeSessionToken(admin());
  expect(payload).toMatchObject({ iss: `https://${SHOP}/admin`, dest: `https://${SHOP}` });
  expect(payload.exp - payload.iat).toBe(60);
  const query = frameQuery(APP, SHOP, { locale: 'en', nowMs: Date.now() });
  expect(query.get('embedded')).toBe('1');
  expect(await library.utils.validateHmac(Object.fromEntries(query))).toBe(true);
  const extension = readToken(
    'hush',
    shop.sessionToken({ shop: SHOP, app: 'Zaptill', kind: 'extension' }),
  );
  expect(extension).toMatchObject({ dest: SHOP, aud: APP.clientId });
  expect(extension).not.toHaveProperty('iss');
  expect(readToken('hush', `${admin().slice(0, -2)}xx`)).toBeUndefined();
});

test('exchange gives an expiring pair', async () => {
  const { status, body } = await askToken(shop, exchangeOf(admin()));
  expect(status).toBe(200);
  expect(body).toMatchObject({
    scope: 'read_orders,write_orders',
    expires_in: 3600,
    refresh_token_expires_in: 7_776_000,
  });
  expect(body.access_token).toMatch(/^shpat_[0-9a-f]{32}$/);
  expect(body.refresh_token).toMatch(/^shprt_/);
  expect(await works(body.access_token)).toBe(true);
  const forever = await askToken(shop, { ...exchangeOf(admin()), expiring: '0' });
  expect(forever.body.refresh_token).toBeUndefined();
});

test('exchange verifies the session token really', async () => {
  const unsigned = (alg: string) => {
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const claims = admin().split('.')[1] ?? '';
    const head = part({ alg, typ: 'JWT' });
    const mac = createHmac('sha256', 'hush').update(`${head}.${claims}`).digest('base64url');
    return `${head}.${claims}.${alg === 'none' ? '' : mac}`;
  };
  const bad = {
    'wrong secret': admin({}, 'other'),
    expired: admin({ exp: 1 }),
    'another app': admin({ aud: 'client-2' }),
    'another shop': admin({ dest: 'https://other.myshopify.com' }),
    'an extension’s token': shop.sessionToken({ shop: SHOP, app: 'Zaptill', kind: 'extension' }),
    'no algorithm': unsigned('none'),
    'another algorithm': unsigned('HS512'),
    rubbish: 'a.b.c',
  };
  for (const [what, token] of Object.entries(bad)) {
    const { status, body } = await askToken(shop, exchangeOf(token));
    expect([what, status, body.error]).toEqual([what, 400, 'invalid_subject_token']);
  }
  const wrongSecret = await askToken(shop, { ...exchangeOf(admin()), client_secret: 'no' });
  expect(wrongSecret.status).toBe(401);
  const unknown = await askToken(shop, { ...exchangeOf(admin()), client_id: 'nobody' });
  expect(unknown.status).toBe(400);
});

test('an access token dies after an hour, its refresh token after ninety days', async () => {
  const own = await shopify();
  const first = (await askToken(own, exchangeOf(admin()))).body;
  own.clock.turn(3_600_000);
  expect((await ask(own, first.access_token, { query: '{ shop { id } }' })).status).toBe(401);
  own.clock.turn(89 * DAY_MS);
  const ask90 = { grant_type: 'refresh_token', refresh_token: first.refresh_token };
  expect((await askToken(own, ask90)).status).toBe(200);
  own.clock.turn(DAY_MS);
  expect(await askToken(own, ask90)).toMatchObject({
    status: 400,
    body: { error: 'invalid_grant' },
  });
  await own.close();
});

test('the old refresh token lives until its replacement is used', async () => {
  const first = (await askToken(shop, exchangeOf(admin()))).body;
  const second = (await refresh(first.refresh_token)).body;
  expect(second.refresh_token).not.toBe(first.refresh_token);
  // Had the answer been lost, the app would send the old one again.
  const lost = await refresh(first.refresh_token);
  expect(lost.status).toBe(200);
  const third = await refresh(lost.body.refresh_token);
  expect(third.status).toBe(200);
  expect((await refresh(first.refresh_token)).status).toBe(400);
  expect(await works(third.body.access_token)).toBe(true);
});

test('revoked, expired early, uninstalled, installed again', async () => {
  const pair = { app: 'Zaptill', shop: SHOP };
  const first = (await askToken(shop, exchangeOf(admin()))).body;
  shop.expireTokens(pair);
  expect(await works(first.access_token)).toBe(false);
  const second = (await refresh(first.refresh_token)).body;
  expect(await works(second.access_token)).toBe(true);
  shop.revokeTokens(pair);
  expect(await works(second.access_token)).toBe(false);
  expect((await refresh(second.refresh_token)).status).toBe(400);
  shop.uninstall(pair);
  expect((await askToken(shop, exchangeOf(admin()))).body.error).toBe('invalid_subject_token');
  shop.install(pair);
  expect(await works(await tokenFor(shop))).toBe(true);
});

test('a token of one app is nothing in another app’s hands', async () => {
  const two = await shopify({
    apps: [
      { ...APP, appUrl: 'http://127.0.0.1:9' },
      { name: 'Other', clientId: 'client-2', secret: 'quiet', appUrl: 'http://127.0.0.1:9' },
    ],
  });
  const mine = (await askToken(two, exchangeOf(admin()))).body;
  const stolen = await askToken(two, {
    grant_type: 'refresh_token',
    refresh_token: mine.refresh_token,
    client_id: 'client-2',
    client_secret: 'quiet',
  });
  expect(stolen.status).toBe(400);
  await two.close();
});

test('the token endpoint can lose its answer', async () => {
  const first = (await askToken(shop, exchangeOf(admin()))).body;
  shop.faults.add({ kind: 'reset', when: 'after', operation: 'token' });
  await expect(refresh(first.refresh_token)).rejects.toThrow();
  expect((await refresh(first.refresh_token)).status).toBe(200);
});

vi.setConfig({ testTimeout: 20_000 });
