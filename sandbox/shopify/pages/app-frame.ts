/**
 * The embedded app in the admin: framed from another origin with Shopify's own query, so that
 * `frame-ancestors`, the session token and the HMAC are all real. App Bridge talks to this page by
 * postMessage.
 */

import { Router, type Request, type Response } from 'express';
import { activations, browserScript, manifestOf } from '../extension.ts';
import { install } from '../installs.ts';
import type { App, Shop } from '../nouns.ts';
import { adminClaims, frameQuery, signToken } from '../signatures.ts';
import { isPaymentsApp } from '../payments/gateways.ts';
import { openingOf } from '../payments/grants.ts';
import { installOf } from '../tokens.ts';
import type { World } from '../world.ts';
import { storeFor } from './admin.ts';
import { html, json, type Html } from './html.ts';
import { adminBase, adminPage } from './layout.ts';

function frameMain(
  world: World,
  shop: Shop,
  input: { app: App; path: string; own: Record<string, string>; locale: string },
): Html {
  const { app, path, own, locale } = input;
  const query = frameQuery(app, shop.domain, { locale, nowMs: Date.now(), own });
  const base = `${adminBase(shop.domain)}/apps/${app.handle}`;
  const config = {
    origin: new URL(app.appUrl).origin,
    clientId: app.clientId,
    base,
    adminBase: adminBase(shop.domain),
    shop: shop.domain,
    tokenUrl: `${adminBase(shop.domain)}/session-token/${app.clientId}`,
    extensions: extensionsOf(world, shop, app),
  };
  return html`<main class="frame">
      <h1 id="title">${app.name}</h1>
      <div class="busy" id="busy" hidden></div>
      <iframe
        id="app"
        title="${app.name}"
        allow="clipboard-write"
        src="${app.appUrl}${path}?${query.toString()}"
      ></iframe>
    </main>
    <div class="savebar" id="bar" role="region" aria-label="Unsaved changes" hidden>
      <span>Unsaved changes</span><button id="discard">Discard</button
      ><button id="save" class="main">Save</button>
    </div>
    <div class="toast" id="toast" role="status" hidden></div>
    <script type="application/json" id="config">
      ${json(config)}
    </script>`;
}

function extensionsOf(world: World, shop: Shop, app: App): object[] {
  const manifest = manifestOf(app);
  if (manifest === undefined) return [];
  const targets = activations(world, shop.domain, app);
  return [
    {
      handle: manifest.handle,
      type: 'ui_extension',
      activations: targets.map((target) => ({ target, status: 'active' })),
    },
  ];
}

const consent = (app: App): Html =>
  html`<main class="desk">
    <div class="inside">
      <form class="card" method="post">
        <h1>Install ${app.name}</h1>
        <p>It asks to:</p>
        <ul>
          ${app.scopes.map((scope) => html`<li>${scope.replace('_', ' ')}</li>`)}
        </ul>
        <button class="main">Install</button>
      </form>
    </div>
  </main>`;

/** Where an app sends a merchant who is to approve what it needs. */
function approving(world: World, at: string): Router {
  const routes = Router();
  const find = (req: Request) => {
    const shop = storeFor(world, req);
    const app = world.apps.find((it) => it.clientId === req.query['client_id']);
    return shop === undefined || app === undefined ? undefined : { shop, app };
  };
  routes.get(`${at}/oauth/install`, (req, res, next) => {
    const found = find(req);
    if (found === undefined) {
      next();
      return;
    }
    const { shop, app } = found;
    const page = { title: app.name, at: `/apps/${app.handle}`, main: consent(app) };
    res.type('html').send(adminPage(world, shop, page));
  });
  routes.post(`${at}/oauth/install`, (req, res, next) => {
    const found = find(req);
    if (found === undefined) {
      next();
      return;
    }
    install(world, { app: found.app.clientId, shop: found.shop.domain });
    res.redirect(303, `${adminBase(found.shop.domain)}/apps/${found.app.handle}`);
  });
  return routes;
}

export function appFrame(world: World): Router {
  const routes = Router();
  const at = '/admin.shopify.com/store/:store';
  const find = (req: Request) => {
    const shop = storeFor(world, req);
    const name = String(req.params['app']);
    const app = world.apps.find((it) => it.handle === name || it.clientId === name);
    return shop === undefined || app === undefined ? undefined : { shop, app };
  };
  routes.get('/cdn.shopify.com/shopifycloud/app-bridge.js', async (_req, res) => {
    res.type('js').send(await browserScript('app-bridge'));
  });
  routes.get('/cdn.shopify.com/static/fonts/inter/v4/styles.css', (_req, res) => {
    res.type('css').send('/* The sandbox has no fonts to give. */');
  });
  routes.get('/_sandbox/admin-frame.js', async (_req, res) => {
    res.type('js').send(await browserScript('admin-frame'));
  });
  routes.post(`${at}/session-token/:app`, (req, res, next) => {
    const found = find(req);
    if (found === undefined) {
      next();
      return;
    }
    const { shop, app } = found;
    if (!installOf(world, app.clientId, shop.domain).installed) res.status(403).json({});
    else
      res.json({
        token: signToken(app.secret, adminClaims(shop.domain, app.clientId, Date.now())),
      });
  });
  routes.use(approving(world, at));
  const frame = (req: Request, res: Response, next: () => void): void => {
    const found = find(req);
    if (found === undefined) {
      next();
      return;
    }
    const { shop, app } = found;
    if (isPaymentsApp(app)) {
      res.redirect(302, openingOf(app, shop.domain));
      return;
    }
    const installed = installOf(world, app.clientId, shop.domain).installed;
    const path = `/${[req.params['path'] ?? []].flat().join('/')}`;
    const locale = (req.acceptsLanguages()[0] ?? 'en').replace('*', 'en');
    const own = Object.fromEntries(new URL(req.url, 'http://sandbox').searchParams);
    const main = installed ? frameMain(world, shop, { app, path, own, locale }) : consent(app);
    const script = installed ? '/_sandbox/admin-frame.js' : undefined;
    const page = { title: app.name, at: `/apps/${app.handle}`, main };
    res
      .type('html')
      .send(adminPage(world, shop, script === undefined ? page : { ...page, script }));
  };
  routes.get(`${at}/apps/:app{/*path}`, frame);
  routes.post(`${at}/apps/:app{/*path}`, (req, res, next) => {
    const found = find(req);
    if (found === undefined) {
      next();
      return;
    }
    install(world, { app: found.app.clientId, shop: found.shop.domain });
    res.redirect(303, `${adminBase(found.shop.domain)}/apps/${found.app.handle}`);
  });
  return routes;
}
