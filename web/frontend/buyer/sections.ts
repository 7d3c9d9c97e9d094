// The three parts of the page: what is paid to whom, the state with what can be done about it, and
// how paying works. On a phone they follow each other; on a wide screen the second stands beside.
import { formatBasisPoints, formatFiat, formatSats } from '../shared/amounts.ts';
import type { PayInvoice, PayReward, PayView } from '../shared/pay-view.ts';
import { asHtml, html, type Html } from './html.ts';
import { icons } from './icons.ts';
import { requestOf, type Look } from './looks.ts';
import { around, exchanges, howBox, moment, shopHeader, sizeOf, timesBy } from './pieces.ts';
import { qrContent, qrSvg } from './qr.ts';
import type { Speech, Word } from './words.ts';

export function summarySection(view: PayView, words: Speech): Html {
  const { say, locale } = words;
  const { invoice } = view;
  const fiat = formatFiat(view.fiat, locale);
  const about = say(view.session === true ? 'session' : 'order', { order: view.orderName });
  return html`
    <section class="sum" aria-labelledby="shop">
      ${shopHeader({ shopName: view.shopName, about }, words)}
      <div>
        <p class="big" data-size="${sizeOf(fiat)}"><bdi>${fiat}</bdi></p>
        ${invoice && html`<p class="sats">${icons.bolt}<bdi>${satsOf(invoice, words)}</bdi></p>`}
        ${invoice && adjustment(invoice, words)}
      </div>
      ${invoice && requestOf(view) !== undefined && promise(view, { invoice, words })}
      ${shopNote(view, words)}
    </section>
  `;
}

/** The merchant's own words, in the buyer's language or the next best; text and never HTML. */
function shopNote({ shopWords = {} }: PayView, { locale }: Speech): Html | undefined {
  const wanted = locale.split('-')[0] ?? '';
  const [spoken] = [wanted, 'en', ...Object.keys(shopWords)].filter((language) =>
    Object.hasOwn(shopWords, language),
  );
  if (spoken === undefined) return undefined;
  return html`<p class="note small" lang="${spoken}" dir="auto">${shopWords[spoken]}</p>`;
}

/** The shop's own discount or markup is in the sats, and nowhere hidden. */
function adjustment({ adjustmentBp = 0 }: PayInvoice, { say, locale }: Speech): Html | undefined {
  if (adjustmentBp === 0) return undefined;
  const percent = formatBasisPoints(adjustmentBp, locale);
  return adjustmentBp < 0
    ? html`<p class="off small">${say('discount', { percent })}</p>`
    : html`<p class="soft small">${say('markup', { percent })}</p>`;
}

function satsOf(invoice: PayInvoice, { say, locale }: Speech): string {
  return say('sats', { sats: formatSats(invoice.sats, locale) });
}

function promise(view: PayView, about: { invoice: PayInvoice; words: Speech }): Html {
  const { invoice, words } = about;
  const { say, locale } = words;
  const price = formatFiat({ amount: invoice.price, currency: view.fiat.currency }, locale);
  const sources = exchanges(invoice.sources, words);
  const { lapsesAt } = invoice;
  const until = html`<time datetime="${lapsesAt}">${clockTime(lapsesAt, locale)}</time>`;
  return html`
    <p class="until">
      ${icons.clock}
      <span>
        ${around(until, (time) => say('held_until', { time }))} <strong id="left" hidden></strong>
      </span>
    </p>
    <p class="soft small">
      <bdi>${say('rate', { rate: price })}</bdi>
      ${invoice.sources.length > 0 && html`<br />${say('sources', { sources })}`}
    </p>
  `;
}

/** The server knows nobody's time zone, so it says whose time this is; the script knows. */
const clockTime = (at: string, locale: string): string => clockIn(locale).format(new Date(at));
const clockIn = timesBy({
  hour: 'numeric',
  minute: '2-digit',
  timeZone: 'UTC',
  timeZoneName: 'short',
});

type Shown = { words: Speech; look: Look; values: Record<string, string> };

export function paySection(view: PayView, shown: Shown): Html {
  const { words, look, values } = shown;
  const { say } = words;
  const request = requestOf(view);
  const icon = look.tone === 'live' ? html`<span class="dot"></span>` : icons[look.tone];
  return html`
    <section class="pay" aria-labelledby="head">
      <div class="state">
        <span class="mark" aria-hidden="true">${icon}</span>
        <h2 id="head" tabindex="-1">${say(`${look.name}.head`, values)}</h2>
        <p>${say(`${look.name}.text`, values)}</p>
      </div>
      ${view.holdEndsAt !== undefined && confirmNote(view.holdEndsAt, { view, words })}
      ${request !== undefined && invoiceParts(view, { ...shown, request })}
      ${view.settledAt !== undefined && receipt(view, words)}
      ${view.reward !== undefined && rewardLine(view.reward, words)}
      ${
        look.form !== undefined &&
        html`<form method="post" action="/pay/${view.id}/quote">
          <button class="${look.form.main ? 'btn main' : 'btn'}">${say(look.form.word)}</button>
        </form>`
      }
      ${
        view.mayWait === true &&
        html`<form method="post" action="/pay/${view.id}/wait">
          <button class="btn">${say('wait', values)}</button>
        </form>`
      }
      ${
        view.refundUrl !== undefined &&
        /^https?:\/\//.test(view.refundUrl) &&
        html`<a class="btn main noprint" href="${view.refundUrl}">${say('refund.claim_link')}</a>`
      }
      ${view.rest && restLink(view.rest, words)} ${backLink(view, shown)}
      <p class="soft small help">${say('help', values)}</p>
      ${!view.final && html`<noscript><p class="soft small help">${say('nojs')}</p></noscript>`}
    </section>
  `;
}

