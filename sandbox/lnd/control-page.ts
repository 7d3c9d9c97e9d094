/**
 * A page with the switches that one wants at hand at a desk. Plain forms, no script.
 */
import { page, text } from '../wallet/page.ts';
import type { LndSimulator } from './simulator.ts';

const BUTTONS = [
  ['down', 'Node down'],
  ['up', 'Node up'],
  ['restart', 'Restart'],
  ['freeze', 'Freeze the network'],
  ['thaw', 'Thaw'],
  ['cut', 'Cut connections'],
  ['lock', 'Lock the wallet'],
  ['unlock', 'Unlock'],
  ['close-channels', 'No channels'],
  ['open-channel', 'One channel'],
  ['lose-settle-index', 'Lose the settle counter'],
  ['rotate-certificate', 'New certificate'],
  ['reset', 'All honest again'],
] as const;

const button = (alias: string, [action, label]: (typeof BUTTONS)[number]): string => `
  <form method="post" action="nodes/${encodeURIComponent(alias)}/do">
    <button name="action" value="${action}">${text(label)}</button>
  </form>`;

const silence = (node: LndSimulator): string => {
  const isSilent = node.faults.current().silentStreams;
  return `
  <form method="post" action="nodes/${encodeURIComponent(node.alias)}/faults">
    <button name="silentStreams" value="${isSilent ? 'off' : 'on'}">
      ${isSilent ? 'Streams speak again' : 'Streams fall silent'}
    </button>
  </form>`;
};

const nodeCard = (node: LndSimulator): string => {
  const settled = node.invoices.all().filter(({ state }) => state === 'SETTLED').length;
  const rows = [
    ['Address', node.socket],
    ['Key', node.publicKey],
    ['State', node.isUp ? node.phase : 'down'],
    ['Block height', String(node.height)],
    ['Channels', String(node.channels.length)],
    ['Invoices', `${node.invoices.all().length}, ${settled} of them paid`],
    ['Open streams', String(node.openStreams())],
  ] as const;
  const buttons = BUTTONS.map((one) => button(node.alias, one)).join('') + silence(node);
  const line = node.lndconnect(node.macaroon('receive-useful'));
  return `
  <section class="card">
    <h2>${text(node.alias)}</h2>
    <dl>${rows.map(([name, value]) => `<dt>${name}</dt><dd>${text(value)}</dd>`).join('')}</dl>
    <div class="actions">${buttons}</div>
    <details>
      <summary>The line that connects it</summary>
      <p>It can receive and not spend.</p>
      <textarea readonly rows="6">${text(line)}</textarea>
    </details>
  </section>`;
};

export const controlPage = (nodes: readonly LndSimulator[]): string =>
  page({
    title: 'Simulated nodes',
    body: `<h1>Simulated nodes</h1>${nodes.map(nodeCard).join('')}`,
  });
