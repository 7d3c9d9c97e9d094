// What came in through the payments app: first what needs a person, then the latest. The order
// itself, with its goods and its buyer, stands in Shopify.
import { html, type Html } from '../buyer/html.ts';
import { formatFiat, formatMsat } from '../shared/amounts.ts';
import { dateOf, formTokenField } from './parts.ts';
import type { SettingsView, ShownPayment } from './view.ts';
import type { Speech, Word } from './words.ts';

export function paymentsSection(view: SettingsView, words: Speech): Html {
  const { needing, latest } = view.payments;
  return html`
    <section aria-labelledby="payments" data-part="payments">
      <h2 id="payments">${words.say('payments.title')}</h2>
      ${needing.map((payment) => needsPerson(view, { payment, words }))} ${list(latest, words)}
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
  { payment, words }: { payment: ShownPayment; words: Speech },
): Html {
  const attention = payment.attention ?? '';
  const known = words.sayIf(`attention.${attention}.title`) !== undefined ? attention : 'other';
  const said = (part: string): string => words.sayIf(`attention.${known}.${part}`) ?? '';
  return html`
    <div class="note" data-tone="warn">
      <h3>${said('title')}</h3>
      <p>${said('text')}</p>
      <p class="small">${payment.reference} · ${amountOf(payment, words)}</p>
      ${payment.state === 'stranded' && settleForm(view, { payment, words })}
    </div>
  `;
}

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
