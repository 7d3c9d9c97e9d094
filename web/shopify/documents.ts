// Every document that is sent to the Admin API, with the shape of its answer. The test validates
// each against the whole schema of this version. No buyer's name, address or e-mail is asked for.
import { z } from 'zod';
import type { ShopDocument } from './shop-api.ts';
import { testOrderDocuments } from './test-order-documents.ts';

export type AdminDocument<T> = ShopDocument<T>;

const readMs = 4_000;
const writeMs = 8_000;

const money = z.object({
  presentmentMoney: z.object({ amount: z.string(), currencyCode: z.string() }),
});

const order = z.object({
  id: z.string(),
  name: z.string(),
  cancelledAt: z.string().nullable(),
  test: z.boolean(),
  checkoutToken: z.string().nullable(),
  confirmationNumber: z.string().nullable(),
  canMarkAsPaid: z.boolean(),
  confirmed: z.boolean(),
  displayFulfillmentStatus: z.string(),
  presentmentCurrencyCode: z.string(),
  paymentGatewayNames: z.array(z.string()),
  totalOutstandingSet: money,
  transactions: z.array(
    z.object({
      id: z.string(),
      createdAt: z.string().nullable(),
      kind: z.string(),
      status: z.string(),
      gateway: z.string().nullable(),
      formattedGateway: z.string().nullable(),
      manualPaymentGateway: z.boolean(),
      amountSet: money,
    }),
  ),
});
export type OrderAnswer = z.infer<typeof order>;

const orderParts = `
fragment OrderParts on Order {
  id name cancelledAt test checkoutToken confirmationNumber canMarkAsPaid confirmed
  displayFulfillmentStatus presentmentCurrencyCode paymentGatewayNames
  totalOutstandingSet { ...Bag }
  transactions {
    id createdAt kind status gateway formattedGateway manualPaymentGateway amountSet { ...Bag }
  }
}
fragment Bag on MoneyBag { presentmentMoney { amount currencyCode } }`;

export const orderById = {
  name: 'OrderById',
  text: `query OrderById($id: ID!) { order(id: $id) { ...OrderParts } }${orderParts}`,
  answer: z.object({ order: order.nullable() }),
  points: 10,
  timeoutMs: readMs,
} satisfies AdminDocument<unknown>;

/** Asked of orders that show a refund, and of no others. */
export const orderRefunds = {
  name: 'OrderRefunds',
  text: `query OrderRefunds($id: ID!) {
  order(id: $id) {
    refunds(first: 100) {
      id
      transactions(first: 10) { nodes { kind status gateway amountSet { ...Bag } } }
    }
  }
}
fragment Bag on MoneyBag { presentmentMoney { amount currencyCode } }`,
  answer: z.object({
    order: z
      .object({
        refunds: z.array(
          z.object({
            id: z.string(),
            transactions: z.object({
              nodes: z.array(
                z.object({
                  kind: z.string(),
                  status: z.string(),
                  gateway: z.string().nullable(),
                  amountSet: money,
                }),
              ),
            }),
          }),
        ),
      })
      .nullable(),
  }),
  points: 40,
  timeoutMs: readMs,
} satisfies AdminDocument<unknown>;

/** What one call may read by id. */
export const mostOrdersById = 20;

const numbers = (count: number): number[] => Array.from({ length: count }, (_, n) => n);

/**
 * Several orders by id (`$id0`, `$id1`, ..), each under an alias of its own. By id and not by
 * search: no index stands between us and the orders.
 */
export const ordersById = (count: number) =>
  ({
    name: 'OrdersById',
    text: `query OrdersById(${numbers(count)
      .map((n) => `$id${n}: ID!`)
      .join(', ')}) {
${numbers(count)
  .map((n) => `  order${n}: order(id: $id${n}) { ...OrderParts }`)
  .join('\n')}
}${orderParts}`,
    answer: z.record(z.string(), order.nullable()),
    points: 8,
    timeoutMs: readMs,
  }) satisfies AdminDocument<unknown>;

const orderPage = z.object({
  orders: z.object({
    nodes: z.array(order),
    pageInfo: z.object({ hasNextPage: z.boolean(), endCursor: z.string().nullable() }),
  }),
});

export const pendingOrders = {
  name: 'PendingOrders',
  text: `query PendingOrders($query: String!, $first: Int!, $after: String) {
  orders(first: $first, after: $after, query: $query, sortKey: UPDATED_AT) {
    nodes { ...OrderParts }
    pageInfo { hasNextPage endCursor }
  }
}${orderParts}`,
  answer: orderPage,
  points: 8,
  timeoutMs: readMs,
} satisfies AdminDocument<unknown>;

