/**
 * The node's channels: what can be received, and `ListChannels` with every field that clients
 * insist on.
 *
 * A channel's receivable amount follows LND: the peer keeps its reserve, and, when it opened the
 * channel, a fee buffer of 1.6 commitment fees.
 */
import type { RouteHint } from './bolt11.ts';
import type { Random } from './random.ts';

export type ChannelTerms = {
  /** Satoshis, all three. */
  local: bigint;
  remote: bigint;
  reserve?: bigint;
  active?: boolean;
  private?: boolean;
  /** Whether this node opened the channel; false by default: shops buy inbound channels. */
  initiator?: boolean;
};

export type Channel = Required<ChannelTerms> & {
  id: string;
  point: string;
  peer: string;
  commitFee: bigint;
  localMsat: bigint;
  remoteMsat: bigint;
};

const FEE_PER_KW = 253n;
const COMMIT_WEIGHT = 1124n;
/**
 * LND's opener keeps twice the fee of a commitment with two more HTLCs (172 each), less the present
 * fee.
 */
const FEE_BUFFER_SAT = (2n * FEE_PER_KW * (COMMIT_WEIGHT + 2n * 172n) + 999n) / 1000n;

/** Decimal form of a short channel id: block, transaction, output. */
const shortId = (block: number, index: number): string =>
  ((BigInt(block) << 40n) | (BigInt(index) << 16n)).toString();

export const makeChannel = (
  terms: ChannelTerms,
  of: { random: Random; height: number; index: number },
): Channel => {
  const capacity = terms.local + terms.remote;
  const commitFee = (FEE_PER_KW * COMMIT_WEIGHT) / 1000n + 1n;
  return {
    reserve: capacity / 100n,
    active: true,
    private: false,
    initiator: false,
    ...terms,
    id: shortId(of.height - 100, of.index + 1),
    point: `${of.random.bytes(32).toString('hex')}:0`,
    peer: `02${of.random.bytes(32).toString('hex')}`,
    commitFee,
    localMsat: terms.local * 1000n,
    remoteMsat: terms.remote * 1000n,
  };
};

/** What the peer can still send over this channel in one part, in millisatoshi. */
export const receivableMsat = (channel: Channel): bigint => {
  if (!channel.active) return 0n;
  const buffer = channel.initiator ? 0n : FEE_BUFFER_SAT - channel.commitFee;
  const usable = channel.remoteMsat - (channel.reserve + buffer) * 1000n;
  return usable > 0n ? usable : 0n;
};

const constraints = (channel: Channel): object => ({
  csv_delay: 144,
  chan_reserve_sat: channel.reserve.toString(),
  dust_limit_sat: '354',
  max_pending_amt_msat: (((channel.local + channel.remote) * 1000n * 99n) / 100n).toString(),
  min_htlc_msat: '1',
  max_accepted_htlcs: 483,
});

export const channelMessage = (channel: Channel): object => ({
  active: channel.active,
  remote_pubkey: channel.peer,
  channel_point: channel.point,
  chan_id: channel.id,
  capacity: (channel.local + channel.remote).toString(),
  local_balance: (channel.localMsat / 1000n).toString(),
  remote_balance: (channel.remoteMsat / 1000n).toString(),
  commit_fee: channel.commitFee.toString(),
  commit_weight: COMMIT_WEIGHT.toString(),
  fee_per_kw: FEE_PER_KW.toString(),
  unsettled_balance: '0',
  total_satoshis_sent: '0',
  total_satoshis_received: (channel.remote - channel.remoteMsat / 1000n).toString(),
  num_updates: '1',
  pending_htlcs: [],
  csv_delay: 144,
  private: channel.private,
  initiator: channel.initiator,
  chan_status_flags: 'ChanStatusDefault',
  local_chan_reserve_sat: channel.reserve.toString(),
  remote_chan_reserve_sat: channel.reserve.toString(),
  static_remote_key: false,
  commitment_type: 'ANCHORS',
  lifetime: '86400',
  uptime: channel.active ? '86400' : '0',
  close_address: '',
  push_amount_sat: '0',
  thaw_height: 0,
  local_constraints: constraints(channel),
  remote_constraints: constraints(channel),
  alias_scids: [],
  zero_conf: false,
  zero_conf_confirmed_scid: '0',
  peer_alias: '',
  peer_scid_alias: '0',
  memo: '',
});

const standardId = (id: string): string => {
  const number = BigInt(id);
  const parts = [number >> 40n, (number >> 16n) & 0xffffffn, number & 0xffffn];
  return parts.map(String).join('x');
};

/**
 * One hint per active private channel, largest first, until twice the amount is hinted; at most 20.
 */
export const routeHints = (channels: Channel[], to: string, amountMsat: bigint): RouteHint[] => {
  const chosen: RouteHint[] = [];
  let hinted = 0n;
  const candidates = channels
    .filter((channel) => channel.private && channel.active)
    .sort((a, b) => (a.remoteMsat < b.remoteMsat ? 1 : -1));
  for (const channel of candidates) {
    if (chosen.length >= 20 || (amountMsat > 0n && hinted >= 2n * amountMsat)) break;
    hinted += channel.remoteMsat;
    chosen.push([
      { public_key: channel.peer },
      {
        public_key: to,
        channel: standardId(channel.id),
        base_fee_mtokens: '1000',
        fee_rate: 1,
        cltv_delta: 80,
      },
    ]);
  }
  return chosen;
};
