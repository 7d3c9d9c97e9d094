// Small parts that several sections of the page have.
import { html, type Html } from '../buyer/html.ts';
import type { SettingsView, ShownNode } from './view.ts';
import type { Speech, Word } from './words.ts';

export const isAway = ({ health }: ShownNode): boolean =>
  health === 'unreachable' || health === 'locked';

export const formTokenField = ({ formToken }: SettingsView): Html =>
  html`<input type="hidden" name="form_token" value="${formToken}" />`;

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
