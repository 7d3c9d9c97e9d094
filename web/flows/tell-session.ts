// A payment session has an outcome, and Shopify is told: resolve, reject, or wait. Each telling is
// idempotent there, so a lost answer is simply asked for again, for ever; and nothing can be read
// back, so what we have stored is the only memory. The first verdict counts: it is decided and
// stored before it is told. A buyer who leaves is never rejected for it.
import { accountOf, postingsOfVerdict } from '../core/ledger.ts';
import { decimalOf, minor, type Currency, type Minor, type Msat } from '../core/money.ts';
import { isFinalNo, rejectionCodeOf } from '../core/payment-session.ts';
import { tellAgainMs } from '../core/retry.ts';
import { renewLease, type ClaimedRow } from '../db/due.ts';
import { note } from '../db/history.ts';
import { timesHoldRefused } from '../db/holds.ts';
import { beginTelling, movePayment, type PaymentRow } from '../db/payments.ts';
import { closeForGood, isNotPending, isPending, takeGroup, timesRefused } from '../db/sessions.ts';
import type { Deps, StepEnd } from './flow.ts';
import { tellCapture } from './tell-capture.ts';

type Money = { fiatMinor: Minor; currency: Currency; amountMsat: Msat };
type Telling = { row: ClaimedRow; payment: PaymentRow };

/** In the timeline: what Shopify was told of. */
const rejected = 'rejected';
const atRest: StepEnd = { dueInMs: undefined, attempt: false };

/** A settled session is resolved, unless another payment of the same purchase was. */
export async function resolveSession(
  deps: Deps,
  about: Telling & { money: Money; hasPurchase: boolean },
): Promise<StepEnd> {
  const { row, payment, money, hasPurchase } = about;
  const { id: paymentId, shopId, groupKey } = payment;
  if (payment.kind === 'authorization') {
    const told = await tellCapture(deps, about);
    return told === 'gone' ? strand(deps, { ...about, because: 'session_gone' }) : told;
  }
  // Taken before Shopify hears of it: of two tabs that both paid one is told, whoever dies between.
  const isFirst =
    groupKey === null || hasPurchase || (await takeGroup(deps.db, { shopId, groupKey, paymentId }));
  if (!isFirst) return strand(deps, { ...about, because: 'group_paid_otherwise' });
  const amount = decimalOf(money.fiatMinor, money.currency);
  const telling = beginTelling(deps.db, {
    paymentId,
    leaseNo: row.leaseNo,
    salesBefore: [],
    methodName: null,
    details: { do: 'resolve', amount, currency: money.currency },
  });
  const [began, sessions] = await Promise.all([telling, deps.paymentSessions.of(shopId)]);
  if (!began) return 'stored';
  const outcome = await sessions.resolve(payment.originId);
  if (outcome.is === 'refused') {
    await refusedBy(deps, about, outcome.why);
    // Its own words count, and not the tries: most of those may have had no answer at all.
    if (isFinalNo(await timesRefused(deps.db, paymentId)))
      return strand(deps, { ...about, because: 'session_gone' });
    return { dueInMs: Math.max(tellAgainMs(row.attempts + 1), 1_000), attempt: true };
  }
  const { fiatMinor, currency, amountMsat } = money;
  const verdict = { do: 'mark', toldMinor: fiatMinor, surplusMinor: minor(0n) } as const;
  await movePayment(deps.db.pool, {
    paymentId,
    move: { from: 'settled', to: 'resolved' },
    because: 'told_shopify',
    leaseNo: row.leaseNo,
    journal: `verdict:${paymentId}`,
    postings: postingsOfVerdict(verdict, { shopId, awaitingMsat: amountMsat }),
    details: { told: amount, currency },
    toldMinor: fiatMinor,
    ...back(outcome.returnUrl),
  });
  deps.log.info({ paymentId, shopId, to: 'resolved' }, 'payment.resolved');
  return 'stored';
}

