/**
 * The merchant's admin: orders and what can be done to them, payment methods, the checkout editor,
 * installed apps.
 */

import express, { Router, type Request, type Response } from 'express';
import { activations, manifestOf, place, TARGETS } from '../extension.ts';
import { install, uninstall } from '../installs.ts';
import { minorOf, padded } from '../money.ts';
import type { App, CancelReason, Order, Shop } from '../nouns.ts';
import * as acts from '../order-acts.ts';
import {
  canMarkAsPaid,
  financialStatus,
  gatewayNames,
  outstanding,
  received,
  refunded,
  total,
} from '../order-sums.ts';
import type { PaymentsSide } from '../payments/index.ts';
import { actOffsite, gatewayList, offsiteActions } from '../payments/pages.ts';
import { openingOf } from '../payments/grants.ts';
import { isPaymentsApp } from '../payments/gateways.ts';
import { installOf } from '../tokens.ts';
import { shopOf, type World } from '../world.ts';
import { html, raw, type Html } from './html.ts';
import { adminBase, adminPage, shown, STATUS_WORDS, timeOf } from './layout.ts';

const inside = (body: Html): Html =>
  html`<main class="desk"><div class="inside">${body}</div></main>`;

const badge = (order: Order): Html => {
  const status = financialStatus(order);
  return html`<span class="badge ${status}">${STATUS_WORDS[status]}</span>`;
};

function orderList(world: World, shop: Shop): Html {
  const base = adminBase(shop.domain);
  const orders = world.state.orders.filter((it) => it.shop === shop.domain && !it.deleted);
  const rows = [...orders].reverse().slice(0, 200);
  return inside(
    html`<h1>Orders</h1>
      <div class="card scroll">
        ${
          rows.length === 0
            ? html`<p class="soft">
                None yet. <a href="/${shop.domain}/">Buy something in the shop</a>.
              </p>`
            : html`<table>
                <thead>
                  <tr>
                    <th scope="col">Order</th>
                    <th scope="col">Date</th>
                    <th scope="col">Payment</th>
                    <th scope="col">Method</th>
                    <th scope="col" class="right">Total</th>
                  </tr>
                </thead>
                <tbody>
                  ${rows.map(
                    (order) =>
                      html`<tr>
                        <td><a href="${base}/orders/${order.id}">${order.name}</a></td>
                        <td class="nowrap">${timeOf(order.createdAt)}</td>
                        <td>${badge(order)}</td>
                        <td>${gatewayNames(order).join(', ')}</td>
                        <td class="right nowrap">
                          ${shown(total(order), order.presentmentCurrency)}
                        </td>
                      </tr>`,
                  )}
                </tbody>
              </table>`
        }
      </div>`,
  );
}

const act = (order: Order, name: string, label: string, more: Html = html``): Html =>
  html`<form method="post" class="row" action="${adminBase(order.shop)}/orders/${order.id}/${name}">
    ${more}<button>${label}</button>
  </form>`;

function actions(order: Order, input: { offsite: boolean }): Html {
  const owed = canMarkAsPaid(order);
  const currency = order.presentmentCurrency;
  const rest = received(order) - refunded(order);
  const decimal = (name: string, minor: bigint) =>
    html`<input name="${name}" value="${padded(minor, currency)}" inputmode="decimal" required />`;
  const left = order.lines.filter((line) => line.removed < line.quantity);
  const field = (label: string, input: Html) =>
    html`<label class="field">${label} ${input}</label>`;
  return html`<section class="card" aria-labelledby="do">
    <h2 id="do">What you can do</h2>
    <div class="row" style="margin-bottom:1rem">
      ${owed ? act(order, 'mark', 'Mark as paid') : ''}
      ${owed ? act(order, 'card', 'Buyer pays by card') : ''}
      ${order.cancelledAt === null ? act(order, 'cancel', 'Cancel order') : ''}
    </div>
    ${
      order.cancelledAt === null
        ? html`${act(
            order,
            'add',
            'Add item',
            html`${field('Item', html`<input name="title" value="Gift wrap" required />`)}
            ${field(`Price (${currency})`, decimal('price', minorOf('3', currency) ?? 0n))}`,
          )}
          ${
            left.length > 1
              ? act(
                  order,
                  'take',
                  'Remove item',
                  field(
                    'Item',
                    html`<select name="title">
                      ${left.map((line) => html`<option>${line.title}</option>`)}
                    </select>`,
                  ),
                )
              : ''
          }`
        : ''
    }
    ${
      rest > 0n && !input.offsite
        ? act(order, 'refund', 'Refund', field(`Amount (${currency})`, decimal('amount', rest)))
        : ''
    }
  </section>`;
}

