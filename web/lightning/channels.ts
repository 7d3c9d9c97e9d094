// How much a node can receive: an upper bound, never a promise, for the way to it is unknown.
// Source: LND's channel state machine; the largest payable amounts were measured on real channels.
import { getChannels } from 'lightning';
import type { GetChannelsResult } from 'lightning';
import { msat, MSAT_PER_SAT } from '../core/money.ts';
import type { Msat } from '../core/money.ts';
import type { Connection } from './connection.ts';

type Channel = GetChannelsResult['channels'][number];

export type Receivable = {
  totalMsat: Msat;
  largestPartMsat: Msat;
  channels: number;
  activeChannels: number;
  /** There are channels, and none of them is announced. */
  onlyPrivate: boolean;
};

const sats = (amount: number): bigint => BigInt(Math.trunc(amount));
const zeroOrMore = (amount: bigint): bigint => (amount > 0n ? amount : 0n);
const lower = (a: bigint, b: bigint): bigint => (a < b ? a : b);

/** What one channel can take at once, in msat. */
export function usableMsat(channel: Channel): bigint {
  if (!channel.is_active) return 0n;
  const incoming = channel.pending_payments.filter((one) => !one.is_outgoing);
  const { remote_max_htlcs: mostHtlcs, remote_max_pending_mtokens: mostPending } = channel;
  if (mostHtlcs !== undefined && incoming.length >= mostHtlcs) return 0n;
  // Who opened pays the fee of one more HTLC: without balance above our reserve we cannot.
  const opener = !channel.is_partner_initiated;
  if (opener && channel.local_balance <= channel.local_reserve) return 0n;
  // The opener keeps a buffer for rising fees: 1.6 times the fee was measured.
  const margin = opener ? 0n : 2n * sats(channel.commit_transaction_fee);
  const free = sats(channel.remote_balance) - sats(channel.remote_reserve) - margin;
  const usable = zeroOrMore(free) * MSAT_PER_SAT;
  if (mostPending === undefined) return usable;
  const pending = incoming.reduce((sum, one) => sum + sats(one.tokens), 0n) * MSAT_PER_SAT;
  return lower(usable, zeroOrMore(BigInt(mostPending) - pending));
}

/** @throws what `lightning` throws: see `errors.ts`. */
export async function readReceivable({ lnd }: Connection): Promise<Receivable> {
  const { channels } = await getChannels({ lnd });
  const usable = channels.map(usableMsat);
  const total = usable.reduce((sum, one) => sum + one, 0n);
  const largest = usable.reduce((most, one) => (one > most ? one : most), 0n);
  return {
    totalMsat: msat(total),
    largestPartMsat: msat(largest),
    channels: channels.length,
    activeChannels: channels.filter((one) => one.is_active).length,
    onlyPrivate: channels.length > 0 && channels.every((one) => one.is_private),
  };
}
