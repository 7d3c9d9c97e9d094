import { currencyOf, decimalOf, minor, minorOf, type Minor } from '../core/money.ts';
import { sameName, usesMethod, type OrderReading, type Sale } from '../core/payment.ts';
import type { RefundReading, Storefront, TellOutcome } from '../core/ports.ts';
import type { Goods } from '../core/share.ts';
import { Trouble } from '../core/trouble.ts';
import { adminApi, type AdminApi, type AdminDeps } from './admin-api.ts';
import {
  orderById,
  orderCancel,
  orderCreateManualPayment,
  orderGoods,
  orderMarkAsPaid,
  orderRefunds,
  mostOrdersById,
  ordersById,
  ordersOfMethod,
  pendingOrders,
  type GoodsPage,
  type OrderAnswer,
  type SaleAnswer,
} from './documents.ts';

/** What the port allows in one call. */
const mostOrders = 50;
const orderId = /^gid:\/\/shopify\/Order\/[1-9]\d{0,19}$/;

/** One shop's orders through Admin GraphQL: `Storefront` for a manual payment method. */
export function adminOrders(deps: AdminDeps): Storefront {
  const api = adminApi(deps);
  return {
    readOrder: async (originId) => {
      // An id of another form is not asked for: Shopify answers it with an error, not with null.
      if (!orderId.test(originId)) return 'gone';
      const { order } = await api.ask(orderById, { id: originId });
      return order === null ? 'gone' : readingOf(order);
    },
    readRefunds: (originId) => readRefunds(api, originId),
    readGoods: (originId) => readGoods(api, originId),
    readOrders: (originIds) => readOrders(api, originIds),
    markPaid: async (originId) => {
      if (!orderId.test(originId)) return { is: 'refused', why: 'ORDER_NOT_FOUND' };
      const { orderMarkAsPaid: answer } = await api.ask(orderMarkAsPaid, {
        input: { id: originId },
      });
      const outcome = outcomeOf(answer.userErrors);
      if (outcome.is === 'refused' || answer.order === null) return outcome;
      return { is: 'done', sales: answer.order.transactions.filter(isSale).map(saleOf) };
    },
    recordPart: async (originId, part) => {
      if (!orderId.test(originId)) return { is: 'refused', why: 'ORDER_NOT_FOUND' };
      const answer = await api.ask(orderCreateManualPayment, {
        id: originId,
        amount: {
          amount: decimalOf(part.amountMinor, part.currency),
          currencyCode: part.currency,
        },
        paymentMethodName: part.methodName,
        processedAt: part.paidAt.toISOString(),
      });
      return outcomeOf(answer.orderCreateManualPayment.userErrors);
    },
    cancelOrder: async (originId, { note }) => {
      if (!orderId.test(originId)) return { is: 'refused', why: 'NOT_FOUND' };
      const { orderCancel: answer } = await api.ask(orderCancel, {
        id: originId,
        reason: 'DECLINED',
        restock: true,
        note,
      });
      return outcomeOf(answer.orderCancelUserErrors);
    },
    pendingOrders: (ask) => findPending(api, ask),
    ordersOfMethod: (ask) => findOfMethod(api, ask),
  };
}

async function readRefunds(api: AdminApi, originId: string): Promise<RefundReading[] | 'gone'> {
  if (!orderId.test(originId)) return 'gone';
  const { order } = await api.ask(orderRefunds, { id: originId });
  if (order === null) return 'gone';
  return order.refunds.map(({ id, transactions }) => {
    const moved = transactions.nodes.filter(
      ({ kind, status }) => kind === 'REFUND' && status === 'SUCCESS',
    );
    return {
      originId: id,
      currencyCode: moved[0]?.amountSet.presentmentMoney.currencyCode ?? '',
      parts: moved.map(({ gateway, amountSet }) => ({
        gateway: gateway ?? '',
        amountMinor: minorOfMoney(amountSet.presentmentMoney),
      })),
    };
  });
}

/** More lines than Shopify lets an order have. */
const mostPagesOfGoods = 20;

