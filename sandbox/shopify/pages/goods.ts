/** What the shop sells, with pictures drawn by hand. Prices are in the shop's currency. */

import { converted, minorOf, rateBetween } from '../money.ts';
import type { Shop } from '../nouns.ts';
import { raw, type Html } from './html.ts';

export type Good = { handle: string; title: string; words: string; price: string; picture: Html };

const picture = (label: string, inside: string): Html =>
  raw(`<svg viewBox="0 0 320 240" role="img" aria-label="${label}">${inside}</svg>`);

const BEANS = `<rect width="320" height="240" fill="#e9dfd0"/>
<path d="M110 52h100l14 26v112q0 12-12 12H108q-12 0-12-12V78z" fill="#6b4a36"/>
<path d="M110 52h100l14 26H96z" fill="#523626"/>
<rect x="116" y="100" width="88" height="66" rx="6" fill="#f4ecdf"/>
<g fill="#6b4a36"><ellipse cx="142" cy="133" rx="14" ry="19" transform="rotate(28 142 133)"/>
<ellipse cx="176" cy="133" rx="14" ry="19" transform="rotate(-20 176 133)"/></g>
<g fill="none" stroke="#f4ecdf" stroke-width="3"><path d="M133 119q10 14 17 29"/>
<path d="M182 117q-4 16-12 31"/></g>`;

const MUG = `<rect width="320" height="240" fill="#d7e3e6"/>
<ellipse cx="152" cy="196" rx="88" ry="10" fill="#b8c9cd"/>
<path d="M214 96h20q26 0 26 30t-26 30h-22" fill="none" stroke="#2f5d62" stroke-width="15"/>
<path d="M84 78h136v86q0 30-30 30h-76q-30 0-30-30z" fill="#3c7a80"/>
<ellipse cx="152" cy="78" rx="68" ry="15" fill="#2f5d62"/>
<ellipse cx="152" cy="81" rx="56" ry="10" fill="#5a3a28"/>
<g fill="none" stroke="#fff" stroke-width="5" stroke-linecap="round" opacity=".8">
<path d="M130 58q-10-12 0-24"/><path d="M154 54q-10-14 0-28"/><path d="M178 58q-10-12 0-24"/></g>`;

const KETTLE = `<rect width="320" height="240" fill="#efe3dc"/>
<ellipse cx="160" cy="202" rx="94" ry="9" fill="#d9c8be"/>
<path d="M220 170q52-10 40-104l-14 4q6 66-28 76z" fill="#4a4a4d"/>
<path d="M96 96h112l20 92q2 12-12 12H88q-14 0-12-12z" fill="#5c5c61"/>
<path d="M104 96h96l-8-20h-80z" fill="#4a4a4d"/>
<rect x="142" y="58" width="20" height="18" rx="6" fill="#b4552d"/>
<path d="M84 178Q40 160 44 98q2-22 30-22v16q-14 0-14 10-2 40 30 54z" fill="#b4552d"/>`;

const CARD = `<rect width="320" height="240" fill="#e4e7d7"/>
<rect x="70" y="56" width="180" height="128" rx="8" fill="#fffdf6" stroke="#c9cbb4"/>
<path d="M70 150l54-52 40 36 30-26 56 46v22q0 8-8 8H78q-8 0-8-8z" fill="#7f9a6a"/>
<circle cx="212" cy="88" r="14" fill="#e6b450"/>`;

export const GOODS: Good[] = [
  {
    handle: 'house-blend',
    title: 'House blend, 250 g',
    words: 'Chocolate, hazelnut, a little orange. Roasted on Tuesdays.',
    price: '12.00',
    picture: picture('A bag of coffee beans', BEANS),
  },
  {
    handle: 'alpine-mug',
    title: 'Alpine mug',
    words: 'Stoneware, 300 ml. Survives dishwashers and Mondays.',
    price: '18.50',
    picture: picture('A steaming mug', MUG),
  },
  {
    handle: 'pour-over-kettle',
    title: 'Pour-over kettle',
    words: 'A slow spout for a calm hand. 0.9 l.',
    price: '64.00',
    picture: picture('A kettle with a long spout', KETTLE),
  },
  {
    handle: 'postcard',
    title: 'Postcard',
    words: 'The view from the roastery. For small trials.',
    price: '1.00',
    picture: picture('A postcard with hills', CARD),
  },
];

export const goodOf = (handle: string): Good | undefined =>
  GOODS.find((good) => good.handle === handle);

/** What one piece costs a buyer who pays in `currency`, in its minor units. */
export function priceIn(shop: Shop, good: Good, currency: string): bigint {
  const own =
    minorOf(good.price, shop.currency) ?? minorOf(good.price.replace(/\..*/, ''), shop.currency);
  return converted(own ?? 0n, rateBetween(shop.currency, currency));
}
