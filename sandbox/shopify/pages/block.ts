/**
 * The page in which an extension runs. Empty but for its scripts: the elements, the host with its
 * `shopify` global, the app's bundle.
 */

import { Router, type Request, type Response } from 'express';
import { browserScript, bundleOf, isTarget, TARGETS, wordsOf, type Target } from '../extension.ts';
import { gid, shopNumber } from '../ids.ts';
import { padded } from '../money.ts';
import type { App, Order, Shop } from '../nouns.ts';
import { pendingSale, total } from '../order-sums.ts';
import { extensionClaims, signToken } from '../signatures.ts';
import { appOf, shopOf, type World } from '../world.ts';
import { asked, html, json, raw } from './html.ts';

const LOOK = `:root{color-scheme:light dark;font:16px/1.5 Inter,system-ui,sans-serif}
html{background:transparent;color:light-dark(#22201c,#efece5)}body{margin:0}`;

function configOf(
  world: World,
  input: { app: App; shop: Shop; order: Order; target: Target; req: Request },
) {
  const { app, shop, order, target, req } = input;
  const call = { shop: shop.domain, names: [target] };
  const late = world.faults.take(['no-checkout-token'], call);
  const language = asked(req.query['locale']) || (req.acceptsLanguages()[0] ?? 'en');
  const currencyCode = order.presentmentCurrency;
  const manual = pendingSale(order) !== undefined;
  return {
    target,
    appOrigin: new URL(app.appUrl).origin,
    tokenUrl: `/extensions.shopifycdn.com/session-token/${shop.domain}/${app.clientId}`,
    checkoutToken: order.checkoutToken,
    checkoutTokenAfterMs: late === undefined ? 0 : (late.delayMs ?? 20_000),
    order: {
      id: gid('Order', order.id),
      name: order.name,
      number: order.confirmationNumber,
      cancelledAt:
        order.cancelledAt === null ? undefined : new Date(order.cancelledAt).toISOString(),
      processedAt: new Date(order.createdAt).toISOString(),
    },
    shop: {
      id: gid('Shop', shopNumber(shop.domain)),
      name: shop.name,
      myshopifyDomain: shop.domain,
      storefrontUrl: `${world.origin()}/${shop.domain}`,
    },
    amount: { amount: padded(total(order), currencyCode), currencyCode },
    paymentType: manual ? 'manualPayment' : 'creditCard',
    editor: req.query['editor'] === '1',
    ...wordsOf(app, language),
  };
}

type Config = ReturnType<typeof configOf>;

const directionOf = (locale: string): 'rtl' | 'ltr' =>
  /^(ar|fa|he|ur)\b/.test(locale) ? 'rtl' : 'ltr';

function blockDocument(app: App, config: Config): string {
  const { target } = config;
  return html`<!doctype html>
    <html lang="${config.locale}" dir="${directionOf(config.locale)}">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>${app.name}</title>
        <style>
          ${raw(LOOK)}
        </style>
        <script type="application/json" id="config">
          ${json(config)}
        </script>
        <script defer src="/extensions.shopifycdn.com/elements.js"></script>
        <script defer src="/extensions.shopifycdn.com/host.js"></script>
        <script defer src="/extensions.shopifycdn.com/bundle/${app.clientId}/${target}"></script>
      </head>
      <body></body>
    </html>`.text;
}

export function blockPages(world: World): Router {
  const routes = Router();
  const script = (name: string) => async (_req: Request, res: Response) => {
    res.type('js').send(await browserScript(name));
  };
  routes.get('/extensions.shopifycdn.com/elements.js', script('elements'));
  routes.get('/extensions.shopifycdn.com/host.js', script('extension-host'));
  routes.get('/extensions.shopifycdn.com/bundle/:client/:target', async (req, res, next) => {
    const app = appOf(world, req.params.client);
    const { target } = req.params;
    if (app === undefined || !isTarget(target)) {
      next();
      return;
    }
    try {
      res.type('js').send(await bundleOf(app, target));
    } catch (error) {
      const why = error instanceof Error ? error.message : 'unknown';
      res
        .type('js')
        .send(`throw new Error(${JSON.stringify(`The extension was not built: ${why}`)})`);
    }
  });
  // Anyone with a checkout in the shop can have one; it proves shop and app, not the order.
  routes.post('/extensions.shopifycdn.com/session-token/:shop/:client', (req, res, next) => {
    const app = appOf(world, req.params.client);
    const shop = shopOf(world, req.params.shop);
    if (app === undefined || shop === undefined) next();
    else
      res.json({
        token: signToken(app.secret, extensionClaims(shop.domain, app.clientId, Date.now())),
      });
  });
  routes.get('/extensions.shopifycdn.com/block/:shop/:token', (req, res, next) => {
    const shop = shopOf(world, req.params.shop);
    const app = appOf(world, asked(req.query['app']));
    const target = asked(req.query['target']) || TARGETS.thankYou;
    const order = world.state.orders.find(
      (it) => it.checkoutToken === req.params.token && it.shop === shop?.domain,
    );
    if (shop === undefined || app === undefined || order === undefined || !isTarget(target)) {
      next();
      return;
    }
    const config = configOf(world, { app, shop, order, target, req });
    res.type('html').send(blockDocument(app, config));
  });
  return routes;
}
