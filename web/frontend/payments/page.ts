// The payments app's own page: not embedded, because Shopify forbids it to payments apps, and so
// without Polaris, whose licence is for the admin only. Drawn by the server, whole without any
// script. It must never show a credential, not even the one that was just typed.
import { createHash } from 'node:crypto';
import { asHtml, html, type Html } from '../buyer/html.ts';
import { icons, tabIcon } from '../buyer/icons.ts';
import { holdsSection } from './holds-section.ts';
import { nodeSection } from './node-section.ts';
import { dateOf, formTokenField, isAway, stepHead } from './parts.ts';
import { refundsSection } from './refunds-section.ts';
import { rewardsSection } from './rewards-section.ts';
import { settingsSection } from './settings-section.ts';
import { paymentsSection } from './payments-section.ts';
import type { Message, SettingsView } from './view.ts';
import { speech, type Speech } from './words.ts';
import { styleOf } from '../buyer/style.ts';

export type Rendered = { html: string; headers: Readonly<Record<string, string>> };

const css = styleOf(new URL('./style.css', import.meta.url));
const cssHash = createHash('sha256').update(css).digest('base64');

/** The state of everything, in one line on top. */
const nowOf = (view: SettingsView): keyof typeof tones => {
  if (view.node === null) return 'no_node';
  if (isAway(view.node)) return 'node_down';
  if (view.node.receivableMsat === '0') return 'cannot_receive';
  if (view.firstSessionAt !== null) return 'activated';
  return view.readyToldAt === null ? 'ready' : 'told';
};
const tones = {
  no_node: 'plain',
  node_down: 'warn',
  cannot_receive: 'warn',
  ready: 'plain',
  told: 'good',
  activated: 'good',
} as const;

/** `mayGoTo`: origins that a form of this page may lead to, besides our own. */
export function renderSettings(
  view: SettingsView,
  options: { locale: string; mayGoTo: readonly string[] },
): Rendered {
  const words = speech(options.locale);
  const now = nowOf(view);
  const date = view.firstSessionAt === null ? '' : dateOf(view.firstSessionAt, words);
  const body = html`
    <header>
      <span class="logo">${icons.bolt}</span>
      <div>
        <p class="soft small">${words.say('page.settings')}</p>
        <h1>${words.say('page.title')}</h1>
      </div>
      <form method="post" action="/payments/sign-out">
        ${formTokenField(view)}
        <button class="quiet">${words.say('page.sign_out')}</button>
      </form>
    </header>
    <main data-state="${now}">
      <div class="now" data-tone="${tones[now]}" role="status">
        <span class="mark">${icons[tones[now]]}</span>
        <div>
          <h2>${words.say(`now.${now}.head`)}</h2>
          <p>${words.say(`now.${now}.text`, { date })}</p>
        </div>
      </div>
      ${view.payments.latest.length > 0 && paymentsSection(view, words)} ${nodeSection(view, words)}
      ${shopifySection(view, words)} ${refundsSection(view, words)} ${settingsSection(view, words)}
      ${rewardsSection(view, words)} ${holdsSection(view, words)} ${trySection(words)}
      <p class="soft small end">${words.say('page.signed_in', { shop: view.shop })}</p>
    </main>
  `;
  return rendered(words, { title: words.say('page.title'), body, mayGoTo: options.mayGoTo });
}

/** `startUrl`: where the merchant may begin again, if that is known. */
export function renderMessage(options: {
  locale: string;
  message: Message;
  start?: { url: string; word: 'message.start_again' | 'message.open_page' };
}): Rendered {
  const words = speech(options.locale);
  const { message, start } = options;
  const head = words.say(`message.${message}.head`);
  const body = html`
    <main data-state="${message}">
      <section class="alone">
        <span class="mark">${icons.plain}</span>
        <h1>${head}</h1>
        <p>${words.say(`message.${message}.text`)}</p>
        ${start !== undefined && link(start.url, { text: words.say(start.word), kind: '' })}
      </section>
    </main>
  `;
  return rendered(words, { title: head, body, mayGoTo: [] });
}

const link = (url: string, { text, kind }: { text: string; kind: '' | 'main' }): Html =>
  html`<a class="btn ${kind}" href="${url}">${text}</a>`;

function shopifySection(view: SettingsView, words: Speech): Html {
  const { node, readyToldAt, readyFailure } = view;
  const failure =
    readyFailure &&
    html`
      <div class="note" data-tone="warn" role="alert">
        <h3>${words.say(`shopify.${readyFailure}.head`)}</h3>
        <p>${words.say(`shopify.${readyFailure}.text`)}</p>
      </div>
    `;
  const isTold = readyToldAt !== null;
  const head = stepHead(words, { id: 'shopify', word: 'step.shopify', isDone: isTold });
  return html`
    <section aria-labelledby="shopify" data-part="shopify">
      ${head} ${failure}
      <p>
        ${
          isTold
            ? words.say('shopify.told', { date: dateOf(readyToldAt, words) })
            : words.say('shopify.not_told')
        }
      </p>
      ${isTold && link(view.gatewaySettingsUrl, { text: words.say('shopify.open'), kind: 'main' })}
      ${node === null && html`<p class="soft">${words.say('shopify.needs_node')}</p>`}
      ${node !== null && tellForm(view, words)}
    </section>
  `;
}

function tellForm(view: SettingsView, words: Speech): Html {
  const isTold = view.readyToldAt !== null;
  const isDown = view.node !== null && isAway(view.node);
  if (isDown && !isTold) return html`<p class="soft">${words.say('shopify.needs_answer')}</p>`;
  return html`
    <form method="post" action="/payments/ready">
      ${formTokenField(view)}
      <button class="btn ${isTold ? '' : 'main'}">
        ${words.say(isTold ? 'shopify.tell_again' : 'shopify.tell')}
      </button>
    </form>
  `;
}

const trySection = (words: Speech): Html => html`
  <section aria-labelledby="try">
    ${stepHead(words, { id: 'try', word: 'step.try', isDone: undefined })}
    <p>${words.say('try.text')}</p>
    <p class="soft">${words.say('try.off')}</p>
  </section>
`;

function rendered(
  words: Speech,
  draft: { title: string; body: Html; mayGoTo: readonly string[] },
): Rendered {
  // In one piece: a single space more, and the style would not fit its hash in the policy.
  const style = asHtml(`<style>${css}</style>`);
  const page = html`
    <html lang="${words.locale}">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width,initial-scale=1" />
        <meta name="robots" content="noindex" />
        <meta name="color-scheme" content="light dark" />
        <title>${draft.title} – Zaptill</title>
        <link rel="icon" href="${tabIcon}" />
        ${style}
      </head>
      <body>
        ${draft.body}
      </body>
    </html>
  `;
  const policy = [
    "default-src 'none'",
    `style-src 'sha256-${cssHash}'`,
    'img-src data:',
    // Browsers hold the address to which the answer of a form leads against this, too.
    ["form-action 'self'", ...draft.mayGoTo].join(' '),
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ].join('; ');
  return {
    html: `<!doctype html>${page.source.trim()}`,
    headers: {
      'Content-Type': 'text/html; charset=utf-8',
      'Content-Language': words.locale,
      'Content-Security-Policy': policy,
      'Cache-Control': 'no-store',
      // Of our own pages a form may say that it came from them; nobody else learns an address.
      'Referrer-Policy': 'same-origin',
      'Cross-Origin-Opener-Policy': 'same-origin',
      'Permissions-Policy': 'camera=(), microphone=(), geolocation=()',
      Vary: 'Accept-Language, Cookie',
    },
  };
}
