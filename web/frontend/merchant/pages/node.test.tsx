import { screen, waitFor, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { expect, test, vi } from 'vitest';
import type { ConnectAnswer } from '../../shared/merchant-api.ts';
import type { NodesAnswer, WorkingNode } from '../../shared/setup-api.ts';
import { bridge, node, openAt } from '../test-dom.ts';

const first: WorkingNode = {
  ...node,
  isPreferred: true,
  rootKeyId: '57001',
  credentialDaysLeft: null,
};
const second: WorkingNode = {
  ...first,
  id: 2,
  alias: 'عُقدة',
  isPreferred: false,
  credentialDaysLeft: 3,
};
const line = 'lncli bakemacaroon --root_key_id 123456 uri:/lnrpc.Lightning/AddInvoice';
const having = (...nodes: WorkingNode[]): NodesAnswer => ({ nodes, ending: [], bake: line });
const bare = having();
const bake = 'lncli bakemacaroon --root_key_id 424242 uri:/lnrpc.Lightning/AddInvoice';
const tooMuch: ConnectAnswer = {
  ok: false,
  refusal: 'credential_can_spend',
  sentence: 'This credential may do more than receive, so it is not stored.',
  excess: [
    { permission: 'info:read', allows: 'see its version' },
    { permission: 'offchain:write', allows: 'pay from the node' },
  ],
  bake,
};
const refusing = (answer: object) => () => Response.json(answer, { status: 422 });
const link = 'lndconnect://node.example.com:10009?cert=MIIB-_Aw&macaroon=AgEDbG5k';

async function connectBy(words: string): Promise<ReturnType<typeof userEvent.setup>> {
  const user = userEvent.setup();
  const field = await screen.findByLabelText('lndconnect link');
  await user.click(field);
  await user.paste(words);
  await user.click(screen.getByRole('button', { name: 'Connect and test' }));
  return user;
}

test('a credential that can spend is a lesson, and only the new one has to be pasted', async () => {
  let answer: () => object = refusing(tooMuch);
  let answered = bare;
  const { asked } = await openAt('/node', {
    'GET /api/nodes': () => answered,
    'POST /api/node': () => answer(),
  });
  const user = await connectBy(link);

  const lesson = await screen.findByRole('group', { name: 'This credential can do too much' });
  expect(document.activeElement).toBe(lesson);
  within(lesson).getByText('This credential can do too much');
  within(lesson).getByText(/may do more than receive/);
  // What costs money stands first.
  const permissions = [...lesson.querySelectorAll('dt')].map((term) => term.textContent);
  expect(permissions).toEqual(['offchain:write', 'info:read']);
  within(lesson).getByText('pay from the node');
  within(lesson).getByText(bake);

  const host = screen.getByLabelText<HTMLInputElement>('Host and port');
  expect(host.value).toBe('node.example.com:10009');
  const certificate = screen.getByLabelText<HTMLTextAreaElement>('Certificate (tls.cert)').value;
  expect(certificate).toContain('-----BEGIN CERTIFICATE-----\nMIIB+/Aw\n');
  const fresh = screen.getByLabelText<HTMLInputElement>('Paste the new credential here');
  expect([fresh.type, fresh.value]).toEqual(['password', '']);

  answer = () => {
    answered = having(first);
    return { ok: true, node };
  };
  await user.click(fresh);
  await user.paste('0201036c6e64');
  await user.click(screen.getByRole('button', { name: 'Connect and test' }));
  await screen.findByText('Your node is connected');
  expect(asked.filter(({ line }) => line.startsWith('POST')).at(-1)?.body).toEqual({
    host: 'node.example.com:10009',
    certificate: certificate.trim(),
    macaroon: '0201036c6e64',
    how: 'add',
  });
  expect(bridge.toast).toHaveBeenCalledWith('Node connected');
  screen.getByText('1,234,567,890,123,456.789 sats');
});

test('says what is being done while the node is tested', async () => {
  let finish: (answer: object) => void = () => undefined;
  let answered = bare;
  await openAt('/node', {
    'GET /api/nodes': () => answered,
    'POST /api/node': () => new Promise<object>((resolve) => (finish = resolve)),
  });
  await connectBy(link);
  const doing = await screen.findByText(/check its certificate/);
  expect(doing.closest('[role=status]')).not.toBeNull();
  answered = having(first);
  finish({ ok: true, node });
  await screen.findByText('Your node is connected');
});

test('a network that is away takes nothing of what was typed', async () => {
  await openAt('/node', { 'GET /api/nodes': bare, 'POST /api/node': new TypeError('offline') });
  await connectBy(link);
  await screen.findByText('The node could not be tested');
  expect(screen.getByLabelText<HTMLInputElement>('lndconnect link').value).toBe(link);
});

test('a credential pasted as a link goes into its own field; the host is asked for', async () => {
  const { asked } = await openAt('/node', { 'GET /api/nodes': bare });
  const credential = `0201036c6e64${'ab'.repeat(40)}`;
  await connectBy(`${credential}\n`);
  const field = screen.getByLabelText<HTMLInputElement>('Credential (macaroon)');
  expect([field.type, field.value]).toEqual(['password', credential]);
  screen.getByText(/^Give the host name and the port/);
  expect(document.activeElement).toBe(screen.getByLabelText('Host and port'));
  expect(asked.filter(({ line }) => line.startsWith('POST'))).toEqual([]);
});

test('what is not a link is said beside the field, and nothing is sent', async () => {
  const { asked } = await openAt('/node', { 'GET /api/nodes': bare });
  await connectBy('0201036c6e64');
  screen.getByText(/This is not an lndconnect link/);
  expect(asked.filter(({ line }) => line.startsWith('POST'))).toEqual([]);
});

test('a refusal that is not about the credential leaves the form as it was', async () => {
  const away = {
    ...tooMuch,
    refusal: 'node_unreachable',
    sentence: 'Nothing answers.',
    excess: [],
  };
  await openAt('/node', { 'GET /api/nodes': bare, 'POST /api/node': refusing(away) });
  await connectBy(link);
  const lesson = await screen.findByRole('group', { name: 'Your node could not be reached' });
  expect(within(lesson).queryByText(bake)).toBeNull();
  expect(screen.getByLabelText<HTMLInputElement>('lndconnect link').value).toBe(link);
});

test('the secret is shown only when asked', async () => {
  await openAt('/node', { 'GET /api/nodes': bare });
  const field = await screen.findByLabelText<HTMLInputElement>('lndconnect link');
  expect(field.type).toBe('password');
  await userEvent.click(screen.getByRole('button', { name: 'Show or hide: lndconnect link' }));
  await waitFor(() => {
    expect(field.type).toBe('text');
  });
});

test('a node that does not answer, in German', async () => {
  const advice = [
    { code: 'lnd_newer', sentence: 'LND 9.1.0 is newer.', values: { version: '9.1.0' } },
    { code: 'of_tomorrow', sentence: 'Update LND.', values: {} },
  ];
  const away = { ...first, health: 'unreachable' as const, advice };
  await openAt('/node', { 'GET /api/nodes': having(away) }, 'de');
  await screen.findByText(/^Keine Antwort seit 21\.11\.2026/);
  screen.getByText('1.234.567.890.123.456,789 Sats');
  screen.getByText('LND 9.1.0 ist neuer als alles, womit Zaptill erprobt wurde.');
  expect(screen.getByText('Update LND.').lang).toBe('en');
});

test('several nodes: one makes the invoices, another is made the first', async () => {
  let answered = having(first, second);
  const { asked } = await openAt('/node', {
    'GET /api/nodes': () => answered,
    'POST /api/nodes/2/prefer': () => {
      answered = having({ ...second, isPreferred: true }, { ...first, isPreferred: false });
      return answered;
    },
  });
  await screen.findByText('Makes the invoices');
  screen.getByText('Stands in');
  screen.getByText('The credential expires in 3 days');
  await userEvent.click(screen.getByRole('button', { name: 'Make it the first' }));
  await waitFor(() => {
    const [top] = screen.getAllByRole('heading', { level: 2 });
    expect(top?.textContent).toBe('عُقدة');
  });
  expect(bridge.toast).toHaveBeenCalledWith('عُقدة makes the invoices');
  expect(asked.filter(({ line: what }) => what.startsWith('POST'))).toHaveLength(1);
});

test('one of several nodes that is away: nobody says that shoppers cannot pay', async () => {
  const away = { ...second, health: 'unreachable' as const };
  await openAt('/node', { 'GET /api/nodes': having(first, away) });
  await screen.findByText(/^Your other nodes take the payments meanwhile/);
  screen.getByText(/after that, this node takes no payments/);
  expect(screen.queryByText(/[Ss]hoppers cannot pay/)).toBeNull();
});

test('a page that breaks says so, and leads to the app loaded anew', async () => {
  const quiet = vi.spyOn(console, 'error').mockReturnValue();
  await openAt('/node', { 'GET /api/nodes': {} });
  await screen.findByText('This page could not be shown');
  const again = screen.getByRole('link', { name: 'Load it again' });
  expect(again.getAttribute('href')).toBe('https://alpine.myshopify.com/admin/apps/key/node');
  expect(again.getAttribute('target')).toBe('_top');
  quiet.mockRestore();
});

test('removing asks first, and says what becomes of the invoices', async () => {
  let answered = having(first, second);
  const { asked } = await openAt('/node', {
    'GET /api/nodes': () => answered,
    'POST /api/nodes/1/retire': () => {
      const ending = [{ id: 1, alias: 'alpine', address: node.address, payable: 2 }];
      answered = { ...having({ ...second, isPreferred: true }), ending };
      return answered;
    },
  });
  const posts = () => asked.filter(({ line: what }) => what.startsWith('POST'));
  const [remove] = await screen.findAllByRole('button', { name: 'Remove' });
  if (remove === undefined) throw new Error('There is nothing to press.');
  await userEvent.click(remove);
  const dialog = await screen.findByRole('dialog');
  within(dialog).getByText(/then its credential is wiped/);
  expect(within(dialog).queryByText(/your only node/)).toBeNull();
  expect(posts()).toEqual([]);
  await userEvent.click(within(dialog).getByRole('button', { name: 'Remove' }));
  await screen.findByText('alpine: 2 invoices are still being cancelled.');
  expect(posts()).toHaveLength(1);
});

test('a renewed credential names its node, and the old one is to be revoked', async () => {
  let answered = having(first);
  const { asked } = await openAt('/node', {
    'GET /api/nodes': () => answered,
    'POST /api/node': () => {
      answered = having({ ...first, rootKeyId: '60002' });
      return { ok: true, node };
    },
  });
  const user = userEvent.setup();
  await user.click(await screen.findByRole('button', { name: 'Renew the credential' }));
  screen.getByText(/no payment is missed/);
  await user.click(screen.getByLabelText('lndconnect link'));
  await user.paste(link);
  await user.click(screen.getByRole('button', { name: 'Connect and test' }));
  await screen.findByText('The new credential is in use');
  await screen.findByText('lncli deletemacaroonid 57001');
  expect(asked.find(({ line: what }) => what === 'POST /api/node')?.body).toEqual({
    lndconnect: link,
    renews: 1,
  });
});

test('another node is added, or replaces those that are there', async () => {
  const { asked } = await openAt('/node', {
    'GET /api/nodes': having(first),
    'POST /api/node': { ok: true, node: { ...node, id: 2 } },
  });
  const user = userEvent.setup();
  await user.click(await screen.findByRole('button', { name: 'Add another node' }));
  await user.click(screen.getByLabelText('Replace them: their open invoices are cancelled'));
  await user.click(screen.getByLabelText('lndconnect link'));
  await user.paste(link);
  await user.click(screen.getByRole('button', { name: 'Connect and test' }));
  await screen.findByText('Your node is connected');
  expect(asked.find(({ line: what }) => what === 'POST /api/node')?.body).toEqual({
    lndconnect: link,
    how: 'replace',
  });
});
