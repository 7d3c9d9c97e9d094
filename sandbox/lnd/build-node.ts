/**
 * A fresh node from its options: key, clock, registry, channels, and everything honest.
 */
import { Access } from './access.ts';
import { signingKeyOf } from './bolt11.ts';
import type { Network } from './bolt11.ts';
import { makeChannel } from './channels.ts';
import type { Channel, ChannelTerms } from './channels.ts';
import { systemClock } from './clock.ts';
import type { Clock } from './clock.ts';
import { methodFaults, noFaults } from './faults.ts';
import type { PingRules } from './grpc-server.ts';
import { buyersLedger } from './ledger.ts';
import type { GarbageCollection, NodeState } from './node-state.ts';
import { paymentsOf } from './payments.ts';
import type { Random } from './random.ts';
import { Registry } from './registry.ts';
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
  /** After a start payers see no balance for this long (0; a real node: 1,000 to 3,000). */
  warmUpMs?: number;
  pings?: PingRules;
  clock?: Clock;
};

const DEFAULT_CHANNELS: ChannelTerms[] = [{ local: 100_000_000n, remote: 900_000_000n }];
const FIRST_HEIGHT = 800_000;
const VERSION = '0.21.3-beta';

export const makeChannels = (
  terms: ChannelTerms[],
  of: { random: Random; height: number },
): Channel[] => terms.map((one, index) => makeChannel(one, { ...of, index }));

/** What a node is made of that options may leave out. */
const defaults = (options: LndOptions) => ({
  alias: options.alias ?? 'lnd',
  network: options.network ?? ('regtest' as const),
  version: options.version ?? VERSION,
  store: options.store ?? ('bbolt' as const),
  garbageCollection: options.garbageCollection ?? ('off' as const),
  partsTimeoutMs: options.partsTimeoutMs ?? 120_000,
  settleDelayMs: options.settleDelayMs ?? { low: 0, high: 0 },
  warmUpMs: options.warmUpMs ?? 0,
});

export const buildNode = (options: LndOptions, random: Random, privateKey: Buffer): NodeState => {
  const clock = options.clock ?? systemClock();
  const key = signingKeyOf(privateKey);
  const otherKey = signingKeyOf(random.bytes(32));
  const plain = defaults(options);
  const registry = new Registry({
    clock,
    random,
    network: plain.network,
    signingKey: () => (node.faults.signsWithOtherKey ? otherKey : key),
    height: () => node.height,
    partsTimeoutMs: () => node.partsTimeoutMs,
    collectsCanceled: () => node.garbageCollection === 'fly',
  });
  const channels = options.channels ?? DEFAULT_CHANNELS;
  const node: NodeState = {
    ...plain,
    ...key,
    random,
    clock,
    registry,
    payments: paymentsOf(() => node),
    subscriptions: subscriptionsOf(registry, () => node.store),
    access: new Access({ random, now: clock.now, changed: () => node.keysChanged() }),
    keysChanged: () => undefined,
    channels: makeChannels(channels, { random, height: FIRST_HEIGHT }),
    ledger: buyersLedger(),
    faults: noFaults(),
    methodFaults: methodFaults(),
    lies: new Map(),
    calls: new Map(),
    phase: 'SERVER_ACTIVE',
    watchers: new Set(),
    height: FIRST_HEIGHT,
    syncedToChain: true,
    channelsUpAtMs: 0,
  };
  return node;
};
