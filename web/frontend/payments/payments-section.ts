// What came in through the payments app: first what needs a person, then the latest. The order
// itself, with its goods and its buyer, stands in Shopify.
import { html, type Html } from '../buyer/html.ts';
import { formatFiat, formatMsat } from '../shared/amounts.ts';
import { dateOf, formTokenField } from './parts.ts';
import type {
  AnswerWord,
  AskedRefund,
  AskingPayment,
  ClaimedRefund,
  SettingsView,
  ShownPayment,
  WaitingRefund,
} from './view.ts';
import type { Speech, Word } from './words.ts';

export function paymentsSection(view: SettingsView, words: Speech): Html {
  const { needing, latest, refunds, toApprove, underWay } = view.payments;
  return html`
    <section aria-labelledby="payments" data-part="payments">
      <h2 id="payments">${words.say('payments.title')}</h2>
      ${needing.map((payment) => needsPerson(view, { payment, words }))}
      ${toApprove.length > 0 && toBeApproved(view, { refunds: toApprove, words })}
      ${refunds.length > 0 && toBeClaimed(refunds, words)}
      ${underWay.length > 0 && toBePaid(underWay, words)} ${list(latest, words)}
      ${
        latest.length >= view.payments.shownAtMost &&
        html`<p class="soft small">
          ${words.say('payments.more', { count: String(latest.length) })}
        </p>`
      }
    </section>
  `;
}

function needsPerson(
  view: SettingsView,
  { payment, words }: { payment: AskingPayment; words: Speech },
): Html {
  const attention = payment.attention ?? '';
  const isStuck = payment.state === 'stranded';
  const happened = payment.case && words.told(`case.${payment.case.name}`, payment.case.sentence);
  const sats = satsToGiveBack(payment, words);
  const known = words.sayIf(`attention.${attention}.title`) !== undefined ? attention : 'other';
  const said = (part: string): string => words.sayIf(`attention.${known}.${part}`) ?? '';
  return html`
    <div class="note" data-tone="warn">
      <h3>${isStuck ? words.say('attention.stranded.title') : said('title')}</h3>
      ${happened && html`<p lang="${happened.lang ?? words.locale}">${happened.text}</p>`}
      <p>${isStuck ? words.say('attention.stranded.text') : said('text')}</p>
      ${
        sats !== undefined &&
        html`<p><b>${words.say('attention.overpaid.amount', { sats })}</b></p>`
      }
      <p class="small">${payment.reference} · ${amountOf(payment, words)}</p>
      ${
        payment.hash !== null &&
        html`<p class="small">${words.say('proof.hash')}: <code>${payment.hash}</code></p>`
      }
      ${isStuck && settleForm(view, { payment, words })} ${giveBackForm(view, { payment, words })}
      ${payment.answers.map((answer) => answerForm(view, { payment, answer, words }))}
    </div>
  `;
}

const satsToGiveBack = (payment: AskingPayment, words: Speech): string | undefined =>
  payment.overpaidMsat === '0'
    ? undefined
    : words.say('sats', { sats: formatMsat(payment.overpaidMsat, words.locale) });

/** Its buyer claims it. Where refunds are off, nobody would pay it. */
const giveBackForm = (
  view: SettingsView,
  { payment, words }: { payment: AskingPayment; words: Speech },
): Html | undefined => {
  const { giveBackMsat } = payment;
  if (giveBackMsat === '0' || !view.refunds.on) return undefined;
  const sats = words.say('sats', { sats: formatMsat(giveBackMsat, words.locale) });
  return html`
    <form method="post" action="/payments/give-back">
      ${formTokenField(view)}
      <input type="hidden" name="payment" value="${payment.id}" />
      <input type="hidden" name="overpaid" value="${giveBackMsat}" />
      <label>
        <input type="checkbox" name="confirmed" value="yes" required />
        ${words.say('payments.give_back.confirm', { sats })}
      </label>
      <button class="btn">${words.say('payments.give_back')}</button>
    </form>
  `;
};

/** What became of it, with the amount as it is shown: another one is not answered unseen. */
const answerForm = (
  view: SettingsView,
  about: { payment: AskingPayment; answer: AnswerWord; words: Speech },
): Html => {
  const { payment, answer, words } = about;
  const sats = satsToGiveBack(payment, words) ?? '';
  return html`
    <form method="post" action="/payments/answer">
      ${formTokenField(view)}
      <input type="hidden" name="payment" value="${payment.id}" />
      <input type="hidden" name="attention" value="${payment.attention ?? ''}" />
      <input type="hidden" name="answer" value="${answer}" />
      <input type="hidden" name="overpaid" value="${payment.overpaidMsat}" />
      <label>
        <input type="checkbox" name="confirmed" value="yes" required />
        ${words.say(`payments.answer.${answer}`, { sats })}
      </label>
      <button class="btn">${words.say(`answer.${answer}.open`)}</button>
    </form>
  `;
};

