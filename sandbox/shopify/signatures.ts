/**
 * What Shopify signs: session tokens, webhook bodies, the query of the admin's frame.
 *
 * Real HMAC-SHA256 with the app's client secret. The recipes are checked against shopify-api's
 * validators in the tests.
 */

import { createHmac, timingSafeEqual } from 'node:crypto';
import { storeOf, uuid } from './ids.ts';

export type Claims = Record<string, string | number>;

const hmac = (secret: string, text: string | Buffer): Buffer =>
  createHmac('sha256', secret).update(text).digest();

const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');

export function signToken(secret: string, claims: Claims): string {
  const body = `${part({ alg: 'HS256', typ: 'JWT' })}.${part(claims)}`;
  return `${body}.${hmac(secret, body).toString('base64url')}`;
}

/** App Bridge's token: one minute, `iss` and `dest` with scheme. */
export function adminClaims(shop: string, clientId: string, nowMs: number): Claims {
  const now = Math.floor(nowMs / 1000);
  return {
    iss: `https://${shop}/admin`,
    dest: `https://${shop}`,
    aud: clientId,
    sub: '92837465',
    exp: now + 60,
    nbf: now,
    iat: now,
    jti: uuid(),
    sid: '5f0c1e0e5c7b4a60b7a0e4c0a6a5d1f5',
  };
}

/** The UI extension's token: five minutes, bare `dest`, no `iss`, no `sub` for a guest. */
export function extensionClaims(shop: string, clientId: string, nowMs: number): Claims {
  const now = Math.floor(nowMs / 1000);
  return { dest: shop, aud: clientId, exp: now + 300, nbf: now, iat: now, jti: uuid() };
}

export function readToken(secret: string, token: string): Record<string, unknown> | undefined {
  const [head, body, signature, ...rest] = token.split('.');
  if (head === undefined || body === undefined || signature === undefined || rest.length > 0)
    return undefined;
  const ours = hmac(secret, `${head}.${body}`);
  const given = Buffer.from(signature, 'base64url');
  if (ours.length !== given.length || !timingSafeEqual(ours, given)) return undefined;
  try {
    const header = JSON.parse(Buffer.from(head, 'base64url').toString()) as { alg?: unknown };
    const claims = JSON.parse(Buffer.from(body, 'base64url').toString()) as unknown;
    if (header.alg !== 'HS256' || typeof claims !== 'object' || claims === null) return undefined;
    return claims as Record<string, unknown>;
  } catch {
    return undefined;
  }
}

export const webhookSignature = (secret: string, body: Buffer): string =>
  hmac(secret, body).toString('base64');

/** All parameters but `hmac`, sorted, encoded again, joined by `&`; hex. */
export function querySignature(secret: string, query: Record<string, string>): string {
  const sorted = Object.entries(query).sort(([a], [b]) => (a < b ? -1 : 1));
  return hmac(secret, new URLSearchParams(sorted).toString()).toString('hex');
}

/** Without separators and with repeated values joined by commas; hex. */
export function proxySignature(
  secret: string,
  query: Record<string, string | readonly string[]>,
): string {
  const text = Object.entries(query)
    .map(([key, value]) => `${key}=${typeof value === 'string' ? value : value.join(',')}`)
    .sort()
    .join('');
  return hmac(secret, text).toString('hex');
}

/** The query with which the admin opens an embedded app. */
export function frameQuery(
  app: { clientId: string; secret: string },
  shop: string,
  options: {
    locale: string;
    nowMs: number;
    /** What the address in the admin asks of the app's page. */
    own?: Record<string, string>;
  },
): URLSearchParams {
  const query: Record<string, string> = {
    ...options.own,
    embedded: '1',
    host: Buffer.from(`admin.shopify.com/store/${storeOf(shop)}`).toString('base64'),
    id_token: signToken(app.secret, adminClaims(shop, app.clientId, options.nowMs)),
    locale: options.locale,
    session: uuid().replaceAll('-', ''),
    shop,
    timestamp: String(Math.floor(options.nowMs / 1000)),
  };
  return new URLSearchParams({ ...query, hmac: querySignature(app.secret, query) });
}
