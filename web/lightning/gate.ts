// The gate: what a credential may be. Read offline, before any call, at entry and at each start.
// Only single methods are let through, never an entity permission: `invoices:write` brings
// HtlcModifier, with which an invoice of 100,000 sat was settled by paying 1 sat.
import { randomInt } from 'node:crypto';
import type { ConnectRefusal } from '../core/refusals.ts';
import { decodeMacaroon, MacaroonUnreadable } from './macaroon.ts';
import type { Macaroon } from './macaroon.ts';

const uri = (method: string): string => `uri:${method}`;

/** Without these nothing can be received. */
const needed = [
  '/lnrpc.Lightning/AddInvoice',
  '/lnrpc.Lightning/LookupInvoice',
  '/lnrpc.Lightning/SubscribeInvoices',
  '/invoicesrpc.Invoices/CancelInvoice',
].map(uri);

/** Version and network, the receivable amount, repair after a restore. */
const useful = [
  '/lnrpc.Lightning/GetInfo',
  '/lnrpc.Lightning/ListChannels',
  '/lnrpc.Lightning/ListInvoices',
].map(uri);

/** To hold what is paid, and to take it: asked of shops that authorize before they charge. */
const holding = ['/invoicesrpc.Invoices/AddHoldInvoice', '/invoicesrpc.Invoices/SettleInvoice'].map(
  uri,
);

const allowed = new Set([...needed, ...useful]);
const allowedWithHolds = new Set([...allowed, ...holding]);
/** Without the height nobody knows when a hold is over. */
const neededForHolds = [...needed, uri('/lnrpc.Lightning/GetInfo'), ...holding];

/** What the permissions of LND 0.21 open, in a merchant's words. Source: ListPermissions. */
const allows: Readonly<Record<string, string>> = {
  'offchain:write': 'pay from the node, close channels and delete its payment history',
  'offchain:read': 'see balances, channels, payments and channel backups',
  'onchain:write': 'send its coins, open and close channels',
  'onchain:read': 'see its on-chain balance and history',
  'macaroon:generate': 'make further credentials, also one that may do everything',
  'macaroon:write': 'revoke other credentials and step between the node and its programs',
  'macaroon:read': 'list its credentials',
  'signer:generate': 'sign with the keys of the node',
  'signer:read': 'check signatures with the keys of the node',
  'info:write': 'stop the node',
  'info:read': 'see its version, its view of the network and its debug log',
  'peers:write': 'disconnect its peers and change how it announces itself',
  'peers:read': 'see its peers',
  'message:write': 'sign messages as the node',
  'message:read': 'check signed messages',
  'address:write': 'make new on-chain addresses',
  'address:read': 'see its on-chain addresses',
  'invoices:write':
    'mark an invoice as paid for less than its amount (HtlcModifier), settle and delete invoices',
  'invoices:read': 'read all invoices with more methods than are needed',
};
const methodAllows: Readonly<Record<string, string>> = {
  SendPaymentV2: 'pay from the node',
  SendPaymentSync: 'pay from the node',
  SendPayment: 'pay from the node',
  SendToRouteV2: 'pay from the node',
  SendCoins: 'send its coins',
  SendMany: 'send its coins',
  SendOutputs: 'send its coins',
  OpenChannel: 'open channels with its coins',
  OpenChannelSync: 'open channels with its coins',
  CloseChannel: 'close its channels',
  BakeMacaroon: 'make further credentials, also one that may do everything',
  DeleteMacaroonID: 'revoke other credentials',
  HtlcModifier: 'mark an invoice as paid for less than its amount',
  HtlcInterceptor: 'hold back and refuse payments that pass the node',
  SettleInvoice: 'settle held invoices',
  SignMessage: 'sign messages as the node',
  StopDaemon: 'stop the node',
  DeleteCanceledInvoice: 'delete invoices',
};

export type Excess = { permission: string; allows: string };
export type CredentialRefused = {
  ok: false;
  refusal: ConnectRefusal;
  sentence: string;
  excess: readonly Excess[];
  bake: string;
};
export type CredentialAccepted = {
  ok: true;
  rootKeyId: string;
  caveats: readonly string[];
  /** From a `time-before` caveat: the earliest, when there are several. */
  expiresAt?: Date;
  operations: readonly string[];
};
export type CredentialVerdict = CredentialAccepted | CredentialRefused;

/** A number of its own for each credential, so that it can be revoked alone. */
export const freshRootKeyId = (): string => String(randomInt(100_000, 2 ** 31));

/**
 * The line that a merchant runs on the node. It prints the credential as hex and leaves no file.
 * Source: lncli 0.21, options before permissions.
 */
export function bakeLine(rootKeyId: string = freshRootKeyId(), holds = false): string {
  const operations = [...needed, ...useful, ...(holds ? holding : [])].join(' ');
  return `lncli bakemacaroon --root_key_id ${rootKeyId} ${operations}`;
}

