/**
 * The invoice registry: what LND's `invoices` package decides about adding, paying, settling and
 * canceling.
 *
 * It knows nothing of gRPC. It must never be kinder than LND: a state changes only by the rules of
 * invoiceregistry.go and update.go of LND 0.21, and the clock decides nothing but when LND's own
 * expiry watcher cancels.
 */
import { signRequest } from './bolt11.ts';
import type { Network, SigningKey } from './bolt11.ts';
import type { Alarm, Clock } from './clock.ts';
import { agreeOnTerms, sha256 } from './invoice-terms.ts';
import type { AddTerms } from './invoice-terms.ts';
import type { Invoice, Part } from './invoice.ts';
import { RpcError, STATUS } from './rpc-error.ts';
import type { Random } from './random.ts';

/**
 * LND cancels a held invoice this many blocks before its HTLC times out:
 * `invoices.holdexpirydelta`.
 */
const HOLD_EXPIRY_BLOCKS = 18;
/** An HTLC that times out sooner than this is refused, whatever the invoice says. */
const FINAL_CLTV_REJECT_BLOCKS = 19;
/** LND tells a payer no more than this, whatever was wrong. BOLT 4. */
const UNKNOWN_DETAILS = 'INCORRECT_OR_UNKNOWN_PAYMENT_DETAILS';

export type IncomingPart = {
  hash: string;
  paymentSecret: string;
  amountMsat: bigint;
  /** What the sender declares as the sum of all parts. */
  totalMsat: bigint;
  expiryHeight: number;
  channelId: string;
};
export type PartOutcome = { ok: true; preimage: string } | { ok: false; why: string };

export type RegistryEvent = 'added' | 'accepted' | 'settled' | 'canceled' | 'forgotten';
type Listener = (event: RegistryEvent, invoice: Invoice) => void;

export type Counters = { add: number; settle: number };

export type RegistryDeps = {
  clock: Clock;
  random: Random;
  network: Network;
  signingKey: () => SigningKey;
  height: () => number;
  /** How long an incomplete set of parts is held, from each part's arrival. LND: 120 s. */
  partsTimeoutMs: () => number;
  /** Canceled invoices are forgotten at once (`--gc-canceled-invoices-on-the-fly`). */
  collectsCanceled: () => boolean;
};

const heldParts = (invoice: Invoice): Part[] =>
  invoice.parts.filter((part) => part.state === 'ACCEPTED');
const sumOf = (parts: Part[]): bigint => parts.reduce((sum, part) => sum + part.amountMsat, 0n);

export class Registry {
  readonly #deps: RegistryDeps;
  readonly #byHash = new Map<string, Invoice>();
  readonly #listeners = new Set<Listener>();
  readonly #waiting = new Map<Part, (outcome: PartOutcome) => void>();
  readonly #timeouts = new Map<Part, Alarm>();
  readonly #counters: Counters = { add: 0, settle: 0 };
  #parts = 0;

  constructor(deps: RegistryDeps) {
    this.#deps = deps;
  }

  /** Throws `unable to locate invoice`, with code 5 where LND's lookup does, and 2 elsewhere. */
  find(hash: string, notFoundCode: number = STATUS.unknown): Invoice {
    const invoice = this.#byHash.get(hash);
    if (!invoice) throw new RpcError('unable to locate invoice', notFoundCode);
    return invoice;
  }

  get(hash: string): Invoice | undefined {
    return this.#byHash.get(hash);
  }

