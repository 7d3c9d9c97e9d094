// The room that speaks LND. It is for receiving: making invoices, looking at them, asking to cancel
// them, following what was settled. It must never hold a credential that can spend, never take the
// answer of a call for the truth (only a lookup is), and never let what a foreign node says reach a
// buyer. Whatever fails leaves as Trouble from `node`; what is our own fault leaves as a Defect.
import { createHash } from 'node:crypto';
import { cancelHodlInvoice } from 'lightning';
import type { InvoicePage, InvoiceWish, IssuedInvoice, LightningNode } from '../core/ports.ts';
import type { Observation, Preimage } from '../core/invoice.ts';
import { assert, Trouble } from '../core/trouble.ts';
import { parseAddress, pinAddress } from './address.ts';
import type { NodeAddress, Resolve } from './address.ts';
import { differenceOf, parseRequest } from './bolt11.ts';
import type { NodeIdentity } from './bolt11.ts';
import { readReceivable } from './channels.ts';
import { openConnection } from './connection.ts';
import type { Connection, ConnectionWatch, Keepalive } from './connection.ts';
import {
  isAnsweredByLook,
  isDuplicate,
  isNotFound,
  isNotHeld,
  nodeTrouble,
  troubleFrom,
} from './errors.ts';
import { judgeCredential, mayCall } from './gate.ts';
import { observationOf } from './observation.ts';
import { holdCltvBlocks } from '../core/hold.ts';
import { readFacts } from './facts.ts';
import type { NodeFacts } from './facts.ts';
import { hedging, type HedgeOptions } from './hedge.ts';
import { followSettles } from './settle-stream.ts';
import { width } from './width.ts';

export type NodeOptions = NodeIdentity & {
  /** Host and port as they were stored. */
  address: string;
  /** PEM; empty: of a public authority. */
  certificatePem: string;
  macaroonHex: string;
  /** The operator's word, not the merchant's. */
  allowPrivate: boolean;
  /** Names to addresses; the system's resolver when left out. */
  resolve?: Resolve;
  /** The replay of settles is over after this much silence. */
  quietMs?: number;
  /** The settle stream is closed when more events come in ten seconds. */
  mostEvents?: number;
  /** An upper bound for every call with one answer. */
  deadlineMs?: number;
  /** A node that cannot be reached is looked up and connected anew when this has passed. */
  pinnedForMs?: number;
  keepalive?: Keepalive;
  /** For the metrics: a lookup was asked, or asked once more over the spare connection. */
  countedRead?: HedgeOptions['counted'];
  /** For the metrics. */
  watch?: ConnectionWatch & {
    /** The address led to what is not public. */
    blocked?: () => void;
  };
};

export type OpenNode = LightningNode & {
  /** Undefined when the credential may not ask. */
  getInfo: () => Promise<NodeFacts | undefined>;
  /** How many lookups may be asked a second time. */
  hedgeBudget: () => number;
  close: () => void;
};

/** No connection was made. gRPC would wait up to half a minute before it tries again. */
const unreached: ReadonlySet<string> = new Set(['node_down', 'not_grpc', 'certificate_wrong']);

/** The connection of a node, made at first use, and made anew with a new look at its address. */
function connections(options: NodeOptions, address: NodeAddress) {
  let current: { made: Promise<Connection>; at: number } | undefined;
  let closed = false;
  const { pinnedForMs = 5_000 } = options;
  const make = async (): Promise<Connection> => {
    const { allowPrivate, resolve, macaroonHex, certificatePem } = options;
    const { deadlineMs, keepalive } = options;
    const pinning = await pinAddress({ allowPrivate, resolve }, address);
    if (!pinning.ok) {
      if (pinning.why === 'forbidden') options.watch?.blocked?.();
      const then = pinning.why === 'forbidden' ? 'give_up' : 'retry';
      throw nodeTrouble('node_address', { then, away: true, details: pinning.why });
    }
    const { pinned } = pinning;
    const limit = deadlineMs === undefined ? {} : { deadlineMs };
    const { watch } = options;
    return openConnection({ pinned, certificatePem, macaroonHex, keepalive, watch, ...limit });
  };
  const drop = (): void => {
    current?.made.then((connection) => connection.close()).catch(() => undefined);
    current = undefined;
  };
  const get = (): Promise<Connection> => {
    if (closed) return Promise.reject(nodeTrouble('node_closed', { then: 'retry', away: false }));
    if (current === undefined) {
      const made = make();
      current = { made, at: Date.now() };
      made.catch(() => {
        if (current?.made === made) current = undefined;
      });
    }
    return current.made;
  };
  return {
    get,
    /** Called with each trouble: the node may live elsewhere, or be back before gRPC looks. */
    blame: (trouble: unknown): void => {
      const isAway = trouble instanceof Trouble && unreached.has(trouble.what);
      if (isAway && current !== undefined && Date.now() - current.at > pinnedForMs) drop();
    },
    close: (): void => {
      closed = true;
      drop();
    },
  };
}

