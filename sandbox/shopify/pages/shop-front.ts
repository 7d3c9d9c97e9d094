/**
 * The shop for people: goods, cart, checkout. The cart lives in a cookie, the checkout in memory.
 */

import express, { Router, type Request, type Response } from 'express';
import { hex } from '../ids.ts';
import { minorOf, padded } from '../money.ts';
import type { Checkout, Shop } from '../nouns.ts';
import { createOrder, type OrderInput } from '../order-acts.ts';
import { gatewayOf, type PaymentsApp } from '../payments/gateways.ts';
import type { PaymentsSide } from '../payments/index.ts';
import { chosenOffsite, offsiteChoices, problemAfter } from '../payments/pages.ts';
import { shopOf, type World } from '../world.ts';
import { GOODS, goodOf, priceIn, type Good } from './goods.ts';
import { asked, html, raw, type Html } from './html.ts';
import { shopPage, shown } from './layout.ts';

const CURRENCIES = ['EUR', 'USD', 'JPY', 'KWD'];

type Item = { good: Good; quantity: number };

function cartOf(req: Request): Item[] {
  const cookie = /(?:^|;\s*)cart=([^;]*)/.exec(req.get('cookie') ?? '')?.[1] ?? '';
  return itemsOf(
    decodeURIComponent(cookie)
      .split(',')
      .map((pair) => pair.split(':'))
      .map(([product = '', quantity = '1']) => ({ product, quantity: Number(quantity) })),
  );
}

const itemsOf = (lines: { product: string; quantity: number }[]): Item[] =>
  lines.flatMap(({ product, quantity }) => {
    const good = goodOf(product);
    return good === undefined || !(quantity > 0)
      ? []
      : [{ good, quantity: Math.min(quantity, 99) }];
  });

const setCart = (res: Response, shop: Shop, items: Item[]): void => {
  const text = items.map((it) => `${it.good.handle}:${it.quantity}`).join(',');
  res.set('Set-Cookie', `cart=${encodeURIComponent(text)}; Path=/${shop.domain}; SameSite=Lax`);
};

const countOf = (items: Item[]): number => items.reduce((all, it) => all + it.quantity, 0);

const totalOf = (shop: Shop, items: Item[], currency: string): bigint =>
  items.reduce((all, it) => all + priceIn(shop, it.good, currency) * BigInt(it.quantity), 0n);

const thumb = (good: Good): Html =>
  raw(
    good.picture.text
      .replace('<svg ', '<svg class="thumb" ')
      .replace(/role="img" aria-label="[^"]*"/, 'aria-hidden="true"'),
  );

export function summary(shop: Shop, items: Item[], currency: string): Html {
  return html`<table>
    <caption class="skip">
      What is in it
    </caption>
    <tbody>
      ${items.map(
        (it) =>
          html`<tr>
            <td style="width:4.5rem">${thumb(it.good)}</td>
            <td>${it.good.title}<br /><span class="soft small">${it.quantity} ×</span></td>
            <td class="right nowrap">
              ${shown(priceIn(shop, it.good, currency) * BigInt(it.quantity), currency)}
            </td>
          </tr>`,
      )}
      <tr>
        <td></td>
        <td><strong>Total</strong></td>
        <td class="right nowrap">
          <strong>${shown(totalOf(shop, items, currency), currency)}</strong>
        </td>
      </tr>
    </tbody>
  </table>`;
}

function goodsMain(shop: Shop): Html {
  return html`<h1>Coffee, slowly</h1>
    <p class="soft">Pick something, go to the checkout, choose how to pay.</p>
    <div class="goods">
      ${GOODS.map(
        (good) =>
          html`<article class="good">
            ${good.picture}
            <div class="words">
              <h2>${good.title}</h2>
              <p class="soft">${good.words}</p>
              <p>
                <strong>${shown(priceIn(shop, good, shop.currency), shop.currency)}</strong>
              </p>
              <form method="post" action="/${shop.domain}/cart/add">
                <input type="hidden" name="product" value="${good.handle}" />
                <button class="main wide" aria-label="Add to cart: ${good.title}">
                  Add to cart
                </button>
              </form>
            </div>
          </article>`,
      )}
    </div>`;
}

function cartMain(shop: Shop, items: Item[]): Html {
  if (items.length === 0)
    return html`<h1>Your cart</h1>
      <p class="soft">It is empty.</p>
      <a class="button main" href="/${shop.domain}/">Back to the shop</a>`;
  return html`<h1>Your cart</h1>
    <div class="card">${summary(shop, items, shop.currency)}</div>
    <div class="row">
      <form method="post" action="/${shop.domain}/checkouts">
        <button class="main">Go to the checkout</button>
      </form>
      <form method="post" action="/${shop.domain}/cart/clear"><button>Empty the cart</button></form>
    </div>`;
}

