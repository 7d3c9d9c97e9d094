/**
 * A simulated LND node, put together: key, certificate, registry, gRPC server, front door, and the switches for tests.
 */
import { accessControl } from './access.ts';
import type { BakeOptions } from './access.ts';
import { publicKeyOf } from './bolt11.ts';
import type { Network } from './bolt11.ts';
import { payRequest } from './buyer.ts';
import type { PayOptions, PayResult } from './buyer.ts';
import { makeCertificate } from './certificate.ts';
import type { Certificate } from './certificate.ts';
import { makeChannel } from './channels.ts';
import type { Channel, ChannelTerms } from './channels.ts';
import { systemClock } from './clock.ts';
import type { Clock } from './clock.ts';
import { nodeOnDisk } from './disk.ts';
import type { NodeOnDisk } from './disk.ts';
import { dispatcher } from './dispatch.ts';
import type { Dispatch } from './dispatch.ts';
import { faultSwitches } from './fault-switches.ts';
import type { FaultSwitches } from './fault-switches.ts';
import { methodFaults, noFaults } from './faults.ts';
import { frontDoor } from './front-door.ts';
import type { FrontDoor } from './front-door.ts';
import { startGrpcServer } from './grpc-server.ts';
import type { GrpcServer, PingRules } from './grpc-server.ts';
import type { Invoice } from './invoice.ts';
import { buyersLedger } from './ledger.ts';
import type { Ledger } from './ledger.ts';
import type { GarbageCollection, NodeState, Phase } from './node-state.ts';
import type { MacaroonName } from './permissions.ts';
import { randomFrom } from './random.ts';
import type { Random } from './random.ts';
import { invoiceRegistry } from './registry.ts';
import type { Registry } from './registry.ts';
import { snapshots } from './snapshots.ts';
import type { Snapshot } from './snapshots.ts';
import { subscriptionsOf } from './subscriptions.ts';
import type { Store } from './subscriptions.ts';

export type LndOptions = {
  network?: Network;
  alias?: string;
  /** Keeps the node in this folder; a second start resumes it. */
  dir?: string;
  /** 0 takes a free one, and keeps it across restarts. */
  port?: number;
  /** All randomness but the TLS key comes from it. */
  seed?: string;
  version?: string;
  /** By default one channel with 9 BTC to receive. */
  channels?: ChannelTerms[];
  store?: Store;
  garbageCollection?: GarbageCollection;
  /** An incomplete set of parts is sent back after this (120,000). */
  partsTimeoutMs?: number;
  /** A commitment round trip: each payment takes that long before it settles (0). */
  settleDelayMs?: { low: number; high: number };
  pings?: PingRules;
  clock?: Clock;
};

export type StopHow = { how?: 'clean' | 'drop' | 'kill' };

export type LndSimulator = {
  readonly alias: string;
  readonly network: Network;
  readonly port: number;
  /** `127.0.0.1:port`, as `lightning` wants its socket. */
  readonly socket: string;
  readonly certPem: string;
  readonly publicKey: string;
  macaroon: (what: MacaroonName | readonly string[], options?: BakeOptions) => Buffer;
  /** `lndconnect://127.0.0.1:port?cert=...&macaroon=...` */
  lndconnect: (macaroon: Buffer) => string;
  /** A buyer pays. */
  pay: (bolt11: string, options?: PayOptions) => Promise<PayResult>;
  /** Ends connections in LND's way (`clean`: streams end with status 0) or a crash's. */
  stop: (options?: StopHow) => Promise<void>;
  /** Stops if it runs, and starts again on the same port with the same state. */
  restart: (options?: StopHow) => Promise<void>;
  readonly isUp: boolean;
  faults: FaultSwitches;
  ledger: Ledger;
  invoices: Registry;
  channels: Channel[];
  clock: Clock;
  /** New blocks. */
  mine: (blocks: number) => void;
  readonly height: number;
  setPhase: (phase: Phase) => void;
  setSyncedToChain: (synced: boolean) => void;
  setChannels: (channels: ChannelTerms[]) => void;
  /** The counters and invoices of this moment, to go back to. */
  snapshot: () => Snapshot;
  restore: (snapshot: Snapshot) => void;
  /** To native SQL: old settle numbers stay, new ones start at 1. Restarts the node. */
  migrate: () => Promise<void>;
  /** A keysend payment arrives. */
  receiveKeysend: (amountMsat: bigint) => Invoice;
  /** An AMP payment arrives: it takes a settle index and shows none. */
  receiveAmp: (amountMsat: bigint) => Invoice;
  /** How often a method was called, by its last name. */
  callsOf: (method: string) => number;
  openStreams: (method?: string) => number;
};

