/**
 * All randomness of a simulated node, from one seed, so that a run can be repeated.
 *
 * A stream of SHA-256(seed, counter). Without a seed the operating system gives one. It protects no
 * money: it only has to look random and to repeat. (The TLS key is the exception: Web Crypto makes
 * it and takes no seed.)
 */
import { createHash, randomBytes } from 'node:crypto';

export type Random = {
  readonly seed: string;
  bytes: (length: number) => Buffer;
  /** A whole number from `low` to `high`, both included. */
  between: (low: number, high: number) => number;
};

export const randomFrom = (seed: string = randomBytes(16).toString('hex')): Random => {
  let counter = 0;
  const block = (): Buffer => {
    counter += 1;
    return createHash('sha256')
      .update(`${seed}/${String(counter)}`)
      .digest();
  };
  const bytes = (length: number): Buffer => {
    const parts: Buffer[] = [];
    for (let have = 0; have < length; have += 32) parts.push(block());
    return Buffer.concat(parts).subarray(0, length);
  };
  return {
    seed,
    bytes,
    between: (low, high) => low + (bytes(4).readUInt32BE() % (high - low + 1)),
  };
};
