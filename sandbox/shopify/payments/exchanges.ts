/**
 * Opens sessions with the app: a payment when a buyer chooses the method, a refund, a capture or a
 * void when the merchant asks for one. What the app answers is held to what is documented; what
 * differs is a violation of the run.
 */

import { hex } from '../ids.ts';
import { minorOf, padded } from '../money.ts';
import type { Checkout, Shop } from '../nouns.ts';
import type { OrderInput } from '../order-acts.ts';
import { appOf, shopOf, type World } from '../world.ts';
import { groupOf, moneyBody, newId, paymentBody, type BodyVariant } from './bodies.ts';
import type { Presented } from './certificates.ts';
import { isPaymentsApp, type PaymentsApp } from './gateways.ts';
import type { Exchange, MoneyKind, MoneySession, PaymentSession, SessionKind } from './nouns.ts';
import { WHOLE_MS, type Parcel, type Sender } from './sender.ts';
import { leftOf, note } from './verdicts.ts';

const LONGEST_URL_BYTES = 8_192;

const is2xx = (exchange: Exchange): boolean => /^2\d\d$/.test(exchange.answer);

/** The address in an answer that Shopify would follow; undefined for any other answer. */
function redirectIn(exchange: Exchange): string | undefined {
  if (!is2xx(exchange)) return undefined;
  try {
    const { redirect_url: url } = JSON.parse(exchange.body) as { redirect_url?: unknown };
    if (typeof url !== 'string' || Buffer.byteLength(url) >= LONGEST_URL_BYTES) return undefined;
    return /^https?:\/\//.test(url) && URL.canParse(url) ? url : undefined;
  } catch {
    return undefined;
  }
}

export function findApp(world: World, clientId: string): PaymentsApp {
  const app = appOf(world, clientId);
  if (app === undefined || !isPaymentsApp(app)) throw new Error(`No payments app: ${clientId}`);
  return app;
}

function judge(world: World, session: PaymentSession, exchange: Exchange): void {
  const complain = (what: string) =>
    world.violations.push(`${what} to payment session ${session.id} of ${session.shop}`);
  const url = redirectIn(exchange);
  if (is2xx(exchange) && url === undefined) complain('An answer without an address');
  if (exchange.ms > WHOLE_MS) complain('No answer in time');
  if (url === undefined) return;
  const first = session.exchanges.find((it) => it !== exchange && is2xx(it) && !it.changed);
  const other = first !== undefined && first.body !== exchange.body;
  if (other && !exchange.changed) complain('Two different answers');
  if (exchange.changed && url !== session.redirectUrl) complain('A new address for other content');
}

export type BeginInput = BodyVariant & {
  app: PaymentsApp;
  shop: Shop;
  checkout: Checkout;
  currency: string;
  amountMinor: bigint;
  order: OrderInput;
  test: boolean;
  kind?: SessionKind;
  present?: Presented;
};

export type Exchanges = {
  begin: (input: BeginInput) => Promise<PaymentSession>;
  /** The same request once more, or with something of it changed. */
  again: (
    session: PaymentSession,
    input: { change?: Record<string, unknown>; present?: Presented },
  ) => Promise<Exchange>;
  ask: (input: {
    what: MoneyKind;
    session: PaymentSession;
    amountMinor: bigint;
    present?: Presented;
  }) => Promise<MoneySession>;
  askAgain: (session: MoneySession, input: { present?: Presented }) => Promise<Exchange>;
  post: Sender['send'];
};

export const parcelOf = (
  app: PaymentsApp,
  input: { shop: string; url: string; body: string; what: string },
): Parcel => ({ ...input, app: app.name, apiVersion: app.payments.apiVersion });

const staff = (call: string) => ({ by: 'staff', call, requestId: null });

function paymentExchanges(world: World, sender: Sender) {
  const parcelFor = (session: PaymentSession): Parcel => {
    const app = findApp(world, session.clientId);
    const { shop, sent: body } = session;
    const url = app.payments.paymentSessionUrl;
    return parcelOf(app, { shop, url, body, what: 'payment session' });
  };
  const taken = (session: PaymentSession) => (exchange: Exchange) => {
    session.exchanges.push(exchange);
    if (!exchange.changed) session.redirectUrl ??= redirectIn(exchange) ?? null;
    judge(world, session, exchange);
    world.changed();
  };
  const again: Exchanges['again'] = async (session, { change, present }) => {
    const parcel = parcelFor(session);
    const changed = change !== undefined;
    const body = changed
      ? JSON.stringify({ ...(JSON.parse(session.sent) as object), ...change })
      : session.sent;
    const exchange = await sender.send({
      ...parcel,
      body,
      changed,
      ...(present === undefined ? {} : { present }),
    });
    taken(session)(exchange);
    return exchange;
  };
  const begin: Exchanges['begin'] = async (input) => {
    const session = newPayment(world, input);
    const { present } = input;
    const parcel = { ...parcelFor(session), ...(present === undefined ? {} : { present }) };
    const call = { shop: session.shop, names: ['payment session'] };
    const isTaken = (it: Exchange) => redirectIn(it) !== undefined;
    const copies = world.faults.take(['session-thrice'], call) === undefined ? 0 : 2;
    await Promise.all([
      sender.deliver(parcel, { isTaken, note: taken(session) }),
      ...Array.from({ length: copies }, () => again(session, {})),
    ]);
    if (world.faults.take(['session-changed'], call) !== undefined) {
      const amount = padded(session.amountMinor + 1n, session.currency);
      await again(session, { change: { amount } });
    }
    return session;
  };
  return { begin, again };
}