/** We hold money that Shopify will not take: for a second payment it is the buyer's. */
async function strand(
  deps: Deps,
  about: Telling & { money: Money; because: 'group_paid_otherwise' | 'session_gone' },
): Promise<StepEnd> {
  const { row, payment, money, because } = about;
  const { id: paymentId, shopId } = payment;
  const isSecond = because === 'group_paid_otherwise';
  const from = accountOf('awaiting', shopId);
  const to = accountOf(isSecond ? 'overpaid' : 'stranded', shopId);
  await movePayment(deps.db.pool, {
    paymentId,
    move: { from: 'settled', to: 'stranded' },
    because,
    leaseNo: row.leaseNo,
    journal: `verdict:${paymentId}`,
    postings: [{ from, to, amountMsat: money.amountMsat }],
    attention: isSecond ? 'overpaid' : 'stranded',
  });
  deps.log.error({ paymentId, shopId, because }, 'payment.stranded');
  return 'stored';
}

/** It can never be paid, and the node has said so too: the buyer shall choose another way. */
export async function rejectSession(deps: Deps, { row, payment }: Telling): Promise<StepEnd> {
  const { id: paymentId, shopId } = payment;
  if (!(await renewLease(deps.db, row))) return 'stored';
  const sessions = await deps.paymentSessions.of(shopId);
  const code = rejectionCodeOf(payment.verdictCode);
  // Of two equal lines in a row one is written: this one stands between two refusals.
  await note(deps.db.pool, paymentId, { what: 'tell_began', because: rejected });
  const outcome = await sessions.reject(payment.originId, code);
  const isDone = outcome.is === 'done';
  if (!isDone) {
    await refusedBy(deps, { row, payment }, outcome.why, rejected);
    if (!isFinalNo(await timesHoldRefused(deps.db, { paymentId, request: rejected }))) {
      return { dueInMs: Math.max(tellAgainMs(row.attempts + 1), 1_000), attempt: true };
    }
  }
  const because = isDone ? 'told_not_paid' : 'session_gone';
  await movePayment(deps.db.pool, {
    paymentId,
    move: { from: 'lapsed', to: 'rejected' },
    because,
    leaseNo: row.leaseNo,
    details: { code },
    ...(isDone ? back(outcome.returnUrl) : {}),
  });
  deps.log.info({ paymentId, shopId, because, code, to: 'rejected' }, 'payment.rejected');
  return 'stored';
}

/**
 * An open session whose buyer says that the money is on its way: Shopify waits for a day. What was
 * not paid by then is closed, and rejected once the node says that it never can be.
 */
export async function waitForSession(deps: Deps, { row, payment }: Telling): Promise<StepEnd> {
  const { id: paymentId, shopId, pendingUntil, verdictWanted } = payment;
  if (verdictWanted !== 'pending' || pendingUntil === null) return atRest;
  if (pendingUntil <= deps.clock()) {
    const because = 'session_timed_out';
    await closeForGood(deps.db, { paymentId, never: 'timed_out', because });
    deps.log.info({ paymentId, shopId, because }, 'payment.closing');
    return 'stored';
  }
  if (!(await renewLease(deps.db, row))) return 'stored';
  const sessions = await deps.paymentSessions.of(shopId);
  const outcome = await sessions.pending(payment.originId, pendingUntil);
  if (outcome.is === 'refused') {
    await refusedBy(deps, { row, payment }, outcome.why);
    await isNotPending(deps.db, { paymentId, leaseNo: row.leaseNo });
    return 'stored';
  }
  const { returnUrl } = outcome;
  await isPending(deps.db, { paymentId, leaseNo: row.leaseNo, returnUrl });
  deps.log.info({ paymentId, shopId }, 'session.told_to_wait');
  return 'stored';
}

async function refusedBy(
  deps: Deps,
  { payment }: Telling,
  why: string,
  because = '',
): Promise<void> {
  const { id: paymentId, shopId } = payment;
  await note(deps.db.pool, paymentId, { what: 'tell_refused', because, details: { why } });
  deps.log.warn({ paymentId, shopId, why }, 'payment.tell_refused');
}

/** Longer than any address that a browser follows: it is left out. */
const longestUrl = 8_192;
const back = (returnUrl: string | undefined): { returnUrl?: string } =>
  returnUrl === undefined || returnUrl.length > longestUrl ? {} : { returnUrl };
