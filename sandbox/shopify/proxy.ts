/**
 * Shopify's app proxy: an address of the shop that leads to the app, signed on the way. The app
 * sees which shop it was, and who is logged in there; the buyer's cookies stay with the shop.
 */

import { Router, type Request, type Response } from 'express';
import type { App, Order } from './nouns.ts';
import { gatewayNames } from './order-sums.ts';
import { proxySignature } from './signatures.ts';
import { installOf } from './tokens.ts';
import type { AppProxy } from './toml.ts';
import { shopOf, type World } from './world.ts';

export const DEFAULT_PROXY: AppProxy = { url: '/proxy', prefix: 'apps', subpath: 'zaptill' };

/** The method in whose orders the merchant's e-mails have the app's link. */
const PAID_BY = 'Bitcoin (Lightning)';
const PATIENCE_MS = 10_000;

/** Installed, and opened at least once. */
const isInstalled = (world: World, shop: string, app: App): boolean =>
  installOf(world, app.clientId, shop).installed &&
  world.state.tokens.some((it) => it.shop === shop && it.clientId === app.clientId);

/** The app that the shop's address leads to. Two cannot have the same one. */
const proxied = (world: World, shop: string, at: { prefix: string; subpath: string }) =>
  world.apps.find(
    (app) =>
      app.proxy?.prefix === at.prefix &&
      app.proxy.subpath === at.subpath &&
      isInstalled(world, shop, app),
  );

/**
 * What the snippet in the template of the order confirmation makes of an order; none where its
 * condition on the method does not hold. Liquid knows `id` and `confirmation_number`.
 */
export function mailLink(world: World, order: Order): string | undefined {
  const app = world.apps.find((it) => it.proxy !== null && isInstalled(world, order.shop, it));
  if (app?.proxy == null || !gatewayNames(order).includes(PAID_BY)) return undefined;
  const { prefix, subpath } = app.proxy;
  const query = `order=${order.id}&number=${order.confirmationNumber}`;
  return `${world.origin()}/${order.shop}/${prefix}/${subpath}/pay?${query}`;
}

/** The buyer's own parameters, and those that Shopify adds and signs. */
function signedQuery(
  world: World,
  input: { app: App; shop: string; given: URLSearchParams },
): URLSearchParams {
  const { app, shop, given } = input;
  const added = {
    shop,
    logged_in_customer_id: '',
    path_prefix: `/${app.proxy?.prefix ?? ''}/${app.proxy?.subpath ?? ''}`,
    timestamp: String(Math.floor(world.clock.now() / 1000)),
  };
  const query = new URLSearchParams(given);
  query.delete('signature');
  for (const [key, value] of Object.entries(added)) query.set(key, value);
  const all = Object.fromEntries([...query.keys()].map((key) => [key, query.getAll(key)]));
  query.set('signature', proxySignature(app.secret, all));
  return query;
}

async function forward(world: World, req: Request, res: Response, app: App): Promise<void> {
  const { pathname, searchParams } = new URL(req.originalUrl, world.origin());
  const shop = String(req.params['shop']);
  const { prefix, subpath, url } = app.proxy ?? DEFAULT_PROXY;
  const rest = pathname.slice(`/${shop}/${prefix}/${subpath}`.length);
  const target = new URL(url, `${app.appUrl}/`);
  target.pathname = `${target.pathname.replace(/\/$/, '')}${rest}`;
  target.search = signedQuery(world, { app, shop, given: searchParams }).toString();
  try {
    const answer = await fetch(target, {
      headers: { 'Accept-Language': req.get('accept-language') ?? '' },
      redirect: 'manual',
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
    for (const name of ['content-type', 'location', 'cache-control', 'referrer-policy']) {
      const value = answer.headers.get(name);
      if (value !== null) res.set(name, value);
    }
    res.status(answer.status).send(Buffer.from(await answer.arrayBuffer()));
  } catch {
    res.status(502).type('text').send('There was an error in the third-party application.');
  }
}

export function appProxy(world: World): Router {
  const routes = Router();
  routes.get('/:shop/:prefix/:subpath{/*rest}', async (req, res, next) => {
    const { shop, prefix, subpath } = req.params;
    const app =
      shopOf(world, shop) === undefined ? undefined : proxied(world, shop, { prefix, subpath });
    if (app === undefined) next();
    else await forward(world, req, res, app);
  });
  return routes;
}
