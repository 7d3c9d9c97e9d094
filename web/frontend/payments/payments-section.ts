// What came in through the payments app: first what needs a person, then the latest. The order
// itself, with its goods and its buyer, stands in Shopify.
import { html, type Html } from '../buyer/html.ts';
import { formatFiat, formatMsat } from '../shared/amounts.ts';
import { dateOf } from './parts.ts';
import type { SettingsView, ShownPayment } from './view.ts';
import type { Speech, Word } from './words.ts';

export function paymentsSection(view: SettingsView, words: Speech): Html {
  const { needing, latest } = view.payments;
  return html`
    <section aria-labelledby="payments" data-part="payments">
      <h2 id="payments">${words.say('payments.title')}</h2>
      ${needing.map((payment) => needsPerson(payment, words))} ${list(latest, words)}
      ${
        latest.length >= view.payments.shownAtMost &&
        html`<p class="soft small">
          ${words.say('payments.more', { count: String(latest.length) })}
        </p>`
      }
    </section>
  `;
}

function needsPerson(payment: ShownPayment, words: Speech): Html {
  const attention = payment.attention ?? '';
  const known = words.sayIf(`attention.${attention}.title`) !== undefined ? attention : 'other';
  const said = (part: string): string => words.sayIf(`attention.${known}.${part}`) ?? '';
  return html`
    <div class="note" data-tone="warn">
      <h3>${said('title')}</h3>
      <p>${said('text')}</p>
      <p class="small">${payment.reference} · ${amountOf(payment, words)}</p>
    </div>
  `;
}

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
              html` · ${formatMsat(payment.amountMsat, words.locale)} sats`
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
