// Refunds: the switch, how the buyer gets them, and who pays them. Where the merchant app has
// settings of this shop, they are shown here and changed there.
import { html, type Html } from '../buyer/html.ts';
import { switchForm } from './parts.ts';
import type { SettingsView } from './view.ts';
import type { Speech } from './words.ts';

export function refundsSection(view: SettingsView, words: Speech): Html {
  const { on, setInAdmin } = view.refunds;
  return html`
    <section aria-labelledby="giving-back" data-part="giving-back">
      <h2 id="giving-back">
        ${words.say('refunds.switch.title')}
        <span class="badge" data-tone="${on ? 'good' : 'plain'}">
          ${words.say(on ? 'switch.is_on' : 'switch.is_off')}
        </span>
      </h2>
      <p>${words.say('refunds.switch.text')}</p>
      <p class="soft">
        ${words.say(setInAdmin ? 'refunds.switch.in_admin' : 'refunds.switch.purse')}
      </p>
      ${!setInAdmin && switchForm(view, { name: 'refunds', on, words })}
    </section>
  `;
}
