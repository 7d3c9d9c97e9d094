/**
 * The payments side of Shopify: a payments app's grant, its gateway, the sessions that Shopify asks
 * it for over mutual TLS, and the verdicts that it gives.
 *
 * It believes nothing that the app says but its verdicts, in the order in which they came. It must
 * never be kinder than Shopify: no session can be looked up, a refused mutation carries no session,
 * and a second order is never made for a group.
 */

import { minorOf, padded } from '../money.ts';
import type { AppOptions } from '../nouns.ts';
import { shopOf, type World } from '../world.ts';
import { API_VERSION } from '../schema.ts';
import { installOf, issue } from '../tokens.ts';
import { BUYER, groupOf, type BodyVariant } from './bodies.ts';
import { makeCertificates, type Presented } from './certificates.ts';
import { bareCheckout, openExchanges, parcelOf, type Exchanges } from './exchanges.ts';
import { activate, configure, gatewayOf, paymentsApps } from './gateways.ts';
import type {
  Exchange,
  Gateway,
  MoneyKind,
  MoneySession,
  PaymentSession,
  PaymentsExtension,
  SessionEffect,
  SessionKind,
} from './nouns.ts';
import { openSender, type Sender } from './sender.ts';
import { leftOf } from './verdicts.ts';

export type { Exchange, Gateway, MoneySession, PaymentSession, Presented, SessionEffect };

export { BUYER } from './bodies.ts';

export { serverCertificate } from './certificates.ts';

export const PAYMENTS_SCOPES = ['write_payment_gateways', 'write_payment_sessions'];

export const PAYMENTS_TOPICS = [
  'app/uninstalled',
  'customers/data_request',
  'customers/redact',
  'shop/redact',
];

/** Shopify posts to https only. */
export function extensionOf(options: AppOptions): PaymentsExtension | null {
  const { payments } = options;
  if (payments == null) return null;
  const { captureSessionUrl = null, voidSessionUrl = null } = payments;
  const urls = [payments.paymentSessionUrl, payments.refundSessionUrl];
  for (const url of [...urls, captureSessionUrl, voidSessionUrl])
    if (url !== null && !url.startsWith('https://'))
      throw new Error(`Shopify posts to https only: ${url}`);
  const appUrl = options.appUrl.replace(/\/+$/, '');
  return {
    label: 'Bitcoin (Lightning)',
    apiVersion: API_VERSION,
    applicationUrl: `${appUrl}/payments`,
    redirectUrls: [`${appUrl}/payments/auth/callback`],
    ...payments,
    captureSessionUrl,
    voidSessionUrl,
  };
}

/** Which app at which shop; default the first of each. */
export type Where = { app?: string; shop?: string };

export type CheckoutInput = Where &
  BodyVariant & {
    /** Decimal text; default "21.00" worth. */
    amount?: string;
    /** Default the shop's. */
    currency?: string;
    /** Default: as the merchant ticked it. */
    test?: boolean;
    /** Another tab of the same buyer and checkout: the group of an earlier session. */
    group?: string;
    kind?: SessionKind;
    present?: Presented;
  };

export type Payments = {
  /** PEM for PAYMENTS_CLIENT_CA: the CA in force. */
  clientCa: string;
  /** The other bundles: before and during a rotation, a leaf alone. */
  bundles: { current: string; old: string; both: string; leaf: string };
  /** Whose personal data every session request carries. */
  buyer: typeof BUYER;
  /** The certificate from here on; one call may say its own. */
  present: Sender['present'];
  trust: Sender['trust'];
  /** `approveAtOnce`: the grant shows no page. */
  switches: { approveAtOnce: boolean };
  gateway: (where?: Where) => Gateway & { installed: boolean };
  /** The merchant's tick on the gateway's page. Throws what the page would say. */
  activate: (input?: Where & { test?: boolean; active?: boolean }) => void;
  /**
   * As if the merchant had installed, set up and activated the app a while ago. The tokens are what
   * the grant would have given.
   */
  prepare: (input?: Where & { test?: boolean; expiring?: boolean }) => {
    accessToken: string;
    refreshToken: string | null;
    expiresAt: number | null;
  };
  /** A buyer chooses the method: the session request with its retries. */
  checkout: (input?: CheckoutInput) => Promise<PaymentSession>;
  /** The same session request once more; with `change` it is another content under the same id. */
  again: (
    id: string,
    input?: { change?: Record<string, unknown>; present?: Presented },
  ) => Promise<Exchange>;
  /** The merchant presses "Refund" (or capture, or void) on the order of a session. */
  refund: (id: string, input?: MoneyInput) => Promise<MoneySession>;
  capture: (id: string, input?: MoneyInput) => Promise<MoneySession>;
  void: (id: string, input?: { present?: Presented }) => Promise<MoneySession>;
  /** The same refund, capture or void request once more. */
  askAgain: (id: string, input?: { present?: Presented }) => Promise<Exchange>;
  /** Anything at all, with the certificate and headers of a real one. */
  post: (input: PostInput) => Promise<Exchange>;
  sessions: (group?: string) => PaymentSession[];
  session: (id: string) => PaymentSession | undefined;
  moneySessions: (paymentId?: string) => MoneySession[];
  effects: SessionEffects;
};

