/** The two frames that pages stand in: the shop's and the admin's. */

import { readFileSync } from 'node:fs';
import { storeOf } from '../ids.ts';
import { padded } from '../money.ts';
import type { Shop } from '../nouns.ts';
import type { World } from '../world.ts';
import { html, raw, type Html } from './html.ts';

export const STYLE = readFileSync(new URL('./style.css', import.meta.url), 'utf8');

const head = (title: string): Html =>
  html`<meta charset="utf-8" />
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <title>${title}</title>
    <link rel="icon" href="data:," />
    <link rel="stylesheet" href="/_sandbox/style.css" />`;

export function shopPage(
  shop: Shop,
  input: { title: string; cartCount: number; main: Html },
): string {
  const { title, cartCount, main } = input;
  return html`<!doctype html>
    <html lang="en">
      <head>
        ${head(`${title} – ${shop.name}`)}
      </head>
      <body>
        <a class="skip" href="#main">Skip to the content</a>
        <header class="masthead">
          <a class="brand" href="/${shop.domain}/">${shop.name}</a>
          <nav aria-label="Shop"><a href="/${shop.domain}/cart">Cart (${cartCount})</a></nav>
        </header>
        <main id="main" class="shop">${main}</main>
      </body>
    </html>`.text;
}

export type AdminPlace = { at: string; store: string };

export const adminBase = (shop: string): string => `/admin.shopify.com/store/${storeOf(shop)}`;

export function adminPage(
  world: World,
  shop: Shop,
  input: { title: string; at: string; main: Html; script?: string },
): string {
  const base = adminBase(shop.domain);
  const link = (path: string, label: string): Html =>
    html`<a href="${base}${path}" ${input.at === path ? raw('aria-current="page"') : ''}
      >${label}</a
    >`;
  return html`<!doctype html>
    <html lang="en">
      <head>
        ${head(`${input.title} – ${shop.name} – admin`)}
      </head>
      <body class="admin">
        <header class="topbar">
          <strong>${shop.name}</strong>
          <span class="small"
            >sandbox admin &middot; <a href="/${shop.domain}/">visit the shop</a></span
          >
        </header>
        <nav class="side" aria-label="Admin">
          ${link('/orders', 'Orders')} ${link('/settings/payments', 'Payments')}
          ${link('/settings/checkout/editor', 'Checkout')} ${link('/settings/apps', 'Apps')}
          <h2>Apps</h2>
          ${world.apps.map(
            (app) =>
              html`${link(`/apps/${app.handle}`, app.name)}
                <div class="inner" data-menu="${app.clientId}"></div>`,
          )}
        </nav>
        ${input.main}
        ${input.script === undefined ? '' : html`<script src="${input.script}"></script>`}
      </body>
    </html>`.text;
}

const SIGNS: Record<string, string> = { EUR: '€', USD: '$', GBP: '£', JPY: '¥' };

/** For people: "€12.50", "KWD 1.250". */
export const shown = (minor: bigint, currency: string): string => {
  const sign = SIGNS[currency];
  const amount = padded(minor, currency);
  return sign === undefined ? `${currency} ${amount}` : `${sign}${amount}`;
};

export const STATUS_WORDS = {
  PENDING: 'Payment pending',
  AUTHORIZED: 'Authorized',
  PARTIALLY_PAID: 'Partially paid',
  PAID: 'Paid',
  PARTIALLY_REFUNDED: 'Partially refunded',
  REFUNDED: 'Refunded',
  VOIDED: 'Voided',
} as const;

export const timeOf = (ms: number): Html =>
  html`<time datetime="${new Date(ms).toISOString()}"
    >${new Date(ms).toISOString().slice(0, 16).replace('T', ' ')}</time
  >`;
