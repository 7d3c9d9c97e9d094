// The receipt of a paid payment, drawn to be printed on one page, and the page on which anybody
// checks the file of one. The second has its script in itself and may ask nobody anything.
import { formatBasisPoints, formatFiat, formatMsat, formatSats } from '../shared/amounts.ts';
import type { PayReward } from '../shared/pay-view.ts';
import { receiptFaults, type Receipt } from '../shared/receipt.ts';
import { frame, jsonForScript, type Rendered } from './frame.ts';
import { asHtml, html, type Html } from './html.ts';
import { icons } from './icons.ts';
import { around, exchanges, moment } from './pieces.ts';
import { speech, type Speech, type Word } from './words.ts';

type Line = { word: Word; value: Html | string; wide?: boolean };

const lines = ({ say }: Speech, about: readonly (Line | undefined)[]): Html => html`
  <dl>
    ${about
      .filter((line) => line !== undefined)
      .map(
        ({ word, value, wide = false }) => html`
          <div class="${wide ? 'wide' : ''}">
            <dt>${say(word)}</dt>
            <dd>${value}</dd>
          </div>
        `,
      )}
  </dl>
`;

const time = (at: string, words: Speech): Html => moment(at, words, 'printed');

/**
 * `at`: the address of the payment's page. `reward`: what its buyer gets back, which no receipt
 * proves.
 */
export function renderReceipt(
  receipt: Receipt,
  about: { locale: string; at: string; reward?: PayReward | undefined },
): Rendered {
  const words = speech(about.locale);
  const { say } = words;
  const shop = receipt.shop.replace(/\.myshopify\.com$/, '');
  const title = `${say('receipt')} ${receipt.order} – ${shop}`;
  const body = html`
    <main id="stage" data-tone="good" data-state="receipt" class="receipt">
      ${receipt.test && html`<p class="test">${say('test')}</p>`}
      <div class="sheet alone">
        <section aria-labelledby="head">
          <header>
            <span class="mark" aria-hidden="true">${icons.good}</span>
            <div>
              <h1 id="head">${say('receipt')}</h1>
              <p class="soft small">${say('receipt.for', { shop: receipt.shop })}</p>
            </div>
          </header>
          ${amounts(receipt, words)} ${about.reward && rewardLine(about.reward, words)}
        </section>
        <section aria-labelledby="proof">
          <h2 id="proof">${say('receipt.proof')}</h2>
          <p class="soft small">${say('receipt.proof.text')}</p>
          ${proof(receipt, words)}
        </section>
        <section class="only-screen">
          <a class="btn main" href="${about.at}/receipt.json">${say('receipt.file')}</a>
          <a class="btn" href="/verify">${say('receipt.check')}</a>
          <a class="btn" href="${about.at}">${say('receipt.back')}</a>
          <p class="soft small help">${say('receipt.print')}</p>
        </section>
      </div>
    </main>
  `;
  return frame(words, { title, body, script: undefined, refresh: 'never' });
}

function amounts(receipt: Receipt, words: Speech): Html {
  const { say, locale } = words;
  const { fiat, price, amountMsat, paidMsat } = receipt;
  const sats = (msat: string): Html =>
    html`<bdi>${say('sats', { sats: formatMsat(msat, locale) })}</bdi>`;
  const rate = formatFiat({ amount: price.perBitcoin, currency: fiat.currency }, locale);
  const percent = formatBasisPoints(price.adjustmentBp, locale);
  const own = say(price.adjustmentBp < 0 ? 'discount' : 'markup', { percent });
  const sources = exchanges(
    price.sources.map(({ source }) => source),
    words,
  );
  return lines(words, [
    { word: 'order_label', value: receipt.order },
    { word: 'amount', value: html`<bdi>${formatFiat(fiat, locale)}</bdi>` },
    { word: 'paid_sats', value: sats(amountMsat) },
    paidMsat === amountMsat ? undefined : { word: 'receipt.paid_more', value: sats(paidMsat) },
    { word: 'paid_at', value: time(receipt.paidAt, words) },
    {
      word: 'receipt.rate',
      value: html`<bdi>${rate}</bdi
        ><br />${time(price.at, words)}${price.adjustmentBp !== 0 && html`<br />${own}`}`,
    },
    sources === '' ? undefined : { word: 'receipt.sources', value: sources },
    { word: 'receipt.id', value: html`<span class="hex">${receipt.payment}</span>` },
  ]);
}

/** Without its link: a receipt is shown to others, and whoever has the link can claim. */
function rewardLine({ state, sats: amount, at }: PayReward, words: Speech): Html {
  const sats = formatSats(amount, words.locale);
  const when = at !== undefined && time(at, words);
  const value = around(when, (gap) => words.say(`receipt.reward.${state}`, { sats, time: gap }));
  return html`<div data-part="reward">${lines(words, [{ word: 'receipt.reward', value }])}</div>`;
}

function proof(receipt: Receipt, words: Speech): Html {
  const line = (word: Word, text: string): Line => ({
    ...{ word, wide: true },
    value: html`<span class="hex">${text}</span>`,
  });
  return lines(words, [
    line('receipt.hash', receipt.hash),
    line('receipt.preimage', receipt.preimage),
    line('receipt.node', receipt.node),
    line('receipt.request', receipt.request),
  ]);
}

/** `script`: the text of the built script; undefined where there is no build. */
export function renderVerify(about: { locale: string; script: string | undefined }): Rendered {
  const words = speech(about.locale);
  const { say } = words;
  const body = html`
    <main id="stage" data-tone="plain" data-state="verify">
      <div class="sheet alone">
        <section class="pay" aria-labelledby="head">
          <div class="state">
            <span class="mark" aria-hidden="true">${icons.plain}</span>
            <h1 id="head">${say('verify.title')}</h1>
            <p>${say('verify.how')}</p>
          </div>
          ${
            about.script === undefined
              ? html`<p class="note">${say('verify.noscript')}</p>`
              : html`<noscript><p class="note">${say('verify.noscript')}</p></noscript>`
          }
          <form id="check" class="check">
            <label for="text">${say('verify.field')}</label>
            <textarea id="text" class="hex" rows="8" spellcheck="false" required></textarea>
            <label for="file">${say('verify.choose')}</label>
            <input id="file" type="file" accept="application/json,.json" />
            <button class="btn main">${say('verify.act')}</button>
          </form>
          <div id="outcome" role="status"></div>
        </section>
      </div>
    </main>
    <script type="application/json" id="view">
      ${asHtml(jsonForScript(verifyWords(words)))}
    </script>
  `;
  const { script: inline } = about;
  return frame(words, {
    ...{ title: say('verify.title'), body, script: undefined, refresh: 'never' },
    ...(inline === undefined ? {} : { inline }),
  });
}

/** What the script says, with its places left open. */
const verifyWords = ({ say }: Speech): Record<string, string> =>
  Object.fromEntries(
    (
      [
        ...(['verify.good', 'verify.good.text', 'verify.stated'] as const),
        ...(['verify.stated.fiat', 'verify.test', 'verify.bad'] as const),
        ...receiptFaults.map((fault) => `verify.${fault}` as const),
      ] satisfies Word[]
    ).map((word) => [word, say(word)]),
  );
