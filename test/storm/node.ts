// A merchant's LND, played behind `LightningNode`. Its books have an index for each invoice that
// was added and one for each that was settled; others use its indexes too. It cancels what ran out
// some time after, refuses to cancel what is settled, tells settles on a stream at least once, and
// comes back from a backup with older books. It shares no code with ours but the words of the
// port.
import { createHash } from 'node:crypto';
import type { Observation, PaymentHash, Preimage } from '../../web/core/invoice.ts';
import type { Msat } from '../../web/core/money.ts';
import type {
  InvoiceWish,
  IssuedInvoice,
  LightningNode,
  SettleStream,
  SettleStreamEvents,
} from '../../web/core/ports.ts';
import { Trouble } from '../../web/core/trouble.ts';
import type { Original } from '../../web/signer/pay.ts';
import { callOutside, type Network } from './outside.ts';

type Kept = {
  hash: PaymentHash;
  preimage: Preimage;
  amountMsat: bigint;
  receivedMsat: bigint;
  state: Observation['state'];
  addIndex: bigint;
  madeAt: number;
  settleIndex: bigint | undefined;
  settledAt: Date | undefined;
  expiresAt: Date;
  /** When the node itself takes it for over. */
  overAt: number;
};
type Books = { invoices: Map<string, Kept>; added: bigint; settled: bigint };
type Stream = {
  on: SettleStreamEvents;
  isLive: boolean;
  isOver: boolean;
  /** It stays open and tells nothing more. */
  isMute: boolean;
  lastAt: number;
  owner: ReturnType<Network['timeline']['owner']>;
};

export type PlayedNode = ReturnType<typeof playNode>;
type Played = {
  readonly net: Network;
  readonly name: string;
  readonly forgetsCanceled: boolean;
  readonly streams: Set<Stream>;
  /** Everything that it ever received, whatever it forgot since. */
  readonly received: Map<string, bigint>;
  books: Books;
  backup: Books | undefined;
  away: { until: number; how: 'down' | 'hole' } | undefined;
  wentBack: boolean;
};

const trouble = (what: string, then: 'retry' | 'ask_again' | 'give_up', away = true): Trouble =>
  new Trouble(what, { from: 'node', then, away });

/** What a wallet reads in a request. */
export const requestOf = (hash: string): string => `lnbcrt1${hash}`;

function stateOf(played: Played): 'up' | 'down' | 'hole' {
  if (played.away !== undefined && played.away.until <= played.net.timeline.now()) {
    played.away = undefined;
  }
  return played.away?.how ?? 'up';
}

function gateOf(played: Played): Error | 'hole' | undefined {
  const its = stateOf(played);
  if (its === 'down') return trouble('node_down', 'retry');
  return its === 'hole' ? 'hole' : undefined;
}

const call = <T>(played: Played, what: string, effect: () => T): Promise<T> =>
  callOutside(
    played.net,
    { wayMs: 8, lost: 0.006, limitMs: 5_000 },
    {
      ...{ what: `${played.name} ${what}`, effect },
      gate: () => gateOf(played),
      silent: () => trouble('node_silent', 'ask_again'),
    },
  );

/** What the books say at this moment: what ran out is canceled by the node itself. */
function keptOf({ books, net, forgetsCanceled }: Played, hash: string): Kept | undefined {
  const kept = books.invoices.get(hash);
  const now = net.timeline.now();
  if (kept?.state === 'open' && kept.overAt <= now) kept.state = 'canceled';
  if (kept?.state === 'canceled' && forgetsCanceled && kept.overAt + 60_000 < now) {
    books.invoices.delete(hash);
    return undefined;
  }
  return kept;
}

const told = (kept: Kept): Observation => ({
  hash: kept.hash,
  state: kept.state,
  amountMsat: kept.amountMsat as Msat,
  receivedMsat: (kept.state === 'settled' ? kept.receivedMsat : 0n) as Msat,
  preimage: kept.state === 'settled' ? kept.preimage : undefined,
  settleIndex: kept.settleIndex,
  settledAt: kept.settledAt,
  addIndex: kept.addIndex,
  expiresAt: kept.expiresAt,
  request: requestOf(kept.hash),
});

/** Tells one stream, in order, sometimes twice, sometimes late. */
function tell(played: Played, stream: Stream, seen: Observation): void {
  const { timeline, draws, fault, isStormy } = played.net;
  const odd = isStormy() ? draws.next() : 1;
  const at = Math.max(stream.lastAt, timeline.now() + draws.around(10));
  const isLate = odd < 0.004;
  if (!isLate) stream.lastAt = at;
  const give = (): void => {
    if (stream.isOver || stream.isMute) return;
    // A line that is dead for a while keeps what is on it.
    if (stateOf(played) === 'hole') timeline.plan(1_000, stream.owner, give);
    else stream.on.settled([seen], 'live');
  };
  timeline.plan(at - timeline.now() + (isLate ? draws.around(3_000) : 0), stream.owner, give);
  if (isLate) fault('told_late');
  if (odd > 0.01 || isLate) return;
  fault('told_twice');
  timeline.plan(at - timeline.now() + draws.around(2_000), stream.owner, give);
}

