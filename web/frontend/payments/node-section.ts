// The node: how it is, what it can receive, and the form that connects one. A refused credential is
// a lesson: what it would have allowed, and the line that makes the right one.
import { asHtml, html, type Html } from '../buyer/html.ts';
import { formatMsat } from '../shared/amounts.ts';
import { bakesHolds } from '../shared/holds-api.ts';
import { dateOf, formTokenField, isAway, stepHead } from './parts.ts';
import type { SettingsView, ShownNode, ShownRefusal } from './view.ts';
import type { Speech } from './words.ts';

export function nodeSection(view: SettingsView, words: Speech): Html {
  const { node, refused, justConnected } = view;
  const isDown = node !== null && isAway(node);
  const isDone = isDown ? undefined : node !== null;
  const head = stepHead(words, { id: 'node', word: 'step.node', isDone });
  return html`
    <section aria-labelledby="node" data-part="node">
      ${head} ${refused !== undefined && lesson(refused, words)}
      ${
        justConnected === true &&
        html`<p class="note" data-tone="good" role="status">${words.say('node.just_connected')}</p>`
      }
      ${node !== null && facts(node, words)}
      ${
        node === null
          ? connectForms(view, words)
          : html`<details ${refused === undefined ? '' : openMark}>
              <summary>${words.say('node.change')}</summary>
              ${connectForms(view, words)}
            </details>`
      }
    </section>
  `;
}

const openMark = html`open`;

function facts(node: ShownNode, words: Speech): Html {
  const sats = (msat: string): string =>
    words.say('sats', { sats: formatMsat(msat, words.locale) });
  const isGood = !isAway(node);
  const since =
    !isGood && node.healthSince !== null
      ? words.say(`node.${node.health === 'locked' ? 'locked' : 'unreachable'}.title`, {
          since: dateOf(node.healthSince, words),
        })
      : undefined;
  // Without the commit it was built from.
  const version = node.version.split(' ')[0] ?? '';
  const down = node.health === 'locked' ? 'node.locked.text' : 'node.unreachable.text';
  return html`
    <p class="name">
      <strong>${node.alias === '' ? node.address : node.alias}</strong>
      <span class="badge" data-tone="${isGood ? 'good' : 'warn'}">
        ${words.say(`health.${node.health}`)}
      </span>
    </p>
    ${
      since !== undefined &&
      html`<div class="note" data-tone="warn">
        <h3>${since}</h3>
        <p>${words.say(down)}</p>
      </div>`
    }
    <dl>
      ${fact(
        words.say('node.receivable'),
        node.receivableMsat === null
          ? words.say('node.receivable.unseen')
          : sats(node.receivableMsat),
      )}
      ${fact(words.say('node.address'), node.address)}
      ${fact(words.say('node.network'), words.sayIf(`network.${node.network}`) ?? node.network)}
      ${version !== '' && fact(words.say('node.version'), version)}
      ${
        node.credentialEndsAt !== null &&
        fact(words.say('node.ends'), dateOf(node.credentialEndsAt, words))
      }
    </dl>
    ${
      node.receivableMsat === '0' &&
      node.advice.length === 0 &&
      html`<p class="note" data-tone="warn">${words.say('node.nothing_receivable')}</p>`
    }
    ${node.advice.map(({ code, sentence, values }) => {
      const { text, lang } = words.told(`advice.${code}`, sentence, values);
      return html`<p class="note" data-tone="plain" lang="${lang ?? words.locale}">${text}</p>`;
    })}
    ${node.isShared && html`<p class="soft">${words.say('node.shared')}</p>`}
  `;
}

const fact = (name: string, value: string): Html =>
  html`<div>
    <dt>${name}</dt>
    <dd>${value}</dd>
  </div>`;

/** What costs money first. */
const worst = ['offchain:write', 'onchain:write', 'macaroon:generate', 'invoices:write'];
const shownAtOnce = 5;

