// Who knocks again and again makes us ask Shopify only so often, and takes nothing from others.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { callerOf } from '../../web/http/caller.ts';
import { startInProcess, type InProcess } from '../in-process.ts';
import { openFace, visitor, type Face } from '../payments-face.ts';

describe('whose budget it is', () => {
  const caller = (remoteAddress: string, forwarded?: string): string => {
    const headers = forwarded === undefined ? {} : { 'x-forwarded-for': forwarded };
    return callerOf({ headers, socket: { remoteAddress } as never });
  };
  test.each([
    ['198.51.100.7', undefined, '198.51.100.7'],
    // From outside nobody may say who they are.
    ['198.51.100.7', '203.0.113.9', '198.51.100.7'],
    ['::ffff:198.51.100.7', '203.0.113.9', '198.51.100.7'],
    ['127.0.0.1', '203.0.113.9', '203.0.113.9'],
    // The nearest proxy writes at the end; what stands before that is anybody's word.
    ['::1', '192.0.2.1, 203.0.113.9', '203.0.113.9'],
    ['::ffff:172.18.0.2', '192.0.2.1, 203.0.113.9, 10.0.0.3', '203.0.113.9'],
    ['10.0.0.2', 'rubbish', '10.0.0.2'],
    ['10.0.0.2', '203.0.113.9, unknown', '10.0.0.2'],
    ['10.0.0.2', undefined, '10.0.0.2'],
    ['127.0.0.1', '2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['127.0.0.1', '2001:DB8:1:2::9', '2001:db8:1:2::/64'],
    ['2001:db8::1', undefined, '2001:db8:0:0::/64'],
    ['fd00::1', '203.0.113.9', '203.0.113.9'],
  ])('%s that says %s: %s', (remote, forwarded, whose) => {
    expect(caller(remote, forwarded)).toBe(whose);
  });
});

describe('the callback of the payments app', () => {
  let face: Face;
  beforeAll(async () => {
    face = await openFace();
  }, 60_000);
  afterAll(() => face.close());

  // That a proven grant spends from a budget stands in test/http/payments-page.test.ts.
  test('what proves nothing is refused, and spends nothing of anybody', async () => {
    const knock = async (): Promise<number> => {
      const headers = { 'X-Forwarded-For': '203.0.113.9' };
      return (await visitor(face).ask('/payments/auth/callback?shop=x', { headers })).status;
    };
    const before = face.shopify.log.length;
    const all = await Promise.all(Array.from({ length: 80 }, () => knock()));
    expect(new Set(all)).toEqual(new Set([403]));
    expect(face.shopify.log.length).toBe(before);
  });
});

describe('token exchange', () => {
  let world: InProcess;
  beforeAll(async () => {
    world = await startInProcess();
  }, 60_000);
  afterAll(() => world.close());

  const knock = async (from = '203.0.113.9'): Promise<number> => {
    const answer = await fetch(`${world.appUrl}/api/nodes`, {
      headers: { Authorization: `Bearer ${world.adminToken()}`, 'X-Forwarded-For': from },
    });
    await answer.text();
    return answer.status;
  };
  const exchanges = (): number =>
    world.shopify.log.filter(({ what }) => what.startsWith('token')).length;
  const set = (assign: string): Promise<unknown> =>
    world.db.pool.query(`update shop set ${assign}`);

  test('one address makes us ask so often, and no more; what works goes on', async () => {
    const before = exchanges();
    for (let n = 0; n < 60; n += 1) {
      await set(`scopes = ''`);
      expect(await knock()).toBe(200);
    }
    expect(exchanges()).toBe(before + 60);
    await set(`scopes = ''`);
    // The token works for what was granted.
    expect(await knock()).toBe(200);
    await set('token_refused_at = now()');
    expect(await knock()).toBe(429);
    expect(exchanges()).toBe(before + 60);
    expect(await knock('203.0.113.10')).toBe(200);
    expect(exchanges()).toBe(before + 61);
    // Tokens that work are nobody's budget.
    expect(await knock()).toBe(200);
  });
});
