// Reconciliation, one page at a time. A run of a shop has a part for Shopify and one for each node,
// each a row of that lane: it goes on where it was left, by whatever process has the lane, and it
// lets everything pass that somebody waits for. It moves nothing itself: what it finds is looked at
// again through the doors that are there.
import { nodeLane, shopLane } from '../db/lanes.ts';
import { laneHasUrgent, reconcilePartById, stopReconciliation } from '../db/reconciliations.ts';
import type { Step } from './flow.ts';
import { compareInvoices } from './reconcile-invoices.ts';
import { compareOrders } from './reconcile-orders.ts';

/** A busy lane is let alone, but not for ever. */
const yieldMs = 30_000;
const yieldAgainMs = 1_000;
export const reconcilePart: Step = async (deps, row) => {
  const part = await reconcilePartById(deps.db, row.id);
  const rests = { dueInMs: undefined, attempt: false };
  if (part === undefined || part.doneAt !== null || part.runEndedAt !== null) return rests;
  if (part.uninstalledAt !== null) {
    await stopReconciliation(deps.db, part.runId);
    return 'stored';
  }
  const lane = part.nodeId === null ? shopLane(part.shopId) : nodeLane(part.nodeId);
  const waitedMs = deps.clock().getTime() - part.workedAt.getTime();
  if (waitedMs < yieldMs && (await laneHasUrgent(deps.db, lane))) {
    return { dueInMs: yieldAgainMs, attempt: false };
  }
  const work = { part, row };
  return part.nodeId === null ? compareOrders(deps, work) : compareInvoices(deps, work);
};
