// The merchant comes to the payments app: by the authorization code grant, bound to this browser,
// this shop and this app. Until Shopify's signature, the cookie and the code have all been good,
// nothing is stored and nobody is asked.
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Request, Response } from 'express';
import { Trouble } from '../../core/trouble.ts';
import { signedInSeconds, signIn } from '../../flows/sign-in.ts';
import { authorizeUrl, proveAddress } from '../../shopify/oauth.ts';
import { shopDomain } from '../../shopify/shop-domain.ts';
import type { Doors, Registration } from '../doors.ts';
import { dropCookie, readCookie, setCookie } from './cookies.ts';
import { showMessage } from './show.ts';

export const callbackPath = '/payments/auth/callback';
/** A merchant may have to sign in at Shopify and read what is asked. */
const grantSeconds = 600;
const longestCode = 512;

export const queryOf = (request: Request): URLSearchParams =>
  new URLSearchParams(request.originalUrl.split('?', 2)[1] ?? '');

type Grant = { state: string; shop: string; clientId: string; endsAtMs: number };

const signatureOf = (grant: Grant, app: Registration): string =>
  createHmac('sha256', app.secrets[0] ?? '')
    .update(['grant', grant.state, grant.shop, grant.clientId, grant.endsAtMs].join('\n'))
    .digest('base64url');

/** Sends the merchant to Shopify to approve the app. Who they are, only Shopify can say. */
export function beginGrant(
  doors: Doors,
  about: { app: Registration; shop: string; response: Response },
): void {
  const { app, shop, response } = about;
  const { clientId } = app;
  const state = randomBytes(24).toString('base64url');
  const endsAtMs = doors.deps.clock().getTime() + grantSeconds * 1_000;
  const signature = signatureOf({ state, shop, clientId, endsAtMs }, app);
  setCookie(response, {
    name: 'zaptill_grant',
    value: `${state}.${String(endsAtMs)}.${signature}`,
    seconds: grantSeconds,
    appUrl: doors.appUrl,
  });
  response.set({ 'Cache-Control': 'no-store', 'Referrer-Policy': 'no-referrer' });
  const redirectUri = `${doors.appUrl}${callbackPath}`;
  response.redirect(302, doors.outsideUrl(authorizeUrl({ shop, clientId, redirectUri, state })));
}

/**
 * Shopify sends the merchant back with a code. Each may make us ask Shopify, so that one address
 * has a budget of them. `mayTry` is asked last: behind one proxy strangers may come from the
 * address of a merchant, and what proves nothing spends nothing.
 */
export async function endGrant(
  doors: Doors,
  about: { request: Request; response: Response; mayTry: () => boolean },
): Promise<void> {
  const { request, response, mayTry } = about;
  const query = queryOf(request);
  const refuse = (message: Parameters<typeof showMessage>[1]['message'], status: number): void => {
    const shop = shopDomain(query.get('shop') ?? '');
    showMessage(request, { response, message, status, shop });
  };
  const cookie = readCookie(request, 'zaptill_grant', doors.appUrl);
  const grant = await proveGrant(doors, { query, cookie });
  if ('because' in grant) {
    dropCookie(response, 'zaptill_grant', doors.appUrl);
    refuse(grant.because, 403);
    return;
  }
  if (!mayTry()) {
    // The cookie stays: the same answer of Shopify may be good a minute later.
    response.set('Retry-After', '60');
    refuse('too_often', 429);
    return;
  }
  // One browser, one grant, one try: what comes again finds no cookie.
  dropCookie(response, 'zaptill_grant', doors.appUrl);
  const installed = await install(doors, grant);
  if (installed === 'refused') {
    refuse('grant_over', 403);
    return;
  }
  if (installed === 'away') {
    refuse('shop_away', 503);
    return;
  }
  const token = await signIn(doors.deps, installed.id);
  const { appUrl } = doors;
  setCookie(response, { name: 'zaptill_page', value: token, seconds: signedInSeconds, appUrl });
  response.set({ 'Cache-Control': 'no-store', 'Referrer-Policy': 'no-referrer' });
  response.redirect(303, '/payments');
}

/** What Shopify's signature, this browser's cookie and the code say; nobody is asked. */
async function proveGrant(
  doors: Doors,
  about: { query: URLSearchParams; cookie: string | undefined },
): Promise<
  | { app: Registration; shop: string; code: string }
  | { because: Parameters<typeof showMessage>[1]['message'] }
> {
  const { query, cookie } = about;
  const now = doors.deps.clock();
  const proof = proveAddress(query, { apps: await doors.registrations('payments'), now });
  if (!proof.ok) {
    doors.countRefusedProof('grant');
    doors.deps.log.warn({ because: proof.because }, 'grant.refused');
    return { because: proof.because === 'over' ? 'grant_over' : 'grant_unproven' };
  }
  const { app, shop } = proof;
  const state = query.get('state') ?? '';
  if (!isOurs({ cookie, state, shop, app, now })) {
    doors.countRefusedProof('grant');
    doors.deps.log.warn({ shop, because: 'other_browser' }, 'grant.refused');
    return { because: 'grant_not_begun' };
  }
  const code = query.get('code') ?? '';
  if (code === '' || code.length > longestCode) return { because: 'grant_declined' };
  return { app, shop, code };
}

/** Whether this browser began this grant, for this shop and app, not long ago. */
function isOurs(given: {
  cookie: string | undefined;
  state: string;
  shop: string;
  app: Registration;
  now: Date;
}): boolean {
  const { cookie, state, shop, app, now } = given;
  const parts = /^([\w-]{32})\.(\d{13})\.([\w-]{43})$/.exec(cookie ?? '');
  const [, begun = '', ends = '', signature = ''] = parts ?? [];
  const endsAtMs = Number(ends);
  if (parts === null || endsAtMs < now.getTime()) return false;
  const ours = signatureOf({ state: begun, shop, clientId: app.clientId, endsAtMs }, app);
  return same(begun, state) && same(signature, ours);
}

const same = (a: string, b: string): boolean =>
  a.length === b.length && timingSafeEqual(Buffer.from(a), Buffer.from(b));

async function install(
  doors: Doors,
  about: { app: Registration; shop: string; code: string },
): Promise<{ id: number } | 'refused' | 'away'> {
  const { app, shop, code } = about;
  try {
    return await doors.installPayments({ registrationId: app.id, domain: shop, code });
  } catch (error) {
    if (!(error instanceof Trouble)) throw error;
    doors.deps.log.warn({ shop, what: error.what }, 'grant.failed');
    return error.what === 'token_refused' ? 'refused' : 'away';
  }
}
