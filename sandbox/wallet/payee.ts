/**
 * A buyer's own money box: makes requests that somebody may pay, on any network and over any
 * amount, also such as an honest wallet would not make.
 */
import { createHash, randomBytes } from 'node:crypto';
import { signingKeyOf, signRequest } from '../lnd/bolt11.ts';
import type { Network } from '../lnd/bolt11.ts';

export type Wish = {
  /** 0n: whoever pays chooses. */
  amountMsat: bigint;
  memo?: string;
  /** SHA-256 as hex, in the place of the memo. */
  descriptionHash?: string;
  network?: Network;
  expirySeconds?: number;
  /** How long ago it was made. */
  madeSecondsAgo?: number;
  /** Another one of the same secret has the same hash. */
  preimage?: string;
};
export type Made = { request: string; hash: string; preimage: string };
export type Payee = {
  publicKey: string;
  make: (wish: Wish) => Made;
  /** What a simulated node calls to pay: `node.reaches(payee)`. */
  receive: (part: { hash: string; amountMsat: bigint }) => Promise<Received>;
  /** Hashes of what was paid, oldest first. */
  paid: () => string[];
};
type Received = { ok: true; preimage: string } | { ok: false; why: string };

const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

/** `network`: of all that does not ask for another one. */
export const payee = (network: Network = 'regtest'): Payee => {
  const key = signingKeyOf(randomBytes(32));
  const made = new Map<string, { preimage: string; amountMsat: bigint }>();
  const paid = new Set<string>();
  return {
    publicKey: key.publicKey,
    paid: () => [...paid],
    receive: ({ hash, amountMsat }) => {
      const known = made.get(hash);
      const fits = known && (known.amountMsat === 0n || known.amountMsat === amountMsat);
      if (!fits || paid.has(hash)) {
        return Promise.resolve({ ok: false, why: 'INCORRECT_OR_UNKNOWN_PAYMENT_DETAILS' });
      }
      paid.add(hash);
      return Promise.resolve({ ok: true, preimage: known.preimage });
    },
    make: (wish) => {
      const preimage = wish.preimage ?? randomBytes(32).toString('hex');
      const hash = sha256(Buffer.from(preimage, 'hex'));
      const request = signRequest(key, {
        network: wish.network ?? network,
        hash,
        paymentSecret: randomBytes(32).toString('hex'),
        amountMsat: wish.amountMsat,
        memo: wish.memo ?? '',
        descriptionHash: wish.descriptionHash ?? '',
        createdAt: Math.floor(Date.now() / 1000) - (wish.madeSecondsAgo ?? 0),
        expirySeconds: wish.expirySeconds ?? 3600,
        cltvDelta: 80,
        hints: [],
        fallbackAddress: '',
      });
      made.set(hash, { preimage, amountMsat: wish.amountMsat });
      return { request, hash, preimage };
    },
  };
};
