// What every page for a buyer stands in: the document, its style and the headers that keep it to
// itself. Nothing in it comes from another site, and no page is kept by a cache.
import { createHash } from 'node:crypto';
import { asHtml, html, type Html } from './html.ts';
import { tabIcon } from './icons.ts';
import { styleOf } from './style.ts';
import type { Speech } from './words.ts';

export type Rendered = { html: string; headers: Readonly<Record<string, string>> };

/** The address of the built script; without it the page works on its own. */
export type PageAssets = { script?: string };

const css = styleOf(new URL('./style.css', import.meta.url));

/** How often a page without script, or one that could not be drawn, asks again. */
const againSeconds = 10;

const hashOf = (text: string): string =>
  `'sha256-${createHash('sha256').update(text).digest('base64')}'`;

/** A page that has its script in itself may ask nobody anything: its policy says so. */
const policyFor = (inline: string | undefined): string =>
  [
    "default-src 'none'",
    `style-src ${hashOf(css)}`,
    inline === undefined ? "script-src 'self'" : `script-src ${hashOf(inline)}`,
    inline === undefined ? "connect-src 'self'" : "connect-src 'none'",
    'img-src data:',
    inline === undefined ? "form-action 'self'" : "form-action 'none'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ].join('; ');
const policy = policyFor(undefined);

/** What stands in the frame. */
export type Draft = {
  title: string;
  body: Html;
  script: string | undefined;
  /** The text of a script that is all that the page needs. */
  inline?: string;
  refresh: 'never' | 'without script' | 'always';
  /** Where the page leads by itself, with and without script. */
  leadsTo?: string;
};

/** Long enough to read one line. */
const leadAfterSeconds = 1;

/** A whole page with the headers that belong to it. */
export function frame(words: Speech, draft: Draft): Rendered {
  // In one piece: a single space more, and the style would not fit its hash in the policy.
  const style = asHtml(`<style>${css}</style>`);
  const refresh = html`<meta http-equiv="refresh" content="${againSeconds}" />`;
  const page = html`
    <html lang="${words.locale}" dir="${words.dir}">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width,initial-scale=1" />
        <meta name="robots" content="noindex" />
        <meta name="color-scheme" content="light dark" />
        <title>${draft.title}</title>
        <link rel="icon" href="${tabIcon}" />
        ${
          draft.leadsTo !== undefined &&
          html`<meta http-equiv="refresh" content="${leadAfterSeconds};url=${draft.leadsTo}" />`
        }
        ${style} ${draft.refresh === 'always' && refresh}
        ${draft.refresh === 'without script' && html`<noscript>${refresh}</noscript>`}
        ${draft.script !== undefined && html`<script type="module" src="${draft.script}"></script>`}
      </head>
      <body>
        <p class="sr" id="say" role="status"></p>
        ${draft.body}
      </body>
    </html>
  `;
  return {
    html: `<!doctype html>${withScript(page.source.trim(), draft.inline)}`,
    headers: headersFor(words, draft.inline),
  };
}

/** The script as it is, to the letter: its hash stands in the policy. */
const withScript = (source: string, inline: string | undefined): string =>
  inline === undefined
    ? source
    : source.replace('</body>', () => `<script type="module">${inline}</script></body>`);

function headersFor(words: Speech, inline: string | undefined): Rendered['headers'] {
  return {
    'Content-Type': 'text/html; charset=utf-8',
    'Content-Language': words.locale,
    'Content-Security-Policy': inline === undefined ? policy : policyFor(inline),
    'Cache-Control': 'no-store',
    'Referrer-Policy': 'no-referrer',
    'X-Content-Type-Options': 'nosniff',
    'Cross-Origin-Opener-Policy': 'same-origin',
    'Permissions-Policy': 'camera=(), microphone=(), geolocation=()',
    Vary: 'Accept-Language',
  };
}

/** In JSON only `<` could end the element that it stands in. */
export const jsonForScript = (value: unknown): string =>
  JSON.stringify(value).replaceAll('<', '\\u003c');
