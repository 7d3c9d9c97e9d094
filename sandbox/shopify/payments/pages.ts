/**
 * The gateway's page in the admin, where the merchant activates the method, and the page of the
 * checkout to which the app sends the buyer after a verdict.
 */

import express, { Router, type Request } from 'express';
import type { Order, Shop } from '../nouns.ts';
import { padded } from '../money.ts';
import { html, raw, type Html } from '../pages/html.ts';
import { adminBase, adminPage, shopPage, shown } from '../pages/layout.ts';
import { installOf } from '../tokens.ts';
import { shopOf, type World } from '../world.ts';
import { activate, gatewayOf, offered, paymentsApps, type PaymentsApp } from './gateways.ts';
import { openingOf } from './grants.ts';
import type { PaymentsSide } from './index.ts';
import type { MoneyKind, PaymentSession } from './nouns.ts';
import { leftOf } from './verdicts.ts';

export const settingsPath = (shop: string, clientId: string): string =>
  `/${shop}/services/payments_partners/gateways/${clientId}/settings`;

function gatewayMain(
  world: World,
  input: { shop: Shop; app: PaymentsApp; problem?: string },
): Html {
  const { shop, app, problem } = input;
  const gateway = gatewayOf(world, { clientId: app.clientId, shop: shop.domain });
  const { label } = app.payments;
  const off = gateway.ready ? '' : raw('disabled');
  return html`<main class="desk">
    <div class="inside">
      <h1>${label}</h1>
      <form class="card" method="post">
        ${problem === undefined ? '' : html`<p role="alert"><strong>${problem}</strong></p>`}
        <p>
          ${
            gateway.active
              ? `Active${gateway.test ? ', in test mode' : ''}: buyers can choose it.`
              : 'Not active: buyers do not see it.'
          }
        </p>
        ${
          gateway.ready
            ? ''
            : html`<p>
                ${app.name} has not said that it is ready.
                <a href="${openingOf(app, shop.domain)}">Finish its setup</a>
              </p>`
        }
        <fieldset>
          <legend>Test mode</legend>
          <label class="choice">
            <input
              type="checkbox"
              name="test"
              value="on"
              ${gateway.test ? raw('checked') : ''}
              ${off}
            />
            Enable test mode
          </label>
        </fieldset>
        <button class="main" name="act" value="activate" ${off}>
          ${gateway.active ? 'Save' : `Activate ${label}`}
        </button>
        ${gateway.active ? html`<button name="act" value="deactivate">Deactivate</button>` : ''}
      </form>
    </div>
  </main>`;
}

function gatewayRoutes(world: World, routes: Router): void {
  const at = '/:shop/services/payments_partners/gateways/:app/settings';
  const find = (req: Request) => {
    const shop = shopOf(world, String(req.params['shop']));
    const app = paymentsApps(world).find((it) => it.clientId === req.params['app']);
    if (shop === undefined || app === undefined) return undefined;
    return installOf(world, app.clientId, shop.domain).installed ? { shop, app } : undefined;
  };
  const page = (found: { shop: Shop; app: PaymentsApp; problem?: string }): string => {
    const main = gatewayMain(world, found);
    const title = found.app.payments.label;
    return adminPage(world, found.shop, { title, at: '/settings/payments', main });
  };
  routes.get(at, (req, res, next) => {
    const found = find(req);
    if (found === undefined) next();
    else res.type('html').send(page(found));
  });
  routes.post(at, express.urlencoded({ extended: false }), (req, res, next) => {
    const found = find(req);
    if (found === undefined) {
      next();
      return;
    }
    const { act, test } = req.body as { act?: string; test?: string };
    const input = { app: found.app, shop: found.shop.domain };
    const active = act !== 'deactivate';
    const problem = activate(world, { ...input, active, test: test === 'on' });
    if (problem === undefined) res.redirect(303, settingsPath(input.shop, found.app.clientId));
    else
      res
        .status(422)
        .type('html')
        .send(page({ ...found, problem }));
  });
}

const sessionsOf = (world: World, token: string): PaymentSession[] =>
  world.state.sessions.filter((it) => it.checkoutToken === token);

/** What a buyer who comes back from the app's page is told at the checkout. */
export function problemAfter(world: World, token: string): string | undefined {
  const latest = sessionsOf(world, token).at(-1);
  return latest?.state === 'rejected'
    ? 'Your payment was not accepted. Try again, or choose another method.'
    : undefined;
}

