// An invoice was stored, and its node never confirmed it. Its request is not stored either, so it
// was shown to nobody, and what comes back of a call that is still out loses: only a stored answer
// is shown. So it may end without the node, which may be away for days, or for good. The node is
// asked to cancel it as soon as it answers; should it be paid all the same, that is recorded.
import { lookAfterCreateMs } from '../core/retry.ts';
import {
  canceledAreOver,
  invoiceIsCanceled,
  unissuedInvoices,
  type InvoiceRow,
} from '../db/invoices.ts';
import { endInvoicesOfRetired } from '../db/nodes.ts';
import type { PaymentRow } from '../db/payments.ts';
import type { Deps } from './flow.ts';
import { serviceFor } from './serve-session.ts';

/** Until then whoever stored it, or its node's lane, may still hear of it. */
const unissuedMs = 2 * lookAfterCreateMs;
/** A node that is this much late with our call, or with its clock, has let it run out. */
const overMs = 120_000;

/** Its request was never shown to anybody, so nobody can pay it, even if the node has made it. */
export const endUnissued = (
  deps: Deps,
  { id, paymentId }: Pick<InvoiceRow, 'id' | 'paymentId'>,
): Promise<boolean> =>
  invoiceIsCanceled(deps.db, { id, paymentId, because: 'never_issued', thenAskNode: true });

/**
 * A buyer waits for an invoice that its node does not confirm. True: it has ended, because it is
 * wanted no more, or because another node can make one.
 */
export async function makeWay(
  deps: Deps,
  about: { payment: PaymentRow; made: InvoiceRow },
): Promise<boolean> {
  const { payment, made } = about;
  const now = deps.clock();
  if (now.getTime() - made.madeAt.getTime() < unissuedMs) return false;
  if (made.ending === null && made.lapsesAt > now) {
    const { nodes } = await serviceFor(deps, payment);
    if (!nodes.some(({ id }) => id !== made.nodeId)) return false;
  }
  return endUnissued(deps, made);
}

/** What no buyer waits for: a closing payment, a node that is gone. Some at a time. */
export async function endAllUnissued(deps: Deps): Promise<void> {
  const before = (ms: number): Date => new Date(deps.clock().getTime() - ms);
  await endInvoicesOfRetired(deps.db);
  for (const unissued of await unissuedInvoices(deps.db, before(unissuedMs))) {
    if (await endUnissued(deps, unissued)) {
      deps.log.info({ paymentId: unissued.paymentId }, 'invoice.never_issued');
    }
  }
  await canceledAreOver(deps.db, before(overMs));
}
