// A shop at Shopify, played behind `Storefront` and `PaymentSessions`. None of its mutations of
// orders is idempotent; the first verdict of a session stands. It throttles, fails, answers late or
// not at all, shows a reading that is some seconds old, and keeps its own record of what we did to
// it: that record, and not our books, says whether anything was done twice.
import { minor, type Currency, type Minor } from '../../web/core/money.ts';
import { sameName, type OrderReading } from '../../web/core/payment.ts';
import type {
  PaymentSessions,
  RefundReading,
  SessionOutcome,
  Storefront,
  TellOutcome,
} from '../../web/core/ports.ts';
import { Trouble } from '../../web/core/trouble.ts';
import { callOutside, type Network } from './outside.ts';

export type Order = {
  id: string;
  name: string;
  currency: Currency;
  totalMinor: bigint;
  cancelled: boolean;
  sales: { id: string; amountMinor: Minor; gateway: string }[];
  /** What the merchant gave back of it, at most what was paid. */
  refunds: { id: string; amountMinor: bigint; gateway: string }[];
  gatewayName: string;
  updatedAt: number;
  /** Its readers do not see it before. */
  visibleAt: number;
  before: { until: number; reading: OrderReading } | undefined;
};
/** Of a session: the merchant asked for it, and waits for our verdict. */
export type RefundSession = { gid: string; state: 'open' | 'resolved' | 'rejected' };
export type Session = { gid: string; group: string; state: 'open' | 'resolved' | 'rejected' };

/** What was done to an order or a session by us. */
export type Effect = {
  originId: string;
  did: 'paid' | 'part' | 'resolved';
  amountMinor: bigint;
};

type Mood = 'well' | 'failing' | 'throttling' | 'refusing' | 'hole';
type About = {
  name: string;
  methodName: string;
  /** Tells whoever listens that an order was created or has changed. */
  hook: (topic: string, order: Order) => void;
};
type Played = {
  readonly net: Network;
  readonly about: About;
  readonly orders: Map<string, Order>;
  readonly sessions: Map<string, Session>;
  readonly refundSessions: Map<string, RefundSession>;
  readonly effects: Effect[];
  mood: { is: Mood; until: number };
  points: { left: number; at: number };
  sales: number;
  refunds: number;
};

export type PlayedShop = ReturnType<typeof playShop>;

const trouble = (
  what: string,
  about: { then: 'retry' | 'ask_again' | 'give_up'; away?: boolean; waitMs?: number },
): Trouble => new Trouble(what, { from: 'shop', ...about });

const pointsAtMost = 1_000;
const pointsPerMs = 0.5;

export const outstandingOf = (order: Order): bigint =>
  order.totalMinor - order.sales.reduce((all, { amountMinor }) => all + amountMinor, 0n);

const refundedOf = (order: Order): bigint =>
  order.refunds.reduce((all, { amountMinor }) => all + amountMinor, 0n);

function moodOf(played: Played): Mood {
  const { mood, net } = played;
  return mood.until > net.timeline.now() ? mood.is : 'well';
}

/** Undefined: the call is taken. */
function gateOf(played: Played, cost: number): Error | 'hole' | undefined {
  const { net, points } = played;
  switch (moodOf(played)) {
    case 'hole':
      return 'hole';
    case 'failing':
      return trouble('shop_failing', { then: 'ask_again', away: true });
    case 'refusing':
      return trouble('token_refused', { then: 'give_up', away: true });
    case 'throttling':
      return trouble('throttled', { then: 'retry', waitMs: 2_000 });
    case 'well':
      break;
  }
  const now = net.timeline.now();
  points.left = Math.min(pointsAtMost, points.left + (now - points.at) * pointsPerMs);
  points.at = now;
  if (points.left < cost) {
    const waitMs = Math.max(1_000, (cost - points.left) / pointsPerMs);
    return trouble('throttled', { then: 'retry', waitMs });
  }
  points.left -= cost;
  return undefined;
}

function call<T>(played: Played, about: { what: string; cost: number; effect: () => T }) {
  const { what, cost, effect } = about;
  return callOutside(
    played.net,
    { wayMs: 40, lost: 0.006, limitMs: 5_000 },
    {
      ...{ what: `${played.about.name} ${what}`, effect },
      gate: () => gateOf(played, cost),
      silent: () => trouble('timeout', { then: 'ask_again', away: true }),
    },
  );
}

function readingOf(order: Order): OrderReading {
  const outstanding = outstandingOf(order);
  return {
    originId: order.id,
    name: order.name,
    checkoutToken: undefined,
    confirmationNumber: undefined,
    currencyCode: order.currency,
    outstandingMinor: minor(outstanding),
    cancelled: order.cancelled,
    canMarkAsPaid: !order.cancelled && outstanding > 0n,
    gatewayNames: [order.gatewayName],
    namesNoMethod: false,
    sales: order.sales.map((sale) => ({ ...sale })),
    refundedMinor: minor(refundedOf(order)),
    isBeingFulfilled: false,
    stockReserved: true,
    test: false,
  };
}

