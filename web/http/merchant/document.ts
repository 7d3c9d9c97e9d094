// The merchant's page itself: one document for every path, made per request.
import type { Request, Response } from 'express';
import { settingsOf, shopOf, shopsOfDomain } from '../../db/views.ts';
import { merchantDocument } from '../../frontend/merchant/document.ts';
import { proveDocumentLoad } from '../../shopify/requests.ts';
import { shopDomain } from '../../shopify/shop-domain.ts';
import type { MerchantAssets } from '../assets.ts';
import type { Doors, Registration, Route } from '../doors.ts';

/** Every address of the page, so that a reload of any of them finds it. */
const paths = [
  '/',
  '/node',
  '/setup',
  '/payments',
  '/payments/:id',
  '/refunds',
  '/shares',
  '/settings',
  '/operation',
];

export const documentRoutes = (doors: Doors, assets: MerchantAssets | undefined): Route[] =>
  paths.map((path) => ({
    method: 'get',
    path,
    policy: 'shopify-embedded',
    answer: (request, response) => document(doors, { assets, request, response }),
  }));

/** The page itself: the same document for every path, made per request, framed by its shop only. */
async function document(
  doors: Doors,
  about: { assets: MerchantAssets | undefined; request: Request; response: Response },
): Promise<void> {
  const { assets, request, response } = about;
  const query = (name: string): string => {
    const value = request.query[name];
    return typeof value === 'string' ? value : '';
  };
  const shop = shopDomain(query('shop'));
  const registration = await registrationOfDocument(doors, {
    shop,
    query: new URL(request.originalUrl, doors.appUrl).searchParams,
  });
  response.set({ 'Cache-Control': 'no-store', 'Referrer-Policy': 'no-referrer' });
  if (shop === undefined || registration === undefined) {
    response.set('Content-Security-Policy', "default-src 'none'; frame-ancestors 'none'");
    response
      .status(200)
      .type('text/plain')
      .send('Zaptill is running. Open it from your Shopify admin, under Apps.\n');
    return;
  }
  if (query('embedded') !== '1') {
    const store = shop.replace(/\.myshopify\.com$/, '');
    const admin = `https://admin.shopify.com/store/${store}/apps/${registration.clientId}`;
    response.redirect(302, doors.outsideUrl(admin));
    return;
  }
  if (assets === undefined) {
    response.status(503).type('text/plain').send('The pages are not built: npm run build\n');
    return;
  }
  const outside = (url: string): string => new URL(doors.outsideUrl(url)).origin;
  const frames = [...new Set([outside(`https://${shop}/`), outside('https://admin.shopify.com/')])];
  const scripts = outside('https://cdn.shopify.com/');
  response.set(
    'Content-Security-Policy',
    [
      "default-src 'self'",
      `script-src 'self' ${scripts}`,
      `style-src 'self' 'unsafe-inline' ${scripts}`,
      `font-src 'self' ${scripts}`,
      `img-src 'self' data: ${scripts}`,
      `connect-src 'self' ${[...frames, scripts].join(' ')}`,
      "object-src 'none'",
      "base-uri 'none'",
      "form-action 'self'",
      `frame-ancestors ${frames.join(' ')}`,
    ].join('; '),
  );
  response.type('html').send(
    merchantDocument({
      clientId: registration.clientId,
      shop,
      assets,
      language: await languageOf(doors, { shop, registrationId: registration.id }),
      appBridgeUrl: doors.outsideUrl('https://cdn.shopify.com/shopifycloud/app-bridge.js'),
    }),
  );
}

/** A hint: the page works in any language. The database may be away, and the page then says so. */
async function languageOf(
  doors: Doors,
  of: { shop: string; registrationId: number },
): Promise<string | null> {
  try {
    const { registrationId, shop: domain } = of;
    const shop = await shopOf(doors.deps.db, { registrationId, domain });
    return shop && (await settingsOf(doors.deps.db, shop.id)).settings.language;
  } catch {
    return null;
  }
}

/**
 * Which app the page belongs to. A fresh load proves it; a frame that is loaded again has an old
 * proof, and then the shop names it. The page itself shows nothing before its own token is checked.
 */
async function registrationOfDocument(
  doors: Doors,
  given: { shop: string | undefined; query: URLSearchParams },
): Promise<Registration | undefined> {
  const registrations = await doors.registrations('merchant');
  const proof = await proveDocumentLoad(given.query, registrations);
  if (proof.ok) return proof.app;
  if (given.shop === undefined) return undefined;
  const [installed] = await shopsOfDomain(doors.deps.db, given.shop);
  const known = registrations.find(({ id }) => id === installed?.registrationId);
  return known ?? registrations[0];
}
