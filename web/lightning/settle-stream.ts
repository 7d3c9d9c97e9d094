// Follows the settles of one node. LND withholds live settles whose index is not above the one
// that was subscribed with, and its counter can start again, so there are two streams: a live one
// without an index, and beside it for a short while a replay from the cursor.
// Source: LND 0.21.3 invoiceregistry.go; each rule seen on real nodes.
import { randomBytes } from 'node:crypto';
import type { Observation } from '../core/invoice.ts';
import type { SettleStream, SettleStreamEvents } from '../core/ports.ts';
import type { Connection, InvoiceStream, RawInvoice } from './connection.ts';
import { isNotFound, nodeTrouble, troubleFrom } from './errors.ts';
import { observationOf } from './observation.ts';

export type SettleStreamDeps = {
  connection: () => Promise<Connection>;
  /** The replay is over when it was silent for this long. */
  quietMs: number;
  /** More events than this in ten seconds on one stream, and it is closed. */
  mostEvents: number;
};
type Source = 'live' | 'replay';

const windowMs = 10_000;

/** Counts events in windows of ten seconds; true once there are too many. */
function floodGauge(mostEvents: number): () => boolean {
  let since = 0;
  let count = 0;
  return () => {
    const now = Date.now();
    if (now - since >= windowMs) {
      since = now;
      count = 0;
    }
    count += 1;
    return count > mostEvents;
  };
}

/** Gives on what came in one go together, in the order in which it came. */
function batches(give: SettleStreamEvents['settled']) {
  let waiting: { source: Source; seen: Observation }[] = [];
  let planned: NodeJS.Immediate | undefined;
  const flush = (): void => {
    clearImmediate(planned);
    planned = undefined;
    const taken = waiting;
    waiting = [];
    for (const source of ['replay', 'live'] as const) {
      const ofSource = taken.filter((one) => one.source === source).map(({ seen }) => seen);
      if (ofSource.length > 0) give(ofSource, source);
    }
  };
  const add = (source: Source, seen: Observation): void => {
    waiting.push({ source, seen });
    planned ??= setImmediate(flush);
  };
  const drop = (): void => {
    clearImmediate(planned);
    waiting = [];
  };
  return { add, flush, drop };
}

/**
 * LND sends nothing on a stream without events, not even headers. Two lookups in a row that went
 * over the same connection after the subscription show that the node has taken it, and a refusal
 * of the subscription would have come before the second answer.
 */
async function provenOpen(connection: Connection): Promise<void> {
  for (let round = 0; round < 2; round += 1) {
    await connection.lookupInvoice(randomBytes(32).toString('hex')).catch((error: unknown) => {
      if (!isNotFound(error)) throw error;
    });
  }
}

type Listener = { taken: (raw: RawInvoice) => void; ended: (why: unknown) => void };

/** Listens to one call until it has ended or was let go. The first of error and end counts. */
function listen(call: InvoiceStream, mostEvents: number, to: Listener): () => void {
  const tooMany = floodGauge(mostEvents);
  let gone = false;
  const letGo = (): void => {
    gone = true;
    call.cancel();
  };
  const end = (why: unknown): void => {
    if (gone) return;
    letGo();
    to.ended(why);
  };
  call.on('data', (raw: RawInvoice) => {
    if (gone) return;
    if (tooMany()) end(nodeTrouble('node_floods', { then: 'retry', away: true, waitMs: 60_000 }));
    else to.taken(raw);
  });
  call.on('error', end);
  call.on('end', () => end(nodeTrouble('node_stopped', { then: 'retry', away: true })));
  return letGo;
}

type Replay = { from: bigint; quietMs: number; mostEvents: number };

/**
 * Settles after an index, then `over`: at an invoice that was added after this was asked for, which
 * comes after all of the replay, or when nothing has come for a while.
 */
function replaySettles(
  connection: Connection,
  { from, quietMs, mostEvents }: Replay,
  to: Listener & { over: () => void },
): () => void {
  let quiet: NodeJS.Timeout | undefined;
  const letGo = listen(connection.subscribeInvoices({ settleIndex: from }), mostEvents, {
    taken: (raw) => {
      if (raw.state === 'OPEN') finish();
      else {
        waitForQuiet();
        to.taken(raw);
      }
    },
    ended: (why) => {
      clearTimeout(quiet);
      to.ended(why);
    },
  });
  const stop = (): void => {
    clearTimeout(quiet);
    letGo();
  };
  const finish = (): void => {
    stop();
    to.over();
  };
  const waitForQuiet = (): void => {
    clearTimeout(quiet);
    quiet = setTimeout(finish, quietMs);
  };
  waitForQuiet();
  return stop;
}

/**
 * Opens the live stream, then replays what was settled after the cursor; a cursor of 0 has no
 * replay, for LND cannot replay from 0. Payments without a hash (AMP) are left out. `ended` is
 * called once with Trouble, and not at all after `close`.
 */
export function followSettles(
  { connection: connect, quietMs, mostEvents }: SettleStreamDeps,
  { cursor }: { cursor: bigint },
  on: SettleStreamEvents,
): SettleStream {
  const { add, flush, drop } = batches(on.settled);
  const open = new Set<() => void>();
  let opened = false;
  let over = false;
  const isOver = (): boolean => over;

  const close = (): void => {
    over = true;
    drop();
    for (const letGo of open) letGo();
  };
  const ended = (why: unknown): void => {
    if (over) return;
    flush();
    close();
    on.ended(troubleFrom(why));
  };
  const take = (source: Source, raw: RawInvoice): void => {
    const seen = observationOf(raw);
    if (seen?.state === 'settled') add(source, seen);
  };
  const replayed = (): void => {
    flush();
    on.replayed();
  };
  const markOpen = (connection: Connection): void => {
    if (over || opened) return;
    opened = true;
    on.opened();
    if (isOver()) return;
    if (cursor <= 0n) {
      replayed();
      return;
    }
    const replay = { from: cursor, quietMs, mostEvents };
    const taken = (raw: RawInvoice): void => take('replay', raw);
    open.add(replaySettles(connection, replay, { taken, ended, over: replayed }));
  };
  const begin = async (): Promise<void> => {
    const connection = await connect();
    if (isOver()) return;
    const taken = (raw: RawInvoice): void => {
      take('live', raw);
      markOpen(connection); // Events flow: no better proof.
    };
    open.add(listen(connection.subscribeInvoices({}), mostEvents, { taken, ended }));
    await provenOpen(connection);
    markOpen(connection);
  };
  begin().catch(ended);
  return { close };
}
