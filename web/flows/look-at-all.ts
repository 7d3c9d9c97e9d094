// All payable invoices of a node are to be looked at: its stream left a hole, or many ran out while
// it was away. A page tells of a thousand in one call; what no page shows is looked at by itself.
import { invoiceById } from '../db/invoices.ts';
import { lookAtAllInvoices, payableInvoices, type PayableInvoice } from '../db/nodes.ts';
import { Trouble } from '../core/trouble.ts';
import type { Deps } from './flow.ts';
import { observeInvoice } from './observe-invoice.ts';

/** Fewer are looked at one by one: a page of a node with much history is dearer. */
export const fewInvoices = 20;
const perPage = 1_000;
const mostPages = 500;
/** The node's clock need not be ours. */
const clockMs = 3_600_000;

/** Looks at all, or makes them due, before it resolves. */
export async function lookAtAll(deps: Deps, nodeId: number): Promise<void> {
  const payable = await payableInvoices(deps.db, nodeId);
  if (payable.length > fewInvoices && (await lookByPages(deps, nodeId, payable))) return;
  await lookAtAllInvoices(deps.db.pool, nodeId);
}

/** Looks at all when so many have run out that each by itself would be a crowd of calls. */
export async function lookAtLapsed(deps: Deps, nodeId: number): Promise<void> {
  const payable = await payableInvoices(deps.db, nodeId);
  const now = deps.clock();
  const lapsed = payable.filter(({ lapsesAt }) => lapsesAt <= now);
  if (lapsed.length > fewInvoices) await lookByPages(deps, nodeId, lapsed);
}

/** More are looked at in several rounds: each takes some that follow each other, by chance. */
const ofOneSample = 10_000;

/**
 * Looks whether the stream tells of what is settled: what a page shows and the stream has not told
 * is recorded, by which the listener knows that it is silent. False: no page can be had.
 */
export async function sampleStream(deps: Deps, nodeId: number): Promise<boolean> {
  const payable = await payableInvoices(deps.db, nodeId);
  const beyond = Math.max(0, payable.length - ofOneSample);
  const first = Math.floor(Math.random() * (beyond + 1));
  return lookByPages(deps, nodeId, payable.slice(first, first + ofOneSample));
}

/** True: each has been shown by a page and what follows is stored, or it is due now. */
async function lookByPages(
  deps: Deps,
  nodeId: number,
  payable: readonly PayableInvoice[],
): Promise<boolean> {
  const left = new Map(payable.map((invoice) => [invoice.hash, invoice]));
  const indexes = payable.flatMap(({ addIndex }) => addIndex ?? []);
  const madeMs = Math.min(...payable.map(({ madeAt }) => madeAt.getTime()));
  const first = indexes.reduce((least, index) => (index < least ? index : least), indexes[0] ?? 1n);
  let after: bigint | undefined = first > 0n ? first - 1n : 0n;
  try {
    const node = await deps.nodes.of(nodeId);
    for (let pages = 0; after !== undefined && pages < mostPages && left.size > 0; pages += 1) {
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