type MoneyInput = { amount?: string; present?: Presented };

export type PostInput = Where & {
  to: 'payment' | MoneyKind;
  /** Text goes as it is. */
  body: object | string;
  present?: Presented;
  headers?: Record<string, string>;
  /** Default: the address of the extension. */
  url?: string;
};

export type SessionEffects = {
  all: () => SessionEffect[];
  /** Of one session id, or of all sessions of a group. */
  of: (idOrGroup: string) => SessionEffect[];
  count: (idOrGroup: string, what: SessionEffect['what']) => number;
  /** How many orders were made by a session or a group: never more than one. */
  orders: (idOrGroup: string) => number;
  /** The first final verdict of a session or a group. */
  first: (idOrGroup: string) => 'resolved' | 'rejected' | undefined;
};

function effectsOf(world: World): SessionEffects {
  const of = (key: string) =>
    world.state.sessionEffects.filter((it) => it.sessionId === key || it.group === key);
  const count: SessionEffects['count'] = (key, what) =>
    of(key).filter((it) => it.what === what).length;
  return {
    all: () => [...world.state.sessionEffects],
    of,
    count,
    orders: (key) => count(key, 'order_made'),
    first: (key) => {
      const found = of(key).find((it) => it.what === 'resolved' || it.what === 'rejected');
      return found?.what as 'resolved' | 'rejected' | undefined;
    },
  };
}

function whereOf(world: World, where: Where = {}) {
  const all = paymentsApps(world);
  const app =
    where.app === undefined
      ? all[0]
      : all.find((it) => it.name === where.app || it.clientId === where.app);
  const shop = where.shop === undefined ? world.shops[0] : shopOf(world, where.shop);
  if (app === undefined) throw new Error(`No payments app: ${where.app ?? '(none)'}`);
  if (shop === undefined) throw new Error(`No such shop: ${where.shop ?? '(none)'}`);
  return { app, shop, key: { clientId: app.clientId, shop: shop.domain } };
}

function merchantHands(world: World) {
  const act: Payments['activate'] = (input = {}) => {
    const { app, shop } = whereOf(world, input);
    const { test = false, active = true } = input;
    const why = activate(world, { app, shop: shop.domain, active, test });
    if (why !== undefined) throw new Error(why);
  };
  const prepare: Payments['prepare'] = (input = {}) => {
    const { app, shop, key } = whereOf(world, input);
    const { expiring = true } = input;
    const install = installOf(world, app.clientId, shop.domain);
    install.installed = true;
    install.scopes = [...app.scopes];
    configure(world, { ...key, ready: true, externalHandle: null });
    act(input);
    const token = issue(world, { app, shop: shop.domain, expiring });
    return {
      accessToken: token.access,
      refreshToken: token.refresh,
      expiresAt: token.expiresAt,
    };
  };
  return {
    activate: act,
    prepare,
    gateway: (where?: Where) => {
      const { key } = whereOf(world, where);
      const { installed } = installOf(world, key.clientId, key.shop);
      return { ...gatewayOf(world, key), installed };
    },
  };
}

