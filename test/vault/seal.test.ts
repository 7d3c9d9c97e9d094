import { Buffer } from 'node:buffer';
import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { SealedPlace } from '../../web/core/ports.ts';
import { parseVaultKeys } from '../../web/vault/keys.ts';
import { keyVersionOf, openVault, SecretsUnreadable } from '../../web/vault/seal.ts';

const key = (version: number) => ({ version, key: new Uint8Array(randomBytes(32)) });
const place: SealedPlace = {
  table: 'shop',
  field: 'access_token',
  shop: 'a.myshopify.com',
  record: '7',
};
const plain = Buffer.from('shpat_canary');

describe('a sealed secret', () => {
  test('opens in its place, whatever its bytes', () => {
    const vault = openVault([key(1)]);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 2_000 }), (bytes) => {
        const sealed = vault.seal(bytes, place);
        expect(Buffer.from(vault.open(sealed, place))).toEqual(Buffer.from(bytes));
      }),
      { numRuns: 50 },
    );
  });

  test('opens in no other place, for all pairs of places', () => {
    const vault = openVault([key(1)]);
    const places: SealedPlace[] = [
      place,
      { ...place, table: 'node' },
      { ...place, field: 'refresh_token' },
      { ...place, shop: 'b.myshopify.com' },
      { ...place, record: '8' },
      { ...place, shop: 'a.myshopify.co', field: 'maccess_token' },
      { ...place, field: 'access_token7', record: '' },
    ];
    let tried = 0;
    for (const from of places) {
      const sealed = vault.seal(plain, from);
      for (const to of places) {
        if (from === to) continue;
        tried += 1;
        expect(() => vault.open(sealed, to)).toThrow(SecretsUnreadable);
      }
    }
    expect(tried).toBe(42);
  });

  test('never opens with any one bit changed, and one error tells nothing', () => {
    const vault = openVault([key(1), key(2)]);
    const sealed = vault.seal(plain, place);
    const messages = new Set<string>();
    for (let bit = 0; bit < sealed.length * 8; bit += 1) {
      const bent = Uint8Array.from(sealed);
      bent[bit >> 3] = (bent[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      try {
        vault.open(bent, place);
        expect.unreachable(`bit ${String(bit)} did not matter`);
      } catch (error) {
        expect(error).toBeInstanceOf(SecretsUnreadable);
        messages.add(String(error));
        expect((error as Error).cause).toBeUndefined();
      }
    }
    expect(messages.size).toBe(1);
  });

  test('is different at each write and does not hold the plain text', () => {
    const vault = openVault([key(1)]);
    const seen = new Set<string>();
    for (let n = 0; n < 100; n += 1) {
      const sealed = Buffer.from(vault.seal(plain, place));
      expect(sealed.includes(plain)).toBe(false);
      // The data nonce, the wrap nonce and the wrapped key are all drawn anew.
      seen.add(sealed.subarray(5, 17).toString('hex'));
      seen.add(sealed.subarray(65, 77).toString('hex'));
    }
    expect(seen.size).toBe(200);
  });

  test('cut short, empty or foreign bytes do not open', () => {
    const vault = openVault([key(1)]);
    const sealed = vault.seal(plain, place);
    for (const length of [0, 1, 5, 64, 92, sealed.length - 1]) {
      expect(() => vault.open(sealed.subarray(0, length), place)).toThrow(SecretsUnreadable);
    }
    expect(() => keyVersionOf(new Uint8Array(200))).toThrow(SecretsUnreadable);
  });
});

describe('keys', () => {
  test('the highest version seals, older ones still open', () => {
    const [one, two, three] = [key(1), key(2), key(3)];
    const old = openVault([one]).seal(plain, place);
    const vault = openVault([two, one]);
    const young = vault.seal(plain, place);
    expect(keyVersionOf(old)).toBe(1);
    expect(keyVersionOf(young)).toBe(2);
    expect(Buffer.from(vault.open(old, place))).toEqual(plain);
    expect(() => openVault([three]).open(old, place)).toThrow(SecretsUnreadable);
    expect(() => openVault([one]).open(young, place)).toThrow(SecretsUnreadable);
  });

  test('a secret moves to the newest key without its data being touched', () => {
    const [one, two] = [key(1), key(2)];
    const old = openVault([one]).seal(plain, place);
    const moved = openVault([one, two]).rewrap(old, place);
    expect(keyVersionOf(moved)).toBe(2);
    expect(moved.subarray(65)).toEqual(old.subarray(65));
    expect(Buffer.from(openVault([two]).open(moved, place))).toEqual(plain);
    const other = { ...place, record: '9' };
    expect(() => openVault([one, two]).rewrap(old, other)).toThrow(SecretsUnreadable);
  });

  test('a changed key version does not open, though the other key is the same', () => {
    const [one, two] = [key(1), key(2)];
    const twin = { version: 2, key: one.key };
    const bent = Uint8Array.from(openVault([one]).seal(plain, place));
    bent[4] = 2;
    expect(() => openVault([one, twin]).open(bent, place)).toThrow(SecretsUnreadable);
    expect(() => openVault([one, two]).open(bent, place)).toThrow(SecretsUnreadable);
  });

  test('are read from one line, or not at all', () => {
    const base64 = randomBytes(32).toString('base64');
    const other = randomBytes(32).toString('base64');
    expect(parseVaultKeys(`1:${base64}, 12:${other}`)?.map((each) => each.version)).toEqual([
      1, 12,
    ]);
    const refused = [
      '',
      base64,
      `0:${base64}`,
      `01:${base64}`,
      `1:${base64},1:${other}`,
      `1:${base64},`,
      `1:${base64.slice(0, -2)}=`,
      `1:${randomBytes(31).toString('base64')}`,
      `1:${randomBytes(33).toString('base64')}`,
      `1:${Buffer.alloc(32).toString('base64')}`,
      `1:${Buffer.alloc(32, 7).toString('base64')}`,
    ];
    for (const text of refused) expect(parseVaultKeys(text), text).toBeUndefined();
    expect(() => openVault([])).toThrow(RangeError);
  });
});
