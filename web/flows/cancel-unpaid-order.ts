// The node has said that an order's invoice can never be paid, and the merchant wants such orders
// cancelled and their goods back on the shelf. Shopify does that by a job of its own and knows no
// idempotency key: the order is read first, our word is stored before it is said, and only an order
// that Shopify shows as cancelled ends the payment.
import type { PaymentRow } from '../db/payments.ts';
import { latestPayment, movePayment, paymentById } from '../db/payments.ts';
import { cancelAgainMs, decideUnpaid, type UnpaidVerdict } from '../core/unpaid.ts';
import type { Storefront } from '../core/ports.ts';
import type { Settings } from '../core/settings.ts';
import { cancelOrderAgainMs } from '../core/retry.ts';
import { renewLease, type ClaimedRow } from '../db/due.ts';
import { note } from '../db/history.ts';
import { settingsOf } from '../db/settings.ts';
import { shopById } from '../db/shops.ts';
import { beginCancelling, leaveOrder, methodNamesOf, orderHasMoney } from '../db/unpaid.ts';
import type { Deps, Step, StepEnd } from './flow.ts';

/** How soon after our word the order is read again. */
const lookAfterMs = 2_000;
/** Shopify's job takes its time. */
const waitMs = 5_000;
/** An order that is not returned so many times is gone. */
const looksForGone = 8;

export const cancelUnpaidOrder: Step = async (deps, row) => {
  const payment = await paymentById(deps.db, row.id);
  if (payment?.state !== 'lapsed' || payment.verdictWanted !== 'cancel_order') {
    return { dueInMs: undefined, attempt: false };
  }
  const { settings } = await settingsOf(deps.db, payment.shopId);
  const sentAgoMs =
    payment.tellSentAt === null ? undefined : deps.clock().getTime() - payment.tellSentAt.getTime();
  // Shopify's job may still be at it, whatever became of the order since: it would cancel one that
  // was paid meanwhile. Its time is short, so this is no try.
  const isAtIt = sentAgoMs !== undefined && sentAgoMs < cancelAgainMs;
  const why = await whyNotAtAll(deps, payment, settings);
  if (why !== undefined && isAtIt && why.because !== 'shop_uninstalled') {
    return { dueInMs: waitMs, attempt: false };
  }
  if (why !== undefined) return leave(deps, { payment, row, ...why });
  const storefront = await deps.storefronts.of(payment.shopId);
  const order = await storefront.readOrder(payment.originId);
  const { shopId, methodName: opened } = payment;
  const names = { shopId, present: settings.methodName, opened };
  const methodNames = await methodNamesOf(deps.db, names);
  const verdict = decideUnpaid(order, { sentAgoMs, methodNames });
  if (verdict.do === 'accept') return accept(deps, { payment, row, verdict });
  if (isAtIt) return { dueInMs: waitMs, attempt: false };

  const againMs = cancelOrderAgainMs(row.attempts + 1);
  if (verdict.do === 'leave') {
    // Not returned once is no explicit no: a replica may lag.
    const mayLag = verdict.because === 'order_gone' && row.attempts < looksForGone;
    if (mayLag && againMs !== undefined) return { dueInMs: againMs, attempt: true };
    return leave(deps, { payment, row, because: verdict.because });
  }
  if (againMs === undefined) {
    const because = sentAgoMs === undefined ? 'payment_under_way' : 'shopify_refused';
    return leave(deps, { payment, row, because, attention: 'not_cancelled' });
  }
  if (verdict.do === 'wait') return { dueInMs: againMs, attempt: true };
  // The more often our word had no effect, the longer until it is said again.
  const restMs = sentAgoMs === undefined ? 0 : (cancelOrderAgainMs(row.attempts) ?? 0) - sentAgoMs;
  if (restMs > 0) return { dueInMs: restMs, attempt: false };
  return sayCancel(deps, { payment, row, storefront, againMs });
};

async function sayCancel(
  deps: Deps,
  about: { payment: PaymentRow; row: ClaimedRow; storefront: Storefront; againMs: number },
): Promise<StepEnd> {
  const { payment, row, storefront, againMs } = about;
  const began = await beginCancelling(deps.db, { paymentId: payment.id, leaseNo: row.leaseNo });
  if (!began || !(await renewLease(deps.db, row))) return 'stored';
  const outcome = await storefront.cancelOrder(payment.originId, { note: noteFor(payment) });
  if (outcome.is === 'done') return { dueInMs: lookAfterMs, attempt: true };
  // Shopify's words are no contract: the order itself says what is true, at the next look.
  await note(deps.db.pool, payment.id, { what: 'cancel_refused', details: { why: outcome.why } });
  deps.log.warn({ paymentId: payment.id, why: outcome.why }, 'payment.cancel_refused');
  return { dueInMs: againMs, attempt: true };
}

/** Reasons that are not the order's. */
async function whyNotAtAll(
  deps: Deps,
  payment: PaymentRow,
  settings: Settings,
): Promise<{ because: string; attention?: 'overpaid' } | undefined> {
  // A node that was restored may have said of a paid invoice that it never can be.
  if (await orderHasMoney(deps.db, payment.id)) {
    return { because: 'money_came', attention: 'overpaid' };
  }
  const shop = await shopById(deps.db, payment.shopId);
  if (shop === null || shop.uninstalledAt !== null) return { because: 'shop_uninstalled' };
  if (settings.unpaidHours === null) return { because: 'policy_changed' };
  const newest = await latestPayment(deps.db, payment);
  return newest?.id === payment.id ? undefined : { because: 'paid_anew' };
}

const noteFor = (payment: PaymentRow): string =>
  `Zaptill: no Lightning payment came in time (${payment.id.slice(0, 8)}).`;

async function accept(
  deps: Deps,
  about: {
    payment: PaymentRow;
    row: ClaimedRow;
    verdict: Extract<UnpaidVerdict, { do: 'accept' }>;
  },
): Promise<StepEnd> {
  const { payment, row, verdict } = about;
  const moved = await movePayment(deps.db.pool, {
    paymentId: payment.id,
    move: { from: 'lapsed', to: 'rejected' },
    because: verdict.because,
    leaseNo: row.leaseNo,
    ...(verdict.attention === undefined ? {} : { attention: verdict.attention }),
  });
  if (moved) {
    const { shopId } = payment;
    deps.log.info({ paymentId: payment.id, shopId, to: 'rejected' }, 'payment.rejected');
  }
  return 'stored';
}

async function leave(
  deps: Deps,
  about: {
    payment: PaymentRow;
    row: ClaimedRow;
    because: string;
    attention?: 'overpaid' | 'not_cancelled';
  },
): Promise<StepEnd> {
  const { payment, row, because, attention } = about;
  await leaveOrder(deps.db, { paymentId: payment.id, leaseNo: row.leaseNo, because, attention });
  deps.log.info({ paymentId: payment.id, shopId: payment.shopId, because }, 'payment.order_left');
  return 'stored';
}
