// Shopify asks to capture or to void what is held. What becomes of it is decided from the payment's
// own state, stored, and only then told; Shopify may ask the same for ever. A capture that is to
// have the money is told by the payment itself, once the node has said so: see `tell-capture`.
import { decideHold, rejectionOfCapture, type HoldAsked, type HoldOutcome } from '../core/hold.ts';
import { isFinalNo } from '../core/payment-session.ts';
import type { SessionOutcome } from '../core/ports.ts';
import { tellAgainMs } from '../core/retry.ts';
import { renewLease, type ClaimedRow } from '../db/due.ts';
import { note } from '../db/history.ts';
import {
  answerHoldRequest,
  captureOf,
  holdRequestById,
  holdRequestIsDone,
  releaseHeld,
  timesHoldRefused,
  wantCapture,
  type HoldRequestRow,
} from '../db/holds.ts';
import { paymentById } from '../db/payments.ts';
import { shopById } from '../db/shops.ts';
import { answerStaff } from './answer-staff-of-hold.ts';
import type { Deps, Step, StepEnd } from './flow.ts';

/** How soon a payment that is on its way is looked at again. */
const againMs = 2_000;
/** A node that is to be charged may be away for hours. */
const whileCapturingMs = 15_000;
/** How often a shop that removed the app is looked at again. */
const goneShopMs = 6 * 3_600_000;

export const answerRequest: Step = async (deps, row) => {
  const request = await holdRequestById(deps.db, row.id);
  if (request === undefined || request.state === 'done') {
    return { dueInMs: undefined, attempt: false };
  }
  const payment = await paymentById(deps.db, request.paymentId);
  if (payment === null) return { dueInMs: goneShopMs, attempt: true };
  if (payment.origin === 'order') return answerStaff(deps, { row, request, payment });
  if (request.outcome !== undefined) {
    return tellAnswer(deps, { row, request, outcome: request.outcome });
  }
  const { paymentId } = request;
  const capture = await captureOf(deps.db, paymentId);
  const decision = decideHold(askedOf(request), {
    state: payment.state,
    isAuthorization: payment.kind === 'authorization',
    isTold: payment.holdToldAt !== null,
    isCapturing: capture !== undefined && capture.id !== request.id,
    owedMinor: payment.owedMinor,
    currency: payment.currency,
  });
  switch (decision.do) {
    case 'wait': {
      const dueInMs = request.state === 'capturing' ? whileCapturingMs : againMs;
      return { dueInMs, attempt: false };
    }
    case 'capture': {
      const isWanted = await wantCapture(deps.db, request);
      deps.log.info({ paymentId, shopId: request.shopId, isWanted }, 'hold.capture_wanted');
      return { dueInMs: isWanted ? whileCapturingMs : againMs, attempt: false };
    }
    case 'release':
      await releaseHeld(deps.db, { paymentId, because: 'hold_voided' });
      return { dueInMs: againMs, attempt: false };
    case 'answer': {
      const { outcome } = decision;
      const { id, state: from } = request;
      await answerHoldRequest(deps.db, { id, paymentId, outcome, from, leaseNo: row.leaseNo });
      return { dueInMs: 0, attempt: false };
    }
  }
};

const askedOf = ({ kind, state, amountMinor, currency }: HoldRequestRow): HoldAsked =>
  kind === 'void' ? { kind } : { kind, isCapturing: state === 'capturing', amountMinor, currency };

async function tellAnswer(
  deps: Deps,
  about: { row: ClaimedRow; request: HoldRequestRow; outcome: HoldOutcome },
): Promise<StepEnd> {
  const { row, request, outcome } = about;
  const { id, paymentId, shopId } = request;
  const shop = await shopById(deps.db, shopId);
  if (shop === null || shop.uninstalledAt !== null) return { dueInMs: goneShopMs, attempt: true };
  const told = `${request.kind} ${String(id)}`;
  await note(deps.db.pool, paymentId, { what: 'tell_began', because: told });
  if (!(await renewLease(deps.db, row))) return 'stored';
  const said = await tell(deps, request, outcome);
  if (said.is === 'refused') {
    const { why } = said;
    await note(deps.db.pool, paymentId, { what: 'tell_refused', because: told, details: { why } });
    deps.log.warn({ paymentId, shopId, why, outcome }, 'hold.tell_refused');
    if (!isFinalNo(await timesHoldRefused(deps.db, { paymentId, request: told }))) {
      return { dueInMs: Math.max(tellAgainMs(row.attempts + 1), 1_000), attempt: true };
    }
  }
  await holdRequestIsDone(deps.db.pool, { id, outcome, told: said.is === 'done' });
  deps.log.info({ paymentId, shopId, kind: request.kind, outcome }, 'hold.answered');
  return 'stored';
}

async function tell(
  deps: Deps,
  request: HoldRequestRow,
  outcome: HoldOutcome,
): Promise<SessionOutcome> {
  const { originId } = request;
  const sessions = await deps.paymentSessions.of(request.shopId);
  if (request.kind === 'void') {
    return outcome === 'voided' ? sessions.resolveVoid(originId) : sessions.rejectVoid(originId);
  }
  return outcome === 'captured'
    ? sessions.resolveCapture(originId)
    : sessions.rejectCapture(originId, rejectionOfCapture(outcome));
}
