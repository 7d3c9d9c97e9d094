// The one table from what LND, the `lightning` package and gRPC say to Trouble. Whatever is not in
// it may have happened: `ask_again`.
// Source: LND 0.21.3, lightning 12.5.0, grpc-js 1.14.5, each line seen or read there.
import { Defect, Trouble } from '../core/trouble.ts';
import type { Then } from '../core/trouble.ts';
import { plain } from './plain.ts';

/** What can be wrong with a node, each with its sentence for a merchant. */
export const nodeTroubles = {
  node_down: 'The node cannot be reached.',
  node_silent: 'The node did not answer in time.',
  node_stopped: 'The node ended the connection.',
  connection_lost: 'The connection to the node was lost.',
  node_starting: 'The node is starting up.',
  wallet_locked: 'The wallet of the node is locked: unlock it.',
  certificate_wrong: 'The node shows another certificate than the one that was stored.',
  not_grpc: 'Something answers at this address, but it is not the gRPC port of LND.',
  credential_refused: 'The node refuses the credential.',
  credential_revoked: 'The credential was revoked on the node.',
  credential_expired: 'The credential has ended.',
  permission_denied: 'The credential lacks a permission.',
  node_too_old: 'The node does not know a method that is needed.',
  message_too_large: 'The node sent a message that is too large.',
  node_floods: 'The node sent more events than a node has.',
  answer_unreadable: 'The node sent an answer that makes no sense.',
  node_busy: 'Too many calls to the node are waiting.',
  node_closed: 'The connection was closed by this program.',
  node_address: 'The address of the node is not allowed or not found.',
  invoice_differs: 'The node made another invoice than it was asked for.',
  invoice_over: 'The node has already canceled this invoice.',
  identity_changed: 'Another node answers at this address.',
  unknown: 'The node failed in a way that is not known.',
} as const satisfies Record<string, string>;
export type NodeTrouble = keyof typeof nodeTroubles;

type About = { then: Then; away?: boolean; waitMs?: number; details?: string };

/** Trouble with a node. `away` pauses its lane: nothing at this node works at the moment. */
export function nodeTrouble(what: NodeTrouble, about: About): Trouble {
  const { then, away, waitMs, details } = about;
  const message = details === undefined ? what : `${what}: ${plain(details, 200)}`;
  return new Trouble(what, {
    from: 'node',
    then,
    message,
    ...(away === undefined ? {} : { away }),
    ...(waitMs === undefined ? {} : { waitMs }),
  });
}

type Line = {
  code: number;
  says?: RegExp;
  what: NodeTrouble | 'defect';
  then?: Then;
  /** The whole node is of no use until something changes, so no attempt is burnt. */
  away?: boolean;
};

/** gRPC's codes: 1 cancelled, 2 unknown (LND's catch-all), 4 deadline, 8 exhausted, 12, 13, 14. */
const table: readonly Line[] = [
  { code: 1, says: /^Cancelled on client/, what: 'node_closed', then: 'ask_again' },
  { code: 4, what: 'node_silent', then: 'ask_again', away: true },
  {
    code: 14,
    says: /^No connection established.*(?:certificate|altname|CERT_|SELF_SIGNED)/is,
    what: 'certificate_wrong',
    then: 'give_up',
    away: true,
  },
  {
    code: 14,
    says: /^No connection established.*(?:wrong version number|packet length|EPROTO|ERR_SSL)/is,
    what: 'not_grpc',
    then: 'retry',
    away: true,
  },
  {
    code: 14,
    says: /^No connection established|^Name resolution failed/,
    what: 'node_down',
    then: 'retry',
    away: true,
  },
  { code: 14, what: 'connection_lost', then: 'ask_again', away: true },
  { code: 8, says: /^Received message larger/, what: 'message_too_large', then: 'give_up' },
  { code: 8, says: /^Bandwidth exhausted/, what: 'defect' },
  // A locked wallet looks like this on versions without the state service.
  {
    code: 12,
    says: /^unknown service lnrpc\.Lightning/,
    what: 'wallet_locked',
    then: 'retry',
    away: true,
  },
  { code: 12, says: /^unknown (?:service|method)/, what: 'node_too_old', then: 'give_up' },
  { code: 12, what: 'not_grpc', then: 'retry', away: true },
  {
    code: 2,
    says: /^(?:waiting to start|the RPC server is in the process of starting up)/,
    what: 'node_starting',
    then: 'retry',
    away: true,
  },
  {
    code: 2,
    says: /^wallet (?:locked|not created)/,
    what: 'wallet_locked',
    then: 'retry',
    away: true,
  },
  {
    code: 2,
    says: /^(?:invoice registry|server) shutting down/,
    what: 'node_stopped',
    then: 'ask_again',
    away: true,
  },
  { code: 2, says: /^permission denied/, what: 'permission_denied', then: 'give_up' },
  {
    code: 2,
    says: /root key with id \d+ doesn't exist/,
    what: 'credential_revoked',
    then: 'give_up',
    away: true,
  },
  {
    code: 2,
    says: /macaroon has expired/,
    what: 'credential_expired',
    then: 'give_up',
    away: true,
  },
  {
    code: 2,
    says: /no middleware registered/,
    what: 'credential_refused',
    then: 'retry',
    away: true,
  },
  {
    code: 2,
    says: /^verification failed|not satisfied: /,
    what: 'credential_refused',
    then: 'give_up',
    away: true,
  },
  {
    code: 2,
    says: /^expected 1 macaroon, got|^unmarshal v|^cannot determine data/,
    what: 'defect',
  },
  {
    code: 2,
    says: /^memo too large|^data length too big|^CLTV delta of|^expiry of \d+|^amount cannot/,
    what: 'defect',
  },
  { code: 2, says: /^invalid preimage length/, what: 'defect' },
];

