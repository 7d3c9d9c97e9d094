// The settings of a shop that has the payments app alone: prices, limits, refunds, alerts. Where
// the merchant app has settings of this shop, they are changed there.
import { asHtml, html, type Html } from '../buyer/html.ts';
import { choiceField, textField, tickField } from './fields.ts';
import { formTokenField } from './parts.ts';
import type { SettingsView, ShownSettings, TypedSettings } from './view.ts';
import type { Speech, Word } from './words.ts';

type Choice = 'adjustment' | 'alone' | 'pricing';
type Text = Exclude<keyof TypedSettings, Choice | 'wrong'>;

export function settingsSection(view: SettingsView, words: Speech): Html {
  const { settings } = view;
  const isWrong = settings.state === 'wrong';
  return html`
    <section aria-labelledby="settings" data-part="settings">
      <h2 id="settings">${words.say('rules.title')}</h2>
      ${
        settings.state === 'saved' &&
        html`<p class="note" data-tone="good" role="status">${words.say('settings.saved')}</p>`
      }
      ${
        isWrong &&
        html`<p class="note" data-tone="warn" role="alert">${words.say('rules.wrong')}</p>`
      }
      <p>${words.say(settings.setInAdmin ? 'rules.in_admin' : 'rules.text')}</p>
      ${
        !settings.setInAdmin &&
        html`<details ${isWrong ? asHtml('open') : ''}>
          <summary>${words.say('rules.change')}</summary>
          <form method="post" action="/payments/settings">
            ${formTokenField(view)}
            <input type="hidden" name="version" value="${String(settings.version)}" />
            ${fieldsets(settings, words)}
            <button class="btn main">${words.say('save')}</button>
          </form>
        </details>`
      }
    </section>
  `;
}

/** The fields by name, with what is typed in them and what is wrong with it. */
function drawing(shown: ShownSettings, words: Speech) {
  const named = (name: Choice | Text) => {
    const wrong = shown.wrong[name];
    const text = wrong && words.sayIf(`settings.fault.${wrong.fault}`);
    const fault = wrong && (text === undefined ? { text: wrong.sentence, lang: 'en' } : { text });
    const values = { usual: shown.usual[name] ?? '' };
    return { name, value: shown.values[name], values, fault };
  };
  return {
    text: (name: Text, label: Word, more: { help?: Word; unit?: string } = {}): Html =>
      textField(words, { ...named(name), ...more, label, isText: name === 'email' }),
    choice: (
      name: Choice,
      label: Word,
      about: { help: Word; options: readonly (readonly [value: string, word: Word])[] },
    ): Html => choiceField(words, { ...named(name), ...about, label }),
  };
}

function fieldsets(shown: ShownSettings, words: Speech): Html {
  const { say } = words;
  const { text, choice } = drawing(shown, words);
  const [percent, minutes, sats] = ['%', say('settings.minutes'), 'sats'];
  return html`
    <fieldset>
      <legend>${say('settings.price')}</legend>
      ${choice('adjustment', 'settings.adjustment', {
        help: 'settings.adjustment.help',
        options: [
          ['none', 'settings.adjustment.none'],
          ['discount', 'settings.adjustment.discount'],
          ['markup', 'settings.adjustment.markup'],
        ],
      })}
      ${text('adjustmentSize', 'settings.adjustment.size', { unit: percent })}
      ${text('quoteMinutes', 'settings.life', { unit: minutes, help: 'settings.life.help' })}
      ${text('spread', 'settings.spread', { unit: percent, help: 'settings.spread.help' })}
      ${choice('alone', 'settings.alone', {
        help: 'settings.alone.help',
        options: [
          ['pause', 'settings.alone.pause'],
          ['widen', 'settings.alone.widen'],
        ],
      })}
      ${text('aloneMinutes', 'rules.alone.minutes', { unit: minutes })}
      ${text('aloneDrift', 'rules.alone.drift', {
        ...{ unit: percent, help: 'settings.alone.drift.help' },
      })}
    </fieldset>
    <fieldset>
      <legend>${say('settings.amounts')}</legend>
      ${text('smallest', 'settings.smallest', { unit: sats, help: 'settings.smallest.none' })}
      ${text('largest', 'settings.largest', { unit: sats, help: 'settings.largest.none' })}
    </fieldset>
    <fieldset>
      <legend>${say('settings.refunds')}</legend>
      ${choice('pricing', 'settings.refunds.pricing', {
        help: 'rules.pricing.help',
        options: [
          ['fiat_today', 'settings.refunds.fiat_today'],
          ['sats_paid', 'settings.refunds.sats_paid'],
          ['lower', 'settings.refunds.lower'],
        ],
      })}
      ${text('claimDays', 'settings.refunds.days')}
      ${text('approval', 'settings.refunds.approval', {
        ...{ unit: sats, help: 'settings.refunds.approval.help' },
      })}
      ${tickField(words, {
        ...{ name: 'wrong', label: 'settings.refunds.wrong', isOn: shown.values.wrong },
        help: 'settings.refunds.wrong.help',
      })}
    </fieldset>
    ${
      shown.sendsEmail &&
      html`<fieldset>
        <legend>${say('rules.alerts')}</legend>
        ${text('email', 'settings.alerts.email', { help: 'settings.alerts.email.help' })}
      </fieldset>`
    }
  `;
}
