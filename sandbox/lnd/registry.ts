/**
 * The invoice registry: what LND's `invoices` package decides about adding, paying, settling and canceling.
 *
 * It knows nothing of gRPC. It must never be kinder than LND: a state changes only by the rules of invoiceregistry.go and
 * update.go of LND 0.21, and the wall clock decides nothing but when LND's own expiry watcher cancels.
 */
import { createHash } from 'node:crypto';
import { LONGEST_MEMO_BYTES, signRequest } from './bolt11.ts';
import type { Network, RouteHint } from './bolt11.ts';
import type { Alarm, Clock } from './clock.ts';
import type { Invoice, InvoiceKind, Part } from './invoice.ts';
import { RpcError, STATUS } from './rpc-error.ts';
import type { Random } from './random.ts';

/** LND cancels a held invoice this many blocks before its HTLC times out (`invoices.holdexpirydelta`). */
export const HOLD_EXPIRY_BLOCKS = 18;
/** An HTLC that times out sooner than this is refused, whatever the invoice says. */
export const FINAL_CLTV_REJECT_BLOCKS = 19;
const SMALLEST_CLTV = 24;
const LARGEST_CLTV = 65_535;
const DEFAULT_CLTV = 80;
const DEFAULT_EXPIRY_SECONDS = 86_400;
const LONGEST_EXPIRY_SECONDS = 31_536_000;
const LARGEST_AMOUNT_MSAT = 100_000n * 100_000_000n * 1000n;

export type AddTerms = {
  /** Hex; empty lets the node choose. Ignored for hold invoices, which know only the hash. */
  secret?: string;
  hash?: string;
  kind?: InvoiceKind;
  memo?: string;
  descriptionHash?: string;
  amountMsat?: bigint;
  expirySeconds?: number;
  cltvDelta?: number;
  hints?: RouteHint[];
  fallbackAddress?: string;
};

export type IncomingPart = {
  hash: string;
  paymentSecret: string;
  amountMsat: bigint;
  totalMsat: bigint;
  expiryHeight: number;
  channelId: string;
};
export type PartOutcome = { ok: true; preimage: string } | { ok: false; why: string };

/** LND tells a payer no more than this, whatever was wrong. BOLT 4. */
const UNKNOWN_DETAILS = 'INCORRECT_OR_UNKNOWN_PAYMENT_DETAILS';

export type RegistryEvent = 'added' | 'accepted' | 'settled' | 'canceled';

export type Registry = ReturnType<typeof invoiceRegistry>;

export type RegistryDeps = {
  clock: Clock;
  random: Random;
  network: Network;
  signingKey: () => Buffer;
  height: () => number;
  /** How long an incomplete set of parts is held, from each part's arrival. LND: 120 s. */
  partsTimeoutMs: () => number;
  /** Canceled invoices are forgotten at once (`--gc-canceled-invoices-on-the-fly`). */
  collectsCanceled: () => boolean;
};

const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

const groupsOfFive = (bytes: number): number => Math.ceil((bytes * 8) / 5);

/** LND's refusals, in LND's order and words. */
const refuseBadTerms = (terms: AddTerms): void => {
  const memoBytes = Buffer.byteLength(terms.memo ?? '');
  const amountMsat = terms.amountMsat ?? 0n;
  const expirySeconds = terms.expirySeconds ?? 0;
  const cltvDelta = terms.cltvDelta ?? 0;
  const hashBytes = (terms.descriptionHash ?? '').length / 2;
  if (memoBytes > 1024) {
    throw new RpcError(`memo too large: ${String(memoBytes)} bytes (maxsize=1024)`);
  }
  if (hashBytes > 0 && hashBytes !== 32) {
    throw new RpcError(`description hash is ${String(hashBytes)} bytes, must be 32`);
  }
  if (amountMsat / 1000n > LARGEST_AMOUNT_MSAT / 1000n) {
    const btc = (msat: bigint): string => {
      const sat = msat / 1000n;
      const decimals = (sat % 100_000_000n).toString().padStart(8, '0').replace(/0+$/, '');
      return `${(sat / 100_000_000n).toString()}${decimals ? `.${decimals}` : ''} BTC`;
    };
    throw new RpcError(
      `invoice amount ${btc(amountMsat)} is too large, max is ${btc(LARGEST_AMOUNT_MSAT)}`,
    );
  }
  if (expirySeconds > LONGEST_EXPIRY_SECONDS) {
    throw new RpcError(
      `expiry of ${String(expirySeconds)} seconds greater than max expiry of ` +
        `${String(LONGEST_EXPIRY_SECONDS)} seconds`,
    );
  }
  if (cltvDelta > LARGEST_CLTV) {
    throw new RpcError(
      `CLTV delta of ${String(cltvDelta)} is too large, max accepted is: ${String(LARGEST_CLTV)}`,
    );
  }
  if (cltvDelta !== 0 && cltvDelta < SMALLEST_CLTV) {
    throw new RpcError(
      `CLTV delta of ${String(cltvDelta)} must be greater than minimum of ${String(SMALLEST_CLTV)}`,
    );
  }
  if (hashBytes === 0 && memoBytes > LONGEST_MEMO_BYTES) {
    throw new RpcError(
      `data length too big to fit within 10 bits: ${String(groupsOfFive(memoBytes))}`,
    );
  }
};