function items(order: Order): Html {
  const money = (minor: bigint) => shown(minor, order.presentmentCurrency);
  return html`<section class="card" aria-labelledby="lines">
    <h2 id="lines">Items</h2>
    <table>
      <tbody>
        ${order.lines.map(
          (line) =>
            html`<tr>
              <td>
                ${
                  line.removed === line.quantity
                    ? html`<s>${line.title}</s> <span class="soft small">removed</span>`
                    : line.title
                }
              </td>
              <td class="right nowrap">${line.quantity} × ${money(line.unitMinor)}</td>
            </tr>`,
        )}
        <tr>
          <td><strong>Total</strong></td>
          <td class="right"><strong>${money(total(order))}</strong></td>
        </tr>
        <tr>
          <td>Paid by the buyer</td>
          <td class="right">${money(received(order))}</td>
        </tr>
        <tr>
          <td>Outstanding</td>
          <td class="right">${money(outstanding(order))}</td>
        </tr>
      </tbody>
    </table>
  </section>`;
}

function happened(world: World, order: Order): Html {
  const effects = world.state.effects.filter((it) => it.orderId === order.id);
  const money = (minor: bigint) => shown(minor, order.presentmentCurrency);
  return html`<section class="card scroll" aria-labelledby="moves">
      <h2 id="moves">Transactions</h2>
      <table>
        <tbody>
          ${order.transactions.map(
            (it) =>
              html`<tr>
                <td>${it.kind} ${it.status}<br /><span class="soft small">${it.gateway}</span></td>
                <td class="right nowrap">${money(it.amountMinor)}</td>
              </tr>`,
          )}
        </tbody>
      </table>
    </section>
    <section class="card" aria-labelledby="told">
      <h2 id="told">What happened, and by whom</h2>
      ${
        effects.length === 0
          ? html`<p class="soft">Nothing yet.</p>`
          : html`<ul>
              ${effects.map(
                (it) =>
                  html`<li>
                    ${it.what.replace('_', ' ')}
                    ${it.amountMinor === null ? '' : money(it.amountMinor)} by ${it.by}
                    <span class="soft small">(${it.call}, ${timeOf(it.at)})</span>
                  </li>`,
              )}
            </ul>`
      }
      <a href="/${order.shop}/orders/${order.checkoutToken}">The buyer’s page of this order</a>
    </section>`;
}

function orderDetail(world: World, input: { side: PaymentsSide; order: Order }): Html {
  const { order } = input;
  const offsite = offsiteActions(world, input);
  return inside(
    html`<p><a href="${adminBase(order.shop)}/orders">Orders</a></p>
      <h1>${order.name} ${badge(order)}</h1>
      <p class="soft">
        ${timeOf(order.createdAt)} &middot; ${gatewayNames(order).join(', ')}
        ${order.tags.length > 0 ? html`&middot; ${order.tags.join(', ')}` : ''}
      </p>
      <div class="two">
        <div>
          ${items(order)} ${offsite ?? ''} ${actions(order, { offsite: offsite !== undefined })}
        </div>
        <div>${happened(world, order)}</div>
      </div>`,
  );
}

const staff = (call: string) => ({ by: 'staff', call, requestId: null });

type Body = Record<string, string | undefined>;

const ACTS: Record<string, (world: World, order: Order, body: Body) => unknown> = {
  mark: (world, order) => acts.markAsPaid(world, order, staff('mark as paid')),
  card: (world, order) => acts.payByCard(world, order),
  cancel: (world, order) => {
    if (order.cancelledAt !== null) return;
    const reason: CancelReason = 'CUSTOMER';
    acts.cancelNow(world, order, { reason, restock: false, by: staff('cancel') });
  },
  add: (world, order, { title = 'Item', price = '' }) => {
    if (minorOf(price, order.presentmentCurrency) !== undefined)
      acts.edit(world, order, { add: [{ title, price }] });
  },
  take: (world, order, { title = '' }) => {
    acts.edit(world, order, { remove: [title] });
  },
  refund: (world, order, { amount = '' }) => {
    const amountMinor = minorOf(amount, order.presentmentCurrency) ?? 0n;
    return acts.refund(world, order, { amountMinor, note: null, by: staff('refund') });
  },
};

function paymentsMain(world: World, shop: Shop): Html {
  const methods = world.state.methods[shop.domain] ?? shop.methods;
  return inside(
    html`<h1>Payments</h1>
      ${gatewayList(world, shop)}
      <section class="card" aria-labelledby="manual">
        <h2 id="manual">Manual payment methods</h2>
        <p class="soft">What buyers see at the checkout. One name a line.</p>
        <form method="post">
          <label class="field"
            >Names
            <textarea name="methods" rows="4" style="width:100%;font:inherit;padding:.6rem">
${methods.join('\n')}</textarea>
          </label>
          <p></p>
          <button class="main">Save</button>
        </form>
      </section>`,
  );
}

function editorMain(world: World, shop: Shop): Html {
  const labels = {
    [TARGETS.thankYou]: 'Thank-you page',
    [TARGETS.orderStatus]: 'Order-status page',
  };
  const rows = world.apps.flatMap((app) => {
    const placed = activations(world, shop.domain, app);
    return Object.keys(manifestOf(app)?.modules ?? {}).map(
      (target) =>
        html`<label class="choice">
          <input
            type="checkbox"
            name="block"
            value="${app.clientId} ${target}"
            ${(placed as string[]).includes(target) ? raw('checked') : ''}
          />
          ${app.name}: ${(labels as Record<string, string>)[target] ?? target}
        </label>`,
    );
  });
  return inside(
    html`<h1>Checkout editor</h1>
      <form class="card" method="post">
        <fieldset>
          <legend>Blocks on the pages after the checkout</legend>
          ${rows.length === 0 ? html`<p class="soft">No app brings a block.</p>` : rows}
        </fieldset>
        <button class="main">Save</button>
      </form>`,
  );
}