/** Everything that changes an order: its replicas may show the older one for some seconds. */
function change(played: Played, order: Order, topic: string, work: () => void): void {
  const { net, about } = played;
  const now = net.timeline.now();
  if (net.isStormy() && net.draws.chance(0.03)) {
    order.before = { until: now + net.draws.around(1_500), reading: readingOf(order) };
  }
  work();
  order.updatedAt = now;
  about.hook(topic, order);
}

function read(played: Played, id: string): OrderReading | 'gone' {
  const order = played.orders.get(id);
  const now = played.net.timeline.now();
  if (order === undefined || order.visibleAt > now) return 'gone';
  if (order.before !== undefined && order.before.until > now) return order.before.reading;
  return readingOf(order);
}

function refundsOf({ orders }: Played, id: string): RefundReading[] | 'gone' {
  const order = orders.get(id);
  if (order === undefined) return 'gone';
  return order.refunds.map(({ id: originId, amountMinor, gateway }) => ({
    ...{ originId, currencyCode: order.currency },
    parts: [{ gateway, amountMinor: minor(amountMinor) }],
  }));
}

/** By the merchant's hand. False: Shopify takes no more than was paid. */
function refund(played: Played, order: Order, amountMinor: bigint): boolean {
  const paid = order.sales.reduce((all, sale) => all + sale.amountMinor, 0n);
  const last = order.sales.at(-1);
  if (last === undefined || amountMinor > paid - refundedOf(order)) return false;
  change(played, order, 'refunds/create', () => {
    played.refunds += 1;
    const id = `gid://shopify/Refund/${played.about.name}${String(played.refunds)}`;
    order.refunds.push({ id, amountMinor, gateway: last.gateway });
  });
  return true;
}

/** A sale by our hand, in the order's own currency. */
function record(played: Played, order: Order, amountMinor: bigint, did: 'paid' | 'part'): void {
  const { about } = played;
  change(played, order, 'orders/paid', () => {
    played.sales += 1;
    const id = `sale-${String(played.sales)}`;
    order.sales.push({ id, amountMinor: minor(amountMinor), gateway: about.methodName });
    played.effects.push({ originId: order.id, did, amountMinor });
  });
}

function storefrontOf(played: Played): Storefront {
  const { orders } = played;
  const refused = (why: string): TellOutcome => ({ is: 'refused', why });
  return {
    readOrder: (id) => call(played, { what: 'read', cost: 5, effect: () => read(played, id) }),
    readRefunds: (id) =>
      call(played, { what: 'refunds', cost: 8, effect: () => refundsOf(played, id) }),
    readGoods: () => Promise.reject(new Error('no shop of the storm shares by vendor')),
    readOrders: (ids) =>
      call(played, {
        ...{ what: 'read_many', cost: 20 },
        effect: () => ids.map((id) => read(played, id)).filter((order) => order !== 'gone'),
      }),
    markPaid: (id) =>
      call(played, {
        ...{ what: 'mark', cost: 10 },
        effect: () => {
          const order = orders.get(id);
          if (order === undefined) return refused('ORDER_NOT_FOUND');
          const outstanding = outstandingOf(order);
          if (order.cancelled || outstanding <= 0n) return refused('not_accepted');
          record(played, order, outstanding, 'paid');
          return { is: 'done', sales: [...order.sales] };
        },
      }),
    recordPart: (id, part) =>
      call(played, {
        ...{ what: 'part', cost: 10 },
        effect: () => {
          const order = orders.get(id);
          if (order === undefined) return refused('ORDER_NOT_FOUND');
          const tooMuch = part.amountMinor > outstandingOf(order);
          if (order.cancelled || tooMuch) return refused('not_accepted');
          record(played, order, part.amountMinor, 'part');
          return { is: 'done' };
        },
      }),
    cancelOrder: () => Promise.reject(new Error('no shop of the storm has this policy')),
    ordersOfMethod: (ask) => page(played, ask, { what: 'of_method', is: () => true }),
    pendingOrders: (ask) => {
      const isPending = (order: Order): boolean => !order.cancelled && outstandingOf(order) > 0n;
      return page(played, ask, { what: 'pending', is: isPending });
    },
  };
}

type Ask = Parameters<Storefront['ordersOfMethod']>[0];

/** Fifty of the orders that name the method, oldest change first. */
const page = (
  played: Played,
  { methodName, updatedSince, after }: Ask,
  about: { what: string; is: (order: Order) => boolean },
) =>
  call(played, {
    ...{ what: about.what, cost: 15 },
    effect: () => {
      const now = played.net.timeline.now();
      const found = [...played.orders.values()].filter(
        (order) =>
          order.updatedAt >= updatedSince.getTime() &&
          sameName(order.gatewayName, methodName) &&
          about.is(order) &&
          order.visibleAt <= now,
      );
      const from = Number(after ?? '0');
      const orders = found.slice(from, from + 50).map(readingOf);
      const more = from + 50 < found.length;
      return { orders, after: more ? String(from + 50) : undefined };
    },
  });

