// Reads BOLT11 requests, our own and foreign ones, and compares one with what was asked for. The
// parser may throw on anything at all, so it is called here and nowhere else.
import { parsePaymentRequest } from 'invoices';

export type Network = 'mainnet' | 'testnet' | 'signet' | 'regtest';

export type PaymentRequest = {
  /** Lower-case hex. */
  hash: string;
  /** Undefined: the payer chooses. */
  amountMsat: bigint | undefined;
  /** Who signed it: 33 bytes hex. */
  payee: string;
  network: Network;
  createdAt: Date;
  expiresAt: Date;
  /** SHA-256 of what it is for, lower-case hex; undefined where that stands in it as text. */
  descriptionHash: string | undefined;
  /** How many ways in through private channels it names. */
  hints: number;
};

const networks: Readonly<Record<string, Network>> = {
  bitcoin: 'mainnet',
  testnet: 'testnet',
  signet: 'signet',
  regtest: 'regtest',
};

/** Undefined for whatever is not a BOLT11 of bitcoin with a valid signature. Never throws. */
export function parseRequest(request: string): PaymentRequest | undefined {
  try {
    const read = parsePaymentRequest({ request });
    const network = networks[read.network];
    // The parser says 0 where the request has no amount; a request for 0 is none either.
    const amount = BigInt(read.mtokens ?? '0');
    const createdAt = new Date(read.created_at);
    const expiresAt = new Date(read.expires_at);
    if (network === undefined || Number.isNaN(expiresAt.getTime())) return undefined;
    return {
      hash: read.id,
      amountMsat: amount > 0n ? amount : undefined,
      payee: read.destination,
      network,
      createdAt,
      expiresAt,
      descriptionHash: read.description_hash,
      hints: read.routes?.length ?? 0,
    };
  } catch {
    return undefined;
  }
}

export type Asked = { hash: string; amountMsat: bigint; expirySeconds: number };
export type NodeIdentity = { identity?: string | undefined; network?: Network | undefined };

/** What a request must not differ in, in the order in which it is told. */
export type Difference = 'unreadable' | 'identity' | 'network' | 'hash' | 'amount' | 'expiry';

/** How far a node's clock may be from ours. */
const clocksApartMs = 5 * 60_000;

/**
 * The first difference between a request and what was asked, or undefined. The life of the
 * invoice may differ by two seconds. An invoice that was read back was made earlier and asked for
 * longer, so there its end is compared, on two clocks.
 */
export function differenceOf(
  read: PaymentRequest | undefined,
  asked: Asked & NodeIdentity,
  madeBefore?: { now: Date },
): Difference | undefined {
  if (read === undefined) return 'unreadable';
  if (asked.identity !== undefined && read.payee !== asked.identity) return 'identity';
  if (asked.network !== undefined && read.network !== asked.network) return 'network';
  if (read.hash !== asked.hash) return 'hash';
  if (read.amountMsat !== asked.amountMsat) return 'amount';
  const askedMs = asked.expirySeconds * 1_000;
  const end = read.expiresAt.getTime();
  const lifeMs = end - read.createdAt.getTime();
  if (Math.abs(lifeMs - askedMs) <= 2_000) return undefined;
  if (madeBefore === undefined || lifeMs < askedMs) return 'expiry';
  const beyondMs = Math.abs(end - madeBefore.now.getTime() - askedMs);
  return beyondMs <= clocksApartMs ? undefined : 'expiry';
}
