/**
 * What the node pays: LND's payment lifecycle (routing/control_tower.go, router_server.go of LND
 * 0.21), with one way to each payee that it can reach.
 *
 * The payment hash is the key: a hash that was paid or is on its way is refused, one that failed
 * may be tried again. A payment is written down before anything is sent, goes on when the caller
 * has left, and is over only when the payee has taken it or sent it back.
 */
import { readRequest } from './bolt11.ts';
import type { ReadRequest } from './bolt11.ts';
import type { IncomingPart, PartOutcome } from './registry.ts';
import { RpcError, STATUS } from './rpc-error.ts';
import type { NodeState } from './node-state.ts';

/** Somebody who can be paid: another simulated node, or a wallet of its own making. */
export type Reachable = {
  publicKey: string;
  /** Resolves when it was taken or sent back; until then the payment is on its way. */
  receive: (part: IncomingPart) => Promise<PartOutcome>;
};

export type RouteFee = { baseMsat: bigint; ppm: bigint };

export type SentPayment = {
  hash: string;
  request: string;
  payee: string;
  amountMsat: bigint;
  feeMsat: bigint;
  status: 'INITIATED' | 'IN_FLIGHT' | 'SUCCEEDED' | 'FAILED';
  failure: string;
  /** Hex; empty unless paid. */
  preimage: string;
  createdAtMs: number;
  resolvedAtMs: number;
  index: number;
  /** How often it was tried: each is one payment that left the node. */
  tries: number;
};

export type SendRequest = {
  payment_request: string;
  amt: string;
  amt_msat: string;
  fee_limit_sat: string;
  fee_limit_msat: string;
  no_inflight_updates: boolean;
};

const isOver = ({ status }: SentPayment): boolean => status === 'SUCCEEDED' || status === 'FAILED';

const decoded = (node: NodeState, request: SendRequest): ReadRequest => {
  let read: ReadRequest;
  try {
    read = readRequest(request.payment_request);
  } catch {
    throw new RpcError('checksum failed: this is not an invoice');
  }
  if (read.network !== node.network) {
    throw new RpcError(`invoice not for current active network '${node.network}'`);
  }
  if (node.clock.now() > read.expiresAtMs) {
    const until = new Date(read.expiresAtMs).toISOString();
    throw new RpcError(`invoice expired. Valid until ${until}`);
  }
  const given = BigInt(request.amt_msat) + BigInt(request.amt) * 1000n;
  if (read.amountMsat > 0n && given > 0n) {
    throw new RpcError('amount must not be specified when paying a non-zero amount invoice');
  }
  if (read.amountMsat === 0n && given === 0n) {
    throw new RpcError('amount must be specified when paying a zero amount invoice');
  }
  return read.amountMsat > 0n ? read : { ...read, amountMsat: given };
};

const REFUSALS: Partial<Record<SentPayment['status'], string>> = {
  SUCCEEDED: 'invoice is already paid',
  IN_FLIGHT: 'payment is in transition',
  INITIATED: 'payment already exists',
};

type CarryDeps = {
  node: () => NodeState;
  tell: (payment: SentPayment) => void;
  fail: (payment: SentPayment, failure: string) => void;
  payeeOf: (publicKey: string) => Reachable | undefined;
};

const delay = async ({ settleDelayMs, clock, random }: NodeState): Promise<void> => {
  if (settleDelayMs.high === 0) return;
  const at = clock.now() + random.between(settleDelayMs.low, settleDelayMs.high);
  await new Promise<void>((resolve) => clock.at(at, resolve));
};

/** Carries it to the payee. Nobody awaits it: the caller may be gone long before. */
const carry = async (
  { node, tell, fail, payeeOf }: CarryDeps,
  payment: SentPayment,
  of: { read: ReadRequest; feeLimitMsat: bigint; routeFee: RouteFee },
): Promise<void> => {
  const { read, feeLimitMsat, routeFee } = of;
  await Promise.resolve();
  const payee = payeeOf(read.payee);
  const fee = routeFee.baseMsat + (payment.amountMsat * routeFee.ppm) / 1_000_000n;
  if (!payee || fee > feeLimitMsat) {
    fail(payment, 'FAILURE_REASON_NO_ROUTE');
    return;
  }
  const whole = payment.amountMsat + fee;
  const { faults, channels, clock, channelsUpAtMs, height } = node();
  const areUp = !faults.channelsDown && clock.now() >= channelsUpAtMs;
  const channel = channels
    .filter(({ active, localMsat, reserve }) => active && localMsat - reserve * 1000n >= whole)
    .at(0);
  if (!areUp || !channel) {
    fail(payment, 'FAILURE_REASON_INSUFFICIENT_BALANCE');
    return;
  }
  channel.localMsat -= whole;
  Object.assign(payment, { status: 'IN_FLIGHT', feeMsat: fee, tries: payment.tries + 1 });
  tell(payment);
  await delay(node());
  const outcome = await payee.receive({
    hash: read.hash,
    paymentSecret: read.paymentSecret,
    amountMsat: payment.amountMsat,
    totalMsat: payment.amountMsat,
    channelId: channel.id,
    expiryHeight: height + read.cltvDelta + 3,
  });
  if (!outcome.ok) {
    channel.localMsat += whole;
    fail(payment, 'FAILURE_REASON_INCORRECT_PAYMENT_DETAILS');
    return;
  }
  channel.remoteMsat += whole;
  const resolvedAtMs = clock.now();
  Object.assign(payment, { status: 'SUCCEEDED', preimage: outcome.preimage, resolvedAtMs });
  tell(payment);
};

export type Payments = ReturnType<typeof paymentsOf>;

