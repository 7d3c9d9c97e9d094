// A member of staff wants the money that is held for an order to be charged or given back. Before
// it is charged the order is read again, and once more for as long as the node has not answered:
// what was cancelled or paid otherwise meanwhile is given back. Shopify is told of what was charged
// as of any other payment, by the payment's own step.
import { decideStaff, type HoldOutcome } from '../core/hold.ts';
import { isUnpaid } from '../core/payment.ts';
import type { ClaimedRow } from '../db/due.ts';
import {
  answerHoldRequest,
  captureOf,
  holdRequestIsDone,
  releaseHeld,
  wantCapture,
  type HoldRequestRow,
} from '../db/holds.ts';
import { askForPerson, paymentById, type PaymentRow } from '../db/payments.ts';
import { whyClosed } from '../db/views.ts';
import type { Deps, StepEnd } from './flow.ts';
import { lookAtOrderNow } from './look-at-order.ts';

/** How soon a payment that is on its way is looked at again. */
const againMs = 2_000;
/** While the node has not said that it is charged: well before a reading is too old. */
const whileChargingMs = 15_000;

type Asked = { row: ClaimedRow; request: HoldRequestRow; payment: PaymentRow };

export async function answerStaff(deps: Deps, asked: Asked): Promise<StepEnd> {
  const { request, payment } = asked;
  const { id, kind, paymentId, shopId, outcome } = request;
  if (outcome !== undefined) {
    // It was stored by one who died before the last line.
    await end(deps, request, outcome);
    return 'stored';
  }
  const capture = await captureOf(deps.db, paymentId);
  const decision = decideStaff(
    { kind, isCapturing: request.state === 'capturing' },
    {
      state: payment.state,
      isCapturing: capture !== undefined && capture.id !== id,
      closedBecause: isUnpaid(payment.state) ? await whyClosed(deps.db, paymentId) : undefined,
    },
  );
  switch (decision.do) {
    case 'charge':
      return charge(deps, asked);
    case 'wait':
      return { dueInMs: againMs, attempt: false };
    case 'release':
      await releaseHeld(deps.db, { paymentId, because: 'hold_voided' });
      return { dueInMs: againMs, attempt: false };
    case 'answer': {
      const { outcome: said } = decision;
      const decided = { from: request.state, leaseNo: asked.row.leaseNo };
      if (!(await answerHoldRequest(deps.db, { id, paymentId, outcome: said, ...decided }))) {
        return { dueInMs: againMs, attempt: false };
      }
      await end(deps, request, said);
      deps.log.info({ paymentId, shopId, kind, outcome: said }, 'hold.answered');
      deps.touched?.(`shop:${String(shopId)}:admin`);
      return 'stored';
    }
  }
}

async function end(deps: Deps, request: HoldRequestRow, outcome: HoldOutcome): Promise<void> {
  const { id, kind, paymentId } = request;
  // Whoever pressed the button takes it for charged.
  if (kind === 'capture' && outcome === 'expired') {
    await askForPerson(deps.db, paymentId, 'not_charged');
  }
  await holdRequestIsDone(deps.db.pool, { id, outcome, told: false });
}

/** The reading releases what is over by itself. Throws Trouble when Shopify cannot be asked. */
async function charge(deps: Deps, { request, payment }: Asked): Promise<StepEnd> {
  const { paymentId, shopId } = request;
  const seen = await lookAtOrderNow(deps, payment);
  // Not returned once is no explicit no: what is held has an end of its own.
  if (seen.is === 'not_yet') return { dueInMs: whileChargingMs, attempt: true };
  const again = await paymentById(deps.db, paymentId);
  if (again?.state !== 'held') return { dueInMs: againMs, attempt: false };
  const isWanted = await wantCapture(deps.db, request);
  deps.log.info({ paymentId, shopId, isWanted }, 'hold.capture_wanted');
  return { dueInMs: isWanted ? whileChargingMs : againMs, attempt: false };
}
