// The callback of the payments app's grant, with everything that can be wrong about it. A refusal
// counts only if nothing was stored, nobody was signed in, and Shopify was not even asked.
import { createHmac } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import {
  merchantApp,
  openFace,
  otherShop,
  paymentsApp,
  shop,
  signIn,
  visitor,
  type Answer,
  type Face,
  type Visitor,
} from '../payments-face.ts';

let face: Face;
let victim: Visitor;
/** The address to which Shopify would send the victim's browser. */
let genuine: URL;

beforeAll(async () => {
  face = await openFace();
});
afterAll(() => face.close());

async function beginAt(who: Visitor, of: string): Promise<URL> {
  const begun = await who.ask(`/payments?shop=${of}`);
  const approved = await who.ask(begun.location, { form: {} });
  return new URL(approved.location);
}

beforeEach(async () => {
  victim = visitor(face);
  genuine = await beginAt(victim, shop);
});

/** The same address with other parts, signed as one who has this secret would. */
function signed(change: Record<string, string | undefined>, secret = paymentsApp.secret): string {
  const parts = new Map([...genuine.searchParams].filter(([name]) => name !== 'hmac'));
  for (const [name, value] of Object.entries(change)) {
    if (value === undefined) parts.delete(name);
    else parts.set(name, value);
  }
  const sorted = new URLSearchParams([...parts].sort(([a], [b]) => (a < b ? -1 : 1)));
  const hmac = createHmac('sha256', secret).update(sorted.toString()).digest('hex');
  return `${genuine.pathname}?${sorted.toString()}&hmac=${hmac}`;
}
const seconds = (ahead: number): string => String(Math.floor(Date.now() / 1_000) + ahead);

const stored = async () => {
  const { prisma } = face.wired.db;
  return {
    shops: (await prisma.shop.findMany()).map(({ id, tokenVersion }) => [id, tokenVersion]),
    signedIn: await prisma.pageSession.count(),
    tokenCalls: face.shopify.log.filter(({ what }) => what.startsWith('token')).length,
  };
};

async function isRefused(work: () => Promise<Answer>, status = 403): Promise<void> {
  const before = await stored();
  const answer = await work();
  expect(answer.status).toBe(status);
  expect(answer.location).toBe('');
  expect(answer.headers.get('content-type')).toContain('text/html');
  expect(answer.text).toMatch(/Nothing was changed/);
  const cookies = answer.headers.getSetCookie().join();
  expect(cookies).not.toMatch(/zaptill_page/);
  expect(await stored()).toEqual(before);
}

