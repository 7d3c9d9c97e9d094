// Small parts that several sections of the page have.
import { html, type Html } from '../buyer/html.ts';
import type { SettingsView, ShownNode } from './view.ts';
import type { Speech, Word } from './words.ts';

export const isAway = ({ health }: ShownNode): boolean =>
  health === 'unreachable' || health === 'locked';

export const formTokenField = ({ formToken }: SettingsView): Html =>
  html`<input type="hidden" name="form_token" value="${formToken}" />`;

/** One button that switches it over. */
export const switchForm = (
  view: SettingsView,
  { name, on, words }: { name: 'holds' | 'refunds'; on: boolean; words: Speech },
): Html => html`
  <form method="post" action="/payments/${name}">
    ${formTokenField(view)}
    <input type="hidden" name="on" value="${on ? 'no' : 'yes'}" />
    <button class="btn">${words.say(on ? 'switch.switch_off' : 'switch.switch_on')}</button>
  </form>
`;

/** In UTC: the server does not know where the merchant is, and no script asks. */
export function dateOf(iso: string, words: Speech): string {
  const options = { dateStyle: 'long', timeStyle: 'short', timeZone: 'UTC' } as const;
  return `${new Intl.DateTimeFormat(words.locale, options).format(new Date(iso))} UTC`;
}

export function stepHead(
  words: Speech,
  about: { id: string; word: Word; isDone: boolean | undefined },
): Html {
  const { id, word, isDone } = about;
  return html`<h2 id="${id}">
    ${words.say(word)}
    ${
      isDone !== undefined &&
      html`<span class="badge" data-tone="${isDone ? 'good' : 'plain'}">
        ${words.say(isDone ? 'step.done' : 'step.to_do')}
      </span>`
    }
  </h2>`;
}
