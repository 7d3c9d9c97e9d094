/**
 * The authorization code grant: the page on which a merchant approves the app, and the codes that
 * come of it. A code works once, for one app and one shop, for a minute.
 */

import express, { Router, type Request, type Response } from 'express';
import { hex, storeOf } from '../ids.ts';
import type { Shop } from '../nouns.ts';
import { asked, html, type Html } from '../pages/html.ts';
import { shopPage } from '../pages/layout.ts';
import { querySignature } from '../signatures.ts';
import { installOf } from '../tokens.ts';
import { shopOf, type World } from '../world.ts';
import { paymentsApps, type PaymentsApp } from './gateways.ts';

const CODE_MS = 60_000;

type Asked = { app: PaymentsApp; shop: Shop; redirectUri: string; state: string };

/** What is wrong with the address, in Shopify's manner: said here, never to the redirect. */
function readRequest(world: World, shop: Shop, query: Record<string, unknown>): Asked | string {
  const app = paymentsApps(world).find((it) => it.clientId === query['client_id']);
  if (app === undefined) return 'invalid_request: Could not find API application with api_key';
  const redirectUri = asked(query['redirect_uri']);
  if (!app.payments.redirectUrls.includes(redirectUri))
    return 'invalid_request: The redirect_uri is not whitelisted';
  const scopes = asked(query['scope'])
    .split(',')
    .map((it) => it.trim())
    .filter((it) => it !== '');
  const beyond = scopes.find((it) => !app.scopes.includes(it));
  if (beyond !== undefined) return `invalid_scope: ${beyond}`;
  const state = asked(query['state']);
  if (state === '') return 'invalid_request: state is missing';
  return { app, shop, redirectUri, state };
}

function redirectOf(world: World, request: Asked): string {
  const { app, shop, redirectUri, state } = request;
  const code = hex(16);
  world.state.codes.push({
    code,
    clientId: app.clientId,
    shop: shop.domain,
    endsAt: world.clock.now() + CODE_MS,
    used: false,
  });
  world.changed();
  const query: Record<string, string> = {
    code,
    host: Buffer.from(`admin.shopify.com/store/${storeOf(shop.domain)}`).toString('base64'),
    shop: shop.domain,
    state,
    timestamp: String(Math.floor(Date.now() / 1000)),
  };
  const hmac = querySignature(app.secret, query);
  return `${redirectUri}?${new URLSearchParams({ ...query, hmac }).toString()}`;
}

/** Uses the code up; undefined when it is not good any more, or was never. */
export function takeCode(
  world: World,
  input: { code: unknown; clientId: string; shop: string },
): boolean {
  const found = world.state.codes.find(
    (it) => it.code === input.code && it.clientId === input.clientId && it.shop === input.shop,
  );
  if (found === undefined || found.used || found.endsAt <= world.clock.now()) return false;
  found.used = true;
  world.changed();
  return true;
}

const consent = (request: Asked): Html =>
  html`<form class="card" method="post">
    <h1>Install ${request.app.name}</h1>
    <p>${request.app.name} will be able to:</p>
    <ul>
      ${request.app.scopes.map((scope) => html`<li>${scope.replaceAll('_', ' ')}</li>`)}
    </ul>
    <button class="main">Install</button>
  </form>`;

/** The signed address with which the admin opens a payments app, at the top of the window. */
export function openingOf(app: PaymentsApp, shop: string): string {
  const query: Record<string, string> = {
    host: Buffer.from(`admin.shopify.com/store/${storeOf(shop)}`).toString('base64'),
    shop,
    timestamp: String(Math.floor(Date.now() / 1000)),
  };
  const hmac = querySignature(app.secret, query);
  return `${app.payments.applicationUrl}?${new URLSearchParams({ ...query, hmac }).toString()}`;
}

/**
 * The page shows at an app's first time; later the answer comes at once, as Shopify gives it to an
 * app that is installed with these scopes.
 */
export function grantRoutes(world: World, switches: { approveAtOnce: boolean }): Router {
  const routes = Router();
  const at = '/:shop/admin/oauth/authorize';
  const find = (req: Request, res: Response): Asked | undefined => {
    const shop = shopOf(world, String(req.params['shop']));
    const request = shop && readRequest(world, shop, req.query);
    if (shop === undefined) res.status(404).send('Not Found');
    else if (typeof request === 'string') {
      const main = html`<h1>Oauth error</h1>
        <p>${request}</p>`;
      const page = shopPage(shop, { title: 'Oauth error', cartCount: 0, main });
      res.status(400).type('html').send(page);
    } else return request;
    return undefined;
  };
  routes.get(at, (req, res) => {
    const request = find(req, res);
    if (request === undefined) return;
    const { app, shop } = request;
    const known = installOf(world, app.clientId, shop.domain).installed;
    if (known || switches.approveAtOnce) {
      res.redirect(302, redirectOf(world, request));
      return;
    }
    const page = { title: `Install ${app.name}`, cartCount: 0, main: consent(request) };
    res.type('html').send(shopPage(shop, page));
  });
  routes.post(at, express.urlencoded({ extended: false }), (req, res) => {
    const request = find(req, res);
    if (request !== undefined) res.redirect(302, redirectOf(world, request));
  });
  return routes;
}