const rewardWords = {
  waiting: 'reward.waiting',
  claimable: 'reward.open',
  claimed: 'reward.under_way',
  paid: 'reward.sent',
} as const satisfies Record<PayReward['state'], Word>;

/** What its buyer gets back, and where, once it can be claimed. */
function rewardLine({ state, sats: amount, at, url }: PayReward, words: Speech): Html {
  const { say, locale } = words;
  const sats = formatSats(amount, locale);
  const when = at !== undefined && moment(at, words);
  return html`
    <p class="hint reward">${around(when, (time) => say(rewardWords[state], { sats, time }))}</p>
    ${
      url !== undefined &&
      /^https?:\/\//.test(url) &&
      html`<a class="btn main noprint" href="${url}">${say('reward.claim_link', { sats })}</a>`
    }
  `;
}

/** Said before the money goes, and while it is reserved. */
function confirmNote(endsAt: string, about: { view: PayView; words: Speech }): Html | undefined {
  const { view, words } = about;
  const isHeld = view.state === 'held';
  if (!isHeld && requestOf(view) === undefined) return undefined;
  const word = isHeld ? 'confirm.held' : 'confirm.before';
  return html`<p class="note small" data-part="confirm">
    ${around(moment(endsAt, words), (time) => words.say(word, { shop: view.shopName, time }))}
  </p>`;
}

function invoiceParts(view: PayView, shown: Shown & { request: string }): Html {
  const { request, words } = shown;
  const { say, locale } = words;
  const sats = formatSats(view.invoice?.sats ?? '', locale);
  return html`
    <div class="code">
      ${qrSvg(qrContent(request), say('qr', { sats }))}
      <p class="soft small">${say('scan')}</p>
    </div>
    <div class="acts">
      <a class="btn main" id="open" href="lightning:${request}">${icons.bolt}${say('open')}</a>
      <button type="button" class="btn" id="pay-in-browser" hidden>${say('webln')}</button>
      <button type="button" class="btn" id="copy" hidden>${say('copy')}</button>
    </div>
    <details>
      <summary class="small">${say('text')}</summary>
      <code translate="no">${request}</code>
    </details>
  `;
}

/** The order grew: what is left is paid on a page of its own. */
function restLink({ payUrl, fiat }: NonNullable<PayView['rest']>, words: Speech): Html | undefined {
  if (!/^https?:\/\//.test(payUrl)) return undefined;
  const rest = formatFiat(fiat, words.locale);
  return html`<a class="btn main noprint" href="${payUrl}">${words.say('pay_rest', { rest })}</a>`;
}

/** What a buyer may want to keep of a payment that arrived. */
function receipt(view: PayView, words: Speech): Html {
  const { say, locale } = words;
  const at = view.settledAt ?? view.now;
  const line = (word: Word, value: Html | string) =>
    html`<div>
      <dt>${say(word)}</dt>
      <dd>${value}</dd>
    </div>`;
  return html`
    <dl>
      ${line('amount', html`<bdi>${formatFiat(view.fiat, locale)}</bdi>`)}
      ${view.invoice && line('paid_sats', html`<bdi>${satsOf(view.invoice, words)}</bdi>`)}
      ${
        view.surplus &&
        view.state !== 'stranded' &&
        line('surplus', say('sats', { sats: formatSats(view.surplus.sats, locale) }))
      }
      ${line('paid_at', moment(at, words))}
      ${line(view.session === true ? 'session_label' : 'order_label', view.orderName)}
      ${line('reference', view.reference)}
    </dl>
    <a class="btn" href="/pay/${view.id}/receipt">${say('receipt')}</a>
  `;
}

function backLink(view: PayView, { words, look, values }: Shown): Html | undefined {
  const to = view.returnUrl ?? view.backUrl;
  if (!/^https?:\/\//.test(to)) return undefined;
  const isOpen = view.state === 'open' && view.waits !== true;
  const isCancel = view.session === true && view.returnUrl === undefined && isOpen;
  const isLast = view.rest === undefined && view.refundUrl === undefined;
  const isEnd = look.tone === 'good' || (look.form === undefined && look.tone === 'plain');
  const main = isLast && isEnd;
  const style = main ? 'btn main' : requestOf(view) === undefined ? 'btn' : 'back';
  const arrow = asHtml('<span class="arrow" aria-hidden="true"></span>');
  return html`<a class="${style} noprint" href="${to}">
    ${!main && arrow}${words.say(isCancel ? 'cancel' : 'back', values)}
  </a>`;
}

export function howSection(view: PayView, words: Speech): Html | undefined {
  if (requestOf(view) === undefined) return undefined;
  const { say } = words;
  return howBox({
    title: say('how'),
    steps: [say('how.1'), say('how.2'), say('how.3')],
    trust: say('trust', { shop: view.shopName }),
  });
}
