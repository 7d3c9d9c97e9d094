// Pays one BOLT11 and asks what became of it. The only file of the program that names a method
// which spends. Every call has a connection of its own, which is closed when it was answered or
// given up: what the node goes on with by itself, `track` tells.
import { createHash, randomBytes } from 'node:crypto';
import { createRequire } from 'node:module';
import * as grpc from '@grpc/grpc-js';
import { loadSync } from '@grpc/proto-loader';
import { getPayment, pay } from 'lightning';
import type { AuthenticatedLnd } from 'lightning';
import { Trouble } from '../core/trouble.ts';
import { parseAddress, pinAddress, type PinnedAddress } from '../lightning/address.ts';
import { parseRequest } from '../lightning/bolt11.ts';
import {
  openChannel,
  openConnection,
  protocolOptions,
  type Connection,
} from '../lightning/connection.ts';
import { grpcErrorIn, isNotFound, nodeTrouble, troubleFrom } from '../lightning/errors.ts';
import type { PayoutWord } from './words.ts';

export type PayerOptions = {
  address: string;
  /** PEM; empty: the node's certificate is publicly trusted. */
  certificatePem: string;
  macaroonHex: string;
  allowPrivate: boolean;
  /** How long the node looks for ways (30,000), and how long we listen to it (60,000). */
  pathfindingMs?: number;
  payMs?: number;
  /** For one answer (10,000). */
  askMs?: number;
};

/** What the node says became of it. */
export type Tracked =
  | { is: 'paid'; preimage: Buffer; feeMsat: bigint }
  /** Every part is back. `again`: the same request may be tried again. */
  | { is: 'failed'; because: PayoutWord; again: boolean }
  | { is: 'in_flight' }
  | { is: 'not_recorded' };

/**
 * What asking it to pay came to. `answered`: the node said no, and `track` says which; `unsure`: it
 * may pay, now or later.
 */
export type Sent =
  | Extract<Tracked, { is: 'paid' }>
  | { is: 'answered' }
  | { is: 'unsure'; because: string }
  | { is: 'refused'; because: PayoutWord };

export type Original = { is: 'paid'; receivedMsat: bigint } | { is: 'unpaid' } | { is: 'unknown' };

export type Payer = {
  /** Never throws for what the node does or leaves. */
  pay: (ask: { request: string; feeLimitMsat: bigint }) => Promise<Sent>;
  /** @throws {Trouble} when the node cannot be asked, or does not say. */
  track: (hashHex: string) => Promise<Tracked>;
  /**
   * Leaves a mark at the node, an invoice that nobody is to pay, and returns its hash in hex: one
   * that was restored from an older copy does not know it. @throws {Trouble}
   */
  leaveMark: () => Promise<string>;
  /** An invoice of this node. @throws {Trouble} */
  lookOriginal: (hashHex: string) => Promise<Original>;
};

let routerService: grpc.ServiceClientConstructor | undefined;

/** The protocol file is parsed once per process. */
function loadRouter(): grpc.ServiceClientConstructor {
  if (routerService !== undefined) return routerService;
  const file = createRequire(import.meta.url).resolve('lightning/grpc/protos/router.proto');
  const loaded = grpc.loadPackageDefinition(loadSync(file, protocolOptions)) as unknown as {
    routerrpc: { Router: grpc.ServiceClientConstructor };
  };
  routerService = loaded.routerrpc.Router;
  return routerService;
}

export async function pinnedOf(options: PayerOptions): Promise<PinnedAddress> {
  const address = parseAddress(options.address);
  const pinning = address && (await pinAddress({ allowPrivate: options.allowPrivate }, address));
  if (pinning?.ok === true) return pinning.pinned;
  throw nodeTrouble('node_address', { then: 'retry', away: true });
}

/** Rejects with `node_silent` when there is no answer in time. */
async function within<T>(ms: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      reject(nodeTrouble('node_silent', { then: 'ask_again', away: true }));
    }, ms);
  });
  work.catch(() => undefined);
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Runs the work on a connection of its own to the methods that pay. */
export async function withRouter<T>(
  options: PayerOptions,
  ms: number,
  work: (lnd: AuthenticatedLnd, router: grpc.Client) => Promise<T>,
): Promise<T> {
  // A name that is looked up for minutes must not send what others have taken over by then.
  const pinned = await within(options.askMs ?? 10_000, pinnedOf(options));
  const { channel, client } = openChannel({ ...options, pinned });
  try {
    const router = client(loadRouter());
    return await within(ms, work({ router } as unknown as AuthenticatedLnd, router));
  } finally {
    channel.close();
  }
}

/** Runs the work on a connection of its own to the methods that only read. */
export async function withConnection<T>(
  options: PayerOptions,
  work: (connection: Connection) => Promise<T>,
): Promise<T> {
  const connection = openConnection({ ...options, pinned: await pinnedOf(options) });
  try {
    return await work(connection);
  } catch (error) {
    throw troubleFrom(error);
  } finally {
    connection.close();
  }
}

/** The second word of `lightning`'s `[code, name, about]`. */
const nameIn = (thrown: unknown): string =>
  Array.isArray(thrown) && typeof thrown[1] === 'string' ? thrown[1] : '';