function checkoutMain(world: World, shop: Shop, input: { checkout: Checkout; problem?: string }) {
  const { checkout, problem } = input;
  const items = itemsOf(checkout.lines);
  const { currency } = checkout;
  const manual = world.state.methods[shop.domain] ?? shop.methods;
  const methods = [
    ...manual.map((it) => ({ value: it, label: html`${it}` })),
    ...offsiteChoices(world, shop),
    { value: 'card', label: html`Card (paid at once)` },
  ];
  const action = `/${shop.domain}/checkouts/${checkout.token}`;
  return html`<h1>Checkout</h1>
    <div class="two">
      <div>
        <form class="card row" method="get" action="${action}">
          <label class="field" style="flex:1"
            >Pay in
            <select name="currency">
              ${[...new Set([shop.currency, ...CURRENCIES])].map(
                (it) => html`<option ${it === currency ? raw('selected') : ''}>${it}</option>`,
              )}
            </select>
          </label>
          <button>Show these prices</button>
        </form>
        <form class="card" method="post" action="${action}">
          ${problem === undefined ? '' : html`<p role="alert"><strong>${problem}</strong></p>`}
          <fieldset>
            <legend>Payment</legend>
            ${methods.map(
              (method, index) =>
                html`<label class="choice">
                  <input
                    type="radio"
                    name="method"
                    value="${method.value}"
                    ${index === 0 ? raw('checked') : ''}
                  />
                  ${method.label}
                </label>`,
            )}
          </fieldset>
          <p>
            <label class="field"
              >Gift card: this much of the total (optional)
              <input name="giftCard" inputmode="decimal" autocomplete="off" placeholder="0" />
            </label>
          </p>
          <button class="main wide">
            Complete order – ${shown(totalOfCheckout(shop, checkout), currency)}
          </button>
        </form>
      </div>
      <section class="card" aria-labelledby="sum">
        <h2 id="sum">Order summary</h2>
        ${
          checkout.total === undefined
            ? summary(shop, items, currency)
            : html`<p>Goods: ${shown(totalOfCheckout(shop, checkout), currency)}</p>`
        }
      </section>
    </div>`;
}

type Completed = { to: string } | { problem: string };

async function complete(
  world: World,
  shop: Shop,
  input: { checkout: Checkout; body: unknown; side: PaymentsSide },
): Promise<Completed> {
  const { checkout, side } = input;
  const { currency } = checkout;
  const thanks = `/${shop.domain}/checkouts/${checkout.token}/thank-you`;
  if (checkout.orderId !== null) return { to: thanks };
  const body = (input.body ?? {}) as { method?: unknown; giftCard?: unknown };
  const giftCard =
    typeof body.giftCard === 'string' && body.giftCard.trim() !== '' ? body.giftCard : '0';
  const gift = minorOf(giftCard, currency) ?? -1n;
  if (gift < 0n) return { problem: `Not an amount in ${currency}: ${giftCard}` };
  const offsite = chosenOffsite(world, shop, body.method);
  if (offsite === undefined && String(body.method).startsWith('offsite:'))
    return { problem: 'This payment method is not available any more. Choose another one.' };
  const wanted: OrderInput = {
    shop: shop.domain,
    currency,
    giftCard,
    checkoutToken: checkout.token,
    lines: linesOf(shop, checkout),
  };
  const owed = totalOfCheckout(shop, checkout) - gift;
  if (offsite !== undefined && owed > 0n)
    return payOffsite(world, shop, { app: offsite, checkout, order: wanted, owed, side });
  const method = typeof body.method === 'string' && offsite === undefined ? body.method : 'card';
  const order = createOrder(world, { ...wanted, method });
  checkout.orderId = order.id;
  world.changed();
  return { to: thanks };
}

const linesOf = (shop: Shop, checkout: Checkout) =>
  checkout.total === undefined
    ? itemsOf(checkout.lines).map((it) => ({
        title: it.good.title,
        price: padded(priceIn(shop, it.good, checkout.currency), checkout.currency),
        quantity: it.quantity,
      }))
    : [{ title: 'Goods', price: checkout.total }];

const totalOfCheckout = (shop: Shop, checkout: Checkout): bigint =>
  checkout.total === undefined
    ? totalOf(shop, itemsOf(checkout.lines), checkout.currency)
    : (minorOf(checkout.total, checkout.currency) ?? 0n);

