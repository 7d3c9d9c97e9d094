// A BOLT11 request read without any package, for the page and the command that check a receipt far
// from our server. Source: BOLT 11. What is paid is decided elsewhere, by another reader.
import { whoSigned } from './secp256k1.ts';

export type SignedRequest = {
  network: 'mainnet' | 'testnet' | 'signet' | 'regtest';
  /** Undefined: the payer chose. */
  amountMsat: bigint | undefined;
  /** In seconds since 1970. */
  madeAt: number;
  /** Lower-case hex, as everything here. */
  hash: string;
  /** What the wallet showed. Undefined: only a hash of it stands there. */
  memo: string | undefined;
  /** The node that signed all of it. */
  node: string;
};

const letters = 'qpzry9x8gf2tvdw0s3jn54khce6mua7l';
const networks = { bc: 'mainnet', tb: 'testnet', tbs: 'signet', bcrt: 'regtest' } as const;
/** A long one names many ways in; none is as long as this. */
const longest = 7_089;

export const hexOf = (bytes: Uint8Array): string =>
  [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');

export const sha256 = async (bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array> =>
  new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));

function isWhole(prefix: string, words: readonly number[]): boolean {
  const spread = Array.from(prefix, (letter) => letter.charCodeAt(0));
  const all = [...spread.map((code) => code >> 5), 0, ...spread.map((code) => code & 31), ...words];
  let sum = 1;
  for (const word of all) {
    const top = sum >> 25;
    sum = ((sum & 0x1ffffff) << 5) ^ word;
    [0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3].forEach((part, at) => {
      if ((top >> at) & 1) sum ^= part;
    });
  }
  return sum === 1;
}

/** Five bits each to bytes. `pad`: what is left fills a last byte, else it is dropped. */
function bytesOf(words: readonly number[], pad: boolean): Uint8Array<ArrayBuffer> {
  const bytes: number[] = [];
  let held = 0;
  let bits = 0;
  for (const word of words) {
    held = ((held << 5) | word) & 0xfff;
    bits += 5;
    if (bits >= 8) {
      bits -= 8;
      bytes.push((held >> bits) & 0xff);
    }
  }
  if (pad && bits > 0) bytes.push((held << (8 - bits)) & 0xff);
  return new Uint8Array(bytes);
}

/** In msat, for one of each unit; a tenth of a msat is no amount. */
const tenthsOfMsat: Readonly<Record<string, bigint>> = {
  ...{ '': 1_000_000_000_000n, m: 1_000_000_000n, u: 1_000_000n, n: 1_000n, p: 1n },
};

/** `wrong`: it names an amount that nobody can pay. */
function amountOf(digits: string | undefined, unit: string): bigint | 'wrong' | undefined {
  if (digits === undefined) return undefined;
  const tenths = BigInt(digits) * (tenthsOfMsat[unit] ?? 0n);
  return tenths > 0n && tenths % 10n === 0n ? tenths / 10n : 'wrong';
}

type Tags = { hash?: string; memo?: string };

/** Of each tag the first counts; one of another length than it must have does not. */
function tagsOf(words: readonly number[]): Tags | undefined {
  const tags: Tags = {};
  for (let at = 0; at < words.length;) {
    const [tag, high = 0, low = 0] = words.slice(at, at + 3);
    const length = high * 32 + low;
    const value = words.slice(at + 3, at + 3 + length);
    if (at + 3 + length > words.length) return undefined;
    if (tag === 1 && length === 52) tags.hash ??= hexOf(bytesOf(value, false));
    if (tag === 13) tags.memo ??= new TextDecoder().decode(bytesOf(value, false));
    at += 3 + length;
  }
  return tags;
}

/** Undefined for whatever is not a BOLT11 of bitcoin that somebody signed. */
export async function readSigned(request: string): Promise<SignedRequest | undefined> {
  const text = request.trim();
  const isOneCase = text === text.toLowerCase() || text === text.toUpperCase();
  const lower = text.toLowerCase();
  const cut = lower.lastIndexOf('1');
  if (!isOneCase || lower.length > longest || cut < 0) return undefined;
  const prefix = lower.slice(0, cut);
  const named = /^ln(bcrt|bc|tbs|tb)(?:(\d{1,20})([munp]?))?$/.exec(prefix);
  const words = Array.from(lower.slice(cut + 1), (letter) => letters.indexOf(letter));
  if (named === null || words.includes(-1) || !isWhole(prefix, words)) return undefined;
  const signed = words.slice(0, -6 - 104);
  const signature = bytesOf(words.slice(-6 - 104, -6), false);
  const tags = tagsOf(signed.slice(7));
  const amountMsat = amountOf(named[2], named[3] ?? '');
  if (signed.length < 7 || tags?.hash === undefined || amountMsat === 'wrong') return undefined;
  const start = new TextEncoder().encode(prefix);
  const hash = await sha256(new Uint8Array([...start, ...bytesOf(signed, true)]));
  const recovery = signature[64] ?? 4;
  const node = whoSigned(hash, { signature: signature.subarray(0, 64), recovery });
  if (node === undefined) return undefined;
  return {
    ...{ network: networks[named[1] as keyof typeof networks], amountMsat, node },
    madeAt: signed.slice(0, 7).reduce((all, word) => all * 32 + word, 0),
    ...{ hash: tags.hash, memo: tags.memo },
  };
}
