import { Buffer } from 'node:buffer';
import { createHmac } from 'node:crypto';
import { SignJWT } from 'jose';
import { afterEach, describe, expect, test, vi } from 'vitest';
import {
  bearerOf,
  isGenuineWebhook,
  proveBuyer,
  proveDocumentLoad,
  proveMerchant,
  proveProxy,
} from '../../web/shopify/requests.ts';
import { shopDomain } from '../../web/shopify/shop-domain.ts';

const shop = 'shop1.myshopify.com';
const app = { clientId: 'client-1', secrets: ['hush'] };
const other = { clientId: 'client-2', secrets: ['other-secret', 'older-secret'] };
const apps = [app, other];
const nowSeconds = (): number => Math.floor(Date.now() / 1_000);

type Claims = Record<string, string | number | undefined>;

function sign(claims: Claims, about: { secret?: string; alg?: string } = {}): Promise<string> {
  const given = Object.entries(claims).filter(([, value]) => value !== undefined);
  return new SignJWT(Object.fromEntries(given))
    .setProtectedHeader({ alg: about.alg ?? 'HS256', typ: 'JWT' })
    .sign(Buffer.from(about.secret ?? 'hush'));
}

const adminClaims = (over: Claims = {}): Claims => ({
  iss: `https://${shop}/admin`,
  dest: `https://${shop}`,
  aud: 'client-1',
  sub: '42',
  exp: nowSeconds() + 60,
  nbf: nowSeconds(),
  iat: nowSeconds(),
  jti: 'f8912129-1af6-4cad-9ca3-76b0f7621087',
  ...over,
});
const buyerClaims = (over: Claims = {}): Claims =>
  adminClaims({ iss: undefined, sub: undefined, dest: shop, exp: nowSeconds() + 300, ...over });

afterEach(() => void vi.useRealTimers());

describe('a webhook', () => {
  const body = Buffer.from('{"id":820982911946154508,"name":"#1001"}');
  const hmac = 'Mkf2s8BiWQBb/dlay3RDP15QWaH8IejS3UDTmBxVmfo=';

  test('of the published vector is genuine, also under the second of two secrets', () => {
    expect(isGenuineWebhook(body, { hmac, secrets: ['hush'] })).toBe(true);
    expect(isGenuineWebhook(body, { hmac, secrets: ['next', 'hush'] })).toBe(true);
  });

  test.each([
    ['another secret', body, hmac, ['hash']],
    ['no secret', body, hmac, []],
    ['no header', body, undefined, ['hush']],
    ['an empty header', body, '', ['hush']],
    ['a cut header', body, hmac.slice(0, 20), ['hush']],
    ['a header with another case', body, hmac.toLowerCase(), ['hush']],
    ['another body', Buffer.from('{"id":820982911946154508,"name":"#1002"}'), hmac, ['hush']],
    ['a parsed and printed body', Buffer.from('{"id": 820982911946154508}'), hmac, ['hush']],
  ])('with %s is not', (_what, bytes, header, secrets) => {
    expect(isGenuineWebhook(bytes, { hmac: header, secrets })).toBe(false);
  });

  test('is checked by its bytes, also where they are no text', () => {
    const bytes = Buffer.from([0xff, 0xfe, 0x00, 0x80]);
    const signature = createHmac('sha256', 'hush').update(bytes).digest('base64');
    expect(isGenuineWebhook(bytes, { hmac: signature, secrets: ['hush'] })).toBe(true);
    const asText = Buffer.from(bytes.toString('utf8'));
    expect(isGenuineWebhook(asText, { hmac: signature, secrets: ['hush'] })).toBe(false);
  });
});

