/**
 * Everything that a simulated node is while it runs: what its methods, its buyers and its faults
 * all look at.
 */
import type { Access } from './access.ts';
import type { Network } from './bolt11.ts';
import type { Channel } from './channels.ts';
import type { Clock } from './clock.ts';
import type { Faults, Lie, MethodFaults } from './faults.ts';
import type { Ledger } from './ledger.ts';
import type { Payments } from './payments.ts';
import type { Random } from './random.ts';
import type { Registry } from './registry.ts';
import type { Store, Subscriptions } from './subscriptions.ts';

/** LND's wallet states, in the order in which a node goes through them. */
export type Phase =
  'WAITING_TO_START' | 'NON_EXISTING' | 'LOCKED' | 'UNLOCKED' | 'RPC_ACTIVE' | 'SERVER_ACTIVE';

/** When LND forgets canceled invoices. */
export type GarbageCollection = 'off' | 'startup' | 'fly';

export type NodeState = {
  alias: string;
  network: Network;
  version: string;
  privateKey: Buffer;
  publicKey: string;
  random: Random;
  clock: Clock;
  registry: Registry;
  /** What the node itself pays. */
  payments: Payments;
  subscriptions: Subscriptions;
  access: Access;
  channels: Channel[];
  ledger: Ledger;
  faults: Faults;
  methodFaults: MethodFaults;
  /** By payment hash; `*` for every invoice. */
  lies: Map<string, Lie>;
  /** How often each method was called. */
  calls: Map<string, number>;
  phase: Phase;
  /** Told of every new phase and block. */
  watchers: Set<() => void>;
  /** Called when a root key was made or deleted. */
  keysChanged: () => void;
  height: number;
  store: Store;
  garbageCollection: GarbageCollection;
  syncedToChain: boolean;
  /** Until then payers see no balance: the channel links are not up yet after a start. */
  channelsUpAtMs: number;
  warmUpMs: number;
  partsTimeoutMs: number;
  /** What a commitment round trip takes before a payment settles, in milliseconds. */
  settleDelayMs: { low: number; high: number };
};

/** LND 0.21's sentences for calls that come too early (rpcperms/interceptor.go). */
export const PHASE_REFUSALS: Partial<Record<Phase, string>> = {
  WAITING_TO_START: 'waiting to start, RPC services not available',
  NON_EXISTING: 'wallet not created, create one to enable full RPC access',
  LOCKED: 'wallet locked, unlock it to enable full RPC access',
  UNLOCKED: 'the RPC server is in the process of starting up, but not yet ready to accept calls',
};
