/**
 * What a node asks of an invoice before it makes one: LND's limits, in LND's order and words
 * (addinvoice.go).
 */
import { createHash } from 'node:crypto';
import { LONGEST_MEMO_BYTES } from './bolt11.ts';
import type { RouteHint } from './bolt11.ts';
import type { InvoiceKind } from './invoice.ts';
import type { Random } from './random.ts';
import { RpcError } from './rpc-error.ts';

const SMALLEST_CLTV = 24;
const LARGEST_CLTV = 65_535;
const DEFAULT_CLTV = 80;
const DEFAULT_EXPIRY_SECONDS = 86_400;
const LONGEST_EXPIRY_SECONDS = 31_536_000;
const LARGEST_AMOUNT_SAT = 100_000n * 100_000_000n;

export type AddTerms = {
  kind?: InvoiceKind;
  /** Hex; empty lets the node choose. A hold invoice knows only the hash. */
  secret?: string;
  hash?: string;
  memo?: string;
  descriptionHash?: string;
  /** 0: any amount. */
  amountMsat?: bigint;
  /** 0: a day. */
  expirySeconds?: number;
  /** 0: 80 blocks. */
  cltvDelta?: number;
  hints?: RouteHint[];
  fallbackAddress?: string;
};

export type AgreedTerms = Required<Omit<AddTerms, 'secret'>> & { secret: string | null };

export const sha256 = (hex: string): string =>
  createHash('sha256').update(Buffer.from(hex, 'hex')).digest('hex');

const bitcoin = (sat: bigint): string => {
  const decimals = (sat % 100_000_000n).toString().padStart(8, '0').replace(/0+$/, '');
  return `${(sat / 100_000_000n).toString()}${decimals ? `.${decimals}` : ''} BTC`;
};

const refuseBadSize = (terms: Required<AddTerms>): void => {
  const memoBytes = Buffer.byteLength(terms.memo);
  const hashBytes = terms.descriptionHash.length / 2;
  const amountSat = terms.amountMsat / 1000n;
  if (memoBytes > 1024) throw new RpcError(`memo too large: ${memoBytes} bytes (maxsize=1024)`);
  if (hashBytes > 0 && hashBytes !== 32) {
    throw new RpcError(`description hash is ${hashBytes} bytes, must be 32`);
  }
  if (amountSat > LARGEST_AMOUNT_SAT) {
    throw new RpcError(
      `invoice amount ${bitcoin(amountSat)} is too large, max is ${bitcoin(LARGEST_AMOUNT_SAT)}`,
    );
  }
};

const refuseBadTimes = ({ expirySeconds, cltvDelta }: Required<AddTerms>): void => {
  if (expirySeconds > LONGEST_EXPIRY_SECONDS) {
    throw new RpcError(
      `expiry of ${expirySeconds} seconds greater than max expiry of ` +
        `${LONGEST_EXPIRY_SECONDS} seconds`,
    );
  }
  if (cltvDelta > LARGEST_CLTV) {
    throw new RpcError(`CLTV delta of ${cltvDelta} is too large, max accepted is: ${LARGEST_CLTV}`);
  }
  if (cltvDelta !== 0 && cltvDelta < SMALLEST_CLTV) {
    throw new RpcError(
      `CLTV delta of ${cltvDelta} must be greater than minimum of ${SMALLEST_CLTV}`,
    );
  }
};

const agreedSecret = (terms: Required<AddTerms>, random: Random): string | null => {
  if (terms.kind === 'hold') return null;
  if (terms.secret.length > 0 && terms.secret.length !== 64) {
    throw new RpcError(`invalid preimage length of ${terms.secret.length / 2}, want 32`);
  }
  return terms.secret || random.bytes(32).toString('hex');
};

/** Fills in LND's defaults. Throws LND's refusals (code 2). */
export const agreeOnTerms = (asked: AddTerms, random: Random): AgreedTerms => {
  const terms: Required<AddTerms> = {
    kind: 'ordinary',
    secret: '',
    hash: '',
    memo: '',
    descriptionHash: '',
    amountMsat: 0n,
    expirySeconds: 0,
    cltvDelta: 0,
    hints: [],
    fallbackAddress: '',
    ...asked,
  };
  const secret = agreedSecret(terms, random);
  const hash = secret === null ? terms.hash : sha256(secret);
  if (hash.length !== 64) throw new RpcError(`invalid hash length of ${hash.length / 2}, want 32`);
  refuseBadSize(terms);
  refuseBadTimes(terms);
  // The request is encoded last, and only there is a memo of more than 639 bytes noticed.
  const groupsOfFive = Math.ceil((Buffer.byteLength(terms.memo) * 8) / 5);
  if (!terms.descriptionHash && Buffer.byteLength(terms.memo) > LONGEST_MEMO_BYTES) {
    throw new RpcError(`data length too big to fit within 10 bits: ${groupsOfFive}`);
  }
  return {
    ...terms,
    secret,
    hash,
    expirySeconds: terms.expirySeconds > 0 ? terms.expirySeconds : DEFAULT_EXPIRY_SECONDS,
    cltvDelta: terms.cltvDelta || DEFAULT_CLTV,
  };
};
