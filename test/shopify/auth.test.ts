import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Trouble } from '../../web/core/trouble.ts';
import { exchangeToken, freshToken, tokenSource } from '../../web/shopify/auth.ts';
import { app, openTestShop, shop, type TestShop } from './shop-for-tests.ts';

let at: TestShop;
beforeEach(async () => {
  at = await openTestShop();
});
afterEach(() => at.close());

const minute = 60_000;
const pair = { app: 'Zaptill', shop };
const refreshes = (): number =>
  at.shopify.log.filter((entry) => entry.what === 'token refresh_token').length;
const age = (minutes: number): void => at.shopify.clock.turn(minutes * minute);

async function troubleOf(work: Promise<unknown>): Promise<Trouble> {
  const error: unknown = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof Trouble)) throw new Error(`no Trouble but ${String(error)}`);
  return error;
}

describe('token exchange', () => {
  test('gives an expiring pair with its times and scopes', () => {
    const kept = at.store.kept;
    expect(kept?.accessToken).toMatch(/^shpat_/);
    expect(kept?.refreshToken).toMatch(/^shprt_/);
    expect(kept?.scopes).toBe('read_orders,write_orders');
    const [now, hour, days] = [at.clock().getTime(), 60 * minute, 90 * 24 * 60 * minute];
    expect(kept?.accessTokenEndsAt?.getTime()).toBeGreaterThan(now + hour - minute);
    expect(kept?.accessTokenEndsAt?.getTime()).toBeLessThanOrEqual(now + hour);
    expect(kept?.refreshTokenEndsAt?.getTime()).toBeGreaterThan(now + days - minute);
  });

  const exchange = (over: { claims?: Record<string, string | number>; secret?: string }) =>
    exchangeToken(at.auth, {
      app: { ...app, ...(over.secret === undefined ? {} : { clientSecret: over.secret }) },
      shop,
      sessionToken: at.shopify.sessionToken({
        shop,
        app: app.clientId,
        kind: 'admin',
        ...(over.claims === undefined ? {} : { claims: over.claims }),
      }),
    });

  test('says whether the session token or the registration was refused', async () => {
    expect(await troubleOf(exchange({ claims: { exp: 1_000 } }))).toMatchObject({
      what: 'session_token_refused',
      then: 'give_up',
      away: false,
    });
    expect(await troubleOf(exchange({ secret: 'wrong' }))).toMatchObject({
      what: 'registration_refused',
      then: 'give_up',
    });
  });

  test.each([
    ['status', 'shop_failing', 'ask_again'],
    ['json-429', 'throttled', 'retry'],
    ['html-200', 'answer_unreadable', 'ask_again'],
    ['reset', 'answer_cut', 'ask_again'],
    ['redirect', 'redirected', 'ask_again'],
  ] as const)('an endpoint in trouble (%s) is %s', async (kind, what, then) => {
    at.shopify.faults.add({ kind, operation: 'token' });
    const trouble = await troubleOf(exchange({}));
    expect(trouble).toMatchObject({ what, then, away: true });
    expect(JSON.stringify([trouble.message, trouble.stack])).not.toContain(app.clientSecret);
  });
});

describe('a token is fresh when it is needed', () => {
  test('a young one is used as it is, one near its end is replaced', async () => {
    const first = at.store.kept?.accessToken;
    expect(await freshToken(at.auth)).toBe(first);
    age(54);
    expect(await freshToken(at.auth)).toBe(first);
    expect(refreshes()).toBe(0);
    age(2);
    const second = await freshToken(at.auth);
    expect(second).not.toBe(first);
    expect(at.store.kept?.accessToken).toBe(second);
    expect(refreshes()).toBe(1);
  });

  test.each([
    ['near its end', 56],
    ['over', 61],
  ])('eight at once, the token %s, make one refresh', async (_what, minutes) => {
    age(minutes);
    const old = at.store.kept?.accessToken;
    const tokens = await Promise.all(Array.from({ length: 8 }, () => freshToken(at.auth)));
    expect(refreshes()).toBe(1);
    expect(at.store.stored).toBe(2);
    for (const token of tokens) expect([old, at.store.kept?.accessToken]).toContain(token);
    if (minutes > 60) expect(new Set(tokens)).toEqual(new Set([at.store.kept?.accessToken]));
    expect(at.store.refusedVersions).toEqual([]);
  });

  test('a lost answer is repeated with the stored old refresh token', async () => {
    age(61);
    at.shopify.faults.add({ kind: 'reset', when: 'after', operation: 'token' });
    const old = at.store.kept?.refreshToken;
    expect(await troubleOf(freshToken(at.auth))).toMatchObject({ then: 'ask_again', away: true });
    expect(at.store.kept?.refreshToken).toBe(old);
    const token = await freshToken(at.auth);
    expect(token).toBe(at.store.kept?.accessToken);
    expect(refreshes()).toBe(2);
    age(61);
    expect(await freshToken(at.auth)).not.toBe(token);
  });

  test('while the endpoint is away the old token is used as long as it lives', async () => {
    age(56);
    const old = at.store.kept?.accessToken;
    at.shopify.faults.add({ kind: 'status', operation: 'token', times: 2 });
    expect(await freshToken(at.auth)).toBe(old);
    age(5);
    expect(await troubleOf(freshToken(at.auth))).toMatchObject({ what: 'shop_failing' });
    expect(await freshToken(at.auth)).not.toBe(old);
  });

  test('a holder of the lease that died is replaced after the lease', async () => {
    age(61);
    expect(await at.store.takeRefreshLease(at.store.kept?.version ?? 0)).toBe(true);
    const waiting = freshToken(at.auth);
    await new Promise((done) => setTimeout(done, 50));
    expect(refreshes()).toBe(0);
    age(1);
    expect(await waiting).toBe(at.store.kept?.accessToken);
    expect(refreshes()).toBe(1);
  });

  test('a pair that was stored by another process meanwhile is not overwritten', async () => {
    age(61);
    const { store } = at;
    const before = store.kept?.version ?? 0;
    const slow: typeof store.store = store.store;
    store.store = async (tokens, replacing) => {
      store.store = slow;
      const theirs = { ...tokens, accessToken: 'theirs' };
      await slow(theirs, replacing);
      await slow(tokens, replacing);
    };
    expect(await freshToken(at.auth)).toBe('theirs');
    expect(store.kept?.version).toBe(before + 1);
  });

  test('a refused token is replaced by one of those who met the refusal', async () => {
    const tokens = tokenSource(at.auth);
    const refused = await tokens.current();
    at.shopify.expireTokens(pair);
    const fresh = await Promise.all(Array.from({ length: 8 }, () => tokens.insteadOf(refused)));
    expect(refreshes()).toBe(1);
    expect(new Set(fresh).size).toBe(1);
    expect(fresh[0]).not.toBe(refused);
  });

  test('dead tokens are given up, marked once, and none is made up', async () => {
    at.shopify.revokeTokens(pair);
    age(61);
    expect(await troubleOf(freshToken(at.auth))).toMatchObject({
      what: 'token_refused',
      then: 'give_up',
      away: true,
    });
    expect(at.store.refusedVersions).toEqual([at.store.kept?.version]);
    at.store.kept = undefined;
    expect(await troubleOf(freshToken(at.auth))).toMatchObject({ what: 'token_refused' });
  });

  test('a refresh token past its ninety days is not even sent', async () => {
    age(91 * 24 * 60);
    expect(await troubleOf(freshToken(at.auth))).toMatchObject({ what: 'token_refused' });
    expect(refreshes()).toBe(0);
  });
});
