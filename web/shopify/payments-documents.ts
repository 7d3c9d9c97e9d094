// Every document that is sent to the Payments Apps API, with the shape of its answer. None of the
// Admin API is among them, nor one of these among those: an app of the payments platform may speak
// to this API only (App Store requirement 5.2.4). All are idempotent at Shopify: repeating one
// gives the first answer again, whatever its arguments.
import { z } from 'zod';
import type { ShopDocument } from './shop-api.ts';

export type PaymentsDocument<T> = ShopDocument<T>;

const writeMs = 8_000;

const nextAction = z
  .object({ context: z.object({ redirectUrl: z.string().nullish() }).nullish() })
  .nullish();
const told = z.object({
  paymentSession: z.object({ id: z.string(), nextAction }).nullable(),
  userErrors: z.array(z.object({ code: z.string().nullish(), message: z.string().nullish() })),
});
export type ToldSession = z.infer<typeof told>;

const sessionParts = `
fragment SessionParts on PaymentSession {
  id
  nextAction { action context { ... on PaymentSessionActionsRedirect { redirectUrl } } }
}`;

/** Its userErrors have no `code`: selecting one would make the whole document invalid. */
export const paymentSessionResolve = {
  name: 'PaymentSessionResolve',
  text: `mutation PaymentSessionResolve($id: ID!, $until: DateTime) {
  paymentSessionResolve(id: $id, authorizationExpiresAt: $until) {
    paymentSession { ...SessionParts } userErrors { field message }
  }
}${sessionParts}`,
  answer: z.object({ paymentSessionResolve: told.nullable() }),
  points: 15,
  timeoutMs: writeMs,
} satisfies PaymentsDocument<unknown>;

export const paymentSessionReject = {
  name: 'PaymentSessionReject',
  text: `mutation PaymentSessionReject(
  $id: ID!, $reason: PaymentSessionRejectionReasonInput!
) {
  paymentSessionReject(id: $id, reason: $reason) {
    paymentSession { ...SessionParts } userErrors { field message }
  }
}${sessionParts}`,
  answer: z.object({ paymentSessionReject: told.nullable() }),
  points: 15,
  timeoutMs: writeMs,
} satisfies PaymentsDocument<unknown>;

export const paymentSessionPending = {
  name: 'PaymentSessionPending',
  text: `mutation PaymentSessionPending(
  $id: ID!, $pendingExpiresAt: DateTime!, $reason: PaymentSessionStatePendingReason!
) {
  paymentSessionPending(id: $id, pendingExpiresAt: $pendingExpiresAt, reason: $reason) {
    paymentSession { ...SessionParts } userErrors { code field message }
  }
}${sessionParts}`,
  answer: z.object({ paymentSessionPending: told.nullable() }),
  points: 15,
  timeoutMs: writeMs,
} satisfies PaymentsDocument<unknown>;

export const paymentsAppConfigure = {
  name: 'PaymentsAppConfigure',
  text: `mutation PaymentsAppConfigure($externalHandle: String, $ready: Boolean!) {
  paymentsAppConfigure(externalHandle: $externalHandle, ready: $ready) {
    paymentsAppConfiguration { externalHandle ready } userErrors { field message }
  }
}`,
  answer: z.object({
    paymentsAppConfigure: z
      .object({
        paymentsAppConfiguration: z.object({ ready: z.boolean() }).nullable(),
        userErrors: z.array(z.object({ message: z.string().nullish() })),
      })
      .nullable(),
  }),
  points: 12,
  timeoutMs: writeMs,
} satisfies PaymentsDocument<unknown>;

const toldRefund = z.object({
  refundSession: z.object({ id: z.string() }).nullable(),
  userErrors: z.array(z.object({ code: z.string().nullish(), message: z.string().nullish() })),
});
export type ToldRefund = z.infer<typeof toldRefund>;
const toldHold = z.object({
  userErrors: z.array(z.object({ code: z.string().nullish(), message: z.string().nullish() })),
});
export type ToldHold = z.infer<typeof toldHold>;

export const refundSessionResolve = {
  name: 'RefundSessionResolve',
  text: `mutation RefundSessionResolve($id: ID!) {
  refundSessionResolve(id: $id) { refundSession { id } userErrors { code field message } }
}`,
  answer: z.object({ refundSessionResolve: toldRefund.nullable() }),
  points: 11,
  timeoutMs: writeMs,
} satisfies PaymentsDocument<unknown>;

export const refundSessionReject = {
  name: 'RefundSessionReject',
  text: `mutation RefundSessionReject($id: ID!, $reason: RefundSessionRejectionReasonInput!) {
  refundSessionReject(id: $id, reason: $reason) {
    refundSession { id } userErrors { code field message }
  }
}`,
  answer: z.object({ refundSessionReject: toldRefund.nullable() }),
  points: 11,
  timeoutMs: writeMs,
} satisfies PaymentsDocument<unknown>;

export const captureSessionResolve = {
  name: 'CaptureSessionResolve',
  text: `mutation CaptureSessionResolve($id: ID!) {
  captureSessionResolve(id: $id) { captureSession { id } userErrors { code field message } }
}`,
  answer: z.object({ captureSessionResolve: toldHold.nullable() }),
  points: 11,
  timeoutMs: writeMs,
} satisfies PaymentsDocument<unknown>;

export const captureSessionReject = {
  name: 'CaptureSessionReject',
  text: `mutation CaptureSessionReject($id: ID!, $reason: CaptureSessionRejectionReasonInput!) {
  captureSessionReject(id: $id, reason: $reason) {
    captureSession { id } userErrors { code field message }
  }
}`,
  answer: z.object({ captureSessionReject: toldHold.nullable() }),
  points: 11,
  timeoutMs: writeMs,
} satisfies PaymentsDocument<unknown>;

export const voidSessionResolve = {
  name: 'VoidSessionResolve',
  text: `mutation VoidSessionResolve($id: ID!) {
  voidSessionResolve(id: $id) { voidSession { id } userErrors { code field message } }
}`,
  answer: z.object({ voidSessionResolve: toldHold.nullable() }),
  points: 11,
  timeoutMs: writeMs,
} satisfies PaymentsDocument<unknown>;

export const voidSessionReject = {
  name: 'VoidSessionReject',
  text: `mutation VoidSessionReject($id: ID!, $reason: VoidSessionRejectionReasonInput!) {
  voidSessionReject(id: $id, reason: $reason) {
    voidSession { id } userErrors { code field message }
  }
}`,
  answer: z.object({ voidSessionReject: toldHold.nullable() }),
  points: 11,
  timeoutMs: writeMs,
} satisfies PaymentsDocument<unknown>;

/** Changes nothing: whoever is answered has a token that works. */
export const apiVersions = {
  name: 'ApiVersions',
  text: `query ApiVersions { publicApiVersions { handle supported } }`,
  answer: z.object({
    publicApiVersions: z.array(z.object({ handle: z.string(), supported: z.boolean() })),
  }),
  points: 2,
  timeoutMs: 4_000,
} satisfies PaymentsDocument<unknown>;

export const paymentsDocuments: readonly PaymentsDocument<unknown>[] = [
  paymentSessionResolve,
  paymentSessionReject,
  paymentSessionPending,
  paymentsAppConfigure,
  refundSessionResolve,
  refundSessionReject,
  captureSessionResolve,
  captureSessionReject,
  voidSessionResolve,
  voidSessionReject,
  apiVersions,
];