/** `GET /{shop}/checkouts/{token}/processing`: where every verdict sends the buyer. */
function processingRoutes(world: World, routes: Router): void {
  routes.get('/:shop/checkouts/:token/processing', (req, res, next) => {
    const shop = shopOf(world, req.params.shop);
    const checkout = world.state.checkouts.find(
      (it) => it.token === req.params['token'] && it.shop === shop?.domain,
    );
    if (shop === undefined || checkout === undefined) {
      next();
      return;
    }
    const base = `/${shop.domain}/checkouts/${checkout.token}`;
    if (checkout.orderId !== null) {
      // What was bought is no longer in the cart.
      res.set('Set-Cookie', `cart=; Path=/${shop.domain}; SameSite=Lax`);
      res.redirect(303, `${base}/thank-you`);
      return;
    }
    if (problemAfter(world, checkout.token) !== undefined) {
      res.redirect(303, base);
      return;
    }
    const main = html`<h1>Processing your order</h1>
      <p>This page goes on by itself.</p>
      <p><a href="${base}">Back to the checkout</a></p>`;
    res
      .set('Refresh', '2')
      .type('html')
      .send(shopPage(shop, { title: 'Processing', cartCount: 0, main }));
  });
}

export function paymentsPages(world: World): Router {
  const routes = Router();
  gatewayRoutes(world, routes);
  processingRoutes(world, routes);
  return routes;
}

/** The methods of payments apps, among the others of the checkout. */
export const offsiteChoices = (world: World, shop: Shop): { value: string; label: Html }[] =>
  offered(world, shop).map((app) => {
    const { test } = gatewayOf(world, { clientId: app.clientId, shop: shop.domain });
    return {
      value: `offsite:${app.clientId}`,
      label: html`<span
        >${app.payments.label}, offsite<br />
        <span class="soft small">${test ? 'Test mode.' : ''} You pay on its own page.</span></span
      >`,
    };
  });

export const chosenOffsite = (world: World, shop: Shop, value: unknown): PaymentsApp | undefined =>
  offered(world, shop).find((app) => value === `offsite:${app.clientId}`);

/** In the admin: the gateways of payments apps. */
export function gatewayList(world: World, shop: Shop): Html {
  const apps = paymentsApps(world);
  if (apps.length === 0) return html``;
  return html`<section class="card" aria-labelledby="gateways">
    <h2 id="gateways">Payment providers</h2>
    <ul>
      ${apps.map((app) => {
        const { installed } = installOf(world, app.clientId, shop.domain);
        const gateway = gatewayOf(world, { clientId: app.clientId, shop: shop.domain });
        const state = gateway.active ? 'active' : gateway.ready ? 'not active' : 'not ready';
        return installed
          ? html`<li>
              <a href="${settingsPath(shop.domain, app.clientId)}">${app.payments.label}</a>
              of ${app.name}: ${state}
            </li>`
          : html`<li>
              <a href="${openingOf(app, shop.domain)}">Install ${app.name}</a>
            </li>`;
      })}
    </ul>
  </section>`;
}

/** In the admin, on an order: what its payments app can be asked for, and what it was. */
export function offsiteActions(
  world: World,
  input: { side: PaymentsSide; order: Order },
): Html | undefined {
  const { side, order } = input;
  const session = side.sessionOf(order.id);
  if (session === undefined) return undefined;
  const action = `${adminBase(order.shop)}/orders/${order.id}`;
  const money = (what: 'refund' | 'capture', label: string): Html => {
    const left = leftOf(world, { session, what });
    if (left <= 0n) return html``;
    return html`<form method="post" class="row" action="${action}/${what}">
      <label class="field"
        >Amount (${session.currency})
        <input
          name="amount"
          value="${padded(left, session.currency)}"
          inputmode="decimal"
          required
        />
      </label>
      <button>${label}</button>
    </form>`;
  };
  const asked = side.hands.moneySessions(session.id);
  const nothing = leftOf(world, { session, what: 'capture' }) === session.amountMinor;
  return html`<section class="card" aria-labelledby="offsite">
    <h2 id="offsite">Paid through ${session.order.method ?? ''}</h2>
    <p class="soft small">Payment ID ${session.id}${session.test ? ', in test mode' : ''}</p>
    ${session.kind === 'authorization' ? money('capture', 'Capture') : ''}
    ${
      session.kind === 'authorization' && nothing
        ? html`<form method="post" class="row" action="${action}/void">
            <button>Void</button>
          </form>`
        : ''
    }
    ${money('refund', 'Refund')}
    ${
      asked.length === 0
        ? ''
        : html`<ul>
            ${asked.map(
              (it) =>
                html`<li>
                  ${it.what} of ${shown(it.amountMinor, it.currency)}: ${WORDS[it.state]}
                </li>`,
            )}
          </ul>`
    }
  </section>`;
}

const WORDS = {
  open: 'the app is at it',
  refused: 'the app did not take it: ask again',
  resolved: 'done',
  rejected: 'the app refused it',
} as const;

/** The admin's buttons of `offsiteActions`; false: this order was not paid through an app. */
export async function actOffsite(input: {
  side: PaymentsSide;
  order: Order;
  act: string;
  amount: string | undefined;
}): Promise<boolean> {
  const { side, order, act, amount } = input;
  const session = side.sessionOf(order.id);
  const what = (['refund', 'capture', 'void'] as MoneyKind[]).find((it) => it === act);
  if (session === undefined || what === undefined) return false;
  await side.money(what, session, amount);
  return true;
}
