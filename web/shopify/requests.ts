// Who is knocking? Proofs of webhooks, of the admin's pages, of the thank-you block and of the app
// proxy. A proof names the registration and the shop, or a word for the log; it never repeats what
// it was given, because Shopify's own package puts the token into its errors.
import '@shopify/shopify-api/adapters/node';
import { createHmac, timingSafeEqual } from 'node:crypto';
import { Buffer } from 'node:buffer';
import { ApiVersion, shopifyApi } from '@shopify/shopify-api';
import { decodeJwt } from 'jose';
import { z } from 'zod';
import { shopDomain } from './shop-domain.ts';

/** A registration with its client secret; two while Shopify rotates it. */
export type AppSecrets = { clientId: string; secrets: readonly string[] };

export const proofFaults = {
  missing: 'There was no token.',
  unreadable: 'It is not a token.',
  unknown_app: 'It is for no registration of ours.',
  refused: 'Its signature is wrong, or its time is over.',
  wrong_kind: 'It is a token of another kind.',
  wrong_shop: 'It names no shop, or two.',
  hmac: 'The signature of the address is wrong, or its time is over.',
} as const satisfies Record<string, string>;
export type ProofFault = keyof typeof proofFaults;

export type Proof<A extends AppSecrets> =
  { ok: true; app: A; shop: string; user: string | undefined } | { ok: false; because: ProofFault };

const no = (because: ProofFault): { ok: false; because: ProofFault } => ({ ok: false, because });

/** The token of an `Authorization: Bearer` header. */
export function bearerOf(header: string | undefined): string | undefined {
  return /^Bearer ([\w.~+/-]+=*)$/i.exec(header ?? '')?.[1];
}

/**
 * Whether Shopify signed these bytes: base64 of HMAC-SHA256 under the client secret, compared in
 * constant time. The bytes are those of the request, before anything has parsed them.
 */
export function isGenuineWebhook(
  body: Uint8Array,
  proof: { hmac: string | undefined; secrets: readonly string[] },
): boolean {
  const given = Buffer.from(proof.hmac ?? '', 'base64');
  return proof.secrets.some((secret) => {
    const ours = createHmac('sha256', secret).update(body).digest();
    return ours.length === given.length && timingSafeEqual(ours, given);
  });
}

/** Shopify's own checks of one registration and one secret, silent. */
const checksOf = (clientId: string, secret: string) =>
  shopifyApi({
    apiKey: clientId,
    apiSecretKey: secret,
    apiVersion: ApiVersion.July26,
    hostName: 'localhost',
    isEmbeddedApp: true,
    logger: { log: () => undefined },
  });

const longestToken = 4_096;

const claims = z.object({
  aud: z.string(),
  dest: z.string(),
  iss: z.string().optional(),
  sub: z.string().optional(),
  exp: z.number(),
  nbf: z.number(),
});
type Claims = z.infer<typeof claims>;

type Verified<A> = { ok: true; app: A; claims: Claims } | { ok: false; because: ProofFault };

/**
 * HS256 under a secret of the registration that `aud` names, in its time with ten seconds of
 * tolerance. The key comes from our own list; the token only says where to look.
 */
async function verified<A extends AppSecrets>(
  token: string | undefined,
  apps: readonly A[],
): Promise<Verified<A>> {
  if (token === undefined || token === '') return no('missing');
  if (token.length > longestToken) return no('unreadable');
  let aud: unknown;
  try {
    ({ aud } = decodeJwt(token));
  } catch {
    return no('unreadable');
  }
  const app = apps.find(({ clientId }) => clientId === aud);
  if (app === undefined) return no('unknown_app');
  for (const secret of app.secrets) {
    try {
      const decoded = await checksOf(app.clientId, secret).session.decodeSessionToken(token);
      const parsed = claims.safeParse(decoded);
      return parsed.success ? { ok: true, app, claims: parsed.data } : no('unreadable');
    } catch {
      continue;
    }
  }
  return no('refused');
}

/**
 * A member of the shop's staff, by the session token of the admin: `iss` is `https://{shop}/admin`
 * and `dest` is `https://{shop}`. A token of the buyer's block is refused.
 */