function sessionsOf(played: Played): PaymentSessions {
  const { sessions, effects } = played;
  const tell = (what: string, gid: string, work: (session: Session) => SessionOutcome) =>
    call<SessionOutcome>(played, {
      ...{ what, cost: 10 },
      effect: () => {
        const session = sessions.get(gid);
        return session === undefined ? { is: 'refused', why: 'NOT_FOUND' } : work(session);
      },
    });
  const done: SessionOutcome = { is: 'done', returnUrl: 'https://shop.example/thanks' };
  return {
    resolve: (gid) =>
      tell('resolve', gid, (session) => {
        if (session.state === 'rejected') return { is: 'refused', why: 'ALREADY_REJECTED' };
        if (session.state === 'open') {
          session.state = 'resolved';
          effects.push({ originId: gid, did: 'resolved', amountMinor: 0n });
        }
        return done;
      }),
    reject: (gid) =>
      tell('reject', gid, (session) => {
        if (session.state === 'resolved') return { is: 'refused', why: 'ALREADY_RESOLVED' };
        session.state = 'rejected';
        return done;
      }),
    pending: (gid) =>
      tell('pending', gid, (session) =>
        session.state === 'open' ? done : { is: 'refused', why: 'NOT_OPEN' },
      ),
    resolveCapture: () => Promise.reject(new Error('no session of the storm is held')),
    rejectCapture: () => Promise.reject(new Error('no session of the storm is held')),
    resolveVoid: () => Promise.reject(new Error('no session of the storm is held')),
    rejectVoid: () => Promise.reject(new Error('no session of the storm is held')),
    resolveRefund: (gid) => endRefund(played, gid, 'resolved'),
    rejectRefund: (gid) => endRefund(played, gid, 'rejected'),
    sayReady: () => Promise.resolve({ is: 'done' }),
    ping: () => call(played, { what: 'ping', cost: 1, effect: () => undefined }),
  };
}

/** The first verdict stands, and the same again is answered as it was. */
const endRefund = (played: Played, gid: string, as: 'resolved' | 'rejected') =>
  call<SessionOutcome>(played, {
    ...{ what: `refund_${as}`, cost: 10 },
    effect: () => {
      const session = played.refundSessions.get(gid);
      if (session === undefined) return { is: 'refused', why: 'NOT_FOUND' };
      if (session.state === 'open') session.state = as;
      const done: SessionOutcome = { is: 'done', returnUrl: undefined };
      return session.state === as ? done : { is: 'refused', why: 'OTHER_VERDICT' };
    },
  });

export function playShop(net: Network, about: About) {
  const played: Played = {
    ...{ net, about, orders: new Map(), sessions: new Map(), effects: [], sales: 0, refunds: 0 },
    refundSessions: new Map(),
    mood: { is: 'well', until: 0 },
    points: { left: pointsAtMost, at: net.timeline.now() },
  };
  const { orders, sessions, effects, refundSessions } = played;
  return {
    ...{ name: about.name, orders, sessions, effects, refundSessions },
    storefront: storefrontOf(played),
    paymentSessions: sessionsOf(played),
    place: (order: { id: string; name: string; currency: Currency; totalMinor: bigint }): Order => {
      const now = net.timeline.now();
      const lags = net.draws.chance(0.05) ? net.draws.around(1_500) : 0;
      const placed: Order = {
        ...{ ...order, cancelled: false, sales: [], refunds: [], gatewayName: about.methodName },
        ...{ updatedAt: now, visibleAt: now + lags, before: undefined },
      };
      orders.set(order.id, placed);
      about.hook('orders/create', placed);
      return placed;
    },
    /** The merchant, at work. */
    cancel: (order: Order): void =>
      change(played, order, 'orders/cancelled', () => (order.cancelled = true)),
    edit: (order: Order, totalMinor: bigint): void =>
      change(played, order, 'orders/edited', () => (order.totalMinor = totalMinor)),
    payOtherwise: (order: Order): void => {
      const left = outstandingOf(order);
      if (order.cancelled || left <= 0n) return;
      change(played, order, 'orders/paid', () => {
        played.sales += 1;
        const id = `sale-${String(played.sales)}`;
        order.sales.push({ id, amountMinor: minor(left), gateway: 'Cash' });
      });
    },
    /** False: it is more than was paid, by Shopify's own count. */
    refund: (order: Order, amountMinor: bigint): boolean => refund(played, order, amountMinor),
    /** Asks for a refund of a session; gives its id. */
    refundSession: (paymentGid: string): string => {
      played.refunds += 1;
      const of = paymentGid.slice(paymentGid.lastIndexOf('/') + 1);
      const gid = `gid://shopify/RefundSession/${of}-${String(played.refunds)}`;
      refundSessions.set(gid, { gid, state: 'open' });
      return gid;
    },
    setMood: (is: Mood, forMs: number): void => {
      played.mood = { is, until: net.timeline.now() + forMs };
    },
  };
}
