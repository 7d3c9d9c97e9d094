// What was held is charged, and the node has said so: Shopify hears that the capture went well, and
// with its yes the payment is resolved. A capture of a part takes all that was held, since a node
// knows no half; what was not asked for is the buyer's, and becomes a refund at once.
import { postingsOfCapture } from '../core/hold.ts';
import { decimalOf, minor, type Currency, type Minor, type Msat } from '../core/money.ts';
import { isFinalNo } from '../core/payment-session.ts';
import { tellAgainMs } from '../core/retry.ts';
import { transaction } from '../db/database.ts';
import { renewLease, type ClaimedRow } from '../db/due.ts';
import { note } from '../db/history.ts';
import {
  captureOf,
  holdRequestIsDone,
  timesHoldRefused,
  type HoldRequestRow,
} from '../db/holds.ts';
import { askForPerson, movePayment, type PaymentRow } from '../db/payments.ts';
import type { Deps, StepEnd } from './flow.ts';
import { giveBackRest } from './open-refund.ts';

type Charged = {
  row: ClaimedRow;
  payment: PaymentRow;
  money: { fiatMinor: Minor; currency: Currency; amountMsat: Msat };
};

/** Nobody asked for the money, and it came all the same: somebody else had the secret. */
const unaskedMs = 6 * 3_600_000;

/** `gone`: Shopify will not take it, and said so as often as it is believed. */
export async function tellCapture(deps: Deps, about: Charged): Promise<StepEnd | 'gone'> {
  const { row, payment, money } = about;
  const { id: paymentId, shopId } = payment;
  const request = await captureOf(deps.db, paymentId);
  if (request === undefined) {
    await askForPerson(deps.db, paymentId, 'untold');
    return { dueInMs: unaskedMs, attempt: true };
  }
  const told = `capture ${String(request.id)}`;
  await note(deps.db.pool, paymentId, { what: 'tell_began', because: told });
  if (!(await renewLease(deps.db, row))) return 'stored';
  const sessions = await deps.paymentSessions.of(shopId);
  const outcome = await sessions.resolveCapture(request.originId);
  if (outcome.is === 'refused') {
    const { why } = outcome;
    await note(deps.db.pool, paymentId, { what: 'tell_refused', because: told, details: { why } });
    deps.log.warn({ paymentId, shopId, why }, 'payment.tell_refused');
    if (isFinalNo(await timesHoldRefused(deps.db, { paymentId, request: told }))) {
      // The money is charged, and there is nobody left to hear of it from this request.
      await holdRequestIsDone(deps.db.pool, { id: request.id, outcome: 'captured', told: false });
      return 'gone';
    }
    return { dueInMs: Math.max(tellAgainMs(row.attempts + 1), 1_000), attempt: true };
  }
  return conclude(deps, { ...about, money, request });
}

async function conclude(
  deps: Deps,
  about: Charged & { request: HoldRequestRow },
): Promise<StepEnd> {
  const { row, payment, money, request } = about;
  const { id: paymentId, shopId } = payment;
  const { fiatMinor, currency, amountMsat } = money;
  const asked = request.amountMinor ?? fiatMinor;
  const toldMinor = asked < fiatMinor ? asked : fiatMinor;
  const surplusMinor = minor(fiatMinor - toldMinor);
  const captured = { toldMinor, surplusMinor };
  const postings = postingsOfCapture(captured, { shopId, awaitingMsat: amountMsat });
  const rest = postings.find(({ to }) => to.startsWith('overpaid:'));
  const moved = await transaction(deps.db, async (on) => {
    const isMoved = await movePayment(on, {
      paymentId,
      move: { from: 'settled', to: 'resolved' },
      because: 'told_shopify',
      leaseNo: row.leaseNo,
      journal: `verdict:${paymentId}`,
      postings,
      details: { told: decimalOf(toldMinor, currency), currency },
      toldMinor,
      ...(rest === undefined ? {} : { attention: 'overpaid' }),
    });
    if (isMoved) await holdRequestIsDone(on, { id: request.id, outcome: 'captured', told: true });
    return isMoved;
  });
  if (!moved) return 'stored';
  deps.log.info({ paymentId, shopId, to: 'resolved' }, 'payment.resolved');
  if (rest !== undefined) {
    await giveBackRest(deps, { shopId, paymentId, seenMsat: rest.amountMsat });
  }
  return 'stored';
}
