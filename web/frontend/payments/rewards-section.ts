// Sats back for the buyer, of a shop that has the payments app alone.
import { asHtml, html, type Html } from '../buyer/html.ts';
import { textField, tickField } from './fields.ts';
import { formTokenField } from './parts.ts';
import type { SettingsView } from './view.ts';
import type { Speech, Word } from './words.ts';

export function rewardsSection(view: SettingsView, words: Speech): Html {
  const { say } = words;
  const { setInAdmin, isOn, wrong } = view.rewards;
  return html`
    <section aria-labelledby="rewards" data-part="rewards">
      <h2 id="rewards">
        ${say('rewards.title')}
        <span class="badge" data-tone="${isOn ? 'good' : 'plain'}">
          ${say(isOn ? 'switch.is_on' : 'switch.is_off')}
        </span>
      </h2>
      <p>${say(setInAdmin ? 'rules.in_admin' : 'rewards.text')}</p>
      ${
        !setInAdmin &&
        html`<details ${wrong === undefined ? '' : asHtml('open')}>
          <summary>${say('rules.change')}</summary>
          ${form(view, words)}
        </details>`
      }
    </section>
  `;
}

function form(view: SettingsView, words: Speech): Html {
  const { say } = words;
  const { isOn, values, wrong, canPay } = view.rewards;
  const field = (
    name: keyof typeof values,
    more: { label: Word; help: Word; unit: string },
  ): Html => {
    const fault =
      wrong?.field === name ? words.told(`reward.${wrong.refusal}`, wrong.sentence) : undefined;
    return textField(words, { name, value: values[name], fault, ...more });
  };
  const [sats, days] = ['sats', say('rewards.days')];
  return html`
    ${
      isOn &&
      !canPay &&
      html`<p class="note" data-tone="warn" role="status">${say('rewards.no_purse')}</p>`
    }
    <form method="post" action="/payments/rewards">
      ${formTokenField(view)}
      ${tickField(words, { name: 'on', label: 'rewards.on', help: 'rewards.on.text', isOn })}
      ${field('percent', { label: 'rewards.percent', help: 'rewards.percent.text', unit: '%' })}
      ${field('mostSats', { label: 'rewards.mostSats', help: 'rewards.mostSats.text', unit: sats })}
      ${field('leastSats', {
        ...{ label: 'rewards.leastSats', help: 'rewards.leastSats.text', unit: sats },
      })}
      ${field('waitDays', { label: 'rewards.waitDays', help: 'rewards.waitDays.text', unit: days })}
      ${field('claimDays', {
        ...{ label: 'rewards.claimDays', help: 'rewards.claimDays.text', unit: days },
      })}
      <p class="soft small">${say('rewards.refunds')}</p>
      <button class="btn main">${say('save')}</button>
    </form>
  `;
}
