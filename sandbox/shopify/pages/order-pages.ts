/**
 * What a buyer sees of an order: the thank-you page and the order-status page. Each runs the app's
 * block in a frame, as the merchant placed it in the checkout editor.
 */

import { Router, type NextFunction, type Request, type Response } from 'express';
import type { Order, Shop } from '../nouns.ts';
import { financialStatus, gatewayNames, outstanding, total } from '../order-sums.ts';
import { placedBlocks, TARGETS, type Target } from '../extension.ts';
import { mailLink } from '../proxy.ts';
import { shopOf, type World } from '../world.ts';
import { asked, html, raw, type Html } from './html.ts';
import { shopPage, shown } from './layout.ts';

/** A frame may grow as tall as what is in it. */
const GROW = `addEventListener('message', (event) => {
  for (const frame of document.querySelectorAll('iframe.block'))
    if (event.source === frame.contentWindow && event.data?.source === 'sandbox-block') {
      frame.style.height = event.data.height + 'px';
      frame.style.marginBottom = event.data.height === 0 ? '0' : '';
    }
});`;

/** What a page shows of an order, in the language that its address asks for (`?locale=`). */
type Shown = { order: Order; target: Target; locale: string };

const blockAddress = ({ order, target, locale }: Shown, clientId: string): string => {
  const query = new URLSearchParams({ target, app: clientId });
  if (locale !== '') query.set('locale', locale);
  const place = `/extensions.shopifycdn.com/block/${order.shop}/${order.checkoutToken}`;
  return `${place}?${query.toString()}`;
};

const blocks = (world: World, seen: Shown): Html[] =>
  placedBlocks(world, seen.order.shop, seen.target).map(
    (app) =>
      html`<iframe
        class="block"
        title="${app.name}"
        allow="clipboard-write"
        src="${blockAddress(seen, app.clientId)}"
      ></iframe>`,
  );

function lines(order: Order): Html {
  const { presentmentCurrency: currency } = order;
  return html`<table>
    <caption class="skip">
      What you ordered
    </caption>
    <tbody>
      ${order.lines
        .filter((line) => line.removed < line.quantity)
        .map(
          (line) =>
            html`<tr>
              <td>
                ${line.title}<br /><span class="soft small">${line.quantity - line.removed} ×</span>
              </td>
              <td class="right nowrap">
                ${shown(line.unitMinor * BigInt(line.quantity - line.removed), currency)}
              </td>
            </tr>`,
        )}
      <tr>
        <td><strong>Total</strong></td>
        <td class="right nowrap"><strong>${shown(total(order), currency)}</strong></td>
      </tr>
      <tr>
        <td>Still to pay</td>
        <td class="right nowrap">${shown(outstanding(order), currency)}</td>
      </tr>
    </tbody>
  </table>`;
}

const WORDS = {
  PENDING: 'We are waiting for your payment.',
  AUTHORIZED: 'Your payment is reserved.',
  PARTIALLY_PAID: 'A part is paid.',
  PAID: 'It is paid.',
  PARTIALLY_REFUNDED: 'A part was refunded.',
  REFUNDED: 'It was refunded.',
  VOIDED: 'It was cancelled.',
} as const;

/** The order's e-mail, as far as it is about paying: the merchant pasted the app's line into it. */
function mail(world: World, order: Order): Html | null {
  const link = mailLink(world, order);
  return link === undefined
    ? null
    : html`<p class="soft small">
        In the e-mail of this order: <a href="${link}">Pay with Bitcoin (Lightning)</a>
      </p>`;
}

function orderMain(world: World, shop: Shop, seen: Shown): Html {
  const { order, target } = seen;
  const thanks = target === TARGETS.thankYou;
  const other = thanks
    ? html`<a href="/${shop.domain}/orders/${order.checkoutToken}">See your order’s page</a>`
    : html`<a href="/${shop.domain}/">Back to the shop</a>`;
  return html`<p class="soft">Confirmation #${order.confirmationNumber}</p>
    <h1>${thanks ? 'Thank you for your order' : `Order ${order.name}`}</h1>
    <div class="two">
      <div>
        ${blocks(world, seen)}
        <section class="card" aria-labelledby="state">
          <h2 id="state">${thanks ? `Order ${order.name} is placed` : 'Where it stands'}</h2>
          <p>${WORDS[financialStatus(order)]}</p>
          <p class="soft">Payment: ${gatewayNames(order).join(', ')}</p>
          ${other}${mail(world, order)}
        </section>
      </div>
      <section class="card" aria-labelledby="sum">
        <h2 id="sum">Order summary</h2>
        ${lines(order)}
      </section>
    </div>
    <script>
      ${raw(GROW)};
    </script>`;
}

export function orderPages(world: World): Router {
  const routes = Router();
  const find = (req: Request) => {
    const shop = shopOf(world, String(req.params['shop']));
    const order = world.state.orders.find(
      (it) => it.checkoutToken === req.params['token'] && it.shop === shop?.domain && !it.deleted,
    );
    return shop === undefined || order === undefined ? undefined : { shop, order };
  };
  const show = (target: Target, title: string) => {
    return (req: Request, res: Response, next: NextFunction): void => {
      const found = find(req);
      if (found === undefined) {
        next();
        return;
      }
      const locale = asked(req.query['locale']);
      const main = orderMain(world, found.shop, { order: found.order, target, locale });
      res.type('html').send(shopPage(found.shop, { title, cartCount: 0, main }));
    };
  };
  routes.get('/:shop/checkouts/:token/thank-you', show(TARGETS.thankYou, 'Thank you'));
  routes.get('/:shop/orders/:token', show(TARGETS.orderStatus, 'Your order'));
  return routes;
}
