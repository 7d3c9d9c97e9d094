// Authorize first, charge later: the switch, what it means for buyer and merchant, and what the
// node's credential still lacks for it.
import { html, type Html } from '../buyer/html.ts';
import { switchForm } from './parts.ts';
import type { SettingsView } from './view.ts';
import type { Speech } from './words.ts';

export function holdsSection(view: SettingsView, words: Speech): Html {
  const { on, nodeCanHold } = view.holds;
  const lacks = on && view.node !== null && !nodeCanHold;
  return html`
    <section aria-labelledby="holds" data-part="holds">
      <h2 id="holds">
        ${words.say('holds.title')}
        <span class="badge" data-tone="${on && !lacks ? 'good' : 'plain'}">
          ${words.say(on ? 'switch.is_on' : 'switch.is_off')}
        </span>
      </h2>
      <p>${words.say('holds.text')}</p>
      <p class="soft">${words.say('holds.cost')}</p>
      ${
        lacks &&
        html`<div class="note" data-tone="warn" role="alert">
          <h3>${words.say('holds.lacks.head')}</h3>
          <p>${words.say('holds.lacks.text')}</p>
          <code data-line="bake" tabindex="0">${view.bake}</code>
        </div>`
      }
      ${switchForm(view, { name: 'holds', on, words })}
    </section>
  `;
}
