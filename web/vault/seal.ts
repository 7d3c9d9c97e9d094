// KEEPS SECRETS. Seals credentials, tokens and preimages for the place where they are stored, and
// opens them there and nowhere else. It must never show a key, never say why something does not
// open, and never reuse a nonce: each write draws its own data key, which is used once.
//
// A sealed value: format 1 | key version 4 | wrap nonce 12 | wrapped data key 32 | wrap tag 16 |
// nonce 12 | tag 16 | ciphertext. Only the wrap knows the key version, so that a new key-encryption
// key leaves the data untouched.
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { Buffer } from 'node:buffer';
import type { SealedPlace, Sealer } from '../core/ports.ts';
import type { VaultKey } from './keys.ts';

/** The format byte names algorithm and lengths: two formats can live side by side. */
const FORMAT = 1;
const CIPHER = 'aes-256-gcm';
const NONCE = 12;
const TAG = 16;
const KEY = 32;
const versionAt = 1;
const wrapAt = versionAt + 4;
const dataAt = wrapAt + NONCE + KEY + TAG;
const cipherAt = dataAt + NONCE + TAG;

/** The one error of this room. It never says what was wrong: that would help only an attacker. */
export class SecretsUnreadable extends Error {
  override readonly name = 'SecretsUnreadable';
  constructor() {
    super('a stored secret cannot be opened');
  }
}

/** Each part with its length, so that no two places make the same bytes. */
function boundTo(place: SealedPlace, more: readonly string[]): Buffer {
  const parts = [String(FORMAT), place.table, place.shop, place.field, place.record, ...more];
  return Buffer.concat(
    parts.map((part) => {
      const bytes = Buffer.from(part, 'utf8');
      const length = Buffer.alloc(4);
      length.writeUInt32BE(bytes.length);
      return Buffer.concat([length, bytes]);
    }),
  );
}

/** Nonce, ciphertext and tag, in the order nonce | ciphertext | tag. */
function encrypt(key: Uint8Array, plain: Uint8Array, bound: Uint8Array): Buffer[] {
  const nonce = randomBytes(NONCE);
  const cipher = createCipheriv(CIPHER, key, nonce, { authTagLength: TAG }).setAAD(bound);
  const hidden = Buffer.concat([cipher.update(plain), cipher.final()]);
  return [nonce, hidden, cipher.getAuthTag()];
}

function decrypt(
  key: Uint8Array,
  box: { nonce: Uint8Array; hidden: Uint8Array; tag: Uint8Array },
  bound: Uint8Array,
): Buffer {
  const decipher = createDecipheriv(CIPHER, key, box.nonce, { authTagLength: TAG });
  decipher.setAAD(bound).setAuthTag(box.tag);
  return Buffer.concat([decipher.update(box.hidden), decipher.final()]);
}

/** The version of the key that wraps this value. Throws `SecretsUnreadable` for foreign bytes. */
export function keyVersionOf(sealed: Uint8Array): number {
  if (sealed.length < cipherAt || sealed[0] !== FORMAT) throw new SecretsUnreadable();
  return Buffer.from(sealed).readUInt32BE(versionAt);
}

function unwrap(sealed: Buffer, place: SealedPlace, keys: ReadonlyMap<number, Uint8Array>): Buffer {
  const version = keyVersionOf(sealed);
  const key = keys.get(version);
  if (key === undefined) throw new SecretsUnreadable();
  const wrapped = wrapAt + NONCE;
  const box = {
    nonce: sealed.subarray(wrapAt, wrapped),
    hidden: sealed.subarray(wrapped, wrapped + KEY),
    tag: sealed.subarray(wrapped + KEY, dataAt),
  };
  return decrypt(key, box, boundTo(place, [String(version)]));
}

function wrap(dataKey: Uint8Array, place: SealedPlace, primary: VaultKey): Buffer {
  const head = Buffer.alloc(wrapAt);
  head[0] = FORMAT;
  head.writeUInt32BE(primary.version, versionAt);
  const bound = boundTo(place, [String(primary.version)]);
  return Buffer.concat([head, ...encrypt(primary.key, dataKey, bound)]);
}

function onlyOneError<T>(work: () => T): T {
  try {
    return work();
  } catch {
    throw new SecretsUnreadable();
  }
}

export type Vault = Sealer & {
  /** The version that seals from here on. */
  readonly primaryVersion: number;
  /** The same secret under the primary key; the data itself stays as it is. */
  rewrap: (sealed: Uint8Array, place: SealedPlace) => Uint8Array;
};

/**
 * Opens the vault: the highest version seals, each of them opens. `open` throws `SecretsUnreadable`
 * for another place, an unknown key version and any changed bit; nothing tells these apart. The
 * caller zeroes what `open` gave once it is used.
 */
export function openVault(keys: readonly VaultKey[]): Vault {
  const sorted = [...keys].sort((a, b) => b.version - a.version);
  const [primary] = sorted;
  if (primary === undefined || sorted.some((key) => key.key.length !== KEY)) {
    throw new RangeError('a vault needs keys of 32 bytes');
  }
  const known = new Map(sorted.map(({ version, key }) => [version, key]));
  return {
    primaryVersion: primary.version,
    seal: (plain, place) => {
      const dataKey = randomBytes(KEY);
      const [nonce, hidden, tag] = encrypt(dataKey, plain, boundTo(place, [])) as [
        Buffer,
        Buffer,
        Buffer,
      ];
      const wrapped = wrap(dataKey, place, primary);
      dataKey.fill(0);
      return new Uint8Array(Buffer.concat([wrapped, nonce, tag, hidden]));
    },
    open: (sealed, place) =>
      onlyOneError(() => {
        const bytes = Buffer.from(sealed);
        const dataKey = unwrap(bytes, place, known);
        const box = {
          nonce: bytes.subarray(dataAt, dataAt + NONCE),
          tag: bytes.subarray(dataAt + NONCE, cipherAt),
          hidden: bytes.subarray(cipherAt),
        };
        const plain = decrypt(dataKey, box, boundTo(place, []));
        dataKey.fill(0);
        // A copy of its own: small Buffers share a pool, and this one is going to be zeroed.
        const own = new Uint8Array(plain);
        plain.fill(0);
        return own;
      }),
    rewrap: (sealed, place) =>
      onlyOneError(() => {
        const bytes = Buffer.from(sealed);
        const dataKey = unwrap(bytes, place, known);
        const wrapped = wrap(dataKey, place, primary);
        dataKey.fill(0);
        return new Uint8Array(Buffer.concat([wrapped, bytes.subarray(dataAt)]));
      }),
  };
}
