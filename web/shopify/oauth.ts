// The payments app is not embedded: its merchant comes by the authorization code grant. The
// packages' own callback calls the Admin API on each install, which a payments app must never do
// (App Store requirement 5.2.4), and its session cookie can be read by scripts; so this is ours.
import { createHmac, timingSafeEqual } from 'node:crypto';
import type { AppSecrets } from './requests.ts';
import { shopDomain } from './shop-domain.ts';

/** All that Shopify lets a payments app ask for, and all that we need. */
export const paymentsScopes = ['write_payment_gateways', 'write_payment_sessions'] as const;

/** Shopify's own tolerance for signed addresses, in either direction. */
const toleranceMs = 90_000;
const longestValue = 2_048;

/** Where the merchant approves the app. `state` comes back unchanged. */
export function authorizeUrl(about: {
  shop: string;
  clientId: string;
  redirectUri: string;
  state: string;
}): string {
  const query = new URLSearchParams({
    client_id: about.clientId,
    scope: paymentsScopes.join(','),
    redirect_uri: about.redirectUri,
    state: about.state,
  });
  // An empty list of options asks for an offline token.
  query.append('grant_options[]', '');
  return `https://${about.shop}/admin/oauth/authorize?${query.toString()}`;
}

/** Where the merchant activates the method, and may choose test mode (requirement 5.2.7). */
export const gatewaySettingsUrl = (about: { shop: string; clientId: string }): string =>
  `https://${about.shop}/services/payments_partners/gateways/${about.clientId}/settings`;

export const addressFaults = {
  incomplete: 'A part of it is missing, or stands there twice.',
  wrong_shop: 'It names no shop.',
  wrong_signature: 'Its signature is not Shopify’s.',
  over: 'It is more than 90 seconds old, or of the future.',
} as const satisfies Record<string, string>;
export type AddressFault = keyof typeof addressFaults;

export type SignedAddress<A extends AppSecrets> =
  { ok: true; app: A; shop: string } | { ok: false; because: AddressFault };

/**
 * Whether Shopify sent the browser to this address: hex HMAC-SHA256 under the client secret over
 * all parameters but `hmac`, sorted and encoded again, at most 90 s old. It names the app whose
 * secret fits. Nothing of it is believed before that.
 */
export function proveAddress<A extends AppSecrets>(
  query: URLSearchParams,
  about: { apps: readonly A[]; now: Date },
): SignedAddress<A> {
  const names = [...query.keys()];
  const twice = new Set(names).size < names.length;
  const long = [...query.values()].some((value) => value.length > longestValue);
  const hmac = query.get('hmac');
  if (twice || long || hmac === null) return { ok: false, because: 'incomplete' };
  const shop = shopDomain(query.get('shop') ?? '');
  // Another spelling of the same shop is not what Shopify sends.
  if (shop === undefined || shop !== query.get('shop')) return { ok: false, because: 'wrong_shop' };
  const app = about.apps.find(({ secrets }) => isSigned(query, { hmac, secrets }));
  if (app === undefined) return { ok: false, because: 'wrong_signature' };
  const timestamp = query.get('timestamp') ?? '';
  const sentAt = /^\d{1,12}$/.test(timestamp) ? Number(timestamp) * 1_000 : NaN;
  const apart = Math.abs(about.now.getTime() - sentAt);
  if (!(apart <= toleranceMs)) return { ok: false, because: 'over' };
  return { ok: true, app, shop };
}

function isSigned(
  query: URLSearchParams,
  about: { hmac: string; secrets: readonly string[] },
): boolean {
  if (!/^[0-9a-f]{64}$/.test(about.hmac)) return false;
  const given = Buffer.from(about.hmac, 'hex');
  const signed = [...query].filter(([name]) => name !== 'hmac' && name !== 'signature');
  signed.sort(([a], [b]) => (a < b ? -1 : 1));
  const text = new URLSearchParams(signed).toString();
  return about.secrets.some((secret) =>
    timingSafeEqual(createHmac('sha256', secret).update(text).digest(), given),
  );
}
