/**
 * Orders and what hangs on them, as the Admin API shows them.
 *
 * A field that is not written here answers with an error that names it (see endpoint.ts). Fields
 * that need protected customer data are refused, as they are for an app of level 1.
 */

import { GraphQLError } from 'graphql';
import { digest, gid, moment } from '../ids.ts';
import { bare, converted, padded } from '../money.ts';
import type { Line, Metafield, Order, Refund, Transaction } from '../nouns.ts';
import {
  canMarkAsPaid,
  financialStatus,
  gatewayNames,
  manuallyCapturable,
  outstanding,
  received,
  refunded,
  total,
} from '../order-sums.ts';
import { accessDenied, type Context } from './context.ts';

export type Page = {
  first?: number | null;
  last?: number | null;
  after?: string | null;
  before?: string | null;
  reverse?: boolean | null;
};

const cursorOf = (id: string): string =>
  Buffer.from(JSON.stringify({ last_id: id })).toString('base64');

export function connection(all: { id: string }[], page: Page): object {
  const { first, last } = page;
  if (first == null && last == null)
    throw new GraphQLError('you must provide one of first or last', {
      extensions: { code: 'BAD_REQUEST' },
    });
  const size = first ?? last ?? 0;
  if (size < 0 || size > 250)
    throw new GraphQLError('first and last must be between 0 and 250', {
      extensions: { code: 'BAD_REQUEST' },
    });
  const ordered = page.reverse === true ? [...all].reverse() : all;
  const place = (cursor: string) => ordered.findIndex((it) => cursorOf(it.id) === cursor);
  const from = page.after == null ? 0 : place(page.after) + 1;
  const to = page.before == null ? ordered.length : place(page.before);
  const window = ordered.slice(from, to);
  const nodes = first == null ? window.slice(-size) : window.slice(0, size);
  const start = nodes[0];
  const end = nodes.at(-1);
  return {
    nodes,
    edges: nodes.map((node) => ({ cursor: cursorOf(node.id), node })),
    pageInfo: {
      hasNextPage: end !== undefined && ordered.at(-1) !== end,
      hasPreviousPage: start !== undefined && ordered[0] !== start,
      startCursor: start === undefined ? null : cursorOf(start.id),
      endCursor: end === undefined ? null : cursorOf(end.id),
    },
  };
}

export const bag = (order: Order, minor: bigint) => ({
  shopMoney: {
    amount: bare(converted(minor, order.rate), order.currency),
    currencyCode: order.currency,
  },
  presentmentMoney: {
    amount: bare(minor, order.presentmentCurrency),
    currencyCode: order.presentmentCurrency,
  },
});

const inShop = (order: Order, minor: bigint): string =>
  padded(converted(minor, order.rate), order.currency);

const titled = (gateway: string): string =>
  gateway === 'shopify_payments' ? 'Shopify Payments' : gateway.replace('gift_card', 'Gift card');

export function transactionObject(order: Order, it: Transaction): { id: string } {
  const parent = order.transactions.find((other) => other.id === it.parentId);
  return {
    __typename: 'OrderTransaction',
    id: gid('OrderTransaction', it.id),
    kind: it.kind,
    status: it.status,
    gateway: it.gateway,
    formattedGateway: titled(it.gateway),
    manualPaymentGateway: it.manual,
    manuallyCapturable: manuallyCapturable(order, it),
    multiCapturable: false,
    amount: inShop(order, it.amountMinor),
    amountSet: bag(order, it.amountMinor),
    totalUnsettledSet: bag(order, it.status === 'PENDING' ? it.amountMinor : 0n),
    createdAt: moment(it.createdAt),
    processedAt: moment(it.processedAt),
    errorCode: null,
    accountNumber: null,
    authorizationExpiresAt: null,
    paymentId: `${order.confirmationNumber}.${it.id % 1000}`,
    receiptJson: '{}',
    settlementCurrency: null,
    test: order.test,
    order: () => orderObject(order),
    parentTransaction: () => (parent === undefined ? null : transactionObject(order, parent)),
  } as { id: string };
}

export function refundObject(order: Order, refund: Refund): { id: string } {
  const moved = order.transactions.filter((it) => it.id === refund.transactionId);
  return {
    __typename: 'Refund',
    id: gid('Refund', refund.id),
    legacyResourceId: String(refund.id),
    createdAt: moment(refund.createdAt),
    processedAt: moment(refund.createdAt),
    updatedAt: moment(refund.createdAt),
    note: refund.note,
    order: () => orderObject(order),
    totalRefundedSet: bag(order, refund.amountMinor),
    refundLineItems: (page: Page) => connection([], page),
    transactions: (page: Page) =>
      connection(
        moved.map((it) => transactionObject(order, it)),
        page,
      ),
  } as { id: string };
}