/** LND's limit for the description of a request. Source: BOLT 11, ten bits of five-bit words. */
const longestMemoBytes = 639;
const longestExpirySeconds = 31_536_000;
const mostListed = 1_000;

function checkWish({ hash, preimage, amountMsat, memo, expirySeconds }: InvoiceWish): void {
  assert(
    typeof amountMsat === 'bigint' && amountMsat > 0n,
    'an invoice needs an amount above zero',
  );
  assert(amountMsat < 2n ** 63n, 'the amount does not fit into 64 bits');
  assert(Buffer.byteLength(memo) <= longestMemoBytes, 'the memo is longer than 639 bytes');
  const inRange = expirySeconds >= 1 && expirySeconds <= longestExpirySeconds;
  assert(Number.isInteger(expirySeconds) && inRange, 'the expiry is not 1 second to 1 year');
  const secret = Buffer.from(preimage, 'hex');
  const fits = createHash('sha256').update(secret).digest('hex') === hash;
  assert(secret.length === 32 && fits, 'the hash is not the hash of the preimage');
}

type Found = { request: string; addIndex: bigint; state: Observation['state']; before: boolean };

async function look(connection: Connection, hash: string): Promise<Observation | 'not_found'> {
  try {
    const seen = observationOf(await connection.lookupInvoice(hash));
    if (seen !== undefined) return seen;
  } catch (error) {
    if (isNotFound(error)) return 'not_found';
    throw error;
  }
  throw nodeTrouble('answer_unreadable', { then: 'ask_again' });
}

/** One AddInvoice. `doubtful`: it may have been done, or was done before. */
async function add(connection: Connection, wish: InvoiceWish): Promise<Found | 'doubtful'> {
  try {
    const terms = {
      value_msat: wish.amountMsat.toString(),
      memo: wish.memo,
      expiry: String(wish.expirySeconds),
      private: true,
    };
    const { payment_request: request, add_index } =
      wish.hold === true
        ? await connection.addHoldInvoice({
            ...terms,
            hash: Buffer.from(wish.hash, 'hex'),
            cltv_expiry: String(holdCltvBlocks),
          })
        : await connection.addInvoice({
            ...terms,
            r_preimage: Buffer.from(wish.preimage, 'hex'),
          });
    return { request, addIndex: BigInt(add_index), state: 'open', before: false };
  } catch (error) {
    if (isDuplicate(error)) return 'doubtful';
    const trouble = troubleFrom(error);
    if (trouble instanceof Trouble && trouble.then === 'ask_again') return 'doubtful';
    throw trouble;
  }
}

/** Adds, and when the answer is lost: looks, and adds again when it is not there. */
async function addOrFind(connection: Connection, wish: InvoiceWish): Promise<Found> {
  for (let round = 0; round < 2; round += 1) {
    const added = await add(connection, wish);
    if (added !== 'doubtful') return added;
    const seen = await look(connection, wish.hash);
    if (seen !== 'not_found') return { ...seen, before: true };
  }
  throw nodeTrouble('unknown', { then: 'ask_again', details: 'the invoice was twice not made' });
}

async function cancel({ lnd }: Connection, hash: string): Promise<void> {
  await cancelHodlInvoice({ lnd, id: hash }).catch((error: unknown) => {
    if (!isAnsweredByLook(error)) throw error;
  });
}

async function settle(connection: Connection, preimage: Preimage): Promise<void> {
  await connection.settleInvoice(Buffer.from(preimage, 'hex')).catch((error: unknown) => {
    if (!isNotHeld(error)) throw error;
  });
}

/** Invoices with many parts and long memos do not fit into one message: fewer of them do. */
const fewer = 20;

/**
 * A page. The node is a stranger: one that gives more than was asked, or leads back, is not
 * followed.
 */