/** Ends that the node told itself: the payment is over there. */
const ended = new Set([
  ...['PaymentRejectedByDestination', 'InsufficientBalanceToAttemptPayment'],
  ...['PaymentPathfindingFailedToFindPossibleRoute', 'FailedToFindPayableRouteToDestination'],
  ...['PaymentAttemptsTimedOut', 'PaymentExecutionCanceled'],
]);

function paidFrom(of: { secret: string; fee_mtokens: string }): Extract<Tracked, { is: 'paid' }> {
  return {
    is: 'paid',
    preimage: Buffer.from(of.secret, 'hex'),
    feeMsat: BigInt(of.fee_mtokens),
  };
}

type PayStream = { sendPaymentV2: (request: object) => unknown };

/**
 * The package asks for payments that end when the caller goes. LND then writes `canceled` over the
 * reason for which one has just failed, when the connection is closed at once behind its word
 * (routing/payment_lifecycle.go, checkContext, 0.21); and we go for reasons of our own.
 */
const notEndedByUs = (router: grpc.Client): AuthenticatedLnd => {
  const asked = router as unknown as PayStream;
  const sendPaymentV2 = (request: object): unknown =>
    asked.sendPaymentV2({ ...request, cancelable: false });
  return { router: { sendPaymentV2 } } as unknown as AuthenticatedLnd;
};

async function send(
  options: PayerOptions,
  ask: { request: string; feeLimitMsat: bigint },
): Promise<Sent> {
  const { payMs = 60_000, pathfindingMs = 30_000 } = options;
  // What it cannot read, the package throws where nobody can catch it.
  if (parseRequest(ask.request) === undefined) {
    return { is: 'refused', because: 'request_unreadable' };
  }
  try {
    const paid = await withRouter(options, payMs, (_lnd, router) =>
      pay({
        lnd: notEndedByUs(router),
        request: ask.request,
        // Left out, it would be without a limit.
        max_fee_mtokens: ask.feeLimitMsat.toString(),
        // Left out, it would be one.
        max_paths: 16,
        pathfinding_timeout: pathfindingMs,
      }),
    );
    return paidFrom(paid);
  } catch (error) {
    const name = nameIn(error);
    if (ended.has(name)) return { is: 'answered' };
    if (name === 'UnsupportedPaymentFeatureInPayRequest') {
      return { is: 'refused', because: 'request_unsupported' };
    }
    const trouble = troubleFrom(error);
    return { is: 'unsure', because: trouble instanceof Trouble ? trouble.what : 'unsure' };
  }
}

function failureOf(
  failed: Record<'is_invalid_payment' | 'is_insufficient_balance', boolean>,
): Extract<Tracked, { is: 'failed' }> {
  if (failed.is_invalid_payment) return { is: 'failed', because: 'rejected', again: false };
  if (failed.is_insufficient_balance) return { is: 'failed', because: 'no_balance', again: true };
  return { is: 'failed', because: 'no_route', again: true };
}

async function track(options: PayerOptions, hashHex: string): Promise<Tracked> {
  try {
    const seen = await withRouter(options, options.askMs ?? 10_000, (lnd) =>
      getPayment({ lnd, id: hashHex }),
    );
    if (seen.is_confirmed === true && seen.payment !== undefined) return paidFrom(seen.payment);
    if (seen.is_failed === true && seen.failed !== undefined) return failureOf(seen.failed);
    if (seen.is_pending === true) return { is: 'in_flight' };
  } catch (error) {
    if (nameIn(error) === 'SentPaymentNotFound' || grpcErrorIn(error)?.code === 5) {
      return { is: 'not_recorded' };
    }
    throw troubleFrom(error);
  }
  throw nodeTrouble('answer_unreadable', { then: 'ask_again' });
}

/** Longer than a request may live and a payment may take. LND allows a year. */
const markDays = 60;

const leaveMark = (options: PayerOptions): Promise<string> =>
  withConnection(options, async ({ addInvoice }) => {
    const { r_hash: hash } = await addInvoice({
      ...{ r_preimage: randomBytes(32), value_msat: '1000', private: false },
      memo: 'A mark before a payout. Nobody is to pay it.',
      expiry: String(markDays * 24 * 3_600),
    });
    return hash.toString('hex');
  });

async function lookOriginal(options: PayerOptions, hashHex: string): Promise<Original> {
  return withConnection(options, async (connection): Promise<Original> => {
    const raw = await connection.lookupInvoice(hashHex).catch((error: unknown) => {
      if (isNotFound(error)) return undefined;
      throw error;
    });
    if (raw === undefined) return { is: 'unknown' };
    const proves = createHash('sha256').update(raw.r_preimage).digest('hex') === hashHex;
    // Only SETTLED is money: the amount is set before, and stays when a held one is canceled.
    if (raw.state !== 'SETTLED' || !proves) return { is: 'unpaid' };
    return { is: 'paid', receivedMsat: BigInt(raw.amt_paid_msat) };
  });
}

/** Connects to nothing by itself. */
export const openPayer = (options: PayerOptions): Payer => ({
  pay: (ask) => send(options, ask),
  track: (hashHex) => track(options, hashHex),
  leaveMark: () => leaveMark(options),
  lookOriginal: (hashHex) => lookOriginal(options, hashHex),
});
