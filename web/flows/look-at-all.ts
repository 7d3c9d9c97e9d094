// All payable invoices of a node are to be looked at: its stream left a hole, or many ran out while
// it was away. A page tells of a thousand in one call; what no page shows is looked at by itself.
import { invoiceById } from '../db/invoices.ts';
import {
  lookAtAllInvoices,
  payableInvoices,
  samplePayable,
  type PayableInvoice,
} from '../db/nodes.ts';
import { Trouble } from '../core/trouble.ts';
import type { Deps } from './flow.ts';
import { observeInvoice } from './observe-invoice.ts';

/** Fewer are looked at one by one: a page of a node with much history is dearer. */
export const fewInvoices = 20;
const perPage = 1_000;
const mostPages = 500;
/** The node's clock need not be ours. */
const clockMs = 3_600_000;

/** So many are held in memory at a time, of a node that may have a hundred thousand. */
const perPart = 5_000;

async function* inParts(
  deps: Deps,
  of: { nodeId: number; lapsedBefore: Date | undefined },
): AsyncGenerator<PayableInvoice[], void> {
  for (let after = '0'; ;) {
    const part = await payableInvoices(deps.db, { ...of, after, limit: perPart });
    const last = part.at(-1);
    if (last === undefined) return;
    yield part;
    if (part.length < perPart) return;
    after = last.id;
  }
}

/** Looks at all, or makes them due, before it resolves. */
export async function lookAtAll(deps: Deps, nodeId: number): Promise<void> {
  let looked = 0;
  for await (const part of inParts(deps, { nodeId, lapsedBefore: undefined })) {
    if (looked === 0 && part.length <= fewInvoices) break;
    looked = (await lookByPages(deps, nodeId, part)) ? looked + part.length : 0;
    if (looked === 0) break;
  }
  if (looked === 0) await lookAtAllInvoices(deps.db.pool, nodeId);
}

/** Looks at all when so many have run out that each by itself would be a crowd of calls. */
export async function lookAtLapsed(deps: Deps, nodeId: number): Promise<void> {
  for await (const part of inParts(deps, { nodeId, lapsedBefore: deps.clock() })) {
    const isFew = part.length <= fewInvoices;
    if (isFew || !(await lookByPages(deps, nodeId, part))) return;
  }
}

/** More are looked at in several rounds: each takes some that follow each other, by chance. */
const ofOneSample = 10_000;

/**
 * Looks whether the stream tells of what is settled: what a page shows and the stream has not told
 * is recorded, by which the listener knows that it is silent. False: no page can be had.
 */
export async function sampleStream(deps: Deps, nodeId: number): Promise<boolean> {
  const draw = Math.random();
  const sample = await samplePayable(deps.db, { nodeId, draw, limit: ofOneSample });
  return lookByPages(deps, nodeId, sample);
}

/**
 * Behind which index of the node the pages begin that show these, and with which they end;
 * `to` undefined: any later one may show some, since of many no index is known.
 */
function indexesOf(payable: readonly PayableInvoice[]): { after: bigint; to: bigint | undefined } {
  const known = payable.flatMap(({ addIndex }) => addIndex ?? []);
  const [one = 1n] = known;
  const first = known.reduce((least, index) => (index < least ? index : least), one);
  const last = known.reduce((most, index) => (index > most ? index : most), one);
  const isOpenEnded = known.length === 0 || payable.length - known.length > fewInvoices;
  return { after: first > 0n ? first - 1n : 0n, to: isOpenEnded ? undefined : last };
}

/** True: each has been shown by a page and what follows is stored, or it is due now. */
async function lookByPages(
  deps: Deps,
  nodeId: number,
  payable: readonly PayableInvoice[],
): Promise<boolean> {
  const left = new Map(payable.map((invoice) => [invoice.hash, invoice]));
  const madeMs = Math.min(...payable.map(({ madeAt }) => madeAt.getTime()));
  const { to, ...from } = indexesOf(payable);
  let after: bigint | undefined = from.after;
  try {
    const node = await deps.nodes.of(nodeId);
    for (let pages = 0; after !== undefined && pages < mostPages && left.size > 0; pages += 1) {
      if (to !== undefined && after >= to) break;
      const createdSince = new Date(madeMs - clockMs);
      const page = await node.listInvoices({ after, createdSince, most: perPage });
      if (page === undefined) return false;
      for (const seen of page.invoices) {
        const ours = left.get(seen.hash);
        if (ours === undefined) continue;
        left.delete(seen.hash);
        if (seen.state === 'open' || seen.state === 'accepted') continue;
        const invoice = await invoiceById(deps.db, ours.id);
        if (invoice !== undefined) await observeInvoice(deps, { invoice, seen });
      }
      after = page.after;
    }
  } catch (error) {
    if (error instanceof Trouble && error.from === 'node') return false;
    throw error;
  }
  await lookAtAllInvoices(
    deps.db.pool,
    nodeId,
    [...left.values()].map(({ id }) => id),
  );
  return true;
}
