// The buyer's page: what a shopper sees of one payment, drawn by the server for every state. It
// works without any script; the script on top only spares the reload. It must never load anything
// from another site, never show a second invoice while the first can still be paid, and never say
// that nothing was charged where that is not certain. Polaris and React do not belong here: its
// licence keeps Polaris inside Shopify's admin, and both weigh more than the whole page.
import { formatSats } from '../shared/amounts.ts';
import type { PayView } from '../shared/pay-view.ts';
import { frame, jsonForScript, type PageAssets, type Rendered } from './frame.ts';
import { asHtml, html } from './html.ts';
import { icons } from './icons.ts';
import { lookOf, requestOf, type Named } from './looks.ts';
import { paySection, summarySection, howSection } from './sections.ts';
import { speech, type Speech } from './words.ts';

export type { PageAssets, Rendered } from './frame.ts';

/** A page that stands for no payment: each has its words `message.<name>.head` and `.text`. */
export type PageMessage =
  'not_found' | 'no_refund' | 'unavailable' | 'too_many' | 'failed' | PageMessageOfOrder;

/** What a link that names an order may come to, instead of its payment. */
export type PageMessageOfOrder =
  'no_payment_yet' | 'paid_elsewhere' | 'nothing_owed' | 'shop_unreachable' | 'too_many_looks';

/**
 * The page of a payment in its present state. `locale` is any language tag, such as `de-CH`.
 * Amounts and times are printed for it; the script prints the times again in the buyer's time zone.
 */
export function renderPayPage(
  view: PayView,
  options: { locale: string; assets: PageAssets },
): Rendered {
  const words = speech(options.locale);
  const look = lookOf(view);
  const values = wordValues(view, words);
  const head = words.say(`${look.name}.head`, values);
  const body = html`
    <main id="stage" data-tone="${look.tone}" data-state="${look.name}">
      ${view.test && html`<p class="test">${words.say('test')}</p>`}
      <div class="sheet">
        ${summarySection(view, words)} ${paySection(view, { words, look, values })}
        ${howSection(view, words)}
      </div>
    </main>
    <script type="application/json" id="view">
      ${asHtml(scriptView(view, words))}
    </script>
  `;
  return frame(words, {
    title: `${head} – ${view.shopName}`,
    body,
    script: options.assets.script,
    refresh: view.final ? 'never' : 'without script',
    ...(view.returnUrl === undefined ? {} : { leadsTo: view.returnUrl }),
  });
}

/** For a link that leads to no payment; the answer's status is 404. */
export function renderNotFound(options: { locale: string }): Rendered {
  return renderMessage({ ...options, message: 'not_found' });
}

/**
 * For what stands in the way of the page itself: the database is away (503), a new price was asked
 * for too often (429), a defect (500). `payUrl` leads back to the payment where it is known.
 */
export function renderMessage(options: {
  locale: string;
  message: PageMessage;
  payUrl?: string;
}): Rendered {
  const words = speech(options.locale);
  const name: Named = `message.${options.message}`;
  const head = words.say(`${name}.head`);
  const body = html`
    <main id="stage" data-tone="plain" data-state="${name}">
      <div class="sheet alone">
        <section class="pay" aria-labelledby="head">
          <div class="state">
            <span class="mark">${icons.plain}</span>
            <h1 id="head">${head}</h1>
            <p>${words.say(`${name}.text`)}</p>
          </div>
          ${
            options.payUrl !== undefined &&
            html`<a class="btn" href="${options.payUrl}">${words.say('again')}</a>`
          }
        </section>
      </div>
    </main>
  `;
  const refresh = options.message === 'unavailable' ? 'always' : 'never';
  return frame(words, { title: head, body, script: undefined, refresh });
}

/** What the words' placeholders stand for. */
function wordValues(view: PayView, { locale }: Speech): Record<string, string> {
  return {
    ...{ shop: view.shopName, currency: view.fiat.currency, reference: view.reference },
    sats: formatSats(view.surplus?.sats ?? '', locale),
  };
}

/** What the script reads. */
function scriptView(view: PayView, words: Speech): string {
  const state = {
    at: `/pay/${view.id}`,
    revision: view.revision,
    final: view.final,
    now: view.now,
    lapsesAt: requestOf(view) === undefined ? null : (view.invoice?.lapsesAt ?? null),
    request: requestOf(view) ?? null,
    returnUrl: view.returnUrl ?? null,
    words: {
      left: words.say('left'),
      copied: words.say('copied'),
      copyFailed: words.say('copy_failed'),
      offline: words.say('offline'),
      weblnFailed: words.say('webln_failed'),
    },
  };
  return jsonForScript(state);
}
