// Keyed hashes: HMAC-SHA256 under keys of their own, derived from the keys of the vault, so that a
// hash tells nothing of what seals and a sealed value nothing of what hashes.
import { createHmac, hkdfSync, timingSafeEqual } from 'node:crypto';
import type { Stamp } from '../core/ports.ts';
import type { VaultKey } from './keys.ts';

const keyed = ({ key }: VaultKey): Uint8Array =>
  new Uint8Array(hkdfSync('sha256', key, new Uint8Array(0), 'zaptill stamp 1', 32));

/** The highest version makes, each of them checks. */
export function makeStamp(keys: readonly VaultKey[]): Stamp {
  const known = new Map(keys.map((key) => [key.version, keyed(key)]));
  const keyVersion = Math.max(...known.keys());
  const macOf = (key: Uint8Array, bytes: Uint8Array): Uint8Array =>
    new Uint8Array(createHmac('sha256', key).update(bytes).digest());
  return {
    make: (bytes) => {
      const key = known.get(keyVersion);
      if (key === undefined) throw new RangeError('a stamp needs a key');
      return { keyVersion, mac: macOf(key, bytes) };
    },
    fits: (bytes, made) => {
      const key = known.get(made.keyVersion);
      if (key === undefined) return undefined;
      const { mac } = made;
      return mac.length === 32 && timingSafeEqual(macOf(key, bytes), mac);
    },
  };
}
