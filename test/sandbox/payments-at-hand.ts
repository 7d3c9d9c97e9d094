/**
 * A small payments app, for the tests of the stand-in: a door that asks for a client certificate
 * and answers sessions, and a way to tell verdicts.
 */

import { once } from 'node:events';
import type { IncomingHttpHeaders } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { startShopify, type Shopify, type ShopOptions } from '../../sandbox/shopify/index.ts';
import { serverCertificate } from '../../sandbox/shopify/payments/index.ts';

export const SHOP = 'alpine-coffee.myshopify.com';
export const OTHER_SHOP = 'beta-books.myshopify.com';
export const APP = { name: 'Zaptill Payments', clientId: 'payments-1', secret: 'hush hush' };
export const APP_URL = 'http://127.0.0.1:9';

export type Knock = { path: string; headers: IncomingHttpHeaders; body: string };

export type Door = {
  got: Knock[];
  /** Statuses of the next answers; then 200, or 201 for refunds, captures and voids. */
  next: number[];
  /** What a session is answered; default a page of its own. */
  page: (id: string) => string;
  /** Whose client certificates are let in. */
  admit: (bundle: string) => void;
};

/** Like a real door: who has no certificate of the bundle is refused in the handshake. */
async function startDoor() {
  const pair = await serverCertificate();
  const door: Door = {
    got: [],
    next: [],
    page: (id) => `https://pay.example.com/i/${id}`,
    admit: (bundle) => server.setSecureContext({ ...pair, ca: bundle }),
  };
  const server = createServer(
    { ...pair, requestCert: true, rejectUnauthorized: true },
    (request, response) => {
      const parts: Buffer[] = [];
      request.on('data', (part: Buffer) => parts.push(part));
      request.on('end', () => {
        const body = Buffer.concat(parts).toString();
        const path = request.url ?? '';
        door.got.push({ path, headers: request.headers, body });
        const isPayment = path === '/payments/session';
        const status = door.next.shift() ?? (isPayment ? 200 : 201);
        response.writeHead(status, { 'Content-Type': 'application/json' });
        const { id } = JSON.parse(body) as { id: string };
        response.end(isPayment ? JSON.stringify({ redirect_url: door.page(id) }) : '');
      });
    },
  );
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const close = () => {
    server.closeAllConnections();
    server.close();
  };
  return { door, port, trusted: pair.cert, close };
}

export type PaymentsWorld = {
  on: Shopify;
  door: Door;
  close: () => Promise<void>;
};

/** A shop with the app, not yet installed; `captures`: its sessions may be authorizations. */
export async function paymentsWorld(
  input: { captures?: boolean; plan?: ShopOptions['plan'] } = {},
): Promise<PaymentsWorld> {
  const { door, port, trusted, close } = await startDoor();
  const at = (what: string) => `https://127.0.0.1:${port}/payments/${what}`;
  const { plan = 'standard', captures = false } = input;
  const on = await startShopify({
    apps: [
      {
        ...APP,
        appUrl: APP_URL,
        payments: {
          paymentSessionUrl: at('session'),
          refundSessionUrl: at('refund'),
          ...(captures ? { captureSessionUrl: at('capture'), voidSessionUrl: at('void') } : {}),
        },
      },
      {
        name: 'Other Payments',
        clientId: 'payments-2',
        secret: 'hush hush hush',
        appUrl: APP_URL,
        payments: { paymentSessionUrl: at('session'), refundSessionUrl: at('refund') },
      },
      { name: 'Zaptill', clientId: 'client-1', secret: 'hush', appUrl: APP_URL, extension: null },
    ],
    shops: [
      { domain: SHOP, currency: 'EUR', plan },
      { domain: OTHER_SHOP, currency: 'EUR', plan },
    ],
    trusted: [trusted],
  });
  door.admit(on.payments.clientCa);
  return {
    on,
    door,
    close: async () => {
      await on.close();
      close();
    },
  };
}

type UserError = { field: string[] | null; message: string; code?: string };

type Payload = { userErrors?: UserError[] } & Record<string, unknown>;

export type Told = {
  status: number;
  body: {
    data?: Record<string, Payload | null> | null;
    errors?: { message: string; extensions?: { code?: string } }[] | string;
    extensions?: {
      cost: {
        requestedQueryCost: number;
        throttleStatus: { maximumAvailable: number; restoreRate: number };
      };
    };
  };
  /** The first payload of the data. */
  payload: Payload;
};

export async function tell(
  on: Shopify,
  token: string,
  call: { query: string; variables?: object; shop?: string; version?: string; api?: string },
): Promise<Told> {
  const { shop = SHOP, version = '2026-07', api = 'payments_apps/api', ...rest } = call;
  const response = await fetch(`${on.origin}/${shop}/${api}/${version}/graphql.json`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', 'X-Shopify-Access-Token': token },
    body: JSON.stringify(rest),
  });
  const text = await response.text();
  const isJson = response.headers.get('content-type')?.includes('json') === true;
  const body = isJson ? (JSON.parse(text) as Told['body']) : {};
  return { status: response.status, body, payload: Object.values(body.data ?? {})[0] ?? {} };
}

const session = `paymentSession { id pendingExpiresAt
  state {
    ... on PaymentSessionStateResolved { code }
    ... on PaymentSessionStateRejected { code reason merchantMessage source }
    ... on PaymentSessionStatePending { code awaits: reason }
  }
  nextAction { action context { ... on PaymentSessionActionsRedirect { redirectUrl } } }
}`;

export const RESOLVE = `mutation Resolve($id: ID!) {
  paymentSessionResolve(id: $id) { ${session} userErrors { field message } }
}`;

export const REJECT = `mutation Reject($id: ID!, $reason: PaymentSessionRejectionReasonInput!) {
  paymentSessionReject(id: $id, reason: $reason) { ${session} userErrors { field message } }
}`;

export const PENDING = `mutation Pending($id: ID!, $until: DateTime!) {
  paymentSessionPending(id: $id, pendingExpiresAt: $until, reason: NETWORK_ACTION_REQUIRED) {
    ${session} userErrors { field message code }
  }
}`;

export const CONFIGURE = `mutation Ready($handle: String, $ready: Boolean!) {
  paymentsAppConfigure(externalHandle: $handle, ready: $ready) {
    paymentsAppConfiguration { externalHandle ready } userErrors { field message }
  }
}`;

/** `refundSessionResolve` and its five sisters. */
export const moneyVerdict = (
  what: 'refund' | 'capture' | 'void',
  verdict: 'Resolve' | 'Reject',
): string => {
  const name = `${what}Session`;
  const type = name.replace(/^./, (sign) => sign.toUpperCase());
  const reason = verdict === 'Reject' ? ', reason: { code: PROCESSING_ERROR }' : '';
  return `mutation Money($id: ID!) {
    ${name}${verdict}(id: $id${reason}) {
      ${name} { id state { ... on ${type}StateResolved { code } ... on ${type}StateRejected {
        code reason } } }
      userErrors { field message code }
    }
  }`;
};

export const gidOf = (id: string, kind = 'PaymentSession'): string => `gid://shopify/${kind}/${id}`;