describe('a session token of the admin', () => {
  test('proves a member of staff of that shop, for the registration it names', async () => {
    expect(await proveMerchant(await sign(adminClaims()), apps)).toEqual({
      ok: true,
      app,
      shop,
      user: '42',
    });
    const rotated = await sign(adminClaims({ aud: 'client-2' }), { secret: 'older-secret' });
    expect(await proveMerchant(rotated, apps)).toMatchObject({ ok: true, app: other });
  });

  const faults: [string, () => Promise<string> | string | undefined, string][] = [
    ['nothing', () => undefined, 'missing'],
    ['an empty text', () => '', 'missing'],
    ['no token at all', () => 'abc', 'unreadable'],
    ['three dots', () => 'a.b.c', 'unreadable'],
    ['a giant', () => `${'a'.repeat(5_000)}.b.c`, 'unreadable'],
    ['another audience', () => sign(adminClaims({ aud: 'client-9' })), 'unknown_app'],
    ['the secret of another app', () => sign(adminClaims({ aud: 'client-2' })), 'refused'],
    ['another algorithm', () => sign(adminClaims(), { alg: 'HS512' }), 'refused'],
    ['an end 11 s ago', () => sign(adminClaims({ exp: nowSeconds() - 11 })), 'refused'],
    ['a begin in 15 s', () => sign(adminClaims({ nbf: nowSeconds() + 15 })), 'refused'],
    ['no end', () => sign(adminClaims({ exp: undefined })), 'unreadable'],
    ['no begin', () => sign(adminClaims({ nbf: undefined })), 'unreadable'],
    ['no dest', () => sign(adminClaims({ dest: undefined })), 'unreadable'],
    ['a token of the block', () => sign(buyerClaims()), 'wrong_kind'],
    ['iss without dest of the admin', () => sign(adminClaims({ dest: shop })), 'wrong_kind'],
    ['iss missing', () => sign(adminClaims({ iss: undefined })), 'wrong_kind'],
    ['two shops', () => sign(adminClaims({ dest: 'https://shop2.myshopify.com' })), 'wrong_shop'],
    [
      'iss of a longer name',
      () => sign(adminClaims({ iss: `https://${shop}/admin/x` })),
      'wrong_shop',
    ],
    ['a foreign iss', () => sign(adminClaims({ iss: 'https://evil.example/admin' })), 'wrong_shop'],
    ['a foreign dest', () => sign(adminClaims({ dest: 'https://evil.example' })), 'wrong_shop'],
  ];
  test.each(faults)('with %s proves nothing', async (_what, make, because) => {
    expect(await proveMerchant(await make(), apps)).toEqual({ ok: false, because });
  });

  test('is taken within ten seconds of tolerance', async () => {
    const late = await sign(adminClaims({ exp: nowSeconds() - 5 }));
    const early = await sign(adminClaims({ nbf: nowSeconds() + 5 }));
    expect((await proveMerchant(late, apps)).ok).toBe(true);
    expect((await proveMerchant(early, apps)).ok).toBe(true);
  });

  test('without a signature proves nothing', async () => {
    const [, payload] = (await sign(adminClaims())).split('.');
    const head = Buffer.from('{"alg":"none","typ":"JWT"}').toString('base64url');
    const token = `${head}.${payload ?? ''}.`;
    expect(await proveMerchant(token, apps)).toEqual({ ok: false, because: 'refused' });
  });

  test('is written in one spelling of the shop', async () => {
    const loud = { iss: 'https://SHOP1.myshopify.com/admin', dest: 'https://SHOP1.myshopify.com' };
    expect(await proveMerchant(await sign(adminClaims(loud)), apps)).toMatchObject({ shop });
  });
});

