/**
 * A buyer's wallet that reaches this node over its channels: it splits, it is late, it pays too
 * little or too much.
 *
 * An honest wallet refuses an expired request by itself; `late` takes that away, because only the
 * node's answer binds. What is under way when the node goes waits in the channel until it is back.
 */
import { readRequest } from './bolt11.ts';
import type { ReadRequest } from './bolt11.ts';
import { receivableMsat } from './channels.ts';
import type { Channel } from './channels.ts';
import type { NodeState } from './node-state.ts';
import type { PartOutcome } from './registry.ts';

export type PayOptions = {
  /** What arrives, in millisatoshi; the request's own amount when left out. */
  amountMsat?: bigint;
  /** How many parts are sent (1), and of how many the whole consists (`parts`). */
  parts?: number;
  of?: number;
  /**
   * Milliseconds after the request's expiry at which to pay; the wallet then ignores the expiry.
   */
  late?: number;
  /** Hex; another than the request's. */
  paymentSecret?: string;
  /** Blocks that the last HTLC leaves; the request's delta and 3 by default. */
  cltvBlocks?: number;
  /** Pays even when the wallet has paid this hash before. */
  again?: boolean;
};

export type PayResult = { ok: true; preimage: string } | { ok: false; why: string };

/** The wallet's answer to a part that the channels cannot carry. */
const NO_ROUTE = 'NO_ROUTE';
const NODE_OFFLINE = 'NODE_OFFLINE';
/** The channel's smallest HTLC: LND's default policy of the peer. */
const SMALLEST_HTLC_MSAT = 1000n;

const carry = (node: NodeState, amountMsat: bigint): Channel | undefined => {
  const areUp = !node.faults.channelsDown && node.clock.now() >= node.channelsUpAtMs;
  if (!areUp || amountMsat < SMALLEST_HTLC_MSAT) return undefined;
  return node.channels
    .filter((channel) => receivableMsat(channel) >= amountMsat)
    .sort((a, b) => (a.remoteMsat < b.remoteMsat ? 1 : -1))[0];
};

const sendPart = async (
  node: NodeState,
  request: ReadRequest,
  part: { amountMsat: bigint; totalMsat: bigint; options: PayOptions },
): Promise<PartOutcome> => {
  const channel = carry(node, part.amountMsat);
  if (!channel) return { ok: false, why: NO_ROUTE };
  channel.remoteMsat -= part.amountMsat;
  const outcome = await node.registry.receive({
    hash: request.hash,
    paymentSecret: part.options.paymentSecret ?? request.paymentSecret,
    amountMsat: part.amountMsat,
    totalMsat: part.totalMsat,
    channelId: channel.id,
    expiryHeight: node.height + (part.options.cltvBlocks ?? request.cltvDelta + 3),
  });
  if (outcome.ok) channel.localMsat += part.amountMsat;
  else channel.remoteMsat += part.amountMsat;
  return outcome;
};

const refusal = (
  node: NodeState,
  request: ReadRequest,
  options: PayOptions,
  isUp: boolean,
): string | undefined => {
  if (request.network !== node.network) return `invoice not for current active network`;
  if (request.payee !== node.publicKey) return NO_ROUTE;
  // What the wallet knows by itself comes before what it learns of the way.
  const known = node.ledger.of(request.hash).map(({ outcome }) => outcome);
  if (!options.again && known.includes('paid')) return 'invoice is already paid';
  if (!options.again && known.includes('in-flight')) return 'payment is in transition';
  if (options.late === undefined && node.clock.now() >= request.expiresAtMs) {
    return `invoice expired. Valid until ${new Date(request.expiresAtMs).toISOString()}`;
  }
  return isUp ? undefined : NODE_OFFLINE;
};

const delay = (node: NodeState): Promise<void> => {
  const { low, high } = node.settleDelayMs;
  if (high === 0) return Promise.resolve();
  const at = node.clock.now() + node.random.between(low, high);
  return new Promise((resolve) => node.clock.at(at, resolve));
};

export const payRequest = async (
  deps: { node: NodeState; isUp: () => boolean; whenUp: () => Promise<void> },
  bolt11: string,
  options: PayOptions = {},
): Promise<PayResult> => {
  const { node } = deps;
  let request: ReadRequest;
  try {
    request = readRequest(
      bolt11
        .trim()
        .toLowerCase()
        .replace(/^lightning:/, ''),
    );
  } catch {
    return { ok: false, why: 'this is not a Lightning request' };
  }
  const { late } = options;
  if (late !== undefined) {
    const at = request.expiresAtMs + late;
    if (at > node.clock.now()) await new Promise<void>((resolve) => node.clock.at(at, resolve));
  }
  const refused = refusal(node, request, options, deps.isUp());
  if (refused !== undefined) return { ok: false, why: refused };
  const totalMsat = options.amountMsat ?? request.amountMsat;
  const sent = options.parts ?? options.of ?? 1;
  const whole = BigInt(options.of ?? sent);
  const share = totalMsat / whole;
  const shares = Array.from({ length: sent }, (_, index) =>
    BigInt(index) === whole - 1n ? totalMsat - share * (whole - 1n) : share,
  );
  const sum = shares.reduce((total, one) => total + one, 0n);
  const entry = node.ledger.begin(request.hash, sum, node.clock.now());
  await delay(node);
  // Both sides keep the HTLC and agree on it again when they reconnect: nobody fails it meanwhile.
  while (!deps.isUp()) await deps.whenUp();
  const outcomes = await Promise.all(
    shares.map((amountMsat) => sendPart(node, request, { amountMsat, totalMsat, options })),
  );
  entry.endedAtMs = node.clock.now();
  const paid = outcomes.find((outcome) => outcome.ok);
  if (paid) {
    entry.outcome = 'paid';
    entry.preimage = paid.preimage;
    return { ok: true, preimage: paid.preimage };
  }
  const first = outcomes.find((outcome) => !outcome.ok);
  entry.outcome = 'refused';
  entry.why = first?.why ?? 'nothing was sent';
  return { ok: false, why: entry.why };
};
