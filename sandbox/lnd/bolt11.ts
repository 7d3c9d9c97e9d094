/**
 * Real, signed BOLT11 requests, written and read as a node and a wallet do.
 *
 * Packages `invoices` and `tiny-secp256k1` do the encoding and the signature; neither of them ships
 * types that fit, so the few functions used here are described by hand.
 */
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);

type Hop = {
  public_key: string;
  channel?: string;
  base_fee_mtokens?: string;
  fee_rate?: number;
  cltv_delta?: number;
};
type Invoices = {
  createUnsignedRequest: (of: {
    network: string;
    id: string;
    payment: string;
    cltv_delta: number;
    created_at: string;
    expires_at: string;
    mtokens?: string;
    description?: string;
    description_hash?: string;
    features: { bit: number }[];
    routes?: Hop[][];
    chain_addresses?: string[];
  }) => { hash: string; hrp: string; tags: number[] };
  createSignedRequest: (of: {
    destination: string;
    hrp: string;
    signature: string;
    tags: number[];
  }) => { request: string };
  parsePaymentRequest: (of: { request: string }) => {
    id: string;
    payment?: string;
    mtokens?: string;
    destination: string;
    network: string;
    description?: string;
    created_at: string;
    expires_at: string;
    cltv_delta: number;
  };
};
type Curve = {
  pointFromScalar: (key: Uint8Array, compressed: boolean) => Uint8Array | null;
  sign: (hash: Uint8Array, key: Uint8Array) => Uint8Array;
};
const invoices = require('invoices') as Invoices;
const curve = require('tiny-secp256k1') as Curve;

export type Network = 'bitcoin' | 'testnet' | 'signet' | 'regtest';
export type RouteHint = Hop[];

/** BOLT 9 bits that LND 0.21 puts into an ordinary invoice: required are 8 and 14. */
export const INVOICE_FEATURES = [
  { bit: 8, name: 'tlv-onion', required: true },
  { bit: 14, name: 'payment-addr', required: true },
  { bit: 17, name: 'multi-path-payments', required: false },
  { bit: 25, name: 'route-blinding', required: false },
] as const;

/** The compressed public key, hex. */
const publicKeyOf = (privateKey: Buffer): string =>
  Buffer.from(curve.pointFromScalar(privateKey, true) ?? []).toString('hex');

/** Bytes of UTF-8 that fit into BOLT11's description: 1,023 groups of five bits. */
export const LONGEST_MEMO_BYTES = 639;

export type RequestTerms = {
  network: Network;
  hash: string;
  paymentSecret: string;
  /** 0 makes a request for any amount. */
  amountMsat: bigint;
  memo: string;
  /** Hex; takes the place of the memo when it is not empty. */
  descriptionHash: string;
  /** Seconds since 1970. */
  createdAt: number;
  expirySeconds: number;
  cltvDelta: number;
  hints: RouteHint[];
  fallbackAddress: string;
};

export type SigningKey = { privateKey: Buffer; publicKey: string };

export const signingKeyOf = (privateKey: Buffer): SigningKey => ({
  privateKey,
  publicKey: publicKeyOf(privateKey),
});

export const signRequest = (key: SigningKey, terms: RequestTerms): string => {
  const unsigned = invoices.createUnsignedRequest({
    network: terms.network,
    id: terms.hash,
    payment: terms.paymentSecret,
    cltv_delta: terms.cltvDelta,
    created_at: new Date(terms.createdAt * 1000).toISOString(),
    expires_at: new Date((terms.createdAt + terms.expirySeconds) * 1000).toISOString(),
    features: INVOICE_FEATURES.map(({ bit }) => ({ bit })),
    ...(terms.amountMsat > 0n ? { mtokens: terms.amountMsat.toString() } : {}),
    ...(terms.descriptionHash
      ? { description_hash: terms.descriptionHash }
      : { description: terms.memo }),
    ...(terms.hints.length > 0 ? { routes: terms.hints } : {}),
    ...(terms.fallbackAddress ? { chain_addresses: [terms.fallbackAddress] } : {}),
  });
  const signature = curve.sign(Buffer.from(unsigned.hash, 'hex'), key.privateKey);
  return invoices.createSignedRequest({
    destination: key.publicKey,
    hrp: unsigned.hrp,
    signature: Buffer.from(signature).toString('hex'),
    tags: unsigned.tags,
  }).request;
};

export type ReadRequest = {
  hash: string;
  /** Hex; empty when the request has none. */
  paymentSecret: string;
  /** 0 when any amount may be paid. */
  amountMsat: bigint;
  description: string;
  payee: string;
  network: string;
  createdAtMs: number;
  expiresAtMs: number;
  cltvDelta: number;
};

/** Throws when it is not a BOLT11 request with a valid signature. */
export const readRequest = (request: string): ReadRequest => {
  const parsed = invoices.parsePaymentRequest({ request });
  return {
    hash: parsed.id,
    paymentSecret: parsed.payment ?? '',
    amountMsat: BigInt(parsed.mtokens ?? '0'),
    description: parsed.description ?? '',
    payee: parsed.destination,
    network: parsed.network,
    createdAtMs: Date.parse(parsed.created_at),
    expiresAtMs: Date.parse(parsed.expires_at),
    cltvDelta: parsed.cltv_delta,
  };
};