export const invoiceRegistry = (deps: RegistryDeps) => {
  const byHash = new Map<string, Invoice>();
  const listeners = new Set<(event: RegistryEvent, invoice: Invoice) => void>();
  const waiting = new Map<Part, (outcome: PartOutcome) => void>();
  const timeouts = new Map<Part, Alarm>();
  const counters = { add: 0, settle: 0, part: 0 };

  const tell = (event: RegistryEvent, invoice: Invoice): void => {
    for (const listener of listeners) listener(event, invoice);
  };
  const find = (hash: string, notFoundCode: number = STATUS.unknown): Invoice => {
    const invoice = byHash.get(hash);
    if (!invoice) throw new RpcError('unable to locate invoice', notFoundCode);
    return invoice;
  };
  const sendBack = (part: Part, why: string): void => {
    timeouts.get(part)?.cancel();
    timeouts.delete(part);
    part.state = 'CANCELED';
    part.resolvedAtMs = deps.clock.now();
    waiting.get(part)?.({ ok: false, why });
    waiting.delete(part);
  };
  const heldParts = (invoice: Invoice): Part[] =>
    invoice.parts.filter((part) => part.state === 'ACCEPTED');

  const cancel = (hash: string): void => {
    const invoice = find(hash);
    if (invoice.state === 'CANCELED') return;
    if (invoice.state === 'SETTLED') throw new RpcError('invoice already settled');
    invoice.state = 'CANCELED';
    for (const part of heldParts(invoice)) sendBack(part, UNKNOWN_DETAILS);
    if (deps.collectsCanceled()) byHash.delete(hash);
    tell('canceled', invoice);
  };
  /** LND's watcher rings at the true creation time plus expiry: 0 to 1 s after the reported one. */
  const watchExpiry = (invoice: Invoice): void => {
    deps.clock.at(invoice.createdAtMs + invoice.expirySeconds * 1000, () => {
      if (byHash.get(invoice.hash) === invoice && invoice.state === 'OPEN') cancel(invoice.hash);
    });
  };

  const settle = (invoice: Invoice, secret: string | null): void => {
    counters.settle += 1;
    invoice.state = 'SETTLED';
    invoice.secret = secret;
    invoice.settleIndex = counters.settle;
    invoice.settledAtMs = deps.clock.now();
    invoice.receivedMsat = heldParts(invoice).reduce((sum, part) => sum + part.amountMsat, 0n);
    const paid = heldParts(invoice);
    for (const part of paid) {
      timeouts.get(part)?.cancel();
      timeouts.delete(part);
      part.state = 'SETTLED';
      part.resolvedAtMs = invoice.settledAtMs;
    }
    tell('settled', invoice);
    for (const part of paid) {
      waiting.get(part)?.({ ok: true, preimage: invoice.secret ?? '' });
      waiting.delete(part);
    }
  };

  const add = (terms: AddTerms): Invoice => {
    refuseBadTerms(terms);
    const kind = terms.kind ?? 'ordinary';
    const given = terms.secret ?? '';
    if (given.length > 0 && given.length !== 64) {
      throw new RpcError(`invalid preimage length of ${String(given.length / 2)}, want 32`);
    }
    const secret = kind === 'hold' ? null : given || deps.random.bytes(32).toString('hex');
    const hash = secret === null ? (terms.hash ?? '') : sha256(Buffer.from(secret, 'hex'));
    if (hash.length !== 64) {
      throw new RpcError(`invalid hash length of ${String(hash.length / 2)}, want 32`);
    }
    if (byHash.has(hash)) throw new RpcError('invoice with payment hash already exists');
    const createdAtMs = deps.clock.now();
    const agreed = {
      hash,
      memo: terms.memo ?? '',
      descriptionHash: terms.descriptionHash ?? '',
      amountMsat: terms.amountMsat ?? 0n,
      expirySeconds: terms.expirySeconds ? terms.expirySeconds : DEFAULT_EXPIRY_SECONDS,
      cltvDelta: terms.cltvDelta ? terms.cltvDelta : DEFAULT_CLTV,
      paymentSecret: deps.random.bytes(32).toString('hex'),
      hints: terms.hints ?? [],
      fallbackAddress: terms.fallbackAddress ?? '',
    };
    const createdAt = Math.floor(createdAtMs / 1000);
    const isAsked = kind === 'ordinary' || kind === 'hold';
    const request = isAsked
      ? signRequest(deps.signingKey(), { ...agreed, network: deps.network, createdAt })
      : '';
    counters.add += 1;
    const invoice: Invoice = {
      ...agreed,
      kind,
      secret,
      request,
      createdAtMs,
      state: 'OPEN',
      addIndex: counters.add,
      settleIndex: 0,
      settledAtMs: 0,
      receivedMsat: 0n,
      parts: [],
    };
    byHash.set(hash, invoice);
    watchExpiry(invoice);
    tell('added', invoice);
    return invoice;
  };

  const isRefused = (invoice: Invoice | undefined, part: IncomingPart): boolean => {
    if (invoice?.state !== 'OPEN') return true;
    if (part.paymentSecret !== invoice.paymentSecret) return true;
    if (part.totalMsat === 0n || part.totalMsat < invoice.amountMsat) return true;
    if (heldParts(invoice).some((held) => held.totalMsat !== part.totalMsat)) return true;
    const blocks = Math.max(FINAL_CLTV_REJECT_BLOCKS, invoice.cltvDelta);
    return part.expiryHeight < deps.height() + blocks;
  };
  /** One HTLC arrives. Resolves when the node has settled it or sent it back; a held one stays until then. */
  const receive = (incoming: IncomingPart): Promise<PartOutcome> => {
    const invoice = byHash.get(incoming.hash);
    if (!invoice || isRefused(invoice, incoming)) {
      return Promise.resolve({ ok: false, why: UNKNOWN_DETAILS });
    }
    counters.part += 1;
    const part: Part = {
      index: counters.part,
      channelId: incoming.channelId,
      amountMsat: incoming.amountMsat,
      totalMsat: incoming.totalMsat,
      acceptHeight: deps.height(),
      expiryHeight: incoming.expiryHeight,
      acceptedAtMs: deps.clock.now(),
      resolvedAtMs: 0,
      state: 'ACCEPTED',
    };
    invoice.parts.push(part);
    const outcome = new Promise<PartOutcome>((resolve) => waiting.set(part, resolve));
    const sum = heldParts(invoice).reduce((total, held) => total + held.amountMsat, 0n);
    if (sum < part.totalMsat) {
      const until = deps.clock.now() + deps.partsTimeoutMs();
      timeouts.set(
        part,
        deps.clock.at(until, () => {
          if (invoice.state === 'OPEN' && part.state === 'ACCEPTED') sendBack(part, 'MPP_TIMEOUT');
        }),
      );
    } else if (invoice.kind === 'hold') {
      invoice.state = 'ACCEPTED';
      invoice.receivedMsat = sum;
      tell('accepted', invoice);
    } else {
      settle(invoice, invoice.secret);
    }
    return outcome;
  };

  /** SettleInvoice. Again after success is fine. */
  const settleHeld = (secret: string): void => {
    const invoice = find(sha256(Buffer.from(secret, 'hex')));
    if (invoice.state === 'OPEN') throw new RpcError('invoice still open');
    if (invoice.state === 'CANCELED') throw new RpcError('invoice already canceled');
    if (invoice.state === 'ACCEPTED') settle(invoice, secret);
  };

  const cancelHeldNearTimeout = (): void => {
    for (const invoice of byHash.values()) {
      if (invoice.state !== 'ACCEPTED') continue;
      const earliest = Math.min(...heldParts(invoice).map((part) => part.expiryHeight));
      if (deps.height() + HOLD_EXPIRY_BLOCKS >= earliest) cancel(invoice.hash);
    }
  };

  const takeOver = (invoices: Invoice[], kept: { add: number; settle: number }): void => {
    byHash.clear();
    for (const invoice of invoices.toSorted((a, b) => a.addIndex - b.addIndex)) {
      byHash.set(invoice.hash, invoice);
      if (invoice.state === 'OPEN') watchExpiry(invoice);
    }
    Object.assign(counters, kept);
  };

  return {
    add,
    find,
    get: (hash: string): Invoice | undefined => byHash.get(hash),
    /** Oldest first. */
    all: (): Invoice[] => [...byHash.values()],
    receive,
    settleHeld,
    cancel,
    cancelHeldNearTimeout,
    /** Takes the next settle index without an invoice of its own, as an AMP payment does. */
    skipSettleIndex: (): number => (counters.settle += 1),
    resetSettleIndex: (to = 0): void => {
      counters.settle = to;
    },
    forget: (hash: string): boolean => byHash.delete(hash),
    forgetCanceled: (): number => {
      const gone = [...byHash.values()].filter((invoice) => invoice.state === 'CANCELED');
      for (const invoice of gone) byHash.delete(invoice.hash);
      return gone.length;
    },
    counters: (): { add: number; settle: number } => ({
      add: counters.add,
      settle: counters.settle,
    }),
    takeOver,
    onEvent: (listener: (event: RegistryEvent, invoice: Invoice) => void): (() => void) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
};