function settle(played: Played, kept: Kept, receivedMsat: bigint): void {
  const { books, net, streams, name } = played;
  books.settled += 1n;
  kept.state = 'settled';
  kept.receivedMsat = receivedMsat;
  kept.settleIndex = books.settled;
  kept.settledAt = new Date(net.timeline.now());
  net.say(`${name} settled ${String(kept.settleIndex)} ${String(receivedMsat)}`);
  for (const stream of streams) if (stream.isLive) tell(played, stream, told(kept));
}

function endStreams({ streams, net }: Played, why: Error): void {
  for (const stream of [...streams]) {
    streams.delete(stream);
    if (stream.isOver) continue;
    net.timeline.plan(net.draws.around(20), stream.owner, () => {
      if (stream.isOver) return;
      stream.isOver = true;
      stream.on.ended(why);
    });
  }
}

/** In the order of the settles, or in that of a node that keeps its books in SQL. */
function replay({ books, net }: Played, stream: Stream, cursor: bigint): void {
  const { timeline, draws } = net;
  const missed = [...books.invoices.values()].filter(
    (kept) => kept.state === 'settled' && (kept.settleIndex ?? 0n) > cursor,
  );
  if (draws.chance(0.5)) {
    missed.sort((a, b) => ((a.settleIndex ?? 0n) < (b.settleIndex ?? 0n) ? -1 : 1));
  }
  const seen = missed.map(told);
  const next = (): void => {
    if (stream.isOver) return;
    const some = seen.splice(0, 1 + draws.below(40));
    if (some.length > 0) stream.on.settled(some, 'replay');
    if (seen.length > 0) timeline.plan(draws.around(15), stream.owner, next);
    else timeline.plan(draws.around(400), stream.owner, over);
  };
  const over = (): void => {
    if (!stream.isOver) stream.on.replayed();
  };
  timeline.plan(draws.around(15), stream.owner, next);
}

function follow(played: Played, cursor: bigint, on: SettleStreamEvents): SettleStream {
  const { streams, net } = played;
  const { timeline, draws } = net;
  const owner = timeline.owner();
  const stream: Stream = { on, isLive: false, isOver: false, isMute: false, lastAt: 0, owner };
  streams.add(stream);
  const close = (): void => {
    stream.isOver = true;
    streams.delete(stream);
  };
  const end = (why: Error): void => {
    if (stream.isOver) return;
    close();
    on.ended(why);
  };
  const open = (): void => {
    if (stream.isOver) return;
    on.opened();
    if (cursor <= 0n) on.replayed();
    else replay(played, stream, cursor);
  };
  timeline.plan(draws.around(15), owner, () => {
    if (stream.isOver) return;
    const gate = gateOf(played);
    if (gate === 'hole') {
      timeline.plan(5_000, owner, () => end(trouble('node_silent', 'ask_again')));
    } else if (gate !== undefined) {
      end(gate);
    } else {
      stream.isLive = true;
      timeline.plan(draws.around(15), owner, open);
    }
  });
  return { close };
}

/** Makes it, or reads back the one that the same secret made before. */
function add(played: Played, wish: InvoiceWish): IssuedInvoice {
  const { books, net } = played;
  const had = keptOf(played, wish.hash);
  if (had?.state === 'canceled') throw trouble('invoice_over', 'give_up', false);
  if (had !== undefined) {
    return { request: requestOf(had.hash), addIndex: had.addIndex, expiresAt: had.expiresAt };
  }
  books.added += 1n;
  const now = net.timeline.now();
  const expiresMs = now + wish.expirySeconds * 1_000;
  const expiresAt = new Date(expiresMs);
  books.invoices.set(wish.hash, {
    ...{ hash: wish.hash, preimage: wish.preimage, amountMsat: wish.amountMsat, expiresAt },
    ...{ receivedMsat: 0n, state: 'open', addIndex: books.added, madeAt: now },
    ...{ settleIndex: undefined, settledAt: undefined },
    overAt: expiresMs + net.draws.around(6_000),
  });
  return { request: requestOf(wish.hash), addIndex: books.added, expiresAt };
}

const portOf = (played: Played): LightningNode => ({
  createInvoice: (wish) => call(played, 'add', () => add(played, wish)),
  lookInvoice: (hash) =>
    call(played, 'look', () => {
      const kept = keptOf(played, hash);
      return kept === undefined ? 'not_found' : told(kept);
    }),
  askToCancel: (hash) =>
    call(played, 'cancel', () => {
      const kept = keptOf(played, hash);
      if (kept?.state === 'open' || kept?.state === 'accepted') kept.state = 'canceled';
    }),
  settleHeld: () => Promise.reject(new Error('nothing in the storm is held')),
  height: () => Promise.reject(new Error('nobody in the storm asks for the height')),
  receivable: () => Promise.resolve(undefined),
  listInvoices: ({ after, createdSince, most }) =>
    call(played, 'list', () => {
      const since = Math.floor(createdSince.getTime() / 1_000) * 1_000;
      const found = [...played.books.invoices.keys()]
        .flatMap((hash) => keptOf(played, hash) ?? [])
        .filter(({ addIndex, madeAt }) => addIndex > after && madeAt >= since)
        .sort((a, b) => (a.addIndex < b.addIndex ? -1 : 1));
      const page = found.slice(0, most);
      const last = found.length > most ? page.at(-1)?.addIndex : undefined;
      return { invoices: page.map(told), after: last };
    }),
  followSettles: ({ cursor }, on) => follow(played, cursor, on),
});