/** Nobody waits for it, so it may take its time. */
export const ordersOfMethod = {
  name: 'OrdersOfMethod',
  text: `query OrdersOfMethod($query: String!, $first: Int!, $after: String) {
  orders(first: $first, after: $after, query: $query, sortKey: UPDATED_AT) {
    nodes { ...OrderParts }
    pageInfo { hasNextPage endCursor }
  }
}${orderParts}`,
  answer: orderPage,
  points: 8,
  timeoutMs: writeMs,
} satisfies AdminDocument<unknown>;

const told = z.object({
  order: z.object({ id: z.string() }).nullable(),
  userErrors: z.array(z.object({ code: z.string().nullish() })),
});

const sale = z.object({
  id: z.string(),
  kind: z.string(),
  status: z.string(),
  gateway: z.string().nullable(),
  amountSet: money,
});
export type SaleAnswer = z.infer<typeof sale>;

/**
 * It takes no amount, so its answer is asked for what it recorded. Its userErrors have no `code`:
 * selecting one would make the whole document invalid.
 */
export const orderMarkAsPaid = {
  name: 'OrderMarkAsPaid',
  text: `mutation OrderMarkAsPaid($input: OrderMarkAsPaidInput!) {
  orderMarkAsPaid(input: $input) {
    order {
      id
      transactions { id kind status gateway amountSet { presentmentMoney { amount currencyCode } } }
    }
    userErrors { field message }
  }
}`,
  answer: z.object({
    orderMarkAsPaid: told.extend({
      order: z.object({ id: z.string(), transactions: z.array(sale) }).nullable(),
    }),
  }),
  points: 14,
  timeoutMs: writeMs,
} satisfies AdminDocument<unknown>;

export const orderCreateManualPayment = {
  name: 'OrderCreateManualPayment',
  text: `mutation OrderCreateManualPayment(
  $id: ID!, $amount: MoneyInput, $paymentMethodName: String, $processedAt: DateTime
) {
  orderCreateManualPayment(
    id: $id, amount: $amount, paymentMethodName: $paymentMethodName, processedAt: $processedAt
  ) { order { id } userErrors { code field message } }
}`,
  answer: z.object({ orderCreateManualPayment: told }),
  points: 12,
  timeoutMs: writeMs,
} satisfies AdminDocument<unknown>;

/** Asynchronous: its answer names a job. The old list of userErrors beside it is deprecated. */
export const orderCancel = {
  name: 'OrderCancel',
  text: `mutation OrderCancel(
    $id: ID!, $reason: OrderCancelReason!, $restock: Boolean!, $note: String
  ) {
  orderCancel(
    orderId: $id, reason: $reason, restock: $restock, staffNote: $note,
    refundMethod: { originalPaymentMethodsRefund: false }
  ) { job { id } orderCancelUserErrors { code field message } }
}`,
  answer: z.object({
    orderCancel: z.object({
      job: z.object({ id: z.string() }).nullable(),
      orderCancelUserErrors: z.array(z.object({ code: z.string().nullish() })),
    }),
  }),
  points: 12,
  timeoutMs: writeMs,
} satisfies AdminDocument<unknown>;

export const shopFacts = {
  name: 'ShopFacts',
  text: `query ShopFacts { shop { currencyCode ianaTimezone } }`,
  answer: z.object({
    shop: z.object({
      currencyCode: z.string().regex(/^[A-Z]{3}$/),
      ianaTimezone: z.string().min(1).max(60),
    }),
  }),
  points: 1,
  timeoutMs: readMs,
} satisfies AdminDocument<unknown>;

/** What of an order is whose. Nobody waits for it. */
export const orderGoods = {
  name: 'OrderGoods',
  text: `query OrderGoods($id: ID!, $after: String) {
  order(id: $id) {
    currentTotalPriceSet { ...Bag }
    lineItems(first: 50, after: $after) {
      nodes {
        vendor
        currentQuantity
        discountedUnitPriceAfterAllDiscountsSet { ...Bag }
      }
      pageInfo { hasNextPage endCursor }
    }
  }
}
fragment Bag on MoneyBag { presentmentMoney { amount currencyCode } }`,
  answer: z.object({
    order: z
      .object({
        currentTotalPriceSet: money,
        lineItems: z.object({
          nodes: z.array(
            z.object({
              vendor: z.string().nullable(),
              currentQuantity: z.int().nonnegative(),
              discountedUnitPriceAfterAllDiscountsSet: money,
            }),
          ),
          pageInfo: z.object({ hasNextPage: z.boolean(), endCursor: z.string().nullable() }),
        }),
      })
      .nullable(),
  }),
  points: 40,
  timeoutMs: readMs,
} satisfies AdminDocument<unknown>;

export type GoodsPage = NonNullable<z.infer<typeof orderGoods.answer>['order']>;

export const documents: readonly AdminDocument<unknown>[] = [
  orderById,
  ordersById(mostOrdersById),
  pendingOrders,
  ordersOfMethod,
  orderRefunds,
  orderGoods,
  orderMarkAsPaid,
  orderCreateManualPayment,
  orderCancel,
  shopFacts,
  ...testOrderDocuments,
];