describe('a callback is refused', () => {
  const wrong: Record<string, () => string> = {
    'without its signature': () => signed({}).replace(/&hmac=.*/, ''),
    'with another signature': () => signed({}).replace(/hmac=.{8}/, 'hmac=00000000'),
    'signed by the merchant app’s secret': () => signed({}, merchantApp.secret),
    'signed by nobody’s secret': () => signed({}, ''),
    'with a state that we did not give': () => signed({ state: 'A'.repeat(32) }),
    'without a state': () => signed({ state: undefined }),
    'for another shop than it was begun for': () => signed({ shop: otherShop }),
    'for a shop that is none': () => signed({ shop: 'evil.example/.myshopify.com' }),
    'a hundred seconds old': () => signed({ timestamp: seconds(-100) }),
    'a hundred seconds ahead': () => signed({ timestamp: seconds(100) }),
    'without a time': () => signed({ timestamp: undefined }),
    'with two shops': () => `${signed({})}&shop=${otherShop}`,
    'with two codes': () => `${signed({})}&code=another`,
    'without a code, as when the merchant declines': () => signed({ code: undefined }),
    'with an endless code': () => signed({ code: 'c'.repeat(2_000) }),
    empty: () => genuine.pathname,
  };
  test.each(Object.keys(wrong))('%s', async (name) => {
    await isRefused(() => victim.ask(wrong[name]?.() ?? ''));
  });

  test('in another browser than the one that began it', async () => {
    await isRefused(() => visitor(face).ask(genuine.href));
  });

  test('in a browser that began a grant of its own, for another shop', async () => {
    const attacker = visitor(face);
    const theirs = await beginAt(attacker, otherShop);
    // The victim has a state of their own, and is led to the attacker's callback.
    await isRefused(() => victim.ask(theirs.href));
  });

  test('with a cookie that was bent, is over, or is of another state', async () => {
    const cookie = victim.cookies.get('zaptill_grant') ?? '';
    const [state = '', ends = '', signature = ''] = cookie.split('.');
    const longer = String(Number(ends) + 1_000);
    const over = String(Date.now() - 1_000);
    const signedOver = createHmac('sha256', paymentsApp.secret)
      .update(['grant', state, shop, paymentsApp.clientId, over].join('\n'))
      .digest('base64url');
    for (const bent of [
      `${state}.${longer}.${signature}`,
      `${'B'.repeat(32)}.${ends}.${signature}`,
      `${state}.${ends}.${'A'.repeat(43)}`,
      `${state}.${over}.${signedOver}`,
      state,
      '',
    ]) {
      victim.cookies.set('zaptill_grant', bent);
      await isRefused(() => victim.ask(genuine.href));
    }
  });

  test('a second time, also by one who kept the cookie', async () => {
    const cookie = victim.cookies.get('zaptill_grant') ?? '';
    const first = await victim.ask(genuine.href);
    expect(first.status).toBe(303);
    await isRefused(() => victim.ask(genuine.href));
    // With the cookie it gets as far as Shopify, where a code is good once.
    const thief = visitor(face);
    thief.cookies.set('zaptill_grant', cookie);
    const before = await stored();
    const second = await thief.ask(genuine.href);
    expect(second.status).toBe(403);
    expect(second.text).toContain('Nothing was changed');
    expect(thief.cookies.has('zaptill_page')).toBe(false);
    const { shops, signedIn } = await stored();
    expect([shops, signedIn]).toEqual([before.shops, before.signedIn]);
  });
});

test('while Shopify is away nothing is stored, and the merchant may begin again', async () => {
  const before = await stored();
  face.shopify.faults.add({ kind: 'status', operation: 'token' });
  const answer = await victim.ask(genuine.href);
  expect([answer.status, victim.cookies.has('zaptill_page')]).toEqual([503, false]);
  expect(answer.text).toContain(`href="/payments?shop=${shop}"`);
  const { shops, signedIn } = await stored();
  expect([shops, signedIn]).toEqual([before.shops, before.signedIn]);
});

test('the check can fail: what Shopify really sends signs the merchant in', async () => {
  const before = await stored();
  const answer = await victim.ask(genuine.href);
  expect([answer.status, answer.location]).toEqual([303, `${face.appUrl}/payments`]);
  const after = await stored();
  expect(after.signedIn).toBe(before.signedIn + 1);
  expect(after.tokenCalls).toBe(before.tokenCalls + 1);
});

describe('the cookie of the page', () => {
  test.each([
    ['of nobody', 'A'.repeat(43)],
    ['that is a statement', "' or 1=1 --"],
    ['that is empty', ''],
    ['that is endless', 'A'.repeat(5_000)],
  ])('%s signs nobody in', async (_name, value) => {
    const stranger = visitor(face);
    const answer = await stranger.ask('/payments', {
      headers: { Cookie: `zaptill_page=${value}` },
    });
    expect(answer.status).toBe(401);
  });

  test('twice there is nobody’s; its hash is no cookie', async () => {
    await signIn(face, victim);
    const token = victim.cookies.get('zaptill_page') ?? '';
    const ask = (Cookie: string) => visitor(face).ask('/payments', { headers: { Cookie } });
    expect((await ask(`zaptill_page=${token}`)).status).toBe(200);
    expect((await ask(`zaptill_page=${token}; zaptill_page=${token}`)).status).toBe(401);
    const [row] = await face.wired.db.prisma.pageSession.findMany({ take: 1 });
    const hash = Buffer.from(row?.tokenHash ?? []).toString('base64url');
    expect((await ask(`zaptill_page=${hash}`)).status).toBe(401);
  });

  test('of one shop shows nothing of another', async () => {
    await signIn(face, victim);
    const answer = await victim.ask(`/payments?shop=${otherShop}`);
    expect(answer.status).toBe(302);
    expect(answer.location).toContain(`/${otherShop}/admin/oauth/authorize`);
  });
});
