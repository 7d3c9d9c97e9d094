/**
 * A simulated LND node, put together, as tests and the desk hold it in their hands.
 */
import { receiveUnasked } from './arrivals.ts';
import type { BakeOptions } from './access.ts';
import type { Network } from './bolt11.ts';
import { buildNode, makeChannels } from './build-node.ts';
import type { LndOptions } from './build-node.ts';
import { payRequest } from './buyer.ts';
import type { PayOptions, PayResult } from './buyer.ts';
import { certificateInForce } from './certificate.ts';
import type { Channel, ChannelTerms } from './channels.ts';
import type { Clock } from './clock.ts';
import { nodeOnDisk } from './disk.ts';
import type { NodeOnDisk } from './disk.ts';
import { faultSwitches } from './fault-switches.ts';
import type { FaultSwitches } from './fault-switches.ts';
import type { PingRules } from './grpc-server.ts';
import { invoiceFromJson, invoiceToJson } from './invoice.ts';
import type { Invoice } from './invoice.ts';
import type { Ledger } from './ledger.ts';
import type { NodeState, Phase } from './node-state.ts';
import type { Payments, Reachable, RouteFee } from './payments.ts';
import type { MacaroonName } from './permissions.ts';
import { Power } from './power.ts';
import type { StopHow } from './power.ts';
import { randomFrom } from './random.ts';
import type { Counters, Registry } from './registry.ts';

/** What the node's database held at a moment. */
export type Snapshot = { invoices: string[]; counters: Counters };

const LND_PINGS: PingRules = { shortestMs: 5000, forgiven: 2 };

export class LndSimulator {
  readonly alias: string;
  readonly network: Network;
  /** The node's key, hex. */
  readonly publicKey: string;
  readonly faults: FaultSwitches;
  /** What buyers paid, as they know it. */
  readonly ledger: Ledger;
  /** `add` makes an invoice of some other program on the same node. */
  readonly invoices: Registry;
  readonly clock: Clock;
  /** What this node itself pays, as it knows it. */
  readonly payments: Payments;
  readonly #node: NodeState;
  readonly #power: Power;
  readonly #disk: NodeOnDisk | undefined;

  constructor(of: { node: NodeState; power: Power; disk: NodeOnDisk | undefined }) {
    const { node, power } = of;
    this.#node = node;
    this.#power = power;
    this.#disk = of.disk;
    this.alias = node.alias;
    this.network = node.network;
    this.publicKey = node.publicKey;
    this.ledger = node.ledger;
    this.invoices = node.registry;
    this.clock = node.clock;
    this.payments = node.payments;
    this.faults = faultSwitches(node, power);
  }

  get port(): number {
    return this.#power.door.port;
  }

  /** `127.0.0.1:port`, as the package `lightning` wants its socket. */
  get socket(): string {
    return `127.0.0.1:${this.port}`;
  }

  get certPem(): string {
    return this.#power.certificate.certPem;
  }

  get isUp(): boolean {
    return this.#power.isUp;
  }

  get height(): number {
    return this.#node.height;
  }

  get phase(): Phase {
    return this.#node.phase;
  }

  get channels(): readonly Channel[] {
    return this.#node.channels;
  }

  /**
   * One of LND's files, a careful set (`receive`, `receive-useful`), or a list of full method
   * names.
   */
  macaroon(what: MacaroonName | readonly string[], options?: BakeOptions): Buffer {
    return this.#node.access.macaroon(what, options);
  }

  /** `lncli deletemacaroonid`: dead for new calls at once, while open streams stay. */
  revoke(rootKeyId: string): boolean {
    return this.#node.access.deleteRootKey(rootKeyId);
  }

  /** `lndconnect://127.0.0.1:port?cert=...&macaroon=...` */
  lndconnect(macaroon: Buffer): string {
    const der = Buffer.from(this.certPem.replace(/-----[^-]+-----|\s/g, ''), 'base64');
    const cert = der.toString('base64url');
    return `lndconnect://${this.socket}?cert=${cert}&macaroon=${macaroon.toString('base64url')}`;
  }