async function readGoods(api: AdminApi, originId: string): Promise<Goods | 'gone'> {
  if (!orderId.test(originId)) return 'gone';
  const ofVendor = new Map<string, Minor>();
  let after: string | null = null;
  for (let page = 0; page < mostPagesOfGoods; page += 1) {
    const asked: Record<string, string> = after === null ? {} : { after };
    const { order } = await api.ask(orderGoods, { id: originId, ...asked });
    if (order === null) return 'gone';
    for (const { vendor, currentQuantity, ...line } of order.lineItems.nodes) {
      const { presentmentMoney: price } = line.discountedUnitPriceAfterAllDiscountsSet;
      const cost = (minorOfMoney(price) ?? 0n) * BigInt(currentQuantity);
      if (vendor !== null) ofVendor.set(vendor, minor((ofVendor.get(vendor) ?? 0n) + cost));
    }
    const { hasNextPage, endCursor }: GoodsPage['lineItems']['pageInfo'] = order.lineItems.pageInfo;
    if (!hasNextPage || endCursor === null) {
      const { presentmentMoney: total } = order.currentTotalPriceSet;
      return { totalMinor: minorOfMoney(total) ?? minor(0n), ofVendor };
    }
    after = endCursor;
  }
  throw new Trouble('order_endless', { from: 'shop', then: 'give_up' });
}

async function readOrders(api: AdminApi, originIds: readonly string[]): Promise<OrderReading[]> {
  const ids = originIds.filter((id) => orderId.test(id)).slice(0, mostOrders);
  const readings: OrderReading[] = [];
  while (ids.length > 0) {
    const part = ids.splice(0, api.ordersPerCall(ordersById(1), mostOrdersById));
    const variables = Object.fromEntries(part.map((id, n) => [`id${n}`, id]));
    const orders = await api.ask(ordersById(part.length), variables, part.length);
    for (const order of Object.values(orders)) if (order !== null) readings.push(readingOf(order));
  }
  return readings;
}

async function findPending(
  api: AdminApi,
  ask: Parameters<Storefront['pendingOrders']>[0],
): ReturnType<Storefront['pendingOrders']> {
  const first = api.ordersPerCall(pendingOrders, mostOrders);
  const { status, cursor } = placeOf(ask.after);
  const query = `financial_status:${status} AND ${ofMethodSince(ask)}`;
  const variables = { query, first, ...(cursor === '' ? {} : { after: cursor }) };
  const { orders } = await api.ask(pendingOrders, variables, first);
  const { hasNextPage, endCursor } = orders.pageInfo;
  const next = statuses[statuses.indexOf(status) + 1];
  const after = hasNextPage && endCursor ? `${status} ${endCursor}` : next && `${next} `;
  return {
    // The search is Shopify's and its index may be old; what it means for us is decided here.
    orders: orders.nodes
      .map(readingOf)
      .filter((order) => !order.cancelled && usesMethod(order, ask.methodName)),
    after,
  };
}

async function findOfMethod(
  api: AdminApi,
  ask: Parameters<Storefront['ordersOfMethod']>[0],
): ReturnType<Storefront['ordersOfMethod']> {
  // `ordersPerCall` allows for half of the bucket.
  const first = Math.max(1, Math.floor(api.ordersPerCall(ordersOfMethod, 2 * mostOrders) / 2));
  const variables = { query: ofMethodSince(ask), first };
  const more = ask.after === undefined ? {} : { after: ask.after };
  const { orders } = await api.ask(ordersOfMethod, { ...variables, ...more }, first);
  const { hasNextPage, endCursor } = orders.pageInfo;
  return {
    // By the name as Shopify has it: what another app collects under it is seen here too.
    orders: orders.nodes.map(readingOf),
    after: hasNextPage && endCursor !== null ? endCursor : undefined,
  };
}

/** In whole seconds, as Shopify shows them. */
const ofMethodSince = (ask: { methodName: string; updatedSince: Date }): string =>
  [
    `gateway:${quoted(ask.methodName)}`,
    `updated_at:>=${ask.updatedSince.toISOString().replace(/\.\d+Z$/, 'Z')}`,
  ].join(' AND ');

/** Read one after the other: a gift card may have paid a part of an order. */
const statuses = ['pending', 'partially_paid'] as const;
type Status = (typeof statuses)[number];