/** Somebody else's business on this node. It uses up an index, and may be told. */
function foreign(played: Played, isTold: boolean): void {
  const { books, net } = played;
  if (stateOf(played) !== 'up') return;
  if (!isTold) {
    books.settled += 1n;
    return;
  }
  const secret = Buffer.from(net.draws.bytes(32)).toString('hex') as Preimage;
  const hash = createHash('sha256').update(secret, 'hex').digest('hex') as PaymentHash;
  books.added += 1n;
  const now = net.timeline.now();
  const kept: Kept = {
    ...{ hash, preimage: secret, amountMsat: 1_000n, receivedMsat: 0n, state: 'open' },
    ...{ addIndex: books.added, settleIndex: undefined, settledAt: undefined },
    ...{ expiresAt: new Date(now), overAt: Infinity, madeAt: now },
  };
  books.invoices.set(hash, kept);
  settle(played, kept, 1_000n);
}

/** A wallet pays, with so much on top. `holdMs`: its parts come, and go back after a while. */
function pay(
  played: Played,
  hash: string,
  how: { moreMsat: bigint; holdMs?: number },
): 'paid' | 'refused' | 'held' {
  if (stateOf(played) !== 'up') return 'refused';
  const kept = keptOf(played, hash);
  if (kept?.state !== 'open') return 'refused';
  if (how.holdMs === undefined) {
    const receivedMsat = kept.amountMsat + how.moreMsat;
    played.received.set(hash, receivedMsat);
    settle(played, kept, receivedMsat);
    return 'paid';
  }
  kept.state = 'accepted';
  played.net.timeline.plan(how.holdMs, undefined, () => {
    const its = played.books.invoices.get(hash);
    if (its?.state === 'accepted') its.state = 'open';
  });
  return 'held';
}

function goAway(played: Played, how: 'down' | 'hole', forMs: number): void {
  const { timeline } = played.net;
  played.away = { how, until: timeline.now() + forMs };
  if (how === 'down') {
    endStreams(played, trouble('node_stopped', 'retry'));
    return;
  }
  // Keep-alive finds a dead line.
  timeline.plan(15_000, undefined, () => {
    if (stateOf(played) === 'hole') endStreams(played, trouble('connection_lost', 'ask_again'));
  });
}

/** Back in time. What it received since is on its channels, and in nobody's books. */
function restore(played: Played): void {
  if (played.backup === undefined) return;
  played.books = played.backup;
  played.backup = undefined;
  played.wentBack = true;
  goAway(played, 'down', 2_000);
}

export function playNode(net: Network, about: { name: string; forgetsCanceled: boolean }) {
  const played: Played = {
    ...{ net, ...about, streams: new Set<Stream>(), received: new Map<string, bigint>() },
    books: { invoices: new Map(), added: 0n, settled: 0n },
    ...{ backup: undefined, away: undefined, wentBack: false },
  };
  return {
    ...{ name: about.name, port: portOf(played), received: played.received },
    gate: () => gateOf(played),
    /** What it says of an invoice to whoever pays out from it. */
    original: (hash: string): Original => {
      const kept = keptOf(played, hash);
      if (kept === undefined) return { is: 'unknown' };
      if (kept.state !== 'settled') return { is: 'unpaid' };
      return { is: 'paid', receivedMsat: kept.receivedMsat };
    },
    pay: (hash: string, how: { moreMsat: bigint; holdMs?: number }) => pay(played, hash, how),
    foreign: (isTold: boolean): void => foreign(played, isTold),
    /** What its list of invoices says is settled. */
    settledList: () =>
      [...played.books.invoices.values()]
        .filter(({ state }) => state === 'settled')
        .map(({ hash, receivedMsat, settleIndex }) => ({ hash, receivedMsat, settleIndex })),
    knows: (hash: string): boolean => keptOf(played, hash) !== undefined,
    goAway: (how: 'down' | 'hole', forMs: number): void => goAway(played, how, forMs),
    /** Its streams stay open, and tell nothing more. */
    mute: (): void => {
      for (const stream of played.streams) stream.isMute = true;
    },
    backUp: (): void => {
      const kept = [...played.books.invoices].map(([hash, each]) => [hash, { ...each }] as const);
      played.backup = { ...played.books, invoices: new Map(kept) };
    },
    restore: (): void => restore(played),
    wentBack: (): boolean => played.wentBack,
    heal: (): void => {
      played.away = undefined;
    },
  };
}