describe('a token of the buyer’s block', () => {
  const vector = [
    'eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJkZXN0Ijoic2hvcDEubXlzaG9waWZ5LmNvbSIsImF1ZCI6InR',
    'lc3QtY2xpZW50LWlkIiwiZXhwIjo0MTAyNDQ0ODAwLCJuYmYiOjE3NjcyMjU2MDAsImlhdCI6MTc2NzIyNTYwMCw',
    'ianRpIjoiMDAwMDAwMDAtMDAwMC00MDAwLTgwMDAtMDAwMDAwMDAwMDAxIn0._bQiCTok1iFVl5leXF3PFl6IJ0b',
    'exxfAvY0N70iSJ3Q',
  ].join('');

  test('of the published vector proves the shop and no user', async () => {
    const known = { clientId: 'test-client-id', secrets: ['hush'] };
    expect(await proveBuyer(vector, [known])).toEqual({
      ok: true,
      app: known,
      shop,
      user: undefined,
    });
    expect(await proveBuyer(vector, [{ ...known, secrets: ['hash'] }])).toMatchObject({
      because: 'refused',
    });
  });

  test.each([
    ['a token of the admin', () => sign(adminClaims()), 'wrong_kind'],
    ['a dest with a scheme', () => sign(buyerClaims({ dest: `https://${shop}` })), 'wrong_kind'],
    ['an iss', () => sign(buyerClaims({ iss: `https://${shop}/admin` })), 'wrong_kind'],
    ['a foreign dest', () => sign(buyerClaims({ dest: 'evil.example' })), 'wrong_shop'],
    ['a dest with a port', () => sign(buyerClaims({ dest: `${shop}:443` })), 'wrong_shop'],
    ['an end long ago', () => sign(buyerClaims({ exp: 1_767_225_600 })), 'refused'],
  ])('with %s proves nothing', async (_what, make, because) => {
    expect(await proveBuyer(await make(), apps)).toEqual({ ok: false, because });
  });
});

describe('the admin opening our frame', () => {
  function signed(query: Record<string, string>, secret = 'hush'): URLSearchParams {
    const text = Object.keys(query)
      .sort()
      .map((key) => `${key}=${encodeURIComponent(query[key] ?? '')}`)
      .join('&');
    const hmac = createHmac('sha256', secret).update(text).digest('hex');
    return new URLSearchParams({ ...query, hmac });
  }
  const load = async (over: Record<string, string> = {}): Promise<Record<string, string>> => ({
    embedded: '1',
    host: 'YWRtaW4uc2hvcGlmeS5jb20vc3RvcmUvc2hvcDE=',
    id_token: await sign(adminClaims()),
    locale: 'de',
    session: '0123',
    shop,
    timestamp: String(nowSeconds()),
    ...over,
  });

  test('proves the shop by its token and its signature', async () => {
    expect(await proveDocumentLoad(signed(await load()), apps)).toMatchObject({ ok: true, shop });
  });

  test('the recipe is that of the published vector', async () => {
    vi.useFakeTimers({ toFake: ['Date'], now: 1_337_178_173_000 });
    const query = {
      code: '0907a61c0c8d55e99db179b68161bc00',
      host: 'YWRtaW4uc2hvcGlmeS5jb20vc3RvcmUvc2hvcDE',
      shop,
      state: '0.6784241404160823',
      timestamp: '1337178173',
    };
    expect(signed(query).get('hmac')).toBe(
      'd15c637e62e93fa7d930e8951409d4545760b5c377cc6301fe5aadb652c32c7f',
    );
    const whole = signed({ ...query, id_token: await sign(adminClaims()) });
    expect(await proveDocumentLoad(whole, apps)).toMatchObject({ ok: true });
  });

  test.each([
    ['another shop', { shop: 'shop2.myshopify.com' }, 'wrong_shop'],
    ['no shop', { shop: '' }, 'wrong_shop'],
    ['no token', { id_token: '' }, 'missing'],
    ['an old address', { timestamp: '1337178173' }, 'hmac'],
    ['an address without a time', { timestamp: '' }, 'hmac'],
  ])('%s proves nothing', async (_what, over, because) => {
    expect(await proveDocumentLoad(signed(await load(over)), apps)).toEqual({ ok: false, because });
  });

  test('a changed, foreign, repeated or missing part proves nothing', async () => {
    const changed = signed(await load());
    changed.set('host', 'ZXZpbA');
    const missing = signed(await load());
    missing.delete('hmac');
    const repeated = signed(await load());
    repeated.append('shop', 'shop2.myshopify.com');
    const foreign = signed(await load(), 'other-secret');
    for (const query of [changed, missing, repeated, foreign]) {
      expect((await proveDocumentLoad(query, apps)).ok).toBe(false);
    }
  });
});

