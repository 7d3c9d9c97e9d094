// The part of the `invoices` package (6.2.0, without types of its own) that is used.
declare module 'invoices' {
  export function parsePaymentRequest(input: { request: string }): {
    id: string;
    destination: string;
    description_hash?: string;
    network: string;
    mtokens?: string;
    created_at: string;
    expires_at: string;
    routes?: unknown[];
    paths?: unknown[];
  };
}
