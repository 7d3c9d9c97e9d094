// What the payments app says of itself to the Payments Apps API, beside its sessions.
import { z } from 'zod';
import type { ShopDocument } from './shop-api.ts';

const timeoutMs = 8_000;

export const paymentsAppConfigure = {
  name: 'PaymentsAppConfigure',
  text: `mutation PaymentsAppConfigure($externalHandle: String, $ready: Boolean!) {
  paymentsAppConfigure(externalHandle: $externalHandle, ready: $ready) {
    paymentsAppConfiguration { externalHandle ready }
    userErrors { field message }
  }
}`,
  answer: z.object({
    paymentsAppConfigure: z.object({
      paymentsAppConfiguration: z
        .object({ externalHandle: z.string().nullable(), ready: z.boolean() })
        .nullable(),
      userErrors: z.array(z.object({ message: z.string() })),
    }),
  }),
  points: 12,
  timeoutMs,
} satisfies ShopDocument<unknown>;

/** The only question that this API knows: good for seeing whether a token still works. */
export const paymentsApiVersions = {
  name: 'PaymentsApiVersions',
  text: 'query PaymentsApiVersions { publicApiVersions { handle supported } }',
  answer: z.object({
    publicApiVersions: z.array(z.object({ handle: z.string(), supported: z.boolean() })),
  }),
  points: 1,
  timeoutMs,
} satisfies ShopDocument<unknown>;

export const paymentsAppDocuments: readonly ShopDocument<unknown>[] = [
  paymentsAppConfigure,
  paymentsApiVersions,
];
