// The page on which a buyer claims a refund, drawn by the server for every state. It works without
// any script, and its form is all that changes anything. It never shows where the sats go, and it
// says that they are on their way only when a place for them was taken.
import { formatFiat, formatSats } from '../shared/amounts.ts';
import type { ClaimProblem, ClaimState, ClaimView } from '../shared/claim-view.ts';
import { frame, jsonForScript, type PageAssets, type Rendered } from './frame.ts';
import { asHtml, html, type Html } from './html.ts';
import { icons } from './icons.ts';
import { lnurlOf } from './lnurl.ts';
import type { Tone } from './looks.ts';
import { around, howBox, moment, shopHeader, sizeOf } from './pieces.ts';
import { qrContent, qrSvg } from './qr.ts';
import { speech, type Speech, type Word } from './words.ts';

const tones: Record<ClaimState, Tone> = {
  preparing: 'live',
  claimable: 'plain',
  claimed: 'live',
  paid: 'good',
  expired: 'plain',
  withdrawn: 'plain',
};

/** What the buyer gave and why it is not taken; the text stands in the field again. */
export type Refused = { problem: ClaimProblem; typed: string };

type Shown = { words: Speech; values: Record<string, string>; refused?: Refused | undefined };

/** A reward that waits for its day is nothing that goes on. */
const toneOf = ({ state, claimableAt }: ClaimView): Tone =>
  claimableAt === undefined ? tones[state] : 'plain';

/** What is said of a reward is not what is said of a refund. */
const kindOf = (view: ClaimView): 'refund' | 'reward' =>
  view.reward === true ? 'reward' : 'refund';

/** What waits for the shop or its node is not said to be on its way. */
const saidOf = (view: ClaimView) =>
  view.slow === true
    ? (`${kindOf(view)}.slow` as const)
    : (`${kindOf(view)}.${view.state}` as const);

/** The page of a refund in its present state. `locale` is any language tag, such as `de-CH`. */
export function renderClaimPage(
  view: ClaimView,
  options: { locale: string; assets: PageAssets; refused?: Refused },
): Rendered {
  const words = speech(options.locale);
  const values = {
    shop: view.shopName,
    reference: view.reference,
    sats: view.sats === undefined ? '' : formatSats(view.sats, words.locale),
  };
  const shown: Shown = { words, values, refused: options.refused };
  const tone = toneOf(view);
  const body = html`
    <main id="stage" data-tone="${tone}" data-state="refund-${view.state}">
      ${view.test && html`<p class="test">${words.say('test')}</p>`}
      <div class="sheet">
        ${summary(view, words)} ${stateSection(view, shown)}
        ${view.state === 'claimable' && how(words, kindOf(view))}
      </div>
    </main>
    <script type="application/json" id="view">
      ${asHtml(scriptView(view, words))}
    </script>
  `;
  // Without script a page with a field must not load itself anew: what is typed would be gone.
  const asksAgain = !view.final && view.state !== 'claimable';
  return frame(words, {
    title: `${words.say(`${saidOf(view)}.head`, values)} – ${view.shopName}`,
    body,
    script: options.assets.script,
    refresh: asksAgain ? 'without script' : 'never',
  });
}

function summary(view: ClaimView, words: Speech): Html {
  const { say, locale } = words;
  const about = say(`${kindOf(view)}.of`, { order: view.orderName });
  const sats = view.sats === undefined ? undefined : formatSats(view.sats, locale);
  const fiat = view.fiat === undefined ? undefined : formatFiat(view.fiat, locale);
  const inSats = sats === undefined ? undefined : say('sats', { sats });
  const big = fiat ?? inSats;
  return html`
    <section class="sum" aria-labelledby="shop">
      ${shopHeader({ shopName: view.shopName, about }, words)}
      <div>
        ${
          big !== undefined && html`<p class="big" data-size="${sizeOf(big)}"><bdi>${big}</bdi></p>`
        }
        ${
          fiat !== undefined &&
          inSats !== undefined &&
          html`<p class="sats">${icons.bolt}<bdi>${inSats}</bdi></p>`
        }
      </div>
      ${
        view.claimEndsAt !== undefined &&
        html`<p class="until">
          ${icons.clock}<span>${day('refund.until', { at: view.claimEndsAt, words })}</span>
        </p>`
      }
      ${
        view.claimableAt !== undefined &&
        html`<p class="until">
          ${icons.clock}<span>${day('reward.from', { at: view.claimableAt, words })}</span>
        </p>`
      }
    </section>
  `;
}