async function list(
  connection: Connection,
  ask: { after: bigint; createdSince: Date; most: number },
): Promise<InvoicePage> {
  assert(ask.most >= 1 && ask.most <= mostListed, 'a page has 1 to 1,000 invoices');
  let { most } = ask;
  const page = await connection.listInvoices(ask).catch((error: unknown) => {
    const trouble = troubleFrom(error);
    if (!(trouble instanceof Trouble) || trouble.what !== 'message_too_large') throw error;
    most = Math.min(most, fewer);
    return connection.listInvoices({ ...ask, most });
  });
  const last = BigInt(page.last_index_offset);
  const isFull = page.invoices.length === most;
  if (page.invoices.length > most || (isFull && last <= ask.after)) {
    throw nodeTrouble('answer_unreadable', { then: 'ask_again', details: 'a page of invoices' });
  }
  return {
    invoices: page.invoices.map(observationOf).filter((seen) => seen !== undefined),
    after: isFull ? last : undefined,
  };
}

async function issue(
  connection: Connection,
  wish: InvoiceWish,
  expected: NodeIdentity,
): Promise<IssuedInvoice> {
  const found = await addOrFind(connection, wish);
  const read = parseRequest(found.request);
  const asked = { ...wish, ...expected };
  const difference = differenceOf(read, asked, found.before ? { now: new Date() } : undefined);
  if (read === undefined || difference !== undefined) {
    // Nobody has seen it; asked to cancel so that nobody can pay it.
    await cancel(connection, wish.hash).catch(() => undefined);
    const another = difference === 'identity' || difference === 'network';
    const what = another ? 'identity_changed' : 'invoice_differs';
    throw nodeTrouble(what, {
      then: 'give_up',
      away: another,
      details: difference ?? 'unreadable',
    });
  }
  if (found.state === 'canceled') throw nodeTrouble('invoice_over', { then: 'give_up' });
  return { request: found.request, addIndex: found.addIndex, expiresAt: read.expiresAt };
}

/**
 * A node, from its stored credential. The gate is passed again, offline, because a stored
 * credential may predate a stricter gate. Nothing is connected before the first call; one object
 * holds one connection until `close`.
 *
 * @throws {Trouble} `give_up` when the credential or the address is not allowed.
 */
export function openNode(options: NodeOptions): OpenNode {
  // What was let in for a shop that holds stays in when it holds no more.
  const verdict = judgeCredential(Buffer.from(options.macaroonHex, 'hex'), { mayHold: true });
  if (!verdict.ok) {
    const details = verdict.refusal;
    throw nodeTrouble('credential_refused', { then: 'give_up', away: true, details });
  }
  const address = parseAddress(options.address);
  if (address === undefined) throw nodeTrouble('node_address', { then: 'give_up', away: true });
  const line = connections(options, address);
  // For reads that stall on the first one; connected when one does.
  const spare = connections(options, address);
  const { countedRead: counted } = options;
  const hedge = hedging(counted === undefined ? {} : { counted });
  // The lanes of the pool find their own width below this.
  const inTurn = width({ atOnce: 100, waiting: 256 });
  const { identity, network } = options;

  type Work<T> = (connection: Connection) => Promise<T>;
  const over = async <T>(way: typeof line, work: Work<T>): Promise<T> => {
    try {
      return await work(await way.get());
    } catch (error) {
      const trouble = troubleFrom(error);
      way.blame(trouble);
      throw trouble;
    }
  };
  const call = <T>(work: Work<T>): Promise<T> => inTurn(() => over(line, work));
  const may = (method: string): boolean => mayCall(verdict, `/lnrpc.Lightning/${method}`);

  return {
    createInvoice: async (wish) => {
      checkWish(wish);
      return call((connection) => issue(connection, wish, { identity, network }));
    },
    lookInvoice: (hash) =>
      call((connection) =>
        hedge.read(
          () => look(connection, hash),
          () => over(spare, (other) => look(other, hash)),
        ),
      ),
    settleHeld: (preimage) => call((connection) => settle(connection, preimage)),
    height: () => call(async (connection) => (await readFacts(connection)).height),
    askToCancel: (hash) => call((connection) => cancel(connection, hash)),
    listInvoices: async (ask) =>
      may('ListInvoices') ? call((connection) => list(connection, ask)) : undefined,
    receivable: async () => (may('ListChannels') ? call(readReceivable) : undefined),
    getInfo: async () => (may('GetInfo') ? call(readFacts) : undefined),
    followSettles: (from, on) => {
      const { quietMs = 10_000, mostEvents = 20_000 } = options;
      const ended = (why: unknown): void => {
        line.blame(why);
        on.ended(why);
      };
      return followSettles({ connection: line.get, quietMs, mostEvents }, from, { ...on, ended });
    },
    hedgeBudget: hedge.budget,
    close: () => {
      line.close();
      spare.close();
    },
  };
}