export async function proveMerchant<A extends AppSecrets>(
  token: string | undefined,
  apps: readonly A[],
): Promise<Proof<A>> {
  const found = await verified(token, apps);
  if (!found.ok) return found;
  const { iss, dest, sub } = found.claims;
  if (iss === undefined || !dest.startsWith('https://')) return no('wrong_kind');
  const shop = shopDomain(dest.slice('https://'.length));
  if (shop === undefined || iss.toLowerCase() !== `https://${shop}/admin`) return no('wrong_shop');
  return { ok: true, app: found.app, shop, user: sub };
}

/**
 * Somebody at the shop's checkout, by the session token of the UI extension: no `iss`, and `dest`
 * is the bare shop. It proves shop and app and never the order. A token of the admin is refused.
 */
export async function proveBuyer<A extends AppSecrets>(
  token: string | undefined,
  apps: readonly A[],
): Promise<Proof<A>> {
  const found = await verified(token, apps);
  if (!found.ok) return found;
  const { iss, dest, sub } = found.claims;
  if (iss !== undefined || dest.includes('/')) return no('wrong_kind');
  const shop = shopDomain(dest);
  if (shop === undefined) return no('wrong_shop');
  return { ok: true, app: found.app, shop, user: sub };
}

/**
 * The admin opening our frame, by the query of the address: its `id_token` is a session token of
 * the admin, its `shop` is the same shop, and its `hmac` covers all of it and is at most 90 s old.
 */
export async function proveDocumentLoad<A extends AppSecrets>(
  query: URLSearchParams,
  apps: readonly A[],
): Promise<Proof<A>> {
  const proof = await proveMerchant(query.get('id_token') ?? undefined, apps);
  if (!proof.ok) return proof;
  if (shopDomain(query.get('shop') ?? '') !== proof.shop) return no('wrong_shop');
  if (query.getAll('shop').length > 1 || query.getAll('id_token').length > 1)
    return no('wrong_shop');
  for (const secret of proof.app.secrets) {
    try {
      const { utils } = checksOf(proof.app.clientId, secret);
      if (await utils.validateHmac(query)) return proof;
    } catch {
      return no('hmac');
    }
  }
  return no('hmac');
}

/** How old an address of the app proxy may be, as in Shopify's own package. */
const proxyToleranceSeconds = 90;

/**
 * Shopify's app proxy leading somebody from the shop to us: `signature` is the hex HMAC-SHA256 of
 * all other parameters as `key=value`, repeated values joined by commas, sorted, joined by nothing
 * (shopify.dev, "Authenticate app proxies"). No parameter names the app: the secret that fits
 * does. It proves the shop, and nothing of who the caller is.
 */
export function proveProxy<A extends AppSecrets>(
  query: URLSearchParams,
  apps: readonly A[],
  now = new Date(),
): Proof<A> {
  const given = query.get('signature');
  if (given === null) return no('missing');
  for (const name of ['signature', 'shop', 'timestamp']) {
    if (query.getAll(name).length > 1) return no('unreadable');
  }
  const keys = [...new Set(query.keys())].filter((key) => key !== 'signature');
  const text = keys
    .map((key) => `${key}=${query.getAll(key).join(',')}`)
    .sort()
    .join('');
  const signature = Buffer.from(/^[0-9a-f]{64}$/.test(given) ? given : '', 'hex');
  const fits = (secret: string): boolean => {
    const ours = createHmac('sha256', secret).update(text, 'utf8').digest();
    return ours.length === signature.length && timingSafeEqual(ours, signature);
  };
  const app = apps.find(({ secrets }) => secrets.some(fits));
  if (app === undefined) return no('hmac');
  const at = Number(/^\d{1,12}$/.exec(query.get('timestamp') ?? '')?.[0]);
  const seconds = now.getTime() / 1_000;
  // NaN is no time, and is not within any.
  if (!(Math.abs(seconds - at) <= proxyToleranceSeconds)) return no('hmac');
  const shop = shopDomain(query.get('shop') ?? '');
  return shop === undefined ? no('wrong_shop') : { ok: true, app, shop, user: undefined };
}
