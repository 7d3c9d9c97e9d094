// Fields of a form: a name, what is wrong with what was typed, and what it is. Whoever hears the
// page hears both with the field.
import { asHtml, html, type Html } from '../buyer/html.ts';
import type { Speech, Word } from './words.ts';

/** Why what was typed is not taken; `lang`: if not in that of the page. */
export type FieldFault = { text: string; lang?: string | undefined };

type Named = {
  name: string;
  label: Word;
  help?: Word;
  /** What fills the places of the help. */
  values?: Readonly<Record<string, string>>;
  fault?: FieldFault | undefined;
};

/** What stands under a field. */
function below(words: Speech, { name, help, values = {}, fault }: Named): Html {
  return html`
    ${
      fault !== undefined &&
      html`<p class="wrong" id="${name}-wrong" lang="${fault.lang ?? words.locale}">
        ${fault.text}
      </p>`
    }
    ${
      help !== undefined &&
      html`<p class="soft small" id="${name}-help">${words.say(help, values)}</p>`
    }
  `;
}

function describedBy({ name, help, fault }: Named): Html {
  const ids = [fault && `${name}-wrong`, help && `${name}-help`].filter((id) => id !== undefined);
  const about = ids.length === 0 ? '' : `aria-describedby="${ids.join(' ')}"`;
  return asHtml(about + (fault === undefined ? '' : ' aria-invalid="true"'));
}

/** `unit`: such as sats, beside the label. */
export function textField(
  words: Speech,
  about: Named & { value: string; unit?: string; isText?: boolean },
): Html {
  const { name, label, value, unit, isText = false } = about;
  const named = `${words.say(label)}${unit === undefined ? '' : ` (${unit})`}`;
  return html`
    <label for="${name}">${named}</label>
    <input
      id="${name}"
      name="${name}"
      autocomplete="off"
      maxlength="300"
      ${isText ? '' : asHtml('inputmode="decimal"')}
      value="${value}"
      ${describedBy(about)}
    />
    ${below(words, about)}
  `;
}

/** `options`: each value with its word. */
export function choiceField(
  words: Speech,
  about: Named & { value: string; options: readonly (readonly [value: string, word: Word])[] },
): Html {
  const { name, label, value: chosen, options } = about;
  return html`
    <label for="${name}">${words.say(label)}</label>
    <select id="${name}" name="${name}" ${describedBy(about)}>
      ${options.map(
        ([value, word]) =>
          html`<option value="${value}" ${value === chosen ? asHtml('selected') : ''}>
            ${words.say(word)}
          </option>`,
      )}
    </select>
    ${below(words, about)}
  `;
}

export const tickField = (
  words: Speech,
  about: { name: string; label: Word; help: Word; isOn: boolean },
): Html => html`
  <label>
    <input
      type="checkbox"
      name="${about.name}"
      value="yes"
      ${about.isOn ? asHtml('checked') : ''}
    />
    <span>${words.say(about.label)}</span>
  </label>
  <p class="soft small">${words.say(about.help)}</p>
`;
