// The GraphQL documents of the self-test's own order: made, cancelled, deleted. Nothing of them
// touches an order of a shopper.
import { z } from 'zod';
import type { AdminDocument } from './documents.ts';

const timeoutMs = 8_000;
const errors = z.array(z.object({ code: z.string().nullish(), message: z.string() }));

export const testOrderCurrency = {
  name: 'TestOrderCurrency',
  text: 'query TestOrderCurrency { shop { currencyCode } }',
  answer: z.object({ shop: z.object({ currencyCode: z.string() }) }),
  points: 2,
  timeoutMs,
} satisfies AdminDocument<unknown>;

/** Scope write_orders. No receipt is sent, no stock is claimed. */
export const testOrderCreate = {
  name: 'TestOrderCreate',
  text: `mutation TestOrderCreate(
  $order: OrderCreateOrderInput!, $options: OrderCreateOptionsInput
) {
  orderCreate(order: $order, options: $options) {
    order { id }
    userErrors { code field message }
  }
}`,
  answer: z.object({
    orderCreate: z.object({ order: z.object({ id: z.string() }).nullable(), userErrors: errors }),
  }),
  points: 12,
  timeoutMs,
} satisfies AdminDocument<unknown>;

/** A job: when it is done, only the order says. Without being asked to, nobody is written to. */
export const testOrderCancel = {
  name: 'TestOrderCancel',
  text: `mutation TestOrderCancel(
  $orderId: ID!, $refundMethod: OrderCancelRefundMethodInput!, $staffNote: String
) {
  orderCancel(
    orderId: $orderId, reason: OTHER, restock: false,
    refundMethod: $refundMethod, staffNote: $staffNote
  ) {
    job { id }
    orderCancelUserErrors { code field message }
  }
}`,
  answer: z.object({ orderCancel: z.object({ orderCancelUserErrors: errors }) }),
  points: 12,
  timeoutMs,
} satisfies AdminDocument<unknown>;

/** Only some kinds of orders, and only cancelled or archived ones: else a userError. */
export const testOrderDelete = {
  name: 'TestOrderDelete',
  text: `mutation TestOrderDelete($orderId: ID!) {
  orderDelete(orderId: $orderId) { deletedId userErrors { code field message } }
}`,
  answer: z.object({ orderDelete: z.object({ userErrors: errors }) }),
  points: 12,
  timeoutMs,
} satisfies AdminDocument<unknown>;

export const testOrderDocuments = [
  testOrderCurrency,
  testOrderCreate,
  testOrderCancel,
  testOrderDelete,
];