/** The app is asked for a page, and the buyer is sent there: to its address, unread. */
async function payOffsite(
  world: World,
  shop: Shop,
  input: {
    app: PaymentsApp;
    checkout: Checkout;
    order: OrderInput;
    owed: bigint;
    side: PaymentsSide;
  },
): Promise<Completed> {
  const { app, checkout, order, owed, side } = input;
  const { test } = gatewayOf(world, { clientId: app.clientId, shop: shop.domain });
  const session = await side.exchanges.begin({
    app,
    shop,
    checkout,
    currency: checkout.currency,
    amountMinor: owed,
    order: { ...order, test },
    test,
  });
  if (session.redirectUrl !== null) return { to: session.redirectUrl };
  const problem = 'There was an issue with this payment method. Try again, or choose another one.';
  return { problem };
}

function checkoutRoutes(
  world: World,
  routes: Router,
  input: { shopFor: (req: Request) => Shop | undefined; side: PaymentsSide },
): void {
  const { shopFor, side } = input;
  const form = express.urlencoded({ extended: false });
  const find = (req: Request) => {
    const shop = shopFor(req);
    const checkout = world.state.checkouts.find((it) => it.token === req.params['token']);
    return shop === undefined || checkout?.shop !== shop.domain ? undefined : { shop, checkout };
  };
  routes.get('/:shop/checkouts/:token', (req, res, next) => {
    const found = find(req);
    if (found === undefined) {
      next();
      return;
    }
    const { shop, checkout } = found;
    const thanks = `/${shop.domain}/checkouts/${checkout.token}/thank-you`;
    if (checkout.orderId !== null) {
      res.redirect(303, thanks);
      return;
    }
    const wanted = asked(req.query['currency']);
    if ([shop.currency, ...CURRENCIES].includes(wanted) && checkout.total === undefined)
      checkout.currency = wanted;
    const problem = problemAfter(world, checkout.token);
    const main = checkoutMain(world, shop, {
      checkout,
      ...(problem === undefined ? {} : { problem }),
    });
    const cartCount = countOf(cartOf(req));
    res.type('html').send(shopPage(shop, { title: 'Checkout', cartCount, main }));
  });
  routes.post('/:shop/checkouts/:token', form, async (req, res, next) => {
    const found = find(req);
    if (found === undefined) {
      next();
      return;
    }
    const { shop, checkout } = found;
    const done = await complete(world, shop, { checkout, body: req.body, side });
    if ('to' in done) {
      // A buyer who pays elsewhere may come back: the cart is kept until there is an order.
      if (checkout.orderId !== null) setCart(res, shop, []);
      res.redirect(303, done.to);
      return;
    }
    const { problem } = done;
    const main = checkoutMain(world, shop, { checkout, problem });
    res
      .status(422)
      .type('html')
      .send(shopPage(shop, { title: 'Checkout', cartCount: 0, main }));
  });
}

export function shopFront(world: World, side: PaymentsSide): Router {
  const routes = Router();
  const form = express.urlencoded({ extended: false });
  const shopFor = (req: Request) => shopOf(world, String(req.params['shop']));
  const page = (req: Request, res: Response, input: { title: string; main: Html; shop: Shop }) =>
    res.type('html').send(shopPage(input.shop, { ...input, cartCount: countOf(cartOf(req)) }));

  routes.get(['/:shop', '/:shop/products/:product'], (req, res, next) => {
    const shop = shopFor(req);
    if (shop === undefined) next();
    else page(req, res, { shop, title: 'Coffee', main: goodsMain(shop) });
  });
  routes.get('/:shop/cart', (req, res, next) => {
    const shop = shopFor(req);
    if (shop === undefined) next();
    else page(req, res, { shop, title: 'Cart', main: cartMain(shop, cartOf(req)) });
  });
  routes.post('/:shop/cart/:act', form, (req, res, next) => {
    const shop = shopFor(req);
    if (shop === undefined) {
      next();
      return;
    }
    const good = goodOf(String((req.body as { product?: unknown }).product));
    const items = req.params['act'] === 'clear' ? [] : cartOf(req);
    const there = items.find((it) => it.good === good);
    if (there !== undefined) there.quantity += 1;
    else if (good !== undefined) items.push({ good, quantity: 1 });
    setCart(res, shop, items);
    res.redirect(303, `/${shop.domain}/cart`);
  });
  routes.post('/:shop/checkouts', form, (req, res, next) => {
    const shop = shopFor(req);
    const items = cartOf(req);
    if (shop === undefined || items.length === 0) {
      next();
      return;
    }
    const lines = items.map((it) => ({ product: it.good.handle, quantity: it.quantity }));
    const token = hex(16);
    world.state.checkouts.push({
      token,
      shop: shop.domain,
      currency: shop.currency,
      lines,
      orderId: null,
    });
    world.changed();
    res.redirect(303, `/${shop.domain}/checkouts/${token}`);
  });
  checkoutRoutes(world, routes, { shopFor, side });
  return routes;
}
