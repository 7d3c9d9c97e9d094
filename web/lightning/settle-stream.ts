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
  return { add, flush };
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

/**
 * Opens the live stream, then replays what was settled after the cursor; a cursor of 0 has no
 * replay, for LND cannot replay from 0. Payments without a hash (AMP) are left out. `ended` is
 * called once with Trouble, and not at all after `close`.
 */
export function followSettles(
  deps: SettleStreamDeps,
  from: { cursor: bigint },
  on: SettleStreamEvents,
): SettleStream {
  const calls = new Map<Source, InvoiceStream>();
  const { add, flush } = batches(on.settled);
  let quiet: NodeJS.Timeout | undefined;
  let opened = false;
  let over = false;

  const stop = (): void => {
    over = true;
    clearTimeout(quiet);
    for (const call of calls.values()) call.cancel();
  };
  const end = (why: unknown): void => {
    if (over) return;
    flush();
    stop();
    on.ended(troubleFrom(why));
  };
  const closeReplay = (): void => {
    const call = calls.get('replay');
    if (over || call === undefined) return;
    clearTimeout(quiet);
    calls.delete('replay');
    call.cancel();
    flush();
    on.replayed();
  };
  const waitForQuiet = (): void => {
    clearTimeout(quiet);
    quiet = setTimeout(closeReplay, deps.quietMs);
  };

  const take = (source: Source, raw: RawInvoice): void => {
    const seen = observationOf(raw);
    if (seen?.state === 'settled') add(source, seen);
    if (source === 'live')
      markOpen(); // Events flow: no better proof.
    // An invoice that was added after the replay was asked for comes after all of the replay.
    else if (raw.state === 'OPEN') closeReplay();
    else waitForQuiet();
  };
  const listen = (source: Source, call: InvoiceStream): void => {
    const tooMany = floodGauge(deps.mostEvents);
    calls.set(source, call);
    const mine = (): boolean => !over && calls.get(source) === call;
    call.on('data', (raw: RawInvoice) => {
      if (!mine()) return;
      if (tooMany()) end(nodeTrouble('node_floods', { then: 'retry', away: true, waitMs: 60_000 }));
      else take(source, raw);
    });
    call.on('error', (error: unknown) => {
      if (mine()) end(error);
    });
    call.on('end', () => {
      if (mine()) end(nodeTrouble('node_stopped', { then: 'retry', away: true }));
    });
  };
  const markOpen = (): void => {
    if (over || opened) return;
    opened = true;
    on.opened();
    replay();
  };

  let connection: Connection;
  const replay = (): void => {
    if (from.cursor <= 0n) {
      on.replayed();
      return;
    }
    listen('replay', connection.subscribeInvoices({ settleIndex: from.cursor }));
    waitForQuiet();
  };
  const open = async (): Promise<void> => {
    connection = await deps.connection();
    if (isOver()) return;
    listen('live', connection.subscribeInvoices({}));
    await provenOpen(connection);
    markOpen();
  };
  const isOver = (): boolean => over;
  open().catch(end);
  return { close: stop };
}