const DEFAULT_CHANNELS: ChannelTerms[] = [{ local: 100_000_000n, remote: 900_000_000n }];
const FIRST_HEIGHT = 800_000;
const LND_PINGS: PingRules = { shortestMs: 5000, forgiven: 2 };
const VERSION = '0.21.3-beta';

const makeChannels = (terms: ChannelTerms[], random: Random, height: number): Channel[] =>
  terms.map((one, index) => makeChannel(one, { random, height, index }));

const buildNode = (options: LndOptions, random: Random, privateKey: Buffer): NodeState => {
  const clock = options.clock ?? systemClock();
  const otherKey = random.bytes(32);
  const registry = invoiceRegistry({
    clock,
    random,
    network: options.network ?? 'regtest',
    signingKey: () => (node.faults.signsWithOtherKey ? otherKey : node.privateKey),
    height: () => node.height,
    partsTimeoutMs: () => node.partsTimeoutMs,
    collectsCanceled: () => node.garbageCollection === 'fly',
  });
  const node: NodeState = {
    alias: options.alias ?? 'lnd',
    network: options.network ?? 'regtest',
    version: options.version ?? VERSION,
    privateKey,
    publicKey: publicKeyOf(privateKey),
    random,
    clock,
    registry,
    subscriptions: subscriptionsOf(registry, () => node.store),
    access: accessControl({ random, now: clock.now }),
    channels: makeChannels(options.channels ?? DEFAULT_CHANNELS, random, FIRST_HEIGHT),
    ledger: buyersLedger(),
    faults: noFaults(),
    methodFaults: methodFaults(),
    lies: new Map(),
    calls: new Map(),
    phase: 'SERVER_ACTIVE',
    phaseListeners: new Set(),
    height: FIRST_HEIGHT,
    store: options.store ?? 'bbolt',
    garbageCollection: options.garbageCollection ?? 'off',
    syncedToChain: true,
    partsTimeoutMs: options.partsTimeoutMs ?? 120_000,
    settleDelayMs: options.settleDelayMs ?? { low: 0, high: 0 },
  };
  return node;
};

/** The parts that a restart replaces, and how to replace them. */
type Running = {
  certificate: Certificate;
  server: GrpcServer | undefined;
  dispatch: Dispatch;
  door: FrontDoor;
};

const ranPower = (node: NodeState, running: Running, pings: PingRules) => {
  const start = async (): Promise<void> => {
    if (node.garbageCollection !== 'off') node.registry.forgetCanceled();
    running.server = await startGrpcServer({
      certificate: running.certificate,
      pings,
      onCall: running.dispatch.onCall,
    });
    await running.door.open();
  };
  const stop = async ({ how = 'clean' }: StopHow = {}): Promise<void> => {
    const { server } = running;
    if (!server) return;
    running.server = undefined;
    if (how === 'clean') {
      running.dispatch.endStreams();
      const gone = server.closeGently();
      await Promise.race([gone, new Promise((resolve) => setTimeout(resolve, 300).unref())]);
    }
    await running.door.close();
    server.destroy();
  };
  const restart = async (how: StopHow = {}): Promise<void> => {
    await stop(how);
    await start();
  };
  return { start, stop, restart };
};

const keepOnDisk = (
  disk: NodeOnDisk,
  node: NodeState,
  of: { running: Running; seed: string; starts: number },
): { save: () => void } => {
  node.registry.onEvent((event, invoice) => {
    const isGone = event === 'canceled' && node.registry.get(invoice.hash) === undefined;
    disk.append(invoice, node.registry.counters(), isGone);
  });
  const save = (): void => {
    disk.writeNode({
      alias: node.alias,
      privateKey: node.privateKey.toString('hex'),
      seed: of.seed,
      starts: of.starts,
      port: of.running.door.port,
      certificate: of.running.certificate,
      rootKeys: node.access.save(),
      createdAtMs: node.clock.now(),
    });
  };
  return { save };
};

const lndconnectUri = (at: { port: number; certPem: string; macaroon: Buffer }): string => {
  const der = Buffer.from(at.certPem.replace(/-----[^-]+-----|\s/g, ''), 'base64');
  return (
    `lndconnect://127.0.0.1:${String(at.port)}` +
    `?cert=${der.toString('base64url')}&macaroon=${at.macaroon.toString('base64url')}`
  );
};