export type GrpcError = { code: number; details: string };

/** The gRPC error in what was thrown, also inside `lightning`'s `[code, name, { err }]`. */
export function grpcErrorIn(thrown: unknown): GrpcError | undefined {
  if (Array.isArray(thrown)) {
    const about: unknown = thrown[2];
    return typeof about === 'object' && about !== null && 'err' in about
      ? grpcErrorIn(about.err)
      : undefined;
  }
  if (typeof thrown !== 'object' || thrown === null || !('code' in thrown)) return undefined;
  if (typeof thrown.code !== 'number') return undefined;
  const details = 'details' in thrown && typeof thrown.details === 'string' ? thrown.details : '';
  return { code: thrown.code, details };
}

/** LND's word for "I have no such invoice". Everything else is not that word. */
export function isNotFound(thrown: unknown): boolean {
  return grpcErrorIn(thrown)?.code === 5;
}

/** The same secret was used before: the invoice is there, whatever its terms. */
export function isDuplicate(thrown: unknown): boolean {
  const error = grpcErrorIn(thrown);
  return error?.code === 2 && error.details.startsWith('invoice with payment hash already exists');
}

/** The state of the invoice stands against a cancel: only a look says which state that is. */
export function isAnsweredByLook(thrown: unknown): boolean {
  const error = grpcErrorIn(thrown);
  if (error?.code !== 2 && error?.code !== 5) return false;
  return /^(?:invoice already (?:settled|canceled)|unable to locate invoice)/.test(error.details);
}

/**
 * A secret was told of what the node does not hold: it gave it back, has taken it before, or never
 * knew it. Only a look says which. Source: LND 0.21, `invoices.SettleHodlInvoice`.
 */
export function isNotHeld(thrown: unknown): boolean {
  const error = grpcErrorIn(thrown);
  if (error?.code !== 2 && error?.code !== 5) return false;
  const over = /^(?:invoice already (?:settled|canceled)|invoice still open|unable to locate)/;
  return over.test(error.details);
}

/** What was thrown, as Trouble from the node, or as the Defect that it shows. Never throws. */
export function troubleFrom(thrown: unknown): Trouble | Defect {
  if (thrown instanceof Trouble || thrown instanceof Defect) return thrown;
  const error = grpcErrorIn(thrown);
  if (error === undefined) {
    if (Array.isArray(thrown)) return troubleFromTuple(thrown);
    const details = thrown instanceof Error ? thrown.message : typeof thrown;
    return nodeTrouble('unknown', { then: 'ask_again', details });
  }
  const { code, details } = error;
  const line = table.find((one) => one.code === code && (one.says?.test(details) ?? true));
  if (line?.what === 'defect')
    return new Defect(`the node refused our call: ${plain(details, 200)}`);
  if (line === undefined) {
    return nodeTrouble('unknown', { then: 'ask_again', details: `code ${code}, ${details}` });
  }
  const { what, then = 'ask_again', away = false } = line;
  return nodeTrouble(what, { then, away, details });
}

/** `lightning` rejects with 400 for our arguments and with 503 for answers it cannot read. */
function troubleFromTuple(tuple: readonly unknown[]): Trouble | Defect {
  const [code, name] = tuple;
  const details = typeof name === 'string' ? name : 'no name';
  if (code === 400) return new Defect(`our call was refused before it was made: ${details}`);
  return nodeTrouble('unknown', { then: 'ask_again', details });
}