function newPayment(world: World, input: BeginInput): PaymentSession {
  const { app, shop, checkout, currency, amountMinor, test, order, kind = 'sale' } = input;
  const captures = app.payments.captureSessionUrl !== null && app.payments.voidSessionUrl !== null;
  if (kind === 'authorization' && !captures)
    throw new Error(`${app.name} has no capture and void addresses: every session is a sale`);
  const session: PaymentSession = {
    id: newId(),
    clientId: app.clientId,
    shop: shop.domain,
    group: groupOf(checkout.token),
    checkoutToken: checkout.token,
    kind,
    currency,
    amountMinor,
    test,
    proposedAt: world.clock.now(),
    sent: '',
    exchanges: [],
    redirectUrl: null,
    state: 'open',
    pendingReason: null,
    pendingExpiresAt: null,
    authorizationExpiresAt: null,
    rejection: null,
    order: { ...order, method: app.payments.label },
    orderId: null,
  };
  const cancelUrl = `${world.origin()}/${shop.domain}/checkouts/${checkout.token}`;
  session.sent = paymentBody(session, { ...input, cancelUrl });
  world.state.sessions.push(session);
  note(world, { session, what: 'asked', by: { by: 'buyer', call: 'checkout', requestId: null } });
  return session;
}

function moneyExchanges(world: World, sender: Sender) {
  const parcelFor = (session: MoneySession): Parcel => {
    const app = findApp(world, session.clientId);
    const { captureSessionUrl, voidSessionUrl, refundSessionUrl } = app.payments;
    const urls = { refund: refundSessionUrl, capture: captureSessionUrl, void: voidSessionUrl };
    const url = urls[session.what];
    if (url === null) throw new Error(`${app.name} has no address for a ${session.what}`);
    const { shop, sent: body, what } = session;
    return parcelOf(app, { shop, url, body, what: `${what} session` });
  };
  const taken = (session: MoneySession) => (exchange: Exchange) => {
    session.exchanges.push(exchange);
    if (is2xx(exchange) && exchange.answer !== '201')
      world.violations.push(
        `A ${session.what} session was answered ${exchange.answer}, not 201, at ${session.shop}`,
      );
    world.changed();
  };
  const ask: Exchanges['ask'] = async ({ what, session: payment, amountMinor, present }) => {
    const session = newMoney(world, { what, payment, amountMinor });
    const parcel = { ...parcelFor(session), ...(present === undefined ? {} : { present }) };
    const last = await sender.deliver(parcel, { isTaken: is2xx, note: taken(session) });
    // The verdict may have been faster than the answer.
    if (!is2xx(last) && session.state === 'open') session.state = 'refused';
    world.changed();
    return session;
  };
  const askAgain: Exchanges['askAgain'] = async (session, { present }) => {
    const parcel = parcelFor(session);
    const exchange = await sender.send({ ...parcel, ...(present ? { present } : {}) });
    taken(session)(exchange);
    return exchange;
  };
  return { ask, askAgain };
}

function newMoney(
  world: World,
  input: { what: MoneyKind; payment: PaymentSession; amountMinor: bigint },
): MoneySession {
  const { what, payment, amountMinor } = input;
  const { clientId, shop, orderId, currency, test } = payment;
  if (orderId === null || payment.state !== 'resolved')
    throw new Error(`The payment session ${payment.id} was not resolved`);
  if (what !== 'refund' && payment.kind !== 'authorization')
    throw new Error(`The payment session ${payment.id} is a sale: nothing to ${what}`);
  if (
    what !== 'void' &&
    (amountMinor <= 0n || amountMinor > leftOf(world, { session: payment, what }))
  )
    throw new Error(`That much cannot be asked back: ${padded(amountMinor, currency)}`);
  const session: MoneySession = {
    id: newId(),
    what,
    clientId,
    shop,
    paymentId: payment.id,
    orderId,
    currency,
    amountMinor,
    test,
    proposedAt: world.clock.now(),
    sent: '',
    exchanges: [],
    state: 'open',
    rejection: null,
  };
  session.sent = moneyBody(session);
  world.state.moneySessions.push(session);
  note(world, { session, group: payment.group, what: `${what}_asked`, by: staff(what) });
  return session;
}

export const openExchanges = (world: World, sender: Sender): Exchanges => ({
  ...paymentExchanges(world, sender),
  ...moneyExchanges(world, sender),
  post: sender.send,
});

/** A checkout without a cart, for a session that is asked for from code. */
export function bareCheckout(
  world: World,
  input: { shop: string; currency: string; amount: string },
): Checkout {
  const { shop, currency, amount } = input;
  if (shopOf(world, shop) === undefined) throw new Error(`No such shop: ${shop}`);
  if ((minorOf(amount, currency) ?? 0n) <= 0n)
    throw new Error(`Not an amount of ${currency}: ${amount}`);
  const checkout: Checkout = {
    token: hex(16),
    shop,
    currency,
    lines: [],
    orderId: null,
    total: amount,
  };
  world.state.checkouts.push(checkout);
  world.changed();
  return checkout;
}