/** Our `after` is a status and Shopify's cursor in its list. */
function placeOf(after: string | undefined): { status: Status; cursor: string } {
  const [word, cursor = ''] = (after ?? '').split(' ');
  return { status: statuses.find((status) => status === word) ?? 'pending', cursor };
}

/** A phrase in Shopify's search syntax. */
const quoted = (text: string): string => `"${text.replace(/[\\"]/g, '\\$&')}"`;

/** Nothing has left, and nobody was asked to send it. An unknown word is no such word. */
const untouched = ['UNFULFILLED', 'OPEN', 'SCHEDULED', 'ON_HOLD', 'REQUEST_DECLINED', 'RESTOCKED'];

/**
 * The methods of an order without those that another app collects for: a payments app may call its
 * method by the very name of the merchant's manual one, and its buyer is not to be asked twice.
 */
function manualNames(order: OrderAnswer): string[] {
  const ofApps = order.transactions.filter(({ manualPaymentGateway: manual }) => !manual);
  const ofMerchant = order.transactions.filter(({ manualPaymentGateway: manual }) => manual);
  const names = (of: OrderAnswer['transactions'], name: string): boolean =>
    of.some(({ gateway, formattedGateway }) =>
      [gateway ?? '', formattedGateway ?? ''].some((each) => sameName(each, name)),
    );
  return order.paymentGatewayNames.filter(
    (name) => names(ofMerchant, name) || !names(ofApps, name),
  );
}

function readingOf(order: OrderAnswer): OrderReading {
  return {
    originId: order.id,
    name: order.name,
    checkoutToken: order.checkoutToken ?? undefined,
    confirmationNumber: order.confirmationNumber ?? undefined,
    currencyCode: order.totalOutstandingSet.presentmentMoney.currencyCode,
    outstandingMinor: minorOfMoney(order.totalOutstandingSet.presentmentMoney),
    cancelled: order.cancelledAt !== null,
    canMarkAsPaid: order.canMarkAsPaid,
    gatewayNames: manualNames(order),
    namesNoMethod: order.paymentGatewayNames.length === 0,
    sales: order.transactions
      .filter(isSale)
      .map((sale) => ({ ...saleOf(sale), at: dateOf(sale.createdAt) })),
    refundedMinor: refundsOf(order),
    isBeingFulfilled: !untouched.includes(order.displayFulfillmentStatus),
    stockReserved: order.confirmed,
    test: order.test,
  };
}

const isSale = ({ kind, status }: SaleAnswer): boolean =>
  status === 'SUCCESS' && (kind === 'SALE' || kind === 'CAPTURE');

const saleOf = ({ id, gateway, amountSet }: SaleAnswer): Sale => ({
  id,
  // In a currency without a known exponent no payment of ours exists to compare it with.
  amountMinor: minorOfMoney(amountSet.presentmentMoney) ?? minor(0n),
  gateway: gateway ?? '',
});

/** Undefined for what is no moment. */
function dateOf(text: string | null): Date | undefined {
  const ms = Date.parse(text ?? '');
  return Number.isNaN(ms) ? undefined : new Date(ms);
}

const refundsOf = (order: OrderAnswer): Minor =>
  order.transactions
    .filter(({ kind, status }) => status === 'SUCCESS' && kind === 'REFUND')
    .reduce(
      (all, { amountSet }) =>
        (all + (minorOfMoney(amountSet.presentmentMoney) ?? minor(0n))) as Minor,
      minor(0n),
    );

function minorOfMoney(money: { amount: string; currencyCode: string }): Minor | undefined {
  const currency = currencyOf(money.currencyCode);
  return currency === undefined ? undefined : minorOf(money.amount, currency);
}

/** The messages of userErrors are no contract: a code where there is one, else a word of ours. */
function outcomeOf(userErrors: readonly { code?: string | null | undefined }[]): TellOutcome {
  const [first] = userErrors;
  if (first === undefined) return { is: 'done' };
  const why = first.code ?? 'not_accepted';
  if (why === 'ORDER_IS_TEMPORARILY_UNAVAILABLE') {
    throw new Trouble('order_busy', { from: 'shop', then: 'retry', away: false, waitMs: 5_000 });
  }
  return { is: 'refused', why };
}
