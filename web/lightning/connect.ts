// Connecting a node: everything that can be known before a credential is stored. Offline first,
// then the address, then the node itself, which must make a test invoice, announce it and cancel
// it. Each refusal leaves the merchant with one thing to do.
import { createHash, randomBytes } from 'node:crypto';
import { connect as connectTcp } from 'node:net';
import { cancelHodlInvoice } from 'lightning';
import { holdCltvBlocks } from '../core/hold.ts';
import { Trouble } from '../core/trouble.ts';
import { parseAddress, pinAddress } from './address.ts';
import type { PinnedAddress, Resolve } from './address.ts';
import { differenceOf, parseRequest } from './bolt11.ts';
import type { Network, NodeIdentity, PaymentRequest } from './bolt11.ts';
import { readReceivable } from './channels.ts';
import type { Receivable } from './channels.ts';
import { openConnection } from './connection.ts';
import type { Connection, RawInvoice } from './connection.ts';
import { grpcErrorIn, isNotFound, troubleFrom } from './errors.ts';
import { bakeLine, judgeCredential, mayCall, canHold } from './gate.ts';
import type { CredentialAccepted, CredentialRefused } from './gate.ts';
import { readPasted } from './lndconnect.ts';
import type { NodeCredential, PastedNode } from './lndconnect.ts';
import { readFacts } from './facts.ts';
import type { NodeFacts } from './facts.ts';
import {
  addressRefused,
  asRefusal,
  failedInvoice,
  hasSentence,
  notReached,
  Refused,
  refusedFor,
  tooSlow,
  wordsOf,
} from './refused.ts';
import { adviceOnVersion } from './versions.ts';
import { advice, type Advice } from '../core/advice.ts';

export type TestOptions = {
  allowPrivate: boolean;
  now: Date;
  /** What it must be: the node of a new credential, the network of this server. */
  expected?: NodeIdentity;
  /** Its shop authorizes before it charges: the node has to hold what is paid. */
  mustHold?: boolean;
  resolve?: Resolve;
  /** For one answer (5,000) and for all together (14,000). */
  stepMs?: number;
  wholeMs?: number;
  /** For the metrics: the address led to what is not public. */
  blocked?: () => void;
};

export type TestedNode = {
  ok: true;
  /** 33 bytes hex: who signs the invoices. */
  identity: string;
  alias: string;
  version: string;
  network: Network;
  rootKeyId: string;
  /** Undefined when the credential may not see the channels. */
  receivable: Receivable | undefined;
  advice: readonly Advice[];
  credentialEndsAt: Date | null;
  /** It may make and settle hold invoices. */
  canHold: boolean;
};

/** TCP alone, so that a closed port and a silent peer can be told apart. */
function reachTcp({ ip, port }: PinnedAddress, ms: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connectTcp({ host: ip, port });
    const finish = (failed: boolean): void => {
      socket.destroy();
      if (failed) reject(notReached());
      else resolve();
    };
    socket.setTimeout(ms, () => finish(true));
    socket.once('connect', () => finish(false));
    socket.once('error', () => finish(true));
  });
}

const states = {
  NON_EXISTING: 'wallet_locked',
  LOCKED: 'wallet_locked',
  UNLOCKED: 'node_starting',
  WAITING_TO_START: 'node_starting',
} as const;
const isUnready = (state: string): state is keyof typeof states => state in states;

/** Is it LND, and is it ready? Needs no credential. */
async function checkReady(connection: Connection): Promise<void> {
  const state = await connection.getState().catch((error: unknown) => {
    const trouble = troubleFrom(error);
    const isDown = trouble instanceof Trouble && trouble.what === 'node_down';
    // The port answered TCP a moment ago, so this is no dead port but another protocol.
    const odd = isDown && !trouble.message.includes('ECONNREFUSED');
    if (odd) throw refusedFor('not_grpc');
    throw error;
  });
  if (isUnready(state)) throw refusedFor(states[state]);
}

/** The credential is needed, and it is enough. */
async function checkAccess(connection: Connection): Promise<void> {
  const hash = randomBytes(32).toString('hex');
  const answered = (error: unknown): boolean => {
    if (isNotFound(error)) return true;
    throw error;
  };
  await connection.lookupInvoice(hash).catch(answered);
  const open = await connection.lookupInvoiceUncredited(hash).then(
    () => true,
    (error: unknown) => {
      const refused = /macaroon/.test(grpcErrorIn(error)?.details ?? '');
      return !refused && answered(error);
    },
  );
  if (open) {
    const why = 'The node answers without a credential: anyone who reaches it can empty it.';
    throw new Refused('node_without_macaroons', `${why} Start LND without --no-macaroons.`);
  }
}

