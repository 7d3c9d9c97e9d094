// What leaves a merchant's node, played behind the signer's `Payer`; and the wallet of all buyers,
// which says what came. A node writes a payment down before it sends it, pays no hash twice, goes
// on by itself when nobody listens any more, and may take minutes. What it has sent stays sent,
// also where its books of invoices come back from a backup. The wallet's list, and not ours, says
// whether anybody was paid twice.
import { createHash } from 'node:crypto';
import { signingKeyOf, signRequest, type Network as Chain } from '../../sandbox/lnd/bolt11.ts';
import { readRequest } from '../../sandbox/lnd/index.ts';
import { Trouble } from '../../web/core/trouble.ts';
import type { Original, Payer, Sent, Tracked } from '../../web/signer/pay.ts';
import type { Draws } from './draws.ts';
import { callOutside, type Network } from './outside.ts';

export type Wish = {
  refundId: string;
  amountMsat: bigint;
  expirySeconds?: number;
  chain?: Chain;
  /** The wallet takes nothing for it. */
  refuses?: boolean;
};
type Asked = Wish & { preimage: Buffer; overAt: number };
export type Wallet = ReturnType<typeof playWallet>;

export function playWallet(net: Pick<Network, 'timeline' | 'draws'>) {
  const { timeline, draws } = net;
  const key = signingKeyOf(Buffer.from(draws.bytes(32)));
  const asked = new Map<string, Asked>();
  /** What came, by hash. */
  const received = new Map<string, { refundId: string; amountMsat: bigint; times: number }>();
  const make = (wish: Wish, by = key): { request: string; hash: string } => {
    const preimage = Buffer.from(draws.bytes(32));
    const hash = createHash('sha256').update(preimage).digest('hex');
    const createdAt = Math.floor(timeline.now() / 1_000);
    const expirySeconds = wish.expirySeconds ?? 3_600;
    const request = signRequest(by, {
      ...{ network: wish.chain ?? 'regtest', hash, amountMsat: wish.amountMsat, memo: 'refund' },
      ...{ paymentSecret: Buffer.from(draws.bytes(32)).toString('hex'), descriptionHash: '' },
      ...{ createdAt, expirySeconds, cltvDelta: 80, hints: [], fallbackAddress: '' },
    });
    asked.set(hash, { ...wish, preimage, overAt: (createdAt + expirySeconds) * 1_000 });
    return { request, hash };
  };
  return {
    ...{ make, received },
    /** Undefined: it goes back. */
    receive: (hash: string, amountMsat: bigint): Buffer | undefined => {
      const known = asked.get(hash);
      const fits = known !== undefined && known.refuses !== true && known.overAt > timeline.now();
      if (!fits || amountMsat < known.amountMsat || received.has(hash)) return undefined;
      received.set(hash, { refundId: known.refundId, amountMsat, times: 1 });
      return known.preimage;
    },
  };
}

type SentOut = {
  hash: string;
  amountMsat: bigint;
  feeMsat: bigint;
  state: 'in_flight' | 'paid' | 'failed';
  failure: Extract<Tracked, { is: 'failed' }> | undefined;
  preimage: Buffer;
  heard: (() => void)[];
};
export type Purse = ReturnType<typeof playPurse>;
type Played = {
  readonly net: Network;
  readonly name: string;
  readonly wallet: Wallet;
  readonly sent: Map<string, SentOut>;
  /** Invoices that it made before it was asked to pay. */
  readonly marks: Set<string>;
  /** Of the node: undefined when it answers. */
  readonly gate: () => Error | 'hole' | undefined;
  /** Told before and behind each call of the signer. */
  readonly pass: (what: string, side: 'before' | 'after') => void;
};

const silent = (): Trouble =>
  new Trouble('node_silent', { from: 'node', then: 'ask_again', away: true });

async function call<T>(played: Played, what: string, effect: () => T): Promise<T> {
  const { net, name, gate, pass } = played;
  pass(what, 'before');
  // A sender that was killed at this moment has sent nothing.
  if (net.timeline.owner()?.alive === false) return new Promise<never>(() => undefined);
  const answer = await callOutside(
    net,
    { wayMs: 8, lost: 0.03, limitMs: 10_000 },
    { what: `${name} ${what}`, effect, gate, silent },
  );
  pass(what, 'after');
  return net.timeline.owner()?.alive === false ? new Promise<never>(() => undefined) : answer;
}

function endOf(played: Played, payment: SentOut): void {
  const { net, wallet, name } = played;
  const odd = net.isStormy() ? net.draws.next() : 1;
  const fails = (because: 'no_route' | 'no_balance' | 'rejected', again: boolean): void => {
    Object.assign(payment, { state: 'failed', failure: { is: 'failed', because, again } });
  };
  if (odd < 0.05) fails('no_route', true);
  else if (odd < 0.08) fails('no_balance', true);
  else {
    const preimage = wallet.receive(payment.hash, payment.amountMsat);
    if (preimage === undefined) fails('rejected', false);
    else Object.assign(payment, { state: 'paid', preimage });
  }
  net.say(`${name} out ${payment.hash.slice(0, 8)} ${payment.state}`);
  for (const heard of payment.heard.splice(0)) heard();
}