/** There is no way back, so that it is said twice: by the box, and by the button. */
const settleForm = (
  view: SettingsView,
  { payment, words }: { payment: ShownPayment; words: Speech },
): Html => html`
  <form method="post" action="/payments/settle">
    ${formTokenField(view)}
    <input type="hidden" name="payment" value="${payment.id}" />
    <label>
      <input type="checkbox" name="confirmed" value="yes" required />
      ${words.say('payments.settle.confirm')}
    </label>
    <button class="btn">${words.say('payments.settle')}</button>
  </form>
`;

/** No letter goes out by itself: the merchant sends each buyer the link. */
const toBeClaimed = (refunds: readonly WaitingRefund[], words: Speech): Html => html`
  <div class="note" data-tone="plain" data-part="refunds">
    <h3>${words.say('payments.refunds')}</h3>
    <p>${words.say('payments.refunds.text')}</p>
    <ul class="payments">
      ${refunds.map(
        ({ reference, amountMsat, claimUrl, claimEndsAt, test }) =>
          html`<li>
            ${satsOf(amountMsat, test, words)}
            <span class="soft small">${words.say('payments.reference')} ${reference}</span>
            <span class="soft small">
              ${words.say('refund.claim_until', { time: dateOf(claimEndsAt, words) })}
            </span>
            <code data-line="claim" tabindex="0">${claimUrl}</code>
          </li>`,
      )}
    </ul>
  </div>
`;

const satsOf = (amountMsat: string, test: boolean, words: Speech): Html => html`
  <span class="name">
    <b>${words.say('sats', { sats: formatMsat(amountMsat, words.locale) })}</b>
    ${test && html`<span class="badge">${words.say('payments.test')}</span>`}
  </span>
`;

/** Above what goes out by itself: nobody can claim it before the merchant has said so. */
const toBeApproved = (
  view: SettingsView,
  { refunds, words }: { refunds: readonly AskedRefund[]; words: Speech },
): Html => html`
  <div class="note" data-tone="warn" data-part="approvals">
    <h3>${words.say('payments.approve.title')}</h3>
    <p>${words.say('payments.approve.text')}</p>
    <ul class="payments">
      ${refunds.map(
        ({ id, reference, amountMsat, openedAt, test }) =>
          html`<li data-refund="${id}">
            ${satsOf(amountMsat, test, words)}
            <span class="soft small">${dateOf(openedAt, words)}</span>
            <span class="soft small">${words.say('payments.reference')} ${reference}</span>
            ${(['approve', 'withdraw'] as const).map(
              (act) =>
                html`<form method="post" action="/payments/${act}">
                  ${formTokenField(view)}
                  <input type="hidden" name="refund" value="${id}" />
                  <label>
                    <input type="checkbox" name="confirmed" value="yes" required />
                    ${words.say(`payments.${act}.confirm`)}
                  </label>
                  <button class="btn">${words.say(`payments.${act}`)}</button>
                </form>`,
            )}
          </li>`,
      )}
    </ul>
  </div>
`;

/** Claimed: what there is to say of each until it is paid. */
const toBePaid = (refunds: readonly ClaimedRefund[], words: Speech): Html => html`
  <div class="note" data-tone="plain" data-part="under-way">
    <h3>${words.say('payments.under_way.title')}</h3>
    <ul class="payments">
      ${refunds.map(({ reference, amountMsat, givenAt, test, waits }) => {
        const told = waits && words.told(`payout.${waits.word}`, waits.sentence);
        return html`<li>
          ${satsOf(amountMsat, test, words)}
          <span class="soft small">
            ${words.say('payments.under_way.since', { time: dateOf(givenAt, words) })}
          </span>
          <span class="soft small">${words.say('payments.reference')} ${reference}</span>
          ${told && html`<span lang="${told.lang ?? words.locale}">${told.text}</span>`}
        </li>`;
      })}
    </ul>
  </div>
`;

const list = (payments: readonly ShownPayment[], words: Speech): Html => html`
  <ul class="payments">
    ${payments.map(
      (payment) =>
        html`<li data-payment="${payment.state}">
          <span class="name">
            <b>${amountOf(payment, words)}</b>
            ${payment.test && html`<span class="badge">${words.say('payments.test')}</span>`}
            <span class="badge" data-tone="${toneOf(payment)}">
              ${words.say(`state.${payment.state}` as Word)}
            </span>
          </span>
          <span class="soft small">
            ${dateOf(payment.openedAt, words)}${
              payment.amountMsat !== null &&
              html` · ${words.say('sats', { sats: formatMsat(payment.amountMsat, words.locale) })}`
            }
          </span>
          <span class="soft small">${words.say('payments.reference')} ${payment.reference}</span>
        </li>`,
    )}
  </ul>
`;

const amountOf = ({ amount, currency }: ShownPayment, words: Speech): string =>
  formatFiat({ amount, currency }, words.locale);

function toneOf({ state }: ShownPayment): 'good' | 'warn' | 'plain' {
  if (state === 'settled' || state === 'resolved') return 'good';
  return state === 'stranded' ? 'warn' : 'plain';
}