  /** A buyer pays. Never throws; `why` says what the wallet learned. */
  pay(bolt11: string, options?: PayOptions): Promise<PayResult> {
    const power = this.#power;
    const deps = { node: this.#node, isUp: () => power.isUp, whenUp: () => power.whenUp() };
    return payRequest(deps, bolt11, options);
  }

  /** From here on this node finds a way to that one: another simulated node, or a wallet. */
  reaches(payee: LndSimulator | Reachable): void {
    this.#node.payments.reaches(payee instanceof LndSimulator ? payee.asPayee() : payee);
  }

  /** This node as somebody who can be paid over the network. */
  asPayee(): Reachable {
    const { publicKey, invoices } = this;
    return { publicKey, receive: (part) => invoices.receive(part) };
  }

  /** What the way to every payee costs. 1 sat and 100 millionths at first. */
  setRouteFee(fee: RouteFee): void {
    this.#node.payments.setRouteFee(fee);
  }

  /** The port is free afterwards, and nothing of the node keeps the process alive. */
  stop(how?: StopHow): Promise<void> {
    return this.#power.stop(how);
  }

  /** Stops if it runs, and starts again on the same port with the same state. */
  restart(how?: StopHow): Promise<void> {
    return this.#power.restart(how);
  }

  /** New blocks. Held invoices near their deadline are canceled. */
  mine(blocks: number): void {
    this.#node.height += blocks;
    this.#node.registry.cancelHeldNearTimeout();
    this.#tellWatchers();
  }

  /** Where the node stands in its start-up; `LOCKED` waits for a person. */
  setPhase(phase: Phase): void {
    this.#node.phase = phase;
    this.#tellWatchers();
  }

  setSyncedToChain(synced: boolean): void {
    this.#node.syncedToChain = synced;
  }

  /** None at all is a node that can receive nothing. */
  setChannels(terms: ChannelTerms[]): void {
    const { random, height } = this.#node;
    this.#node.channels = makeChannels(terms, { random, height });
  }

  /** What the database holds at this moment, to go back to. */
  snapshot(): Snapshot {
    const invoices = this.#node.registry.all().map(invoiceToJson);
    return { invoices, counters: this.#node.registry.counters() };
  }

  /** A restore from an old backup: both counters and all invoices go back. Restarts the node. */
  async restore(past: Snapshot): Promise<void> {
    await this.#power.stop({ how: 'kill' });
    const invoices = past.invoices.map(invoiceFromJson);
    this.#node.registry.takeOver(invoices, past.counters);
    this.#disk?.rewriteInvoices(invoices, past.counters);
    await this.#power.start();
  }

  /** To native SQL: old settle numbers stay, later ones start at 1 again. Restarts the node. */
  async migrate(): Promise<void> {
    await this.#power.stop();
    this.#node.store = 'sql';
    this.#node.registry.resetSettleIndex();
    await this.#power.start();
  }

  receiveKeysend(amountMsat: bigint): Invoice {
    return receiveUnasked(this.#node, { kind: 'keysend', amountMsat });
  }

  /** Takes a settle index and shows none. */
  receiveAmp(amountMsat: bigint): Invoice {
    return receiveUnasked(this.#node, { kind: 'amp', amountMsat });
  }

  /** How often a method was called, by its last name. */
  callsOf(method: string): number {
    return this.#node.calls.get(method) ?? 0;
  }

  openStreams(method?: string): number {
    return this.#power.dispatch.openStreams(method);
  }

  #tellWatchers(): void {
    for (const tell of this.#node.watchers) tell();
  }
}

/** Writes the node down at every change from here on. */
const keepOnDisk = (
  disk: NodeOnDisk,
  of: { node: NodeState; power: Power; seed: string; starts: number },
): void => {
  const { node, power, seed, starts } = of;
  const save = (): void => {
    disk.writeNode({
      alias: node.alias,
      privateKey: node.privateKey.toString('hex'),
      seed,
      starts,
      port: power.door.port,
      certificate: power.certificate,
      rootKeys: node.access.save(),
    });
  };
  node.keysChanged = save;
  node.payments.onChange((payment) => {
    disk.appendPayment(payment);
  });
  node.registry.onEvent((event, invoice) => {
    disk.append(invoice, node.registry.counters(), event === 'forgotten');
  });
  save();
};

/** Starts a node on 127.0.0.1 and resolves when it answers. */
export const startLnd = async (options: LndOptions = {}): Promise<LndSimulator> => {
  const disk = options.dir === undefined ? undefined : nodeOnDisk(options.dir);
  const saved = disk?.readNode();
  const { seed } = randomFrom(saved?.seed ?? options.seed);
  const starts = (saved?.starts ?? 0) + 1;
  // Another stream of randomness at each start, or secrets would come twice.
  const random = randomFrom(`${seed}/${starts}`);
  const privateKey = saved ? Buffer.from(saved.privateKey, 'hex') : random.bytes(32);
  const node = buildNode(
    { ...options, alias: options.alias ?? saved?.alias ?? 'lnd' },
    random,
    privateKey,
  );
  const power = new Power({
    node,
    certificate: await certificateInForce(saved?.certificate),
    port: options.port ?? saved?.port ?? 0,
    pings: options.pings ?? LND_PINGS,
  });
  if (disk && saved) {
    node.access.load(saved.rootKeys);
    const { invoices, counters } = disk.readInvoices();
    disk.rewriteInvoices(invoices, counters);
    node.registry.takeOver(invoices, counters);
    node.payments.takeOver(disk.readPayments());
  }
  await power.start();
  if (disk) keepOnDisk(disk, { node, power, seed, starts });
  return new LndSimulator({ node, power, disk });
};
