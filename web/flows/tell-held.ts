// A payment is held: Shopify hears that it is authorized, and until when. The telling is idempotent
// there; the group of the purchase is taken before, so that of two tabs that both paid one is told,
// and the other's money goes back at once.
import { isFinalNo } from '../core/payment-session.ts';
import type { Reason } from '../core/payment.ts';
import { tellAgainMs } from '../core/retry.ts';
import { renewLease } from '../db/due.ts';
import { note } from '../db/history.ts';
import { holdIsTold, releaseHeld, timesHoldRefused } from '../db/holds.ts';
import { paymentById } from '../db/payments.ts';
import { takeGroup } from '../db/sessions.ts';
import { shopById } from '../db/shops.ts';
import type { Deps, Step, StepEnd } from './flow.ts';
import { watchHeldOrder } from './watch-held-order.ts';

const authorized = 'authorized';

export const tellHeld: Step = async (deps, row) => {
  const payment = await paymentById(deps.db, row.id);
  const rests = { dueInMs: undefined, attempt: false };
  if (payment?.state !== 'held') return rests;
  if (payment.origin === 'order') return watchHeldOrder(deps, payment);
  if (payment.holdToldAt !== null) return rests;
  const { id: paymentId, shopId, groupKey, originId, holdEndsAt } = payment;
  const shop = await shopById(deps.db, shopId);
  if (shop === null || shop.uninstalledAt !== null) {
    return release(deps, { paymentId, because: 'shop_uninstalled' });
  }
  const isFirst = groupKey === null || (await takeGroup(deps.db, { shopId, groupKey, paymentId }));
  if (!isFirst) return release(deps, { paymentId, because: 'group_paid_otherwise' });
  await note(deps.db.pool, paymentId, { what: 'tell_began', because: authorized });
  if (!(await renewLease(deps.db, row))) return 'stored';
  const sessions = await deps.paymentSessions.of(shopId);
  const outcome = await sessions.resolve(originId, holdEndsAt ?? undefined);
  if (outcome.is === 'done') {
    const { returnUrl } = outcome;
    await holdIsTold(deps.db, { paymentId, leaseNo: row.leaseNo, returnUrl });
    deps.log.info({ paymentId, shopId }, 'payment.authorized');
    return 'stored';
  }
  const { why } = outcome;
  await note(deps.db.pool, paymentId, {
    what: 'tell_refused',
    because: authorized,
    details: { why },
  });
  deps.log.warn({ paymentId, shopId, why }, 'payment.tell_refused');
  const times = await timesHoldRefused(deps.db, { paymentId, request: authorized });
  if (isFinalNo(times)) return release(deps, { paymentId, because: 'session_gone' });
  return { dueInMs: Math.max(tellAgainMs(row.attempts + 1), 1_000), attempt: true };
};

/** Nobody could be told of it, so nobody could charge it. */
async function release(
  deps: Deps,
  about: { paymentId: string; because: Reason },
): Promise<StepEnd> {
  await releaseHeld(deps.db, about);
  deps.log.warn(about, 'payment.closing');
  return { dueInMs: undefined, attempt: false };
}
