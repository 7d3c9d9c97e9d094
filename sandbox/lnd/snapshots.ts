/**
 * A node's past: what its database held at a moment, and going back to it, as a restore from an old backup does.
 */
import type { NodeOnDisk } from './disk.ts';
import { invoiceFromJson, invoiceToJson } from './invoice.ts';
import type { NodeState } from './node-state.ts';

export type Snapshot = { invoices: string[]; counters: { add: number; settle: number } };

export const snapshots = (node: NodeState, disk: NodeOnDisk | undefined) => ({
  snapshot: (): Snapshot => ({
    invoices: node.registry.all().map(invoiceToJson),
    counters: node.registry.counters(),
  }),
  /** Both counters and all invoices go back; whatever came later is unknown to the node. */
  restore: (past: Snapshot): void => {
    const invoices = past.invoices.map(invoiceFromJson);
    node.registry.takeOver(invoices, past.counters);
    disk?.rewriteInvoices(invoices, past.counters);
  },
});
