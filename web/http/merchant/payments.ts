// The shop's payments: the list, and one with its timeline and proof.
import { z } from 'zod';
import { currencyOf, decimalOf, minor, msat, satsOf } from '../../core/money.ts';
import { paymentStates, type PaymentState } from '../../core/payment.ts';
import * as views from '../../db/views.ts';
import type {
  PaymentAnswer,
  PaymentRow,
  PaymentsAnswer,
} from '../../frontend/shared/merchant-api.ts';
import { answerJson } from '../answers.ts';
import type { Doors, Route } from '../doors.ts';
import { iso, merchantRoute, type Seen } from './door.ts';

const pageSize = 25;

export const paymentRoutes = (doors: Doors): Route[] => [
  merchantRoute(doors, { method: 'get', path: '/api/payments', policy: 'merchant' }, (seen) =>
    paymentsAnswer(doors, seen),
  ),
  merchantRoute(doors, { method: 'get', path: '/api/payments/:id', policy: 'merchant' }, (seen) =>
    paymentAnswer(doors, seen),
  ),
];

const uuidForm = z.uuid();
const isState = (value: unknown): value is PaymentState =>
  typeof value === 'string' && Object.hasOwn(paymentStates, value);

async function paymentsAnswer(doors: Doors, { shop, request, response }: Seen): Promise<void> {
  const { state, after, view } = request.query;
  const lines = await views.listPayments(doors.deps.db, {
    shopId: shop.id,
    state: isState(state) ? state : undefined,
    needsPerson: view === 'needs_person',
    after: uuidForm.safeParse(after).data,
    limit: pageSize + 1,
  });
  const shown = lines.slice(0, pageSize);
  const answer: PaymentsAnswer = {
    payments: shown.map(rowOf),
    after: lines.length > pageSize ? (shown.at(-1)?.id ?? null) : null,
  };
  answerJson(response, 200, answer);
}

function rowOf(line: views.PaymentLine): PaymentRow {
  const currency = currencyOf(line.currency);
  return {
    id: line.id,
    orderName: line.order_name,
    orderId: line.origin_id,
    state: line.state,
    sentence: paymentStates[line.state],
    fiat: {
      amount: currency === undefined ? '' : decimalOf(minor(BigInt(line.owed_minor)), currency),
      currency: line.currency,
    },
    sats: line.amount_msat === null ? null : satsOf(msat(BigInt(line.amount_msat))),
    openedAt: line.opened_at.toISOString(),
    settledAt: iso(line.settled_at),
    attention: line.attention,
  };
}

async function paymentAnswer(doors: Doors, { shop, request, response }: Seen): Promise<void> {
  const id = uuidForm.safeParse(request.params['id']).data;
  const line =
    id === undefined ? undefined : await views.paymentLine(doors.deps.db, { shopId: shop.id, id });
  if (line === undefined) {
    answerJson(response, 404, { error: 'There is no such payment in this shop.' });
    return;
  }
  const entries = await views.timeline(doors.deps.db, line.id);
  const answer: PaymentAnswer = {
    ...rowOf(line),
    payUrl: `${doors.appUrl}/pay/${line.link}`,
    hash: line.hash,
    preimage: line.preimage,
    timeline: entries.map((entry) => ({
      at: entry.at.toISOString(),
      sentence: views.sentenceOf(entry),
      what: entry.what,
      to: entry.to,
      because: entry.because,
      details: entry.details,
    })),
  };
  answerJson(response, 200, answer);
}
