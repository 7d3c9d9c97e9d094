// What LND says of an invoice, as an observation. The node is a stranger: numbers out of range,
// missing fields and secrets that do not fit are read as "not said", never passed on.
import { createHash } from 'node:crypto';
import { paymentHash, preimage } from '../core/invoice.ts';
import type { Observation, Preimage } from '../core/invoice.ts';
import { msat } from '../core/money.ts';
import type { RawInvoice } from './connection.ts';

const states: Readonly<Record<string, Observation['state']>> = {
  OPEN: 'open',
  ACCEPTED: 'accepted',
  SETTLED: 'settled',
  CANCELED: 'canceled',
};

/** A QR code holds no more, so no wallet reads more. Source: BOLT 11 implementations. */
const longestRequest = 7_089;

const lastSecond = 253_402_300_799n;
/** Whole seconds since 1970 as a date between then and the year 9999. */
function dateAt(seconds: bigint): Date {
  const kept = seconds < 0n ? 0n : seconds > lastSecond ? lastSecond : seconds;
  return new Date(Number(kept) * 1_000);
}

function preimageOf(bytes: Buffer, hash: string): Preimage | undefined {
  if (bytes.length !== 32) return undefined;
  const fits = createHash('sha256').update(bytes).digest('hex') === hash;
  return fits ? preimage(bytes.toString('hex')) : undefined;
}

/** The first of the parts that are held to time out; undefined when none is. */
function heldUntil({ state, htlcs }: RawInvoice): { heldUntilHeight?: number } {
  if (state !== 'ACCEPTED') return {};
  const heights = htlcs
    .filter((part) => part.state === 'ACCEPTED' && part.expiry_height > 0)
    .map((part) => part.expiry_height);
  return heights.length === 0 ? {} : { heldUntilHeight: Math.min(...heights) };
}

/**
 * Undefined when there is no hash (AMP payments) or a state that is not known. A preimage is only
 * told when its SHA-256 is the hash.
 */
export function observationOf(raw: RawInvoice): Observation | undefined {
  const hash = paymentHash(raw.r_hash.toString('hex'));
  const state = states[raw.state];
  if (hash === undefined || state === undefined) return undefined;
  const settleIndex = BigInt(raw.settle_index);
  const settleSeconds = BigInt(raw.settle_date);
  return {
    hash,
    state,
    amountMsat: msat(BigInt(raw.value_msat)),
    receivedMsat: msat(BigInt(raw.amt_paid_msat)),
    preimage: preimageOf(raw.r_preimage, hash),
    ...heldUntil(raw),
    settleIndex: settleIndex > 0n ? settleIndex : undefined,
    settledAt: settleSeconds > 0n ? dateAt(settleSeconds) : undefined,
    addIndex: BigInt(raw.add_index),
    expiresAt: dateAt(BigInt(raw.creation_date) + BigInt(raw.expiry)),
    request: raw.payment_request.length > longestRequest ? '' : raw.payment_request,
  };
}
