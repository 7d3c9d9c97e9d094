/**
 * A wallet that scans an LNURL-withdraw code (LUD-01, LUD-03): reads it, asks what may be taken,
 * makes a request over all of it and hands it in.
 */
import type { Payee } from './payee.ts';

const LETTERS = 'qpzry9x8gf2tvdw0s3jn54khce6mua7l';
const STEPS = [0x3b6a57b2, 0x26508e6d, 0x1ea119fa, 0x3d4233dd, 0x2a1462b3] as const;

const checksum = (values: readonly number[]): number =>
  values.reduce((sum, value) => {
    const top = sum >>> 25;
    const next = ((sum & 0x1ffffff) << 5) ^ value;
    return STEPS.reduce((mixed, step, bit) => ((top >>> bit) & 1 ? mixed ^ step : mixed), next);
  }, 1);

/** The address inside. Throws for what is no LNURL. */
export const readLnurl = (scanned: string): string => {
  const bare = scanned.trim().replace(/^lightning:/i, '');
  if (bare !== bare.toLowerCase() && bare !== bare.toUpperCase()) throw new Error('mixed letters');
  const text = bare.toLowerCase();
  const at = text.lastIndexOf('1');
  if (text.slice(0, at) !== 'lnurl') throw new Error('not an LNURL');
  const values = Array.from(text.slice(at + 1), (letter) => LETTERS.indexOf(letter));
  if (values.includes(-1)) throw new Error('a letter that bech32 does not have');
  const head = [...Buffer.from('lnurl')];
  const whole = [...head.map((c) => c >> 5), 0, ...head.map((c) => c & 31), ...values];
  if (checksum(whole) !== 1) throw new Error('a wrong checksum');
  const bits = values
    .slice(0, -6)
    .map((value) => value.toString(2).padStart(5, '0'))
    .join('');
  const bytes = bits.match(/.{8}/g) ?? [];
  return Buffer.from(bytes.map((byte) => Number.parseInt(byte, 2))).toString('utf8');
};

export type Withdrawal = {
  tag: string;
  callback: string;
  k1: string;
  defaultDescription: string;
  minWithdrawable: number;
  maxWithdrawable: number;
};
export type Answer = { status: string; reason?: string };

export const askWithdrawal = async (scanned: string): Promise<Withdrawal & Partial<Answer>> =>
  (await (await fetch(readLnurl(scanned))).json()) as Withdrawal & Partial<Answer>;

export const handIn = async (
  { callback, k1 }: Pick<Withdrawal, 'callback' | 'k1'>,
  request: string,
): Promise<Answer> => {
  const to = new URL(callback);
  to.searchParams.set('k1', k1);
  to.searchParams.set('pr', request);
  return (await (await fetch(to)).json()) as Answer;
};

/** The whole way. */
export const withdraw = async (
  scanned: string,
  into: Payee,
): Promise<Answer & { request?: string }> => {
  const offer = await askWithdrawal(scanned);
  if (offer.tag !== 'withdrawRequest') {
    return { status: offer.status ?? 'ERROR', reason: offer.reason ?? 'not a withdrawal' };
  }
  const { maxWithdrawable, defaultDescription: memo } = offer;
  const { request } = into.make({ amountMsat: BigInt(maxWithdrawable), memo });
  return { ...(await handIn(offer, request)), request };
};