export const paymentsOf = (node: () => NodeState) => {
  const byHash = new Map<string, SentPayment>();
  const reachable = new Map<string, Reachable>();
  const listeners = new Set<(payment: SentPayment) => void>();
  let routeFee: RouteFee = { baseMsat: 1000n, ppm: 100n };
  let count = 0;

  const tell = (payment: SentPayment): void => {
    for (const listener of listeners) listener(payment);
  };
  const fail = (payment: SentPayment, failure: string): void => {
    Object.assign(payment, { status: 'FAILED', failure, resolvedAtMs: node().clock.now() });
    tell(payment);
  };
  const deps = { node, tell, fail, payeeOf: (key: string) => reachable.get(key) };

  return {
    reaches: (payee: Reachable): void => {
      reachable.set(payee.publicKey, payee);
    },
    setRouteFee: (fee: RouteFee): void => {
      routeFee = fee;
    },
    find: (hash: string): SentPayment => {
      const payment = byHash.get(hash);
      if (!payment) throw new RpcError("payment isn't initiated", STATUS.notFound);
      return payment;
    },
    /** Oldest first. */
    all: (): SentPayment[] => [...byHash.values()],
    onChange: (listener: (payment: SentPayment) => void): (() => void) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    /** After a start from a disk: what was on its way then came back. */
    takeOver: (payments: SentPayment[]): void => {
      for (const payment of payments) {
        byHash.set(payment.hash, payment);
        count = Math.max(count, payment.index);
        if (!isOver(payment)) fail(payment, 'FAILURE_REASON_ERROR');
      }
    },
    /** As a node that was restored: from its seed it knows nothing of what it ever paid. */
    forget: (hash?: string): void => {
      if (hash === undefined) byHash.clear();
      else byHash.delete(hash);
    },
    /** Writes it down, and begins to pay. Throws LND's sentence. */
    send: (request: SendRequest): SentPayment => {
      const read = decoded(node(), request);
      const had = byHash.get(read.hash);
      const refusal = had && REFUSALS[had.status];
      if (refusal !== undefined) throw new RpcError(refusal, STATUS.alreadyExists);
      const feeLimitMsat = BigInt(request.fee_limit_msat) + BigInt(request.fee_limit_sat) * 1000n;
      count += 1;
      const payment: SentPayment = {
        ...{ hash: read.hash, request: request.payment_request, payee: read.payee },
        ...{ amountMsat: read.amountMsat, feeMsat: 0n, status: 'INITIATED', failure: '' },
        ...{ preimage: '', createdAtMs: node().clock.now(), resolvedAtMs: 0, index: count },
        tries: had?.tries ?? 0,
      };
      byHash.set(payment.hash, payment);
      tell(payment);
      void carry(deps, payment, { read, feeLimitMsat, routeFee });
      return payment;
    },
    isOver,
  };
};

const HTLC_STATUS = { IN_FLIGHT: 'IN_FLIGHT', SUCCEEDED: 'SUCCEEDED' } as const;
const nanoseconds = (ms: number): string => `${String(Math.floor(ms))}000000`;

/** `lnrpc.Payment`. */
export const paymentMessage = (node: NodeState, payment: SentPayment): object => {
  const whole = payment.amountMsat + payment.feeMsat;
  const status = HTLC_STATUS[payment.status as keyof typeof HTLC_STATUS] as string | undefined;
  const hop = {
    chan_id: node.channels[0]?.id ?? '0',
    chan_capacity: '1000000000',
    amt_to_forward: (payment.amountMsat / 1000n).toString(),
    amt_to_forward_msat: payment.amountMsat.toString(),
    fee: '0',
    fee_msat: '0',
    expiry: node.height + 83,
    pub_key: payment.payee,
    tlv_payload: true,
  };
  const route = {
    total_time_lock: node.height + 83,
    total_fees: (payment.feeMsat / 1000n).toString(),
    total_fees_msat: payment.feeMsat.toString(),
    total_amt: (whole / 1000n).toString(),
    total_amt_msat: whole.toString(),
    hops: [hop],
  };
  const attempt = {
    attempt_id: String(payment.index),
    status,
    route,
    attempt_time_ns: nanoseconds(payment.createdAtMs),
    resolve_time_ns: nanoseconds(payment.resolvedAtMs),
    preimage: Buffer.from(payment.preimage, 'hex'),
  };
  return {
    payment_hash: payment.hash,
    value: (payment.amountMsat / 1000n).toString(),
    value_sat: (payment.amountMsat / 1000n).toString(),
    value_msat: payment.amountMsat.toString(),
    payment_preimage: payment.preimage || '0'.repeat(64),
    payment_request: payment.request,
    status: payment.status,
    fee: (payment.feeMsat / 1000n).toString(),
    fee_sat: (payment.feeMsat / 1000n).toString(),
    fee_msat: payment.feeMsat.toString(),
    creation_date: String(Math.floor(payment.createdAtMs / 1000)),
    creation_time_ns: nanoseconds(payment.createdAtMs),
    htlcs: status === undefined ? [] : [attempt],
    payment_index: String(payment.index),
    failure_reason: payment.failure || 'FAILURE_REASON_NONE',
  };
};

/** A payment on disk: amounts as text. */
export const paymentToJson = (payment: SentPayment): string =>
  JSON.stringify({
    ...payment,
    amountMsat: payment.amountMsat.toString(),
    feeMsat: payment.feeMsat.toString(),
  });
export const paymentFromJson = (text: string): SentPayment => {
  const read = JSON.parse(text) as Omit<SentPayment, 'amountMsat' | 'feeMsat'> & {
    amountMsat: string;
    feeMsat: string;
  };
  return { ...read, amountMsat: BigInt(read.amountMsat), feeMsat: BigInt(read.feeMsat) };
};