function buyerHands(world: World, exchanges: Exchanges) {
  const checkout: Payments['checkout'] = async (input = {}) => {
    const { app, shop, key } = whereOf(world, input);
    const gateway = gatewayOf(world, key);
    const { installed } = installOf(world, key.clientId, key.shop);
    if (!installed || !gateway.ready || !gateway.active)
      throw new Error(
        `${app.name} is not active at ${shop.domain}: the checkout does not offer it`,
      );
    const earlier = world.state.sessions.findLast(
      (it) => it.group === input.group && it.shop === shop.domain,
    );
    if (input.group !== undefined && earlier === undefined)
      throw new Error(`No session of that group: ${input.group}`);
    const currency = input.currency ?? earlier?.currency ?? shop.currency;
    const usual = earlier === undefined ? '21' : padded(earlier.amountMinor, earlier.currency);
    const amount = input.amount ?? usual;
    const place =
      world.state.checkouts.find((it) => groupOf(it.token) === input.group) ??
      bareCheckout(world, { shop: shop.domain, currency, amount });
    const test = input.test ?? gateway.test;
    return exchanges.begin({
      ...input,
      app,
      shop,
      checkout: place,
      currency,
      amountMinor: minorOf(amount, currency) ?? 0n,
      test,
      order: {
        shop: shop.domain,
        currency,
        test,
        checkoutToken: place.token,
        lines: [{ title: 'Goods', price: amount }],
      },
    });
  };
  return { checkout };
}

export type PaymentsSide = {
  hands: Payments;
  exchanges: Exchanges;
  /** The resolved session that made this order. */
  sessionOf: (orderId: number) => PaymentSession | undefined;
  money: (what: MoneyKind, session: PaymentSession, amount?: string) => Promise<MoneySession>;
};

export async function openPayments(
  world: World,
  input: { trusted: string[] },
): Promise<PaymentsSide> {
  const certificates = await makeCertificates();
  const sender = openSender(world, { certificates, trusted: input.trusted });
  const exchanges = openExchanges(world, sender);
  const need = (id: string): PaymentSession => {
    const found = world.state.sessions.find((it) => it.id === id);
    if (found === undefined) throw new Error(`No such payment session: ${id}`);
    return found;
  };
  const ask = async (what: MoneyKind, session: PaymentSession, more: MoneyInput = {}) => {
    const { currency } = session;
    const most = what === 'void' ? session.amountMinor : leftOf(world, { session, what });
    const { amount, ...rest } = more;
    const wanted = amount === undefined ? most : minorOf(amount, currency);
    if (wanted === undefined) throw new Error(`Not an amount of ${currency}: ${String(amount)}`);
    return exchanges.ask({ what, session, amountMinor: wanted, ...rest });
  };
  const hands: Payments = {
    clientCa: certificates.bundles.current,
    bundles: certificates.bundles,
    buyer: BUYER,
    present: sender.present,
    trust: sender.trust,
    switches: { approveAtOnce: false },
    ...merchantHands(world),
    ...buyerHands(world, exchanges),
    again: async (id, more = {}) => exchanges.again(need(id), more),
    refund: async (id, more) => ask('refund', need(id), more),
    capture: async (id, more) => ask('capture', need(id), more),
    void: async (id, more) => ask('void', need(id), more),
    askAgain: async (id, more = {}) => {
      const found = world.state.moneySessions.find((it) => it.id === id);
      if (found === undefined) throw new Error(`No such session: ${id}`);
      return exchanges.askAgain(found, more);
    },
    post: async (it) => exchanges.post(rawParcel(world, it)),
    sessions: (group) =>
      world.state.sessions.filter((it) => group === undefined || it.group === group),
    session: (id) => world.state.sessions.find((it) => it.id === id),
    moneySessions: (paymentId) =>
      world.state.moneySessions.filter(
        (it) => paymentId === undefined || it.paymentId === paymentId,
      ),
    effects: effectsOf(world),
  };
  return {
    hands,
    exchanges,
    sessionOf: (orderId) =>
      world.state.sessions.find((it) => it.orderId === orderId && it.state === 'resolved'),
    money: (what, session, amount) => ask(what, session, amount === undefined ? {} : { amount }),
  };
}

function rawParcel(world: World, input: PostInput) {
  const { app, shop } = whereOf(world, input);
  const { paymentSessionUrl, refundSessionUrl, captureSessionUrl, voidSessionUrl } = app.payments;
  const urls = {
    payment: paymentSessionUrl,
    refund: refundSessionUrl,
    capture: captureSessionUrl,
    void: voidSessionUrl,
  };
  const url = input.url ?? urls[input.to];
  if (url === null) throw new Error(`${app.name} has no address for a ${input.to}`);
  const body = typeof input.body === 'string' ? input.body : JSON.stringify(input.body);
  const { present, headers } = input;
  return {
    ...parcelOf(app, { shop: shop.domain, url, body, what: `${input.to} session` }),
    ...(present === undefined ? {} : { present }),
    ...(headers === undefined ? {} : { headers }),
  };
}