describe('small forms', () => {
  test('a bearer token is taken from its header', () => {
    expect(bearerOf('Bearer a.b-_c.d')).toBe('a.b-_c.d');
    expect(bearerOf('bearer abc=')).toBe('abc=');
    for (const header of [undefined, '', 'Bearer', 'Basic abc', 'Bearer a b', 'Bearer a\n']) {
      expect(bearerOf(header)).toBeUndefined();
    }
  });

  test('a shop has one spelling', () => {
    expect(shopDomain('SHOP-1.myshopify.com')).toBe('shop-1.myshopify.com');
    const refused = [
      '',
      'shop',
      'shop.myshopify.com/',
      'https://shop.myshopify.com',
      'shop.myshopify.io',
      'shop.shopify.com',
      'a_b.myshopify.com',
      '-a.myshopify.com',
      'a.b.myshopify.com',
      'shop.myshopify.com.evil.example',
      'shop.myshopify.com\n',
      `${'a'.repeat(101)}.myshopify.com`,
    ];
    for (const value of refused) expect(shopDomain(value), value).toBeUndefined();
  });
});

describe('the app proxy', () => {
  const vector =
    'extra=1&extra=2&shop=shop-name.myshopify.com&logged_in_customer_id=1' +
    '&path_prefix=%2Fapps%2Fawesome_reviews&timestamp=1317327555' +
    '&signature=4c68c8624d737112c91818c11017d24d334b524cb5c2b8ba08daa056f7395ddb';
  const at = new Date(1_317_327_555_000);
  const prove = (query: string, when = at) => proveProxy(new URLSearchParams(query), apps, when);

  test('of the published vector is proven, for a shop and for nobody in it', () => {
    expect(prove(vector)).toEqual({
      ok: true,
      app,
      shop: 'shop-name.myshopify.com',
      user: undefined,
    });
    // The other registration's secrets come first, and do not fit.
    expect(proveProxy(new URLSearchParams(vector), [other, app], at)).toMatchObject({ app });
  });

  test.each([
    ['another value', vector.replace('extra=2', 'extra=3'), 'hmac'],
    ['one more parameter', `${vector}&order=1`, 'hmac'],
    ['another shop', vector.replace('shop-name', 'shop-nam2'), 'hmac'],
    ['a second shop', `${vector}&shop=${shop}`, 'unreadable'],
    ['a second signature', `${vector}&signature=00`, 'unreadable'],
    ['a second time', `${vector}&timestamp=1317327556`, 'unreadable'],
    ['no signature', vector.replace(/&signature=.*/, ''), 'missing'],
    ['a cut signature', vector.slice(0, -2), 'hmac'],
    ['letters in capitals', vector.replace(/[0-9a-f]{64}$/, (hex) => hex.toUpperCase()), 'hmac'],
    ['nothing', '', 'missing'],
  ])('with %s is refused', (_name, query, because) => {
    expect(prove(query)).toEqual({ ok: false, because });
  });

  test('lives for ninety seconds', () => {
    const after = (seconds: number) => prove(vector, new Date(at.getTime() + seconds * 1_000)).ok;
    expect([-91, -90, 0, 90, 91].map(after)).toEqual([false, true, true, true, false]);
  });

  test.each([
    ['no time', { shop }],
    ['a time that is none', { shop, timestamp: 'now' }],
    ['no shop', { timestamp: '1317327555' }],
    ['a shop that is none', { shop: 'evil.example', timestamp: '1317327555' }],
  ])('signed and with %s is refused', (_name, given) => {
    const query = new URLSearchParams(given);
    const text = [...query].map(([key, value]) => `${key}=${value}`).sort();
    query.set('signature', createHmac('sha256', 'hush').update(text.join('')).digest('hex'));
    expect(proveProxy(query, apps, at).ok).toBe(false);
  });
});
