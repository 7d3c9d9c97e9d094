// paid, withdrawn -> done: Shopify hears what became of a refund session; of any other refund it
// knows, or needs not be told. The telling is idempotent there, and what is told follows from the
// reason that is stored: whoever tells it again tells the same.
import { isFinalNo } from '../core/payment-session.ts';
import { hasMoney, isUndone, type RefundOrigin } from '../core/refund.ts';
import { believeRefusalMs, tellAgainMs } from '../core/retry.ts';
import { renewLease } from '../db/due.ts';
import { note } from '../db/history.ts';
import { refundById, refundIsDone, refusalsOfRefund } from '../db/refunds.ts';
import { shopById } from '../db/shops.ts';
import type { Deps, Step } from './flow.ts';

/** Somebody of the shop wanted that its buyer has it back. */
const isWanted: ReadonlySet<RefundOrigin> = new Set(['order_refund', 'admin'] as const);
/** How often a shop that removed the app is looked at again. */
const goneShopMs = 6 * 3_600_000;

export const tellRefund: Step = async (deps, row) => {
  const refund = await refundById(deps.db.pool, row.id);
  if (refund?.state !== 'paid' && refund?.state !== 'withdrawn') {
    return { dueInMs: undefined, attempt: false };
  }
  const { id, paymentId, shopId, origin, originId, reason } = refund;
  const { leaseNo } = row;
  const facts = { refundId: id, paymentId, shopId, because: reason };
  if (origin !== 'refund_session') {
    const isForPerson = isUndone(reason) && isWanted.has(origin) && !refund.test;
    const asks = isForPerson ? 'refund_undone' : undefined;
    await refundIsDone(deps.db, { id, leaseNo, told: false, asks });
    deps.log.info({ ...facts, to: 'done' }, 'refund.done');
    return 'stored';
  }
  const shop = await shopById(deps.db, shopId);
  if (shop === null || shop.uninstalledAt !== null) return { dueInMs: goneShopMs, attempt: true };
  await note(deps.db.pool, paymentId, {
    ...{ what: 'tell_began', because: 'refund', details: { refund: id } },
  });
  if (!(await renewLease(deps.db, row))) return 'stored';
  const sessions = await deps.paymentSessions.of(shopId);
  const outcome = hasMoney(reason)
    ? await sessions.resolveRefund(originId)
    : await sessions.rejectRefund(originId);
  if (outcome.is === 'refused') {
    const { why } = outcome;
    await note(deps.db.pool, paymentId, { what: 'tell_refused', details: { why, refund: id } });
    deps.log.warn({ ...facts, why }, 'refund.tell_refused');
    if (!(await isBelieved(deps, { paymentId, refundId: id }))) {
      return { dueInMs: Math.max(tellAgainMs(row.attempts + 1), 1_000), attempt: true };
    }
    // The buyer has it, and Shopify does not say so: the merchant has to record it there.
    if (hasMoney(reason)) deps.log.error({ ...facts, why }, 'refund.untold');
  }
  const told = outcome.is === 'done';
  const asks = told || refund.test ? undefined : 'refund_untold';
  await refundIsDone(deps.db, { id, leaseNo, told, asks });
  deps.log.info({ ...facts, to: 'done' }, 'refund.done');
  return 'stored';
};

/**
 * Its own words count, and not the tries: most of those may have had no answer at all. Nor do they
 * in a row: what refuses for a moment is asked for an hour.
 */
async function isBelieved(
  deps: Deps,
  about: { paymentId: string; refundId: string },
): Promise<boolean> {
  const { times, firstAt } = await refusalsOfRefund(deps.db, about);
  const sinceMs = deps.clock().getTime() - (firstAt?.getTime() ?? 0);
  return isFinalNo(times) && sinceMs >= believeRefusalMs;
}