/** Writes it down and sends it. Undefined: it refuses. */
function begin(
  played: Played,
  ask: { request: string; feeLimitMsat: bigint },
): SentOut | undefined {
  const { net, sent } = played;
  const { hash, amountMsat, expiresAtMs } = readRequest(ask.request);
  const had = sent.get(hash);
  if (expiresAtMs < net.timeline.now() || (had !== undefined && had.state !== 'failed')) {
    return undefined;
  }
  const feeMsat = 1_000n + (amountMsat * BigInt(net.draws.below(4_000))) / 1_000_000n;
  const payment: SentOut = {
    ...{ hash, amountMsat, feeMsat, state: 'in_flight', failure: undefined, heard: [] },
    preimage: Buffer.alloc(0),
  };
  sent.set(hash, payment);
  if (feeMsat > ask.feeLimitMsat) {
    payment.state = 'failed';
    payment.failure = { is: 'failed', because: 'no_route', again: true };
    return payment;
  }
  const isLong = net.isStormy() && net.draws.chance(0.12);
  if (isLong) net.fault('out_for_long');
  const takesMs = isLong ? net.draws.between(20_000, 400_000) : net.draws.around(600);
  net.timeline.plan(takesMs, undefined, () => endOf(played, payment));
  return payment;
}

/** As long as it is listened to, and as long as the line holds. */
function listen({ net }: Played, payment: SentOut): Promise<Sent> {
  const { timeline, draws } = net;
  const caller = timeline.owner();
  return new Promise((resolve) => {
    const said = (): void =>
      resolve(
        payment.state === 'paid'
          ? { is: 'paid', preimage: payment.preimage, feeMsat: payment.feeMsat }
          : { is: 'answered' },
      );
    const over = timeline.plan(60_000, caller, () => resolve({ is: 'unsure', because: 'unsure' }));
    if (net.isStormy() && draws.chance(0.08)) {
      net.fault('out_unheard');
      return;
    }
    const tell = (): void => {
      timeline.plan(draws.around(8), caller, () => {
        over.cancel();
        said();
      });
    };
    if (payment.state === 'in_flight') payment.heard.push(tell);
    else tell();
  });
}

function tracked({ sent }: Played, hash: string): Tracked {
  const payment = sent.get(hash);
  if (payment === undefined) return { is: 'not_recorded' };
  const { state, preimage, feeMsat, failure } = payment;
  if (state === 'paid') return { is: 'paid', preimage, feeMsat };
  return failure === undefined ? { is: 'in_flight' } : failure;
}

export function playPurse(
  net: Network,
  about: Pick<Played, 'name' | 'wallet' | 'gate' | 'pass'> & {
    original: (hash: string) => Original;
  },
) {
  const played: Played = { net, ...about, sent: new Map(), marks: new Set() };
  const payer: Payer = {
    pay: async (ask) => {
      try {
        const begun = await call(played, 'pay', () => begin(played, ask));
        return begun === undefined
          ? { is: 'unsure', because: 'payment_known' }
          : await listen(played, begun);
      } catch (error) {
        if (!(error instanceof Trouble)) throw error;
        return { is: 'unsure', because: error.what };
      }
    },
    track: (hash) => call(played, 'track', () => tracked(played, hash)),
    leaveMark: () =>
      call(played, 'mark', () => {
        const mark = Buffer.from(net.draws.bytes(32)).toString('hex');
        played.marks.add(mark);
        return mark;
      }),
    lookOriginal: (hash) =>
      call(played, 'original', () =>
        played.marks.has(hash) ? { is: 'unpaid' } : about.original(hash),
      ),
  };
  return {
    payer,
    /** Its list of payments. */
    sentList: (): SentOut[] => [...played.sent.values()],
  };
}

/** Requests over which nobody may be paid a refund: each must be refused. */
export function aBadRequest(
  wallet: Wallet,
  about: Pick<Wish, 'refundId' | 'amountMsat'> & { draws: Draws; nodeKey: Uint8Array },
): { kind: string; request: string } {
  const { draws, refundId, amountMsat, nodeKey } = about;
  const own = signingKeyOf(Buffer.from(nodeKey));
  const wish = { refundId, amountMsat };
  const kinds: Record<string, () => string> = {
    too_much: () => wallet.make({ ...wish, amountMsat: amountMsat + 1n }).request,
    too_little: () => wallet.make({ ...wish, amountMsat: amountMsat - 1n }).request,
    any_amount: () => wallet.make({ ...wish, amountMsat: 0n }).request,
    other_network: () => wallet.make({ ...wish, chain: 'bitcoin' }).request,
    nearly_over: () => wallet.make({ ...wish, expirySeconds: 60 }).request,
    own_invoice: () => wallet.make(wish, own).request,
    broken: () => wallet.make(wish).request.replace(/.$/, (last) => (last === 'q' ? 'p' : 'q')),
  };
  const kind = draws.pick(Object.keys(kinds));
  return { kind, request: kinds[kind]?.() ?? '' };
}