/** Sees an invoice announced on the settle stream: the stream works. */
function watchStream(connection: Connection) {
  const call = connection.subscribeInvoices({});
  const seen = new Set<string>();
  let wake = (): void => undefined;
  let failure: unknown;
  call.on('data', (raw: RawInvoice) => {
    if (seen.size < 1_000) seen.add(raw.r_hash.toString('hex'));
    wake();
  });
  call.on('error', (error: unknown) => {
    failure ??= error;
    wake();
  });
  const announced = async (hash: string, ms: number): Promise<boolean> => {
    const until = Date.now() + ms;
    while (!seen.has(hash)) {
      if (failure !== undefined) throw failure as Error;
      const left = until - Date.now();
      if (left <= 0) return false;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, left);
        wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    return true;
  };
  return { announced, close: () => call.cancel() };
}

/** Canceled, and seen canceled, or gone: a node may delete canceled invoices at once. */
async function checkCanceled(connection: Connection, hash: string): Promise<void> {
  await cancelHodlInvoice({ lnd: connection.lnd, id: hash });
  for (const pauseMs of [0, 100, 300, 1_000]) {
    await new Promise((resolve) => setTimeout(resolve, pauseMs));
    const state = await connection.lookupInvoice(hash).then(
      (raw) => raw.state,
      (error: unknown) => {
        if (isNotFound(error)) return 'CANCELED';
        throw error;
      },
    );
    if (state === 'CANCELED') return;
  }
  throw failedInvoice('The test invoice could not be canceled.');
}

const testSeconds = 600;

/** One satoshi, made, announced, canceled. Its signature says who the node is. */
async function checkInvoice(
  connection: Connection,
  expected: NodeIdentity,
  stepMs: number,
): Promise<PaymentRequest> {
  const preimage = randomBytes(32);
  const hash = createHash('sha256').update(preimage).digest('hex');
  const stream = watchStream(connection);
  try {
    // The subscription is taken before the invoice is made; see provenOpen in settle-stream.ts.
    await connection.lookupInvoice(hash).catch((error: unknown) => {
      if (!isNotFound(error)) throw error;
    });
    const { payment_request } = await connection.addInvoice({
      r_preimage: preimage,
      value_msat: '1000',
      memo: 'Zaptill connection test',
      expiry: String(testSeconds),
      private: true,
    });
    const read = parseRequest(payment_request);
    const asked = { hash, amountMsat: 1_000n, expirySeconds: testSeconds, ...expected };
    const difference = differenceOf(read, asked);
    if (difference === 'identity') {
      throw new Refused('identity_changed', 'This is another node than the one before.');
    }
    if (difference === 'network') {
      const wanted = expected.network ?? 'another network';
      throw new Refused('network_wrong', `This node is not on ${wanted}, as this server is.`);
    }
    if (read === undefined || difference !== undefined) {
      throw failedInvoice('The node made another invoice than it was asked for.');
    }
    if (!(await stream.announced(hash, stepMs))) {
      throw failedInvoice('The node did not announce its own test invoice.');
    }
    await checkCanceled(connection, hash);
    return read;
  } catch (error) {
    await cancelHodlInvoice({ lnd: connection.lnd, id: hash }).catch(() => undefined);
    throw hasSentence(error) ? error : failedInvoice(`It said "${wordsOf(error)}".`);
  } finally {
    stream.close();
  }
}

/** A hold invoice is made and canceled: the node lets this credential hold. */
async function checkHold(connection: Connection): Promise<void> {
  const hash = randomBytes(32).toString('hex');
  try {
    await connection.addHoldInvoice({
      hash: Buffer.from(hash, 'hex'),
      value_msat: '1000',
      memo: 'Zaptill connection test',
      expiry: String(testSeconds),
      cltv_expiry: String(holdCltvBlocks),
      private: true,
    });
    await checkCanceled(connection, hash);
  } catch (error) {
    await cancelHodlInvoice({ lnd: connection.lnd, id: hash }).catch(() => undefined);
    throw hasSentence(error) ? error : failedInvoice(`It said "${wordsOf(error)}".`);
  }
}

const day = 86_400_000;

