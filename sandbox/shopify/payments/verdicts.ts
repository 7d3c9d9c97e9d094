/**
 * What the app's mutations do to a session. The first final verdict wins; the same again succeeds
 * and changes nothing, whatever its arguments; the other one is refused.
 *
 * A refusal carries no session: an app that reads past `userErrors` finds nothing there. Resolve
 * and Pending make the order, whether or not the buyer ever comes back.
 */

import * as acts from '../order-acts.ts';
import { createOrder } from '../order-acts.ts';
import { refunded } from '../order-sums.ts';
import type { Order } from '../nouns.ts';
import type { By, World } from '../world.ts';
import type { MoneySession, PaymentSession, Rejection, SessionEffect } from './nouns.ts';

export type Said<T> = { ok: true; session: T } | { ok: false; message: string; code: string };

const refuse = (code: string, message: string) => ({ ok: false, code, message }) as const;

const DAY_MS = 86_400_000;
/**
 * "Recommended to be within 3 days"; the limit itself is not published. A clock may be a little
 * ahead of ours.
 */
const LONGEST_PENDING_MS = 3 * DAY_MS + 300_000;

export function note(
  world: World,
  input: {
    session: PaymentSession | MoneySession;
    group?: string;
    what: SessionEffect['what'];
    orderId?: number | null;
    by: By;
  },
): void {
  const { session, what, orderId, by } = input;
  world.state.sessionEffects.push({
    at: world.clock.now(),
    shop: session.shop,
    sessionId: session.id,
    group: 'group' in session ? session.group : (input.group ?? ''),
    what,
    orderId: orderId ?? session.orderId,
    amountMinor: session.amountMinor,
    call: by.call,
    requestId: by.requestId,
  });
  world.changed();
}

const siblingsOf = (world: World, session: PaymentSession): PaymentSession[] =>
  world.state.sessions.filter((it) => it.group === session.group && it.shop === session.shop);

const checkoutOf = (world: World, session: PaymentSession) =>
  world.state.checkouts.find((it) => it.token === session.checkoutToken);

const orderOf = (world: World, id: number | null | undefined): Order | undefined =>
  id === null || id === undefined ? undefined : world.state.orders.find((it) => it.id === id);

/** The strict reading: what is still pending when its time is over is closed for good. */
function closePending(world: World, session: PaymentSession): void {
  const over = session.pendingExpiresAt !== null && session.pendingExpiresAt <= world.clock.now();
  if (session.state !== 'pending' || !over) return;
  session.state = 'rejected';
  session.rejection = { code: 'PROCESSING_ERROR', merchantMessage: 'It expired', source: null };
  const order = orderOf(world, session.orderId);
  if (order !== undefined) acts.failOffsite(world, order);
  world.changed();
}

/** Whether its order was made by something else than a session of this group. */
const isPaidElsewhere = (world: World, session: PaymentSession): boolean => {
  const orderId = checkoutOf(world, session)?.orderId ?? null;
  return orderId !== null && siblingsOf(world, session).every((it) => it.orderId !== orderId);
};

function makeOrder(
  world: World,
  session: PaymentSession,
  input: { status: 'PENDING' | 'SUCCESS'; by: By },
): Order {
  const { status, by } = input;
  const kind = session.kind === 'authorization' ? 'AUTHORIZATION' : 'SALE';
  const gateway = session.order.method ?? '';
  const order = createOrder(world, { ...session.order, offsite: { gateway, kind, status } });
  const checkout = checkoutOf(world, session);
  if (checkout !== undefined) checkout.orderId = order.id;
  session.orderId = order.id;
  note(world, { session, what: 'order_made', by });
  if (status === 'SUCCESS') paid(world, session, { order, by });
  return order;
}

function paid(world: World, session: PaymentSession, input: { order: Order; by: By }): void {
  const { order, by } = input;
  const what = session.kind === 'authorization' ? 'authorized' : 'offsite_paid';
  acts.recordOffsite(world, order, { what, amountMinor: session.amountMinor, by });
  note(world, { session, what: 'order_paid', by });
}

export function resolvePayment(
  world: World,
  session: PaymentSession,
  input: { authorizationExpiresAt: string | null; by: By },
): Said<PaymentSession> {
  const { by } = input;
  closePending(world, session);
  if (session.state === 'resolved') return { ok: true, session };
  if (session.state === 'rejected')
    return refuse('INVALID_STATE', 'The payment session has already been rejected');
  const first = siblingsOf(world, session).find((it) => it.state === 'resolved');
  if (first === undefined && isPaidElsewhere(world, session)) {
    session.state = 'rejected';
    session.rejection = { code: 'INVALID_REQUEST', merchantMessage: null, source: null };
    return refuse('INVALID_STATE', 'The checkout was completed with another payment method');
  }
  const wasPending = session.state === 'pending';
  session.state = 'resolved';
  session.authorizationExpiresAt = input.authorizationExpiresAt;
  if (first !== undefined) {
    session.orderId = first.orderId;
    world.violations.push(`A second session of one group was resolved at ${session.shop}`);
    note(world, { session, what: 'resolved_again', by });
    return { ok: true, session };
  }
  note(world, { session, what: 'resolved', by });
  const order = orderOf(world, wasPending ? session.orderId : null);
  if (order === undefined) makeOrder(world, session, { status: 'SUCCESS', by });
  else {
    acts.settleOffsite(world, order);
    paid(world, session, { order, by });
  }
  return { ok: true, session };
}

