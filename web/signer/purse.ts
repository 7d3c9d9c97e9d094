// A purse as the signer holds it in its hands: the credential and the ceilings, which are sealed
// together. The columns beside the seal are for people and for the statement that reserves; where
// they say anything else, somebody else has changed them and nothing is paid.
import type { SealedPlace, Sealer } from '../core/ports.ts';
import { Trouble } from '../core/trouble.ts';
import type { Ceilings } from '../db/payouts.ts';
import type { PurseRow, StoredPurse } from '../db/purses.ts';

/** In msat; `feePpm` in millionths of the amount, `topUpPpm` of what was received. */
export type Limits = Pick<
  PurseRow,
  'perPaymentMsat' | 'perOrderMsat' | 'perDayMsat' | 'feeBaseMsat' | 'feePpm' | 'topUpPpm'
>;

/**
 * What a purse has when nothing else is said: half a million sat a payment, a million a day, and a
 * quarter more than was received where the price has fallen so far.
 */
export const usualLimits: Limits = {
  perPaymentMsat: 500_000_000n,
  perOrderMsat: 500_000_000n,
  perDayMsat: 1_000_000_000n,
  feeBaseMsat: 5_000n,
  feePpm: 5_000,
  topUpPpm: 250_000,
};

export type Purse = {
  shopId: number;
  address: string;
  certificatePem: string;
  macaroonHex: string;
  /** 33 bytes hex. */
  identity: string;
  network: string;
  looksAtOriginal: boolean;
  limits: Limits;
};

const placeOf = (shopId: number): SealedPlace => ({
  table: 'purse',
  field: 'credential',
  shop: String(shopId),
  record: String(shopId),
});

/** As it is sealed: JSON has no whole numbers of this size. */
type Sealed = Omit<Purse, 'limits'> & { limits: Record<keyof Limits, string> };

/** The row to store. `rootKeyId` and `credentialEndsAt` are for people. */
export function sealPurse(
  sealer: Sealer,
  purse: Purse,
  about: { rootKeyId: string; credentialEndsAt: Date | null },
): StoredPurse {
  const { limits } = purse;
  const texts: Sealed['limits'] = {
    perPaymentMsat: limits.perPaymentMsat.toString(),
    perOrderMsat: limits.perOrderMsat.toString(),
    perDayMsat: limits.perDayMsat.toString(),
    feeBaseMsat: limits.feeBaseMsat.toString(),
    feePpm: limits.feePpm.toString(),
    topUpPpm: limits.topUpPpm.toString(),
  };
  const plain = Buffer.from(JSON.stringify({ ...purse, limits: texts } satisfies Sealed));
  const sealedCredential = sealer.seal(plain, placeOf(purse.shopId));
  plain.fill(0);
  const { shopId, address, identity, network, looksAtOriginal } = purse;
  const { perPaymentMsat, perOrderMsat, perDayMsat, feeBaseMsat, feePpm, topUpPpm } = limits;
  // Field by field: what is given may be a whole row, with the seal of before in it.
  return {
    ...{ shopId, sealedCredential, address, identity, network, looksAtOriginal },
    ...{ perPaymentMsat, perOrderMsat, perDayMsat, feeBaseMsat, feePpm, topUpPpm },
    rootKeyId: about.rootKeyId,
    credentialEndsAt: about.credentialEndsAt,
  };
}

/** @throws {Trouble} `purse_unreadable`: other keys, or another shop's seal. */
export function openPurse(sealer: Sealer, row: PurseRow): Purse {
  let plain: Uint8Array;
  try {
    plain = sealer.open(row.sealedCredential, placeOf(row.shopId));
  } catch {
    throw new Trouble('purse_unreadable', { from: 'node', then: 'give_up', away: true });
  }
  const { limits, ...rest } = JSON.parse(Buffer.from(plain).toString('utf8')) as Sealed;
  plain.fill(0);
  return {
    ...rest,
    limits: {
      perPaymentMsat: BigInt(limits.perPaymentMsat),
      perOrderMsat: BigInt(limits.perOrderMsat),
      perDayMsat: BigInt(limits.perDayMsat),
      feeBaseMsat: BigInt(limits.feeBaseMsat),
      feePpm: Number(limits.feePpm),
      topUpPpm: Number(limits.topUpPpm),
    },
  };
}

/** In the order in which `payout_reserve` compares them. */
export const ceilingsOf = (limits: Limits): Ceilings => [
  limits.perPaymentMsat,
  limits.perOrderMsat,
  limits.perDayMsat,
  limits.feeBaseMsat,
  BigInt(limits.feePpm),
];

/**
 * The most that may be paid back of a payment: what its node says that it received, and what the
 * same value may cost more by now. Rounded down to whole msat.
 */
export const mostToPayBackMsat = (limits: Limits, receivedMsat: bigint): bigint =>
  receivedMsat + (receivedMsat * BigInt(limits.topUpPpm)) / 1_000_000n;

/** The larger of the base and the part of the amount, rounded down to whole msat. */
export function feeLimitMsat(limits: Limits, amountMsat: bigint): bigint {
  const part = (amountMsat * BigInt(limits.feePpm)) / 1_000_000n;
  return part > limits.feeBaseMsat ? part : limits.feeBaseMsat;
}
