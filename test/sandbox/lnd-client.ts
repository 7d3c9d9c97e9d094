/**
 * The real client for the simulated node: `lightning` with its own credentials, and the raw gRPC
 * streams.
 */
import { authenticatedLndGrpc } from 'lightning';
import type { AuthenticatedLnd } from 'lightning';
import type { LndSimulator } from '../../sandbox/lnd/index.ts';

export const connect = (node: LndSimulator, macaroon = node.macaroon('admin')): AuthenticatedLnd =>
  authenticatedLndGrpc({
    cert: Buffer.from(node.certPem).toString('base64'),
    macaroon: macaroon.toString('hex'),
    socket: node.socket,
  }).lnd;

/**
 * What `lightning` rejects with: not an Error but a tuple, with the gRPC error in the third place.
 */
export type Refusal = {
  code: number;
  name: string;
  grpcCode: number | undefined;
  details: string;
};

export const refusalOf = async (call: Promise<unknown>): Promise<Refusal> => {
  try {
    await call;
  } catch (thrown) {
    const [code, name, rest] = thrown as [
      number,
      string,
      { err?: { code: number; details: string } }?,
    ];
    return { code, name, grpcCode: rest?.err?.code, details: rest?.err?.details ?? '' };
  }
  throw new Error('it was not refused');
};

export type RawInvoice = {
  r_hash: Buffer;
  r_preimage: Buffer;
  state: string;
  settle_index: string;
  add_index: string;
  amt_paid_msat: string;
  memo: string;
  is_keysend: boolean;
};
export type RawEnd = { code: number; details: string } | 'end';

type RawCall = {
  on: (event: string, listener: (value: never) => void) => void;
  cancel: () => void;
};

/** SubscribeInvoices over the raw call, collecting what comes. */
export const follow = (
  lnd: AuthenticatedLnd,
  from: { add_index?: string; settle_index?: string } = {},
) => {
  const services = lnd as unknown as Record<
    string,
    { subscribeInvoices: (request: object) => RawCall }
  >;
  const call = services['default']?.subscribeInvoices(from);
  if (!call) throw new Error('no default service');
  const events: RawInvoice[] = [];
  const ends: RawEnd[] = [];
  call.on('data', (invoice: RawInvoice) => {
    events.push(invoice);
  });
  call.on('error', (error: { code: number; details: string }) => {
    ends.push({ code: error.code, details: error.details });
  });
  call.on('end', () => {
    ends.push('end');
  });
  return {
    events,
    ends,
    settled: () => events.filter(({ state }) => state === 'SETTLED'),
    close: () => {
      call.cancel();
    },
  };
};

/** Looks every 5 ms until it is so; fails after `withinMs`. */
export const until = async (isSo: () => boolean, withinMs = 5000): Promise<void> => {
  const deadline = Date.now() + withinMs;
  while (!isSo()) {
    if (Date.now() > deadline) throw new Error(`not within ${withinMs} ms: ${String(isSo)}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
};

export const pause = (ms: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, ms));
