// What the gate lets through, and that the line it prints is let through.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startLnd } from '../../sandbox/lnd/index.ts';
import type { LndSimulator, MacaroonName } from '../../sandbox/lnd/index.ts';
import { bakeLine, freshRootKeyId, judgeCredential, mayCall } from '../../web/lightning/gate.ts';

let lnd: LndSimulator;
beforeAll(async () => {
  lnd = await startLnd({ seed: 'gate' });
});
afterAll(() => lnd.stop());

const uris = bakeLine('1').split(' ').slice(4);
const bake = (operations: readonly string[], caveats: string[] = [], rootKeyId = '4711'): Buffer =>
  lnd.macaroon(
    operations.map((one) => one.replace(/^uri:/, '')),
    { rootKeyId, caveats },
  );
const now = new Date('2026-11-21T12:00:00Z');

describe('the gate', () => {
  test('the line that it prints is taken, with the number in it', () => {
    const [, , option, id, ...operations] = bakeLine().split(' ');
    expect(option).toBe('--root_key_id');
    expect(Number(id)).toBeGreaterThan(0);
    const verdict = judgeCredential(bake(operations, [], id), now);
    expect(verdict).toMatchObject({ ok: true, rootKeyId: id, caveats: [] });
    if (!verdict.ok) return;
    expect(verdict.expiresAt).toBeUndefined();
    expect(mayCall(verdict, '/lnrpc.Lightning/GetInfo')).toBe(true);
    expect(mayCall(verdict, '/lnrpc.Lightning/SendPaymentSync')).toBe(false);
  });

  test('numbers are not given twice', () => {
    const ids = Array.from({ length: 200 }, freshRootKeyId);
    expect(new Set(ids).size).toBeGreaterThan(195);
  });

  test('what is needed is enough; each one that lacks is named', () => {
    const needed = uris.filter((uri) => !/GetInfo|ListChannels|ListInvoices/.test(uri));
    expect(needed).toHaveLength(4);
    expect(judgeCredential(bake(needed))).toMatchObject({ ok: true });
    for (const lacking of needed) {
      const verdict = judgeCredential(bake(needed.filter((one) => one !== lacking)));
      expect(verdict).toMatchObject({ ok: false, refusal: 'credential_lacks_permission' });
      if (!verdict.ok) expect(verdict.sentence).toContain(lacking.split('/').at(-1));
    }
  });

  const own: readonly (readonly [MacaroonName, RegExp])[] = [
    ['admin', /pay from the node/],
    ['readonly', /see balances/],
    ['invoice', /paid for less than its amount/],
    ['invoices', /paid for less than its amount/],
    ['router', /pay from the node/],
  ];
  test.each(own)("LND's own %s.macaroon is refused, with what is too much", (name, words) => {
    const verdict = judgeCredential(lnd.macaroon(name), now);
    expect(verdict).toMatchObject({ ok: false, refusal: 'credential_can_spend' });
    if (verdict.ok) return;
    expect(verdict.excess.map((one) => one.allows).join('; ')).toMatch(words);
    expect(verdict.bake).toMatch(/^lncli bakemacaroon --root_key_id \d+ uri:/);
  });

  test('the receive set under root key 0 is refused: it could not be revoked', () => {
    const verdict = judgeCredential(bake(uris, [], '0'));
    expect(verdict).toMatchObject({ ok: false, refusal: 'credential_not_revocable', excess: [] });
  });

  test.each([
    '/routerrpc.Router/SendPaymentV2',
    '/invoicesrpc.Invoices/HtlcModifier',
    '/invoicesrpc.Invoices/SettleInvoice',
    '/lnrpc.Lightning/SendCoins',
    '/lnrpc.Lightning/BakeMacaroon',
    '/lnrpc.Lightning/ChannelBalance',
  ])('one method too many, %s, is refused and named', (method) => {
    const verdict = judgeCredential(bake([...uris, method]));
    expect(verdict).toMatchObject({
      ok: false,
      refusal: 'credential_can_spend',
      excess: [{ permission: `uri:${method}` }],
    });
  });

  test('an end is known; one that has passed is refused', () => {
    const ending = (text: string): Buffer => bake(uris, [`time-before ${text}`]);
    const soon = judgeCredential(ending('2026-11-21T12:00:01.5Z'), now);
    expect(soon).toMatchObject({ ok: true, expiresAt: new Date('2026-11-21T12:00:01.500Z') });
    const nanos = judgeCredential(ending('2027-01-01T00:00:00.123456789+01:00'), now);
    expect(nanos).toMatchObject({ expiresAt: new Date('2026-12-31T23:00:00.123Z') });
    const past = judgeCredential(ending('2026-11-21T12:00:00Z'), now);
    expect(past).toMatchObject({ ok: false, refusal: 'credential_expired' });
    expect(judgeCredential(ending('2020-01-01T00:00:00Z'))).toMatchObject({ ok: true });
    const both = bake(uris, [
      'time-before 2028-01-01T00:00:00Z',
      'time-before 2027-01-01T00:00:00Z',
    ]);
    expect(judgeCredential(both, now)).toMatchObject({ expiresAt: new Date('2027-01-01') });
  });

  test.each([
    ['ipaddr 192.0.2.7', true],
    ['iprange 192.0.2.0/24', true],
    ['lnd-custom account 0123456789abcdef', false],
    ['time-before tomorrow', false],
    ['time-before 2027-13-45T99:00:00Z', false],
    ['ipaddr 192.0.2.7 and more', false],
    ['', false],
  ])('the condition "%s" is known: %s', (caveat, known) => {
    const verdict = judgeCredential(bake(uris, [caveat]));
    expect(verdict.ok).toBe(known);
    if (!verdict.ok) expect(verdict.refusal).toBe('credential_has_foreign_caveat');
  });

  test('what is no macaroon is refused, with the line', () => {
    const good = bake(uris);
    for (const bytes of [Buffer.alloc(0), good.subarray(0, 80), Buffer.concat([good, good])]) {
      const verdict = judgeCredential(bytes);
      expect(verdict).toMatchObject({ ok: false, refusal: 'not_a_macaroon' });
      if (!verdict.ok) expect(verdict.bake).toContain('CancelInvoice');
    }
  });
});
