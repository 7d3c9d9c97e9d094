/**
 * The methods about the node itself: what it is, its channels, its macaroons, its state while it
 * starts.
 */
import { createHash } from 'node:crypto';
import { channelMessage } from './channels.ts';
import { readRequest } from './bolt11.ts';
import type { NodeState } from './node-state.ts';
import { REQUIRED_PERMISSIONS } from './permissions.ts';
import { RpcError } from './rpc-error.ts';

type Operation = { entity: string; action: string };
const asText = (operations: Operation[]): string[] =>
  operations.map(({ entity, action }) => `${entity}:${action}`);
const asOperation = (text: string): Operation => {
  const colon = text.indexOf(':');
  return { entity: text.slice(0, colon), action: text.slice(colon + 1) };
};

export const blockHash = (height: number): Buffer =>
  createHash('sha256')
    .update(`block ${String(height)}`)
    .digest();

const commitOf = (version: string): string => `v${version}`;

const chainNames: Record<string, string> = { bitcoin: 'mainnet' };

const getInfo = (node: NodeState): object => ({
  version: `${node.version} commit=${commitOf(node.version)}`,
  commit_hash: createHash('sha1').update(node.version).digest('hex'),
  identity_pubkey: node.publicKey,
  alias: node.alias,
  color: '#3399ff',
  num_pending_channels: 0,
  num_active_channels: node.channels.filter(({ active }) => active).length,
  num_inactive_channels: node.channels.filter(({ active }) => !active).length,
  num_peers: node.channels.length,
  block_height: node.height,
  block_hash: blockHash(node.height).toString('hex'),
  best_header_timestamp: String(Math.floor(node.clock.now() / 1000)),
  synced_to_chain: node.syncedToChain,
  synced_to_graph: node.syncedToChain,
  testnet: node.network === 'testnet',
  chains: [{ chain: 'bitcoin', network: chainNames[node.network] ?? node.network }],
  uris: [],
  features: {},
  require_htlc_interceptor: false,
  store_final_htlc_resolutions: false,
});

const channelBalance = (node: NodeState): object => {
  const sum = (of: 'localMsat' | 'remoteMsat'): bigint =>
    node.channels.reduce((total, channel) => total + channel[of], 0n);
  const amount = (msat: bigint): object => ({
    sat: (msat / 1000n).toString(),
    msat: msat.toString(),
  });
  return {
    balance: (sum('localMsat') / 1000n).toString(),
    pending_open_balance: '0',
    local_balance: amount(sum('localMsat')),
    remote_balance: amount(sum('remoteMsat')),
    unsettled_local_balance: amount(0n),
    unsettled_remote_balance: amount(0n),
    pending_open_local_balance: amount(0n),
    pending_open_remote_balance: amount(0n),
  };
};

type ListChannelsRequest = {
  active_only: boolean;
  inactive_only: boolean;
  public_only: boolean;
  private_only: boolean;
};
const listChannels = (node: NodeState, request: ListChannelsRequest): object => ({
  channels: node.channels
    .filter(
      (channel) =>
        !(request.active_only && !channel.active) &&
        !(request.inactive_only && channel.active) &&
        !(request.public_only && channel.private) &&
        !(request.private_only && !channel.private),
    )
    .map(channelMessage),
});

const decodePayReq = (request: { pay_req: string }): object => {
  let read;
  try {
    read = readRequest(request.pay_req);
  } catch {
    throw new RpcError('checksum failed');
  }
  return {
    destination: read.payee,
    payment_hash: read.hash,
    num_satoshis: (read.amountMsat / 1000n).toString(),
    num_msat: read.amountMsat.toString(),
    timestamp: String(read.createdAtMs / 1000),
    expiry: String((read.expiresAtMs - read.createdAtMs) / 1000),
    description: read.description,
    cltv_expiry: String(read.cltvDelta),
    payment_addr: Buffer.from(read.paymentSecret, 'hex'),
  };
};

type BakeRequest = { permissions: Operation[]; root_key_id: string };
type CheckRequest = { macaroon: Buffer; permissions: Operation[]; fullMethod: string };

const macaroonMethods: Record<string, (node: NodeState, request: never) => object> = {
  '/lnrpc.Lightning/BakeMacaroon': (node, request: BakeRequest) => ({
    macaroon: node.access
      .bakeChecked(asText(request.permissions), request.root_key_id)
      .toString('hex'),
  }),
  '/lnrpc.Lightning/DeleteMacaroonID': (node, request: { root_key_id: string }) => ({
    deleted: node.access.deleteRootKey(request.root_key_id),
  }),
  '/lnrpc.Lightning/ListMacaroonIDs': (node) => ({ root_key_ids: node.access.rootKeyIds() }),
  '/lnrpc.Lightning/ListPermissions': () => ({
    method_permissions: Object.fromEntries(
      [...REQUIRED_PERMISSIONS].map(([method, needed]) => [
        method,
        { permissions: needed.map(asOperation) },
      ]),
    ),
  }),
  '/lnrpc.Lightning/CheckMacaroonPermissions': (node, request: CheckRequest) => {
    node.access.allows(request.macaroon, {
      method: request.fullMethod,
      required: asText(request.permissions),
      peer: '',
    });
    return { valid: true };
  },
};

export const nodeMethods: Record<string, (node: NodeState, request: never) => object> = {
  ...macaroonMethods,
  '/lnrpc.Lightning/GetInfo': getInfo,
  '/lnrpc.Lightning/ChannelBalance': channelBalance,
  '/lnrpc.Lightning/ListChannels': (node, request: ListChannelsRequest) =>
    listChannels(node, request),
  '/lnrpc.Lightning/DecodePayReq': (_node, request: { pay_req: string }) => decodePayReq(request),
  '/verrpc.Versioner/GetVersion': (node) => {
    const [major = 0, minor = 0, patch = 0] = node.version
      .replace(/-.*/, '')
      .split('.')
      .map(Number);
    return {
      commit: commitOf(node.version),
      commit_hash: createHash('sha1').update(node.version).digest('hex'),
      version: node.version,
      app_major: major,
      app_minor: minor,
      app_patch: patch,
      app_pre_release: 'beta',
      build_tags: ['chainrpc', 'invoicesrpc', 'routerrpc'],
      go_version: 'go1.25.0',
    };
  },
  '/lnrpc.State/GetState': (node) => ({ state: node.phase }),
};
