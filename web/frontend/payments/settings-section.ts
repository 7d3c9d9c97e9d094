// The settings of a shop that has the payments app alone: prices, limits, refunds, alerts. Where
// the merchant app has settings of this shop, they are changed there.
import { asHtml, html, type Html } from '../buyer/html.ts';
import { formTokenField } from './parts.ts';
import type { SettingsView, ShownSettings, TypedSettings } from './view.ts';
import type { Speech, Word } from './words.ts';

type Field = keyof TypedSettings;
type Drawn = { shown: ShownSettings; words: Speech };

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
          ${form(view, words)}
        </details>`
      }
    </section>
  `;
}

function form(view: SettingsView, words: Speech): Html {
  const drawn: Drawn = { shown: view.settings, words };
  const { say } = words;
  return html`
    <form method="post" action="/payments/settings">
      ${formTokenField(view)}
      <input type="hidden" name="version" value="${String(view.settings.version)}" />
      <fieldset>
        <legend>${say('settings.price')}</legend>
        ${choice(drawn, {
          ...{ field: 'adjustment', label: 'settings.adjustment' },
          help: 'settings.adjustment.help',
          options: ['none', 'discount', 'markup'].map((is) => [is, `settings.adjustment.${is}`]),
        })}
        ${line(drawn, { field: 'adjustmentSize', label: 'settings.adjustment.size', unit: '%' })}
        ${line(drawn, {
          ...{ field: 'quoteMinutes', label: 'settings.life', unit: say('settings.minutes') },
          help: 'settings.life.help',
        })}
        ${line(drawn, {
          ...{ field: 'spread', label: 'settings.spread', unit: '%' },
          help: 'settings.spread.help',
        })}
        ${choice(drawn, {
          ...{ field: 'alone', label: 'settings.alone', help: 'settings.alone.help' },
          options: ['pause', 'widen'].map((is) => [is, `settings.alone.${is}`]),
        })}
        ${line(drawn, {
          ...{ field: 'aloneMinutes', label: 'rules.alone.minutes' },
          unit: say('settings.minutes'),
        })}
        ${line(drawn, {
          ...{ field: 'aloneDrift', label: 'rules.alone.drift', unit: '%' },
          help: 'settings.alone.drift.help',
        })}
      </fieldset>
      <fieldset>
        <legend>${say('settings.amounts')}</legend>
        ${line(drawn, {
          ...{ field: 'smallest', label: 'settings.smallest', unit: 'sats' },
          help: 'settings.smallest.none',
        })}
        ${line(drawn, {
          ...{ field: 'largest', label: 'settings.largest', unit: 'sats' },
          help: 'settings.largest.none',
        })}
      </fieldset>
      ${refunds(drawn)}
      ${
        view.settings.sendsEmail &&
        html`<fieldset>
          <legend>${say('rules.alerts')}</legend>
          ${line(drawn, {
            ...{ field: 'email', label: 'settings.alerts.email' },
            help: 'settings.alerts.email.help',
          })}
        </fieldset>`
      }
      <button class="btn main">${say('save')}</button>
    </form>
  `;
}

function refunds(drawn: Drawn): Html {
  const { shown, words } = drawn;
  const { say } = words;
  return html`
    <fieldset>
      <legend>${say('settings.refunds')}</legend>
      ${choice(drawn, {
        ...{ field: 'pricing', label: 'settings.refunds.pricing', help: 'rules.pricing.help' },
        options: ['fiat_today', 'sats_paid', 'lower'].map((is) => [is, `settings.refunds.${is}`]),
      })}
      ${line(drawn, {
        ...{ field: 'claimDays', label: 'settings.refunds.days' },
      })}
      ${line(drawn, {
        ...{ field: 'approval', label: 'settings.refunds.approval', unit: 'sats' },
        help: 'settings.refunds.approval.help',
      })}
      <label>
        <input
          type="checkbox"
          name="wrong"
          value="yes"
          ${shown.values.wrong ? asHtml('checked') : ''}
        />
        <span>${say('settings.refunds.wrong')}</span>
      </label>
      <p class="soft small">${say('settings.refunds.wrong.help')}</p>
    </fieldset>
  `;
}

/** What stands under a field: what is wrong with it, and what it is. */
function below({ shown, words }: Drawn, about: { field: Field; help?: Word }): Html {
  const { field, help } = about;
  const fault = shown.wrong[field];
  const told = fault && words.told(`settings.fault.${fault.fault}`, fault.sentence);
  const { usual } = shown;
  return html`
    ${
      told !== undefined &&
      html`<p class="wrong" id="${field}-wrong" lang="${told.lang ?? words.locale}">
        ${told.text}
      </p>`
    }
    ${
      help !== undefined &&
      html`<p class="soft small" id="${field}-help">
        ${words.say(help, { usual: usual[field] ?? '' })}
      </p>`
    }
  `;
}

const describedBy = ({ shown }: Drawn, about: { field: Field; help?: Word }): Html => {
  const { field, help } = about;
  const isWrong = shown.wrong[field] !== undefined;
  const ids = [isWrong ? `${field}-wrong` : '', help === undefined ? '' : `${field}-help`];
  const all = ids.filter((id) => id !== '').join(' ');
  return asHtml(
    (all === '' ? '' : `aria-describedby="${all}"`) + (isWrong ? ' aria-invalid="true"' : ''),
  );
};

type Line = { field: Exclude<Field, 'wrong'>; label: Word; help?: Word; unit?: string };

function line(drawn: Drawn, about: Line): Html {
  const { field, label, unit } = about;
  const named = `${drawn.words.say(label)}${unit === undefined ? '' : ` (${unit})`}`;
  return html`
    <label for="${field}">${named}</label>
    <input
      id="${field}"
      name="${field}"
      autocomplete="off"
      maxlength="300"
      ${field === 'email' ? '' : asHtml('inputmode="decimal"')}
      value="${drawn.shown.values[field]}"
      ${describedBy(drawn, about)}
    />
    ${below(drawn, about)}
  `;
}

type Choice = {
  field: 'adjustment' | 'alone' | 'pricing';
  label: Word;
  help?: Word;
  options: readonly (readonly string[])[];
};

function choice(drawn: Drawn, about: Choice): Html {
  const { field, label, options } = about;
  const { shown, words } = drawn;
  return html`
    <label for="${field}">${words.say(label)}</label>
    <select id="${field}" name="${field}" ${describedBy(drawn, about)}>
      ${options.map(
        ([value = '', word = '']) =>
          html`<option value="${value}" ${shown.values[field] === value ? asHtml('selected') : ''}>
            ${words.sayIf(word) ?? value}
          </option>`,
      )}
    </select>
    ${below(drawn, about)}
  `;
}
