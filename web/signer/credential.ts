// What a paying credential may be: single methods, enough to pay, to ask what became of it and to
// look up what was received, and nothing beyond. Read offline, at entry and at each start.
import { freshRootKeyId } from '../lightning/gate.ts';
import { decodeMacaroon, MacaroonUnreadable, type Macaroon } from '../lightning/macaroon.ts';

/** Pay, and ask what became of it; leave a mark, and look it and originals up; say who one is. */
export const payingMethods = [
  '/routerrpc.Router/SendPaymentV2',
  '/routerrpc.Router/TrackPaymentV2',
  '/lnrpc.Lightning/AddInvoice',
  '/lnrpc.Lightning/LookupInvoice',
  '/lnrpc.Lightning/GetInfo',
] as const;
const needed = payingMethods.map((method) => `uri:${method}`);

/**
 * The line that the operator runs on the paying node. It prints the credential as hex and leaves no
 * file. Source: lncli 0.21, options before permissions.
 */
export const purseBakeLine = (rootKeyId: string = freshRootKeyId()): string =>
  `lncli bakemacaroon --root_key_id ${rootKeyId} ${needed.join(' ')}`;

export type PurseVerdict =
  | { ok: true; rootKeyId: string; endsAt: Date | null; account: string | null }
  | { ok: false; sentence: string; excess: readonly string[] };

const no = (sentence: string, excess: readonly string[] = []): PurseVerdict => ({
  ok: false,
  sentence: `${sentence} Run the line below on the paying node and give what it prints.`,
  excess,
});

/** `lnd-custom account <id>`: lightning-terminal keeps a balance for it, which is the best cap. */
const account = /^lnd-custom account (\S{1,64})$/;
const rfc3339 =
  /^time-before (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,3})\d*)?(Z|[+-]\d\d:\d\d)$/;

const endOf = (caveat: string): Date | undefined => {
  const [, moment, fraction = '0', zone] = rfc3339.exec(caveat) ?? [];
  if (moment === undefined || zone === undefined) return undefined;
  const end = new Date(`${moment}.${fraction.padEnd(3, '0')}${zone}`);
  return Number.isNaN(end.getTime()) ? undefined : end;
};
const isKnown = (caveat: string): boolean =>
  endOf(caveat) !== undefined ||
  account.test(caveat) ||
  /^(?:ipaddr|iprange) [0-9a-fA-F:./]+$/.test(caveat);

/** Whether it can pay and do nothing else, such as bake another. */
export function judgePurse(bytes: Uint8Array, now: Date): PurseVerdict {
  let macaroon: Macaroon;
  try {
    macaroon = decodeMacaroon(bytes);
  } catch (error) {
    if (!(error instanceof MacaroonUnreadable)) throw error;
    return no(`This is not an LND macaroon: ${error.message}.`);
  }
  const { operations, caveats, rootKeyId } = macaroon;
  const excess = [...new Set(operations)].filter((operation) => !needed.includes(operation));
  if (excess.length > 0) {
    const cut = excess.map((operation) => operation.slice(0, 120));
    return no('This credential may do more than pay, so it is not stored.', cut);
  }
  const missing = needed.filter((operation) => !operations.includes(operation));
  if (missing.length > 0) {
    const list = missing.map((one) => one.slice(one.lastIndexOf('/') + 1)).join(', ');
    return no(`This credential lacks a permission that is needed: ${list}.`);
  }
  if (rootKeyId === '0') {
    return no('This credential has root key 0, which LND cannot delete: it could not be revoked.');
  }
  if (!caveats.every(isKnown)) return no('This credential has a condition that is not known.');
  const ends = caveats.map(endOf).filter((end) => end !== undefined);
  const endsAt = ends.length === 0 ? null : new Date(Math.min(...ends.map(Number)));
  if (endsAt !== null && endsAt <= now) {
    return no(`This credential ended on ${endsAt.toISOString()}.`);
  }
  const held = caveats.map((caveat) => account.exec(caveat)?.[1]).find((id) => id !== undefined);
  return { ok: true, rootKeyId, endsAt, account: held ?? null };
}
