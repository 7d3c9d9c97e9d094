import { Buffer } from 'node:buffer';

/** One key-encryption key: 32 bytes, and the version that a sealed value names it by. */
export type VaultKey = { version: number; key: Uint8Array };

const entry = /^([1-9]\d{0,8}):([A-Za-z0-9+/]{43}=)$/;

/**
 * Reads `1:<base64 of 32 bytes>[,2:...]`. Undefined when any part of it is not of that form, when a
 * version stands twice, or when a key is all zeros or all one byte: nobody drew such a key.
 */
export function parseVaultKeys(text: string): VaultKey[] | undefined {
  const keys: VaultKey[] = [];
  for (const part of text.split(',')) {
    const [, version = '', base64 = ''] = entry.exec(part.trim()) ?? [];
    const key = Buffer.from(base64, 'base64');
    if (key.length !== 32 || new Set(key).size === 1) return undefined;
    if (keys.some((other) => other.version === Number(version))) return undefined;
    keys.push({ version: Number(version), key: new Uint8Array(key) });
  }
  return keys;
}