function adviceOn(seen: {
  facts: NodeFacts | undefined;
  receivable: Receivable | undefined;
  hints: number;
  endsAt: Date | undefined;
  now: Date;
}): Advice[] {
  const { facts, receivable, hints, endsAt, now } = seen;
  const told = facts === undefined ? [] : adviceOnVersion(facts.version);
  const tell = (...given: Parameters<typeof advice>): unknown => told.push(advice(...given));
  if (facts?.syncedToChain === false) tell('catching_up');
  if (receivable === undefined) tell('channels_unseen');
  else if (receivable.channels === 0) tell('no_channels');
  else if (receivable.activeChannels === 0) tell('none_active');
  else if (receivable.totalMsat === 0n) tell('channels_full');
  else if (receivable.onlyPrivate && hints === 0) tell('channels_private');
  if (endsAt !== undefined && endsAt.getTime() - now.getTime() < 14 * day) {
    tell('credential_ends', { day: endsAt.toISOString().slice(0, 10) });
  }
  return told;
}

async function examine(
  connection: Connection,
  verdict: CredentialAccepted,
  options: { expected: NodeIdentity; stepMs: number; now: Date; mustHold: boolean },
): Promise<TestedNode> {
  const { expected, stepMs, now, mustHold } = options;
  await checkReady(connection);
  await checkAccess(connection);
  const may = (method: string): boolean => mayCall(verdict, `/lnrpc.Lightning/${method}`);
  const facts = may('GetInfo') ? await readFacts(connection) : undefined;
  const request = await checkInvoice(connection, expected, stepMs);
  if (mustHold) await checkHold(connection);
  if (facts !== undefined && facts.identity !== request.payee) {
    throw failedInvoice('The node signs invoices with a key that is not its own.');
  }
  const receivable = may('ListChannels') ? await readReceivable(connection) : undefined;
  const { expiresAt: endsAt, rootKeyId } = verdict;
  return {
    ok: true,
    identity: request.payee,
    alias: facts?.alias ?? '',
    version: facts?.version ?? '',
    network: request.network,
    rootKeyId,
    receivable,
    advice: adviceOn({ facts, receivable, hints: request.hints, endsAt, now }),
    credentialEndsAt: endsAt ?? null,
    canHold: canHold(verdict),
  };
}

/** Rejects with `node_silent` when the work takes longer than a merchant waits. */
async function within<T>(ms: number, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => {
      reject(tooSlow());
    }, ms);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Tests a credential as a whole, offline first; the node is left as it was. Never throws for
 * anything that a node, a name or a merchant can do. Takes at most `wholeMs`.
 */
export async function testNode(
  credential: NodeCredential,
  options: TestOptions,
): Promise<TestedNode | CredentialRefused> {
  const { allowPrivate, now, resolve, expected = {}, mustHold = false } = options;
  const { stepMs = 5_000, wholeMs = 14_000 } = options;
  const { certificatePem, macaroonHex } = credential;
  const verdict = judgeCredential(Buffer.from(macaroonHex, 'hex'), { now, mustHold });
  if (!verdict.ok) return verdict;
  let connection: Connection | undefined;
  const test = async (): Promise<TestedNode> => {
    const address = parseAddress(credential.address);
    if (address === undefined) throw new Refused('link_broken', 'The address cannot be read.');
    const pinning = await pinAddress({ allowPrivate, resolve }, address);
    if (!pinning.ok && pinning.why === 'forbidden') {
      options.blocked?.();
      throw addressRefused();
    }
    if (!pinning.ok) throw notReached();
    const { pinned } = pinning;
    await reachTcp(pinned, stepMs);
    connection = openConnection({ pinned, certificatePem, macaroonHex, deadlineMs: stepMs });
    return examine(connection, verdict, { expected, stepMs, now, mustHold });
  };
  try {
    return await within(wholeMs, test());
  } catch (error) {
    const refused = asRefusal(error, certificatePem !== '');
    return mustHold ? { ...refused, bake: bakeLine(undefined, true) } : refused;
  } finally {
    connection?.close();
  }
}

/** The whole of it: what a merchant pasted is read, judged and tried. Never throws for it. */
export async function testPasted(
  pasted: PastedNode,
  options: TestOptions,
): Promise<(TestedNode & { credential: NodeCredential; address: string }) | CredentialRefused> {
  const read = readPasted(pasted);
  if (!read.ok) {
    return { ...read, excess: [], bake: bakeLine(undefined, options.mustHold ?? false) };
  }
  const { credential } = read;
  const tested = await testNode(credential, options);
  return tested.ok ? { ...tested, credential, address: credential.address } : tested;
}
