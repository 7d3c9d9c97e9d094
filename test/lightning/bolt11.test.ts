// Requests as BOLT 11 itself prints them, and what must not differ from what was asked.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { differenceOf, parseRequest } from '../../web/lightning/bolt11.ts';
import type { PaymentRequest } from '../../web/lightning/bolt11.ts';

// Source: BOLT 11, examples: "a donation of any amount", and "2500u for a cup of coffee".
const donation = [
  'lnbc1pvjluezsp5zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zygspp5qqqsyqcyq5rqwzqfqqqs',
  'yqcyq5rqwzqfqqqsyqcyq5rqwzqfqypqdpl2pkx2ctnv5sxxmmwwd5kgetjypeh2ursdae8g6twvus8g6rfwvs8qun',
  '0dfjkxaq9qrsgq357wnc5r2ueh7ck6q93dj32dlqnls087fxdwk8qakdyafkq3yap9us6v52vjjsrvywa6rt52cm9r',
  '9zqt8r2t7mlcwspyetp5h2tztugp9lfyql',
].join('');
const coffee = [
  'lnbc2500u1pvjluezsp5zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zyg3zygspp5qqqsyqcyq5rqwzq',
  'fqqqsyqcyq5rqwzqfqqqsyqcyq5rqwzqfqypqdq5xysxxatsyp3k7enxv4jsxqzpu9qrsgquk0rl77nj30yxdy8j9v',
  'dx85fkpmdla2087ne0xh8nhedh8w27kyke0lp53ut353s06fv3qfegext0eh0ymjpf39tuven09sam30g4vgpfna3r',
  'h',
].join('');
const payee = '03e7156ae33b0a208d0744199163177e909e80176e55d97a2f221ede0f934dd9ad';
const hash = '0001020304050607080900010203040506070809000102030405060708090102';

describe('a payment request', () => {
  test('of any amount', () => {
    expect(parseRequest(donation)).toMatchObject({
      amountMsat: undefined,
      network: 'mainnet',
      payee,
      hash,
      createdAt: new Date('2017-06-01T10:57:38Z'),
      expiresAt: new Date('2017-06-01T11:57:38Z'),
      hints: 0,
    });
  });

  test('of an amount, for a minute, also in capitals as in a QR code', () => {
    const expected = { amountMsat: 250_000_000n, payee, hash };
    const read = parseRequest(coffee);
    expect(read).toMatchObject(expected);
    expect((read?.expiresAt.getTime() ?? 0) - (read?.createdAt.getTime() ?? 0)).toBe(60_000);
    expect(parseRequest(coffee.toUpperCase())).toMatchObject(expected);
  });

  test.each([
    ...['', 'ln', 'lnbc', 'lnbc1', 'lnbcrt1garbage', 'hello', coffee.slice(0, -1)],
    ...[`${coffee}q`, coffee.replace('2500u', '2501u'), coffee.replace('lnbc', 'lntb')],
    ...[coffee.replace('lnbc', 'lnltc'), `lightning:${coffee}`, 'x'.repeat(10_000)],
  ])('%.40s is none', (text) => {
    expect(parseRequest(text)).toBeUndefined();
  });

  test('one changed character is always noticed', () => {
    const letters = 'qpzry9x8gf2tvdw0s3jn54khce6mua7l';
    fc.assert(
      fc.property(fc.nat(coffee.length - 1), fc.nat(31), (at, letter) => {
        const changed = coffee.slice(0, at) + (letters[letter] ?? '') + coffee.slice(at + 1);
        if (changed !== coffee) expect(parseRequest(changed)).toBeUndefined();
      }),
      { numRuns: 300 },
    );
  });
});

describe('a difference from what was asked', () => {
  const now = new Date('2026-11-21T12:00:00Z');
  const at = (seconds: number): Date => new Date(now.getTime() + seconds * 1_000);
  const read: PaymentRequest = {
    ...{ hash, payee, amountMsat: 5_000n, network: 'regtest', hints: 0 },
    ...{ createdAt: now, expiresAt: at(600), descriptionHash: undefined },
  };
  const asked = { hash, amountMsat: 5_000n, expirySeconds: 600, identity: payee } as const;

  test('none', () => {
    expect(differenceOf(read, asked)).toBeUndefined();
    expect(differenceOf(read, { ...asked, network: 'regtest' })).toBeUndefined();
    expect(differenceOf({ ...read, expiresAt: at(602) }, asked)).toBeUndefined();
  });

  test.each([
    ['unreadable', undefined, asked],
    ['identity', { ...read, payee: `02${'0'.repeat(64)}` }, asked],
    ['network', read, { ...asked, network: 'mainnet' as const }],
    ['hash', { ...read, hash: hash.replace('0', '1') }, asked],
    ['amount', { ...read, amountMsat: 4_999n }, asked],
    ['amount', { ...read, amountMsat: undefined }, asked],
    ['expiry', { ...read, expiresAt: at(603) }, asked],
    ['expiry', { ...read, expiresAt: at(86_400) }, asked],
  ])('%s', (difference, given, wanted) => {
    expect(differenceOf(given, wanted)).toBe(difference);
  });

  test('read back, its end counts, on a clock that is not ours', () => {
    const later = { now: at(30) };
    const left = { ...asked, expirySeconds: 570 };
    expect(differenceOf(read, left)).toBe('expiry');
    expect(differenceOf(read, left, later)).toBeUndefined();
    const ahead = { ...read, createdAt: at(240), expiresAt: at(840) };
    expect(differenceOf(ahead, left, later)).toBeUndefined();
    const long = { ...read, expiresAt: at(1_000) };
    expect(differenceOf(long, left, later)).toBe('expiry');
    const shorter = { ...read, expiresAt: at(60) };
    expect(differenceOf(shorter, left, later)).toBe('expiry');
  });
});