/** A payments app opens at the top of the window, and installs itself by its grant. */
const opening = (shop: Shop, app: App): Html =>
  isPaymentsApp(app)
    ? html`<a class="button" href="${openingOf(app, shop.domain)}">Open</a>`
    : html`<a class="button" href="${adminBase(shop.domain)}/apps/${app.handle}">Open</a>`;

function appsMain(world: World, shop: Shop): Html {
  return inside(
    html`<h1>Apps</h1>
      ${world.apps.map((app) => {
        const { installed, scopes } = installOf(world, app.clientId, shop.domain);
        return html`<section class="card">
          <h2>${app.name}</h2>
          <p class="soft">${installed ? `May: ${scopes.join(', ')}` : 'Not installed'}</p>
          <form method="post" class="row">
            <input type="hidden" name="app" value="${app.clientId}" />
            ${opening(shop, app)}
            ${
              isPaymentsApp(app) && !installed
                ? ''
                : html`<button name="act" value="${installed ? 'uninstall' : 'install'}">
                    ${installed ? 'Uninstall' : 'Install'}
                  </button>`
            }
          </form>
        </section>`;
      })}`,
  );
}

function saveSettings(world: World, shop: Shop, input: { at: string; body: Body }): void {
  const { at, body } = input;
  if (at === '/settings/payments')
    world.state.methods[shop.domain] = (body['methods'] ?? '')
      .split(/\r?\n/)
      .map((it) => it.trim())
      .filter((it) => it !== '');
  if (at === '/settings/checkout/editor') {
    const chosen = [body['block'] ?? []].flat();
    for (const app of world.apps) {
      const own = chosen.filter((it) => it.startsWith(`${app.clientId} `));
      place(world, shop.domain, { app, targets: own.map((it) => it.split(' ')[1] ?? '') });
    }
  }
  if (at === '/settings/apps') {
    const pair = { app: body['app'] ?? '', shop: shop.domain };
    if (body['act'] === 'install') install(world, pair);
    else uninstall(world, pair);
  }
  world.changed();
}

const SETTINGS: Record<string, { title: string; main: (world: World, shop: Shop) => Html }> = {
  '/settings/payments': { title: 'Payments', main: paymentsMain },
  '/settings/checkout/editor': { title: 'Checkout', main: editorMain },
  '/settings/apps': { title: 'Apps', main: appsMain },
};

export const storeFor = (world: World, req: Request): Shop | undefined =>
  shopOf(world, `${String(req.params['store'])}.myshopify.com`);

export function adminPages(world: World, side: PaymentsSide): Router {
  const routes = Router();
  const form = express.urlencoded({ extended: false });
  const at = '/admin.shopify.com/store/:store';
  const show = (res: Response, shop: Shop, page: { title: string; at: string; main: Html }) =>
    res.type('html').send(adminPage(world, shop, page));
  const orderFor = (req: Request, shop: Shop | undefined) =>
    world.state.orders.find(
      (it) => String(it.id) === req.params['id'] && it.shop === shop?.domain && !it.deleted,
    );

  routes.get([at, `${at}/orders`], (req, res, next) => {
    const shop = storeFor(world, req);
    if (shop === undefined) next();
    else show(res, shop, { title: 'Orders', at: '/orders', main: orderList(world, shop) });
  });
  routes.get(`${at}/orders/:id`, (req, res, next) => {
    const shop = storeFor(world, req);
    const order = orderFor(req, shop);
    if (shop === undefined || order === undefined) {
      next();
      return;
    }
    const main = orderDetail(world, { side, order });
    show(res, shop, { title: order.name, at: '/orders', main });
  });
  routes.post(`${at}/orders/:id/:act`, form, async (req, res, next) => {
    const order = orderFor(req, storeFor(world, req));
    const { act } = req.params;
    const wanted = ACTS[act];
    if (order === undefined) {
      next();
      return;
    }
    const body = (req.body ?? {}) as Body;
    const asked = await actOffsite({ side, order, act, amount: body['amount'] });
    if (!asked && wanted === undefined) {
      next();
      return;
    }
    if (!asked) wanted?.(world, order, body);
    res.redirect(303, `${adminBase(order.shop)}/orders/${order.id}`);
  });
  for (const [path, page] of Object.entries(SETTINGS)) {
    routes.get(at + path, (req, res, next) => {
      const shop = storeFor(world, req);
      if (shop === undefined) next();
      else show(res, shop, { title: page.title, at: path, main: page.main(world, shop) });
    });
    routes.post(at + path, form, (req, res, next) => {
      const shop = storeFor(world, req);
      if (shop === undefined) {
        next();
        return;
      }
      saveSettings(world, shop, { at: path, body: (req.body ?? {}) as Body });
      res.redirect(303, adminBase(shop.domain) + path);
    });
  }
  return routes;
}