function excessOf(operations: readonly string[], mayHold: boolean): Excess[] {
  const within = mayHold ? allowedWithHolds : allowed;
  const beyond = [...new Set(operations)].filter((operation) => !within.has(operation));
  return beyond.map((operation) => {
    const permission = operation.slice(0, 120);
    const method = /^uri:\/[\w.]+\/(\w+)$/.exec(operation)?.[1];
    const words = method === undefined ? allows[operation] : methodAllows[method];
    return { permission, allows: words ?? 'do something that Zaptill does not need' };
  });
}

const rfc3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)$/;

/** The moment of a `time-before` caveat, in milliseconds; undefined for another caveat. */
function endOf(caveat: string): number | undefined {
  const text = /^time-before (\S+)$/.exec(caveat)?.[1];
  if (text === undefined || !rfc3339.test(text)) return undefined;
  const ms = Date.parse(text.replace(/(\.\d{3})\d+/, '$1'));
  return Number.isNaN(ms) ? undefined : ms;
}

const isKnown = (caveat: string): boolean =>
  endOf(caveat) !== undefined || /^(?:ipaddr|iprange) [0-9a-fA-F:./]+$/.test(caveat);

function refuseCredential(
  refusal: ConnectRefusal,
  sentence: string,
  excess: readonly Excess[] = [],
): CredentialRefused {
  return { ok: false, refusal, sentence, excess, bake: bakeLine() };
}
const runTheLine = 'Run the line below on the node and paste what it prints.';

/**
 * Whether this credential can receive and nothing else. `now` is for `time-before`; left out, an
 * ended credential passes here and the node itself refuses it. `mayHold`: it may also hold what is
 * paid and take what it holds; `mustHold`: it has to.
 */
export function judgeCredential(
  bytes: Uint8Array,
  asked: Date | { now?: Date; mayHold?: boolean; mustHold?: boolean } = {},
): CredentialVerdict {
  const { now, mayHold, mustHold = false } = asked instanceof Date ? { now: asked } : asked;
  const verdict = judge(bytes, { now, mayHold: mayHold === true || mustHold, mustHold });
  return verdict.ok || !mustHold ? verdict : { ...verdict, bake: bakeLine(undefined, true) };
}

function judge(
  bytes: Uint8Array,
  asked: { now: Date | undefined; mayHold: boolean; mustHold: boolean },
): CredentialVerdict {
  const { now, mayHold, mustHold } = asked;
  let macaroon: Macaroon;
  try {
    macaroon = decodeMacaroon(bytes);
  } catch (error) {
    if (!(error instanceof MacaroonUnreadable)) throw error;
    const sentence = `This is not an LND macaroon: ${error.message}. ${runTheLine}`;
    return refuseCredential('not_a_macaroon', sentence);
  }
  const { operations, caveats, rootKeyId } = macaroon;
  const excess = excessOf(operations, mayHold);
  if (excess.length > 0) {
    const sentence = `This credential may do more than receive, so it is not stored. ${runTheLine}`;
    return refuseCredential('credential_can_spend', sentence, excess);
  }
  const wanted = mustHold ? neededForHolds : needed;
  const missing = wanted.filter((operation) => !operations.includes(operation));
  if (missing.length > 0) {
    const list = missing.map((one) => one.slice(one.lastIndexOf('/') + 1)).join(', ');
    const lacks = `This credential lacks a permission that is needed: ${list}.`;
    const why = mustHold ? ' The shop authorizes payments before it charges them.' : '';
    const sentence = `${lacks}${why} ${runTheLine}`;
    return refuseCredential('credential_lacks_permission', sentence);
  }
  if (rootKeyId === '0') {
    const why =
      'This credential has root key 0, which LND cannot delete, so it could not be revoked.';
    return refuseCredential('credential_not_revocable', `${why} ${runTheLine}`);
  }
  if (!caveats.every(isKnown)) {
    const why = 'This credential has a condition that Zaptill does not know.';
    return refuseCredential('credential_has_foreign_caveat', `${why} ${runTheLine}`);
  }
  const ends = caveats.map(endOf).filter((ms) => ms !== undefined);
  const accepted: CredentialAccepted = { ok: true, rootKeyId, caveats, operations };
  if (ends.length === 0) return accepted;
  const expiresAt = new Date(Math.min(...ends));
  if (now !== undefined && expiresAt <= now) {
    const sentence = `This credential ended on ${expiresAt.toISOString()}. ${runTheLine}`;
    return refuseCredential('credential_expired', sentence);
  }
  return { ...accepted, expiresAt };
}

/** Whether it may make hold invoices, take what they hold, and see when they end. */
export const canHold = (verdict: CredentialAccepted): boolean =>
  neededForHolds.every((operation) => verdict.operations.includes(operation));

/** Whether the credential was baked with this method, such as `/lnrpc.Lightning/GetInfo`. */
export const mayCall = (verdict: CredentialAccepted, method: string): boolean =>
  verdict.operations.includes(uri(method));