const arrivals = (node: NodeState) => {
  const arrive = (kind: 'keysend' | 'amp', amountMsat: bigint): Invoice => {
    const invoice = node.registry.add({ kind, amountMsat });
    void node.registry.receive({
      hash: invoice.hash,
      paymentSecret: invoice.paymentSecret,
      amountMsat,
      totalMsat: amountMsat,
      expiryHeight: node.height + invoice.cltvDelta + 3,
      channelId: node.channels[0]?.id ?? '0',
    });
    return invoice;
  };
  return {
    receiveKeysend: (amountMsat: bigint) => arrive('keysend', amountMsat),
    receiveAmp: (amountMsat: bigint) => arrive('amp', amountMsat),
  };
};

/** Starts a node on 127.0.0.1 and resolves when it answers. */
export const startLnd = async (options: LndOptions = {}): Promise<LndSimulator> => {
  const disk = options.dir === undefined ? undefined : nodeOnDisk(options.dir);
  const saved = disk?.readNode();
  const seed = saved?.seed ?? options.seed;
  const starts = (saved?.starts ?? 0) + 1;
  const random = randomFrom(seed === undefined ? undefined : `${seed}/${String(starts)}`);
  const privateKey = saved ? Buffer.from(saved.privateKey, 'hex') : random.bytes(32);
  const node = buildNode(options, random, privateKey);
  if (saved) node.access.load(saved.rootKeys);
  const running: Running = {
    certificate: saved?.certificate ?? (await makeCertificate()),
    server: undefined,
    door: frontDoor({
      port: options.port ?? saved?.port ?? 0,
      innerPort: () => running.server?.port ?? 0,
    }),
    dispatch: dispatcher(node, {
      addressOf: (peerPort) => running.door.addressOf(peerPort),
      cut: (call) => {
        running.door.cut(call.peerPort);
      },
    }),
  };
  const power = ranPower(node, running, options.pings ?? LND_PINGS);
  const kept = disk && keepOnDisk(disk, node, { running, seed: seed ?? random.seed, starts });
  if (disk && saved) {
    const { invoices, counters } = disk.readInvoices();
    node.registry.takeOver(invoices, counters);
    disk.rewriteInvoices(invoices, counters);
  }
  await power.start();
  kept?.save();
  const past = snapshots(node, disk);
  return {
    alias: node.alias,
    network: node.network,
    publicKey: node.publicKey,
    get port() {
      return running.door.port;
    },
    get socket() {
      return `127.0.0.1:${String(running.door.port)}`;
    },
    get certPem() {
      return running.certificate.certPem;
    },
    get isUp() {
      return running.server !== undefined;
    },
    get height() {
      return node.height;
    },
    get channels() {
      return node.channels;
    },
    macaroon: (what, bakeOptions) => {
      const baked = node.access.macaroon(what, bakeOptions);
      kept?.save();
      return baked;
    },
    lndconnect: (macaroon) =>
      lndconnectUri({ port: running.door.port, certPem: running.certificate.certPem, macaroon }),
    pay: (bolt11, payOptions) =>
      payRequest({ node, isUp: () => running.server !== undefined }, bolt11, payOptions),
    stop: async (how) => {
      await power.stop(how);
      kept?.save();
      node.clock.stop();
    },
    restart: power.restart,
    faults: faultSwitches(node, running, { ...power, saved: () => kept?.save() }),
    ledger: node.ledger,
    invoices: node.registry,
    clock: node.clock,
    mine: (blocks) => {
      node.height += blocks;
      node.registry.cancelHeldNearTimeout();
      for (const tell of node.phaseListeners) tell();
    },
    setPhase: (phase) => {
      node.phase = phase;
      for (const tell of node.phaseListeners) tell();
    },
    setSyncedToChain: (synced) => {
      node.syncedToChain = synced;
    },
    setChannels: (terms) => {
      node.channels = makeChannels(terms, random, node.height);
    },
    ...past,
    migrate: async () => {
      node.store = 'sql';
      node.registry.resetSettleIndex();
      await power.restart();
    },
    ...arrivals(node),
    callsOf: (method) => node.calls.get(method) ?? 0,
    openStreams: (method) => running.dispatch.openStreams(method),
  };
};
