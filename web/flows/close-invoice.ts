// An invoice is to end: its price ran out, the order changed, or is not to be paid any more. The
// node is asked to cancel it, and then asked what became of it. The cancel call itself proves
// nothing: a buyer who paid in that second has paid.
import { meansCanceled, type NotFoundEvidence } from '../core/invoice.ts';
import { endInvoice, invoiceById, invoiceIsCanceled, type InvoiceRow } from '../db/invoices.ts';
import { nodeById, streamWholeSince } from '../db/nodes.ts';
import type { Deps } from './flow.ts';
import { observeInvoice } from './observe-invoice.ts';

/**
 * Asks for the end of a live invoice and looks. True: the node has given its final word. What began
 * to be held meanwhile is left to its own step.
 */
export async function closeInvoice(
  deps: Deps,
  invoice: InvoiceRow,
  ending: 'quote_over' | 'order_over',
): Promise<boolean> {
  if (invoice.ending === null && !(await endInvoice(deps.db, invoice, ending))) {
    const stored = await invoiceById(deps.db, invoice.id.toString());
    if (stored?.state === 'live' && stored.ending === null) return false;
  }
  const node = await deps.nodes.of(invoice.nodeId);
  await node.askToCancel(invoice.hash);
  return lookNow(deps, invoice);
}

/** Asks the node what it says of the invoice, and records it. True: its word was final. */
export async function lookNow(deps: Deps, invoice: InvoiceRow): Promise<boolean> {
  const node = await deps.nodes.of(invoice.nodeId);
  const seen = await node.lookInvoice(invoice.hash);
  if (seen !== 'not_found') return (await observeInvoice(deps, { invoice, seen })).rests;
  return weighNotFound(deps, invoice);
}

/** What is known of its node at the moment of a "not found". */
export async function evidenceAt(deps: Deps, invoice: InvoiceRow): Promise<NotFoundEvidence> {
  const node = await nodeById(deps.db, invoice.nodeId);
  return {
    // Every invoice that a node makes is checked against its stored identity, and another node
    // behind the same address stops the lane.
    sameIdentity: node !== null && node.trouble !== 'identity_changed',
    streamWholeSince: await streamWholeSince(deps.db, invoice.nodeId),
    // What was made since is in the node's books, whatever it lost before.
    restoreSuspected:
      node === null ||
      (node.restoreSuspectedAt !== null && invoice.madeAt < node.restoreSuspectedAt),
  };
}

/** "Not found" is the node's word only under the conditions of `meansCanceled`. */
async function weighNotFound(deps: Deps, invoice: InvoiceRow): Promise<boolean> {
  const { id, paymentId } = invoice;
  if (meansCanceled(invoice, await evidenceAt(deps, invoice), deps.clock())) {
    await invoiceIsCanceled(deps.db, { id, paymentId, because: 'node_says_canceled' });
    return true;
  }
  deps.log.warn({ paymentId, nodeId: invoice.nodeId }, 'invoice.unknown_at_node');
  return false;
}