export function rejectPayment(
  world: World,
  session: PaymentSession,
  input: { rejection: Rejection; by: By },
): Said<PaymentSession> {
  closePending(world, session);
  if (session.state === 'rejected') return { ok: true, session };
  if (session.state === 'resolved')
    return refuse('INVALID_STATE', 'The payment session has already been resolved');
  session.state = 'rejected';
  session.rejection = input.rejection;
  note(world, { session, what: 'rejected', by: input.by });
  const order = orderOf(world, session.orderId);
  if (order !== undefined) acts.failOffsite(world, order);
  return { ok: true, session };
}

export function pendPayment(
  world: World,
  session: PaymentSession,
  input: { expiresAt: number; reason: string; by: By },
): Said<PaymentSession> {
  const { expiresAt, reason, by } = input;
  const now = world.clock.now();
  closePending(world, session);
  if (session.state === 'resolved' || session.state === 'rejected')
    return refuse(
      'PENDING_INVALID_STATE',
      'The payment session has already been resolved or rejected',
    );
  if (expiresAt <= now)
    return refuse('EXPIRED_PENDING_EXPIRES_AT', 'Pending expiry date can’t be in the past');
  if (expiresAt > now + LONGEST_PENDING_MS)
    return refuse(
      'OUT_OF_RANGE_PENDING_EXPIRES_AT',
      'Pending expiry date has exceeded the default pending expiry limit',
    );
  if (session.state === 'pending') return { ok: true, session };
  if (isPaidElsewhere(world, session) || checkoutOf(world, session)?.orderId != null)
    return refuse('PENDING_INVALID_STATE', 'The checkout is already complete');
  session.state = 'pending';
  session.pendingReason = reason;
  session.pendingExpiresAt = expiresAt;
  note(world, { session, what: 'pending', by });
  makeOrder(world, session, { status: 'PENDING', by });
  return { ok: true, session };
}

/** Refunds, captures, voids. */
export function resolveMoney(world: World, session: MoneySession, by: By): Said<MoneySession> {
  const code = `${session.what.toUpperCase()}_SESSION_INVALID_STATE`;
  if (session.state === 'resolved') return { ok: true, session };
  if (session.state === 'rejected') return refuse(code, 'It has already been rejected');
  const order = orderOf(world, session.orderId);
  if (order === undefined) return refuse(code, 'Its order is gone');
  if (session.what === 'refund') {
    const input = { amountMinor: session.amountMinor, note: null, by };
    const made = acts.refund(world, order, input);
    if (typeof made === 'string') return refuse(code, made);
  } else acts.finishAuthorization(world, order, { ...session, what: session.what, by });
  session.state = 'resolved';
  note(world, { session, what: `${session.what}_resolved`, by });
  return { ok: true, session };
}

/**
 * The mutation's own text says that a second rejection succeeds, its error code says that another
 * reason fails: the stricter of the two holds.
 */
export function rejectMoney(
  world: World,
  session: MoneySession,
  input: { rejection: Rejection; by: By },
): Said<MoneySession> {
  const code = `${session.what.toUpperCase()}_SESSION_INVALID_STATE`;
  if (session.state === 'resolved') return refuse(code, 'It has already been resolved');
  if (session.state === 'rejected') {
    const same = session.rejection?.code === input.rejection.code;
    return same ? { ok: true, session } : refuse(code, 'It was rejected with another reason');
  }
  session.state = 'rejected';
  session.rejection = input.rejection;
  note(world, { session, what: `${session.what}_rejected`, by: input.by });
  return { ok: true, session };
}

/** What a refund or a capture may still move. */
export function leftOf(
  world: World,
  input: { session: PaymentSession; what: 'refund' | 'capture' },
): bigint {
  const { session, what } = input;
  const order = orderOf(world, session.orderId);
  if (order === undefined) return 0n;
  const waiting = world.state.moneySessions
    .filter((it) => it.paymentId === session.id && it.what === what && it.state === 'open')
    .reduce((all, it) => all + it.amountMinor, 0n);
  const taken = acts.offsiteReceived(order);
  const most = what === 'refund' ? taken - refunded(order) : session.amountMinor - taken;
  return most - waiting;
}