function lesson(refused: ShownRefusal, words: Speech): Html {
  const { refusal, sentence, excess, bake } = refused;
  const told = words.told(`refusal.${refusal}`, sentence);
  const title = words.sayIf(`refusal.${refusal}`) ?? words.say('refusal.other');
  const rank = (permission: string): number => (worst.indexOf(permission) + 9) % 9;
  const sorted = [...excess].sort((a, b) => rank(a.permission) - rank(b.permission));
  const [first, rest] = [sorted.slice(0, shownAtOnce), sorted.slice(shownAtOnce)];
  return html`
    <div class="lesson" role="alert">
      <div class="note" data-tone="warn">
        <h3>${title}</h3>
        <p lang="${told.lang ?? words.locale}">${told.text}</p>
      </div>
      ${excess.length > 0 && html`<h3>${words.say('lesson.excess')}</h3>`}
      ${excess.length > 0 && permissions(first, words)}
      ${
        rest.length > 0 &&
        html`<details>
          <summary>${words.say('lesson.all', { count: String(excess.length) })}</summary>
          ${permissions(rest, words)}
        </details>`
      }
      ${isAboutCredential(refusal) && bakeLine(bake, words)}
    </div>
  `;
}

const isAboutCredential = (refusal: string): boolean => /credential|macaroon/.test(refusal);

/** Whoever has no credential yet begins with this. */
const bakeLine = (line: string, words: Speech): Html => html`
  <h3>${words.say(bakesHolds(line) ? 'lesson.bake_holds' : 'lesson.bake')}</h3>
  <code data-line="bake" tabindex="0">${line}</code>
  <p class="soft">${words.say('lesson.paste')}</p>
`;

const permissions = (list: ShownRefusal['excess'], words: Speech): Html => html`
  <dl class="excess">
    ${list.map(({ permission, allows }) => {
      const method = /^uri:\/[\w.]+\/(\w+)$/.exec(permission)?.[1];
      const code = method === undefined ? `permission.${permission}` : `method.${method}`;
      const { text, lang } = words.told(code, allows);
      return html`<div>
        <dt>${permission}</dt>
        <dd lang="${lang ?? words.locale}">${text}</dd>
      </div>`;
    })}
  </dl>
`;

/** Two ways, one open at a time. What was typed and is no secret is still there. */
function connectForms(view: SettingsView, words: Speech): Html {
  const { refused, bake } = view;
  const hasLine = refused !== undefined && isAboutCredential(refused.refusal);
  const way = refused?.typed.way ?? 'link';
  const aboutWay = (name: 'link' | 'parts') => (way === name ? openMark : '');
  const submit = html`<button class="btn main">${words.say('connect.submit')}</button>`;
  return html`
    ${!hasLine && bakeLine(bake, words)}
    <div class="ways">
      <details name="way" ${aboutWay('link')}>
        <summary>${words.say('connect.way.link')}</summary>
        <form method="post" action="/payments/node">
          ${formTokenField(view)}
          <label for="lndconnect">${words.say('connect.link')}</label>
          <input
            id="lndconnect"
            name="lndconnect"
            type="password"
            autocomplete="off"
            required
            maxlength="8192"
            spellcheck="false"
            aria-describedby="link-help"
          />
          <p class="soft small" id="link-help">${words.say('connect.link.help')}</p>
          ${submit}
        </form>
      </details>
      <details name="way" ${aboutWay('parts')}>
        <summary>${words.say('connect.way.parts')}</summary>
        <form method="post" action="/payments/node">
          ${formTokenField(view)}
          <label for="host">${words.say('connect.host')}</label>
          <input
            id="host"
            name="host"
            autocomplete="off"
            required
            maxlength="300"
            spellcheck="false"
            aria-describedby="host-help"
            value="${refused?.typed.host ?? ''}"
          />
          <p class="soft small" id="host-help">${words.say('connect.host.help')}</p>
          <label for="certificate">${words.say('connect.certificate')}</label>
          ${certificateField(refused?.typed.certificate ?? '')}
          <p class="soft small" id="certificate-help">${words.say('connect.certificate.help')}</p>
          <label for="macaroon">${words.say('connect.macaroon')}</label>
          <input
            id="macaroon"
            name="macaroon"
            type="password"
            autocomplete="off"
            required
            maxlength="8192"
            spellcheck="false"
            aria-describedby="macaroon-help"
          />
          <p class="soft small" id="macaroon-help">${words.say('connect.macaroon.help')}</p>
          ${submit}
        </form>
      </details>
    </div>
  `;
}

/** Its lines are kept: a certificate in PEM has some, and the template makes one line of all. */
function certificateField(certificate: string): Html {
  const lines = certificate.split(/\r?\n/).map((line) => html`${line}`.source);
  const text = asHtml(lines.join('&#10;'));
  return html`<textarea
    ${asHtml('id="certificate" name="certificate" rows="4" maxlength="8192" spellcheck="false"')}
    ${asHtml('autocomplete="off" aria-describedby="certificate-help">')}${text}</textarea
  >`;
}
