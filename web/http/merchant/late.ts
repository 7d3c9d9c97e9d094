// Money that came late for an order that still stands: a member of staff takes it for the order.
import { takeLatePayment, type LateTaken } from '../../flows/take-late-payment.ts';
import type { TakenAnswer } from '../../frontend/shared/merchant-api.ts';
import { answerJson } from '../answers.ts';
import type { Doors, Route } from '../doors.ts';
import { merchantRoute, type Seen } from './door.ts';
import { paymentOf } from './payment-of.ts';

export const lateRoutes = (doors: Doors): Route[] => [
  merchantRoute(
    doors,
    { method: 'post', path: '/api/payments/:id/take', policy: 'merchant' },
    (seen) => takenAnswer(doors, seen),
  ),
];

const refusals = {
  not_asked: 'There is no late money here any more. Nothing was changed: look at it again.',
  order_over:
    'The order was cancelled or paid, or Shopify does not know it any more: it cannot take this ' +
    'money. Give it back.',
  changed_meanwhile:
    'Another payment of this order is just being told to Shopify. Nothing was changed: look ' +
    'again in a minute.',
} as const satisfies Record<Extract<LateTaken, { ok: false }>['refusal'], string>;

async function takenAnswer(doors: Doors, seen: Seen): Promise<void> {
  const { staffId, response } = seen;
  const at = await paymentOf(doors, seen);
  if (at === undefined) {
    answerJson(response, 404, { error: 'There is no such payment in this shop.' });
    return;
  }
  const taken = await takeLatePayment(doors.deps, { ...at, staffId });
  const told: TakenAnswer = taken.ok
    ? { ok: true }
    : { ok: false, refusal: taken.refusal, sentence: refusals[taken.refusal] };
  answerJson(response, taken.ok ? 200 : 422, told);
}