/** A sentence with a moment in it, which the script says again in the buyer's time zone. */
const day = (word: Word, { at, words }: { at: string; words: Speech }): Html =>
  around(moment(at, words), (gap) => words.say(word, { time: gap }));

function stateSection(view: ClaimView, shown: Shown): Html {
  const { words, values } = shown;
  const { say } = words;
  const tone = toneOf(view);
  const icon = tone === 'live' ? html`<span class="dot"></span>` : icons[tone];
  const mark = view.state === 'claimable' ? icons.bolt : icon;
  return html`
    <section class="pay" aria-labelledby="head">
      <div class="state">
        <span class="mark" aria-hidden="true">${mark}</span>
        <h2 id="head" tabindex="-1">${say(`${saidOf(view)}.head`, values)}</h2>
        <p>${say(`${saidOf(view)}.text`, values)}</p>
      </div>
      ${
        view.failedBefore === true &&
        shown.refused === undefined &&
        html`<p class="hint">${say('refund.failed_before')}</p>`
      }
      ${view.state === 'claimable' && ways(view, shown)}
      ${
        /^https?:\/\//.test(view.backUrl) &&
        html`<a class="back noprint" href="${view.backUrl}">
          <span class="arrow" aria-hidden="true"></span>${say('back', values)}
        </a>`
      }
      <p class="soft small help">${say('help', values)}</p>
      ${
        !view.final &&
        view.state !== 'claimable' &&
        html`<noscript><p class="soft small help">${say('nojs')}</p></noscript>`
      }
    </section>
  `;
}

/** Two ways to say where the sats are to go: in words, or by a wallet that scans. */
function ways(view: ClaimView, shown: Shown): Html {
  const { words, values, refused } = shown;
  const { say } = words;
  const lnurl = view.lnurlAt === undefined ? undefined : lnurlOf(view.lnurlAt);
  const problem = refused && say(`refund.problem.${refused.problem}`, values);
  return html`
    <form class="claim noprint" method="post" action="/refund/${view.id}/claim">
      <label for="destination">${say('refund.label')}</label>
      <p class="soft small" id="about">${say('refund.label.help', values)}</p>
      ${field(refused?.typed ?? '', problem !== undefined)}
      ${problem !== undefined && html`<p class="wrong" id="problem" role="alert">${problem}</p>`}
      <button class="btn main">${say('refund.claim')}</button>
    </form>
    ${lnurl !== undefined && scanned(lnurl, shown)}
  `;
}

/** In one piece: a space more would be in the field. */
function field(typed: string, isWrong: boolean): Html {
  const text = html`${typed}`.source;
  const about = isWrong ? '"about problem" aria-invalid="true"' : '"about"';
  return asHtml(
    '<textarea id="destination" name="destination" rows="3" required maxlength="4000"' +
      ' spellcheck="false" autocomplete="off" autocapitalize="none"' +
      ` aria-describedby=${about}>${text}</textarea>`,
  );
}

function scanned(lnurl: string, { words, values }: Shown): Html {
  const { say } = words;
  return html`
    <p class="or soft small noprint"><span>${say('refund.or')}</span></p>
    <div class="code">
      ${qrSvg(qrContent(lnurl), say('refund.qr', values))}
      <p class="soft small">${say('refund.scan')}</p>
    </div>
    <div class="acts">
      <a class="btn" id="open" href="lightning:${lnurl}">${say('open')}</a>
      <button type="button" class="btn" id="copy" hidden>${say('refund.copy')}</button>
    </div>
    <details>
      <summary class="small">${say('refund.text')}</summary>
      <code translate="no">${lnurl}</code>
    </details>
  `;
}

const how = ({ say }: Speech, kind: 'refund' | 'reward'): Html =>
  howBox({
    title: say('refund.how'),
    steps: [say('refund.how.1'), say('refund.how.2'), say('refund.how.3')],
    trust: say(`${kind}.trust`),
  });

function scriptView(view: ClaimView, { say }: Speech): string {
  return jsonForScript({
    at: `/refund/${view.id}`,
    revision: view.revision,
    final: view.final,
    now: view.now,
    lapsesAt: null,
    request: view.lnurlAt === undefined ? null : lnurlOf(view.lnurlAt),
    returnUrl: null,
    words: {
      left: '',
      copied: say('copied'),
      copyFailed: say('refund.copy_failed'),
      offline: say('offline'),
      weblnFailed: '',
    },
  });
}