function lineObject(order: Order, line: Line): { id: string } {
  const left = line.quantity - line.removed;
  return {
    __typename: 'LineItem',
    id: gid('LineItem', line.id),
    title: line.title,
    name: line.title,
    quantity: line.quantity,
    currentQuantity: left,
    refundableQuantity: left,
    unfulfilledQuantity: left,
    requiresShipping: true,
    taxable: true,
    sku: null,
    variantTitle: null,
    vendor: line.vendor ?? null,
    isGiftCard: false,
    originalUnitPriceSet: bag(order, line.unitMinor),
    discountedUnitPriceSet: bag(order, line.unitMinor),
    discountedUnitPriceAfterAllDiscountsSet: bag(order, line.unitMinor),
    originalTotalSet: bag(order, line.unitMinor * BigInt(line.quantity)),
    discountedTotalSet: bag(order, line.unitMinor * BigInt(line.quantity)),
  } as { id: string };
}

/** `$app` is the calling app's own namespace; a metafield without one is there too. */
export const namespaceOf = (context: Context, given: string | null | undefined): string => {
  const own = `app--${digest(context.app.clientId).slice(0, 8)}`;
  return given == null ? own : given.replace(/^\$app\b:?/, own);
};

export const metafieldObject = (order: Order, it: Metafield): { id: string } =>
  ({
    __typename: 'Metafield',
    id: gid('Metafield', it.id),
    legacyResourceId: String(it.id),
    namespace: it.namespace,
    key: it.key,
    type: it.type,
    value: it.value,
    jsonValue: it.type === 'json' ? (JSON.parse(it.value) as unknown) : it.value,
    compareDigest: digest(it.value),
    createdAt: moment(it.updatedAt),
    updatedAt: moment(it.updatedAt),
    ownerType: 'ORDER',
    sizeInBytes: Buffer.byteLength(it.value),
    owner: () => orderObject(order),
  }) as { id: string };

const PROTECTED = [
  'billingAddress',
  'clientIp',
  'customer',
  'displayAddress',
  'email',
  'phone',
  'shippingAddress',
  'statusPageUrl',
];

const refusals = Object.fromEntries(
  PROTECTED.map((field) => [
    field,
    () => {
      throw accessDenied(field, 'protected customer data of level 2.');
    },
  ]),
);

type TransactionFilter = {
  first?: number | null;
  capturable?: boolean | null;
  manuallyResolvable?: boolean | null;
};

const lists = (order: Order) => ({
  transactions: ({ first, capturable, manuallyResolvable }: TransactionFilter) =>
    order.transactions
      .filter((it) => capturable == null || capturable === manuallyCapturable(order, it))
      .filter((it) => manuallyResolvable !== true || manuallyCapturable(order, it))
      .slice(0, first ?? undefined)
      .map((it) => transactionObject(order, it)),
  refunds: ({ first }: { first?: number | null }) =>
    order.refunds.slice(0, first ?? undefined).map((it) => refundObject(order, it)),
  lineItems: (page: Page) =>
    connection(
      order.lines.map((line) => lineObject(order, line)),
      page,
    ),
  metafield: (args: { namespace?: string | null; key: string }, context: Context) => {
    const namespace = namespaceOf(context, args.namespace);
    const found = order.metafields.find((it) => it.namespace === namespace && it.key === args.key);
    return found === undefined ? null : metafieldObject(order, found);
  },
});

export function orderObject(order: Order): { id: string } {
  const owed = outstanding(order);
  const sum = total(order);
  const at = (ms: number | null) => (ms === null ? null : moment(ms));
  return {
    __typename: 'Order',
    ...refusals,
    ...lists(order),
    id: gid('Order', order.id),
    legacyResourceId: String(order.id),
    name: order.name,
    number: order.number,
    createdAt: at(order.createdAt),
    processedAt: at(order.createdAt),
    updatedAt: at(order.updatedAt),
    cancelledAt: at(order.cancelledAt),
    cancelReason: order.cancelReason,
    closed: false,
    closedAt: null,
    confirmed: order.stockReleased === undefined,
    confirmationNumber: order.confirmationNumber,
    checkoutToken: order.checkoutToken === '' ? null : order.checkoutToken,
    test: order.test,
    edited: order.edited,
    note: order.note,
    tags: order.tags,
    displayFinancialStatus: financialStatus(order),
    displayFulfillmentStatus: order.fulfilledAt === undefined ? 'UNFULFILLED' : 'FULFILLED',
    fullyPaid: received(order) >= sum,
    unpaid: received(order) === 0n,
    canMarkAsPaid: canMarkAsPaid(order),
    capturable: false,
    currencyCode: order.currency,
    presentmentCurrencyCode: order.presentmentCurrency,
    customerLocale: 'en',
    sourceName: 'web',
    paymentGatewayNames: gatewayNames(order),
    totalPriceSet: bag(order, sum),
    currentTotalPriceSet: bag(order, sum),
    subtotalPriceSet: bag(order, sum),
    currentSubtotalPriceSet: bag(order, sum),
    originalTotalPriceSet: bag(order, sum),
    totalOutstandingSet: bag(order, owed),
    totalReceivedSet: bag(order, received(order)),
    totalRefundedSet: bag(order, refunded(order)),
    netPaymentSet: bag(order, received(order) - refunded(order)),
    totalCapturableSet: bag(order, 0n),
    paymentTerms: null,
    cancellation: null,
  } as unknown as { id: string };
}
