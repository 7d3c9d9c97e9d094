/**
 * A small app's side of the wire, for the tests of the stand-in: asks GraphQL, fetches tokens,
 * collects webhooks.
 */

import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { startShopify, type Shopify, type ShopifyOptions } from '../../sandbox/shopify/index.ts';

export const SHOP = 'alpine-coffee.myshopify.com';
export const APP = { name: 'Zaptill', clientId: 'client-1', secret: 'hush' };

export type Received = { headers: IncomingHttpHeaders; body: Buffer; at: number };

/** Stands where the app's webhook door is; `answer` may be changed at any time. */
export async function startDoor() {
  const got: Received[] = [];
  const door = { answer: 200, hangMs: 0 };
  const server = createServer((req, res) => {
    const parts: Buffer[] = [];
    req.on('data', (part: Buffer) => parts.push(part));
    req.on('end', () => {
      got.push({ headers: req.headers, body: Buffer.concat(parts), at: Date.now() });
      setTimeout(() => res.writeHead(door.answer).end(), door.hangMs);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const close = () => {
    server.closeAllConnections();
    server.close();
  };
  return { url, got, door, close };
}

export const shopify = (options: Partial<ShopifyOptions> & { appUrl?: string } = {}) =>
  startShopify({
    apps: [{ ...APP, appUrl: options.appUrl ?? 'http://127.0.0.1:9' }],
    shops: [{ domain: SHOP, currency: 'EUR' }],
    ...options,
  });

export type TokenPair = {
  access_token: string;
  refresh_token?: string;
  expires_in?: number;
  refresh_token_expires_in?: number;
  scope: string;
};

export async function askToken(
  on: Shopify,
  more: Record<string, unknown>,
): Promise<{ status: number; body: TokenPair & { error?: string } }> {
  const response = await fetch(`${on.origin}/${SHOP}/admin/oauth/access_token`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify({ client_id: APP.clientId, client_secret: APP.secret, ...more }),
  });
  return { status: response.status, body: (await response.json()) as TokenPair };
}

export const exchangeOf = (subject: string) => ({
  grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
  subject_token: subject,
  subject_token_type: 'urn:ietf:params:oauth:token-type:id_token',
  requested_token_type: 'urn:shopify:params:oauth:token-type:offline-access-token',
  expiring: '1',
});

export async function tokenFor(on: Shopify): Promise<string> {
  const subject = on.sessionToken({ shop: SHOP, app: APP.name, kind: 'admin' });
  return (await askToken(on, exchangeOf(subject))).body.access_token;
}

type Said = {
  status: number;
  text: string;
  body: {
    data?: Record<string, Record<string, unknown>> | null;
    errors?: { message: string; extensions?: { code?: string } }[];
    extensions?: {
      cost: {
        requestedQueryCost: number;
        actualQueryCost: number | null;
        throttleStatus: { currentlyAvailable: number; maximumAvailable: number };
      };
    };
  };
};

export async function ask(
  on: Shopify,
  token: string,
  call: { query: string; variables?: object; version?: string; operationName?: string },
): Promise<Said> {
  const { version = '2026-07', ...body } = call;
  const response = await fetch(`${on.origin}/${SHOP}/admin/api/${version}/graphql.json`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', 'X-Shopify-Access-Token': token },
    body: JSON.stringify(body),
  });
  const text = await response.text();
  const isJson = response.headers.get('content-type')?.includes('json') === true;
  let read: Said['body'] = {};
  try {
    if (isJson) read = JSON.parse(text) as Said['body'];
  } catch {
    // A truncated answer is looked at as text.
  }
  return { status: response.status, text, body: read };
}