  /** Oldest first. */
  all(): Invoice[] {
    return [...this.#byHash.values()];
  }

  counters(): Counters {
    return { ...this.#counters };
  }

  onEvent(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  add(asked: AddTerms): Invoice {
    const { kind, ...terms } = agreeOnTerms(asked, this.#deps.random);
    if (this.#byHash.has(terms.hash)) {
      throw new RpcError('invoice with payment hash already exists');
    }
    const createdAtMs = this.#deps.clock.now();
    const paymentSecret = this.#deps.random.bytes(32).toString('hex');
    const isAsked = kind === 'ordinary' || kind === 'hold';
    const request = isAsked
      ? signRequest(this.#deps.signingKey(), {
          ...terms,
          paymentSecret,
          network: this.#deps.network,
          createdAt: Math.floor(createdAtMs / 1000),
        })
      : '';
    this.#counters.add += 1;
    const invoice: Invoice = {
      ...terms,
      kind,
      paymentSecret,
      request,
      createdAtMs,
      state: 'OPEN',
      addIndex: this.#counters.add,
      settleIndex: 0,
      settledAtMs: 0,
      receivedMsat: 0n,
      parts: [],
    };
    this.#byHash.set(invoice.hash, invoice);
    this.#watchExpiry(invoice);
    this.#tell('added', invoice);
    return invoice;
  }

  /** One HTLC arrives. Resolves when the node has settled it or sent it back; a held one waits. */
  receive(incoming: IncomingPart): Promise<PartOutcome> {
    const invoice = this.#byHash.get(incoming.hash);
    if (!invoice || this.#isRefused(invoice, incoming)) {
      return Promise.resolve({ ok: false, why: UNKNOWN_DETAILS });
    }
    this.#parts += 1;
    const part: Part = {
      index: this.#parts,
      channelId: incoming.channelId,
      amountMsat: incoming.amountMsat,
      totalMsat: incoming.totalMsat,
      acceptHeight: this.#deps.height(),
      expiryHeight: incoming.expiryHeight,
      acceptedAtMs: this.#deps.clock.now(),
      resolvedAtMs: 0,
      state: 'ACCEPTED',
    };
    invoice.parts.push(part);
    const outcome = new Promise<PartOutcome>((resolve) => this.#waiting.set(part, resolve));
    const sum = sumOf(heldParts(invoice));
    if (sum < part.totalMsat) {
      this.#watchPart(invoice, part);
    } else if (invoice.kind === 'hold') {
      invoice.state = 'ACCEPTED';
      invoice.receivedMsat = sum;
      this.#tell('accepted', invoice);
    } else {
      this.#settle(invoice, invoice.secret);
    }
    return outcome;
  }

  /** SettleInvoice. Again after success is fine. */
  settleHeld(secret: string): void {
    const invoice = this.find(sha256(secret));
    if (invoice.state === 'OPEN') throw new RpcError('invoice still open');
    if (invoice.state === 'CANCELED') throw new RpcError('invoice already canceled');
    if (invoice.state === 'ACCEPTED') this.#settle(invoice, secret);
  }

  /** CancelInvoice. Parts that are in go back at once; a canceled one stays canceled. */
  cancel(hash: string): void {
    const invoice = this.find(hash);
    if (invoice.state === 'CANCELED') return;
    if (invoice.state === 'SETTLED') throw new RpcError('invoice already settled');
    invoice.state = 'CANCELED';
    for (const part of heldParts(invoice)) this.#sendBack(part, UNKNOWN_DETAILS);
    this.#tell('canceled', invoice);
    if (this.#deps.collectsCanceled()) this.forget(hash);
  }

  /** A new block: held invoices whose HTLC times out too soon are canceled. */
  cancelHeldNearTimeout(): void {
    for (const invoice of this.all()) {
      if (invoice.state !== 'ACCEPTED') continue;
      const earliest = Math.min(...heldParts(invoice).map((part) => part.expiryHeight));
      if (this.#deps.height() + HOLD_EXPIRY_BLOCKS >= earliest) this.cancel(invoice.hash);
    }
  }

  /** The node no longer knows the invoice; its hash is free again. */
  forget(hash: string): void {
    const invoice = this.#byHash.get(hash);
    if (!invoice) return;
    this.#byHash.delete(hash);
    this.#tell('forgotten', invoice);
  }

  forgetCanceled(): void {
    for (const { hash, state } of this.all()) if (state === 'CANCELED') this.forget(hash);
  }

  /** The next settle takes the number after this one. */
  resetSettleIndex(to = 0): void {
    this.#counters.settle = to;
  }

  /** Replaces everything, as a start from a database does. Payments in flight go back. */
  takeOver(invoices: Invoice[], counters: Counters): void {
    for (const part of [...this.#waiting.keys()]) this.#sendBack(part, UNKNOWN_DETAILS);
    this.#byHash.clear();
    Object.assign(this.#counters, counters);
    for (const invoice of invoices.toSorted((a, b) => a.addIndex - b.addIndex)) {
      this.#byHash.set(invoice.hash, invoice);
      this.#parts = Math.max(this.#parts, ...invoice.parts.map(({ index }) => index));
      if (invoice.state !== 'OPEN') continue;
      this.#watchExpiry(invoice);
      for (const part of heldParts(invoice)) this.#watchPart(invoice, part);
    }
  }

  #tell(event: RegistryEvent, invoice: Invoice): void {
    for (const listener of this.#listeners) listener(event, invoice);
  }

  /** The watcher knows the true creation time, so it rings 0 to 1 s after the reported expiry. */
  #watchExpiry(invoice: Invoice): void {
    this.#deps.clock.at(invoice.createdAtMs + invoice.expirySeconds * 1000, () => {
      const isKnown = this.#byHash.get(invoice.hash) === invoice;
      if (isKnown && invoice.state === 'OPEN') this.cancel(invoice.hash);
    });
  }

  #watchPart(invoice: Invoice, part: Part): void {
    const at = part.acceptedAtMs + this.#deps.partsTimeoutMs();
    const alarm = this.#deps.clock.at(at, () => {
      if (invoice.state === 'OPEN' && part.state === 'ACCEPTED') {
        this.#sendBack(part, 'MPP_TIMEOUT');
      }
    });
    this.#timeouts.set(part, alarm);
  }

  #isRefused(invoice: Invoice, part: IncomingPart): boolean {
    if (invoice.state !== 'OPEN') return true;
    if (part.paymentSecret !== invoice.paymentSecret) return true;
    if (part.totalMsat === 0n || part.totalMsat < invoice.amountMsat) return true;
    if (heldParts(invoice).some((held) => held.totalMsat !== part.totalMsat)) return true;
    const blocks = Math.max(FINAL_CLTV_REJECT_BLOCKS, invoice.cltvDelta);
    return part.expiryHeight < this.#deps.height() + blocks;
  }

  #settle(invoice: Invoice, secret: string | null): void {
    const parts = heldParts(invoice);
    this.#counters.settle += 1;
    invoice.state = 'SETTLED';
    invoice.secret = secret;
    invoice.settleIndex = this.#counters.settle;
    invoice.settledAtMs = this.#deps.clock.now();
    invoice.receivedMsat = sumOf(parts);
    for (const part of parts) {
      part.state = 'SETTLED';
      part.resolvedAtMs = invoice.settledAtMs;
    }
    this.#tell('settled', invoice);
    for (const part of parts) this.#release(part, { ok: true, preimage: secret ?? '' });
  }

  #sendBack(part: Part, why: string): void {
    part.state = 'CANCELED';
    part.resolvedAtMs = this.#deps.clock.now();
    this.#release(part, { ok: false, why });
  }

  #release(part: Part, outcome: PartOutcome): void {
    this.#timeouts.get(part)?.cancel();
    this.#timeouts.delete(part);
    this.#waiting.get(part)?.(outcome);
    this.#waiting.delete(part);
  }
}
