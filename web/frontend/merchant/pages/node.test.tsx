import { screen, waitFor, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { expect, test } from 'vitest';
import type { ConnectAnswer } from '../../shared/merchant-api.ts';
import { bridge, node, openAt, shop } from '../test-dom.ts';

const bare = { ...shop, node: null };
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
  const { asked } = await openAt('/node', {
    'GET /api/shop': () => bare,
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

  answer = () => ({ ok: true, node });
  await user.click(fresh);
  await user.paste('0201036c6e64');
  await user.click(screen.getByRole('button', { name: 'Connect and test' }));
  await screen.findByText('Your node is connected');
  expect(asked.filter(({ line }) => line.startsWith('POST')).at(-1)?.body).toEqual({
    host: 'node.example.com:10009',
    certificate: certificate.trim(),
    macaroon: '0201036c6e64',
  });
  expect(bridge.toast).toHaveBeenCalledWith('Node connected');
  screen.getByText('1,234,567,890,123,456.789 sats');
});

test('says what is being done while the node is tested', async () => {
  let finish: (answer: object) => void = () => undefined;
  await openAt('/node', {
    'GET /api/shop': bare,
    'POST /api/node': () => new Promise<object>((resolve) => (finish = resolve)),
  });
  await connectBy(link);
  const doing = await screen.findByText(/check its certificate/);
  expect(doing.closest('[role=status]')).not.toBeNull();
  finish({ ok: true, node });
  await screen.findByText('Your node is connected');
});

test('a network that is away takes nothing of what was typed', async () => {
  await openAt('/node', { 'GET /api/shop': bare, 'POST /api/node': new TypeError('offline') });
  await connectBy(link);
  await screen.findByText('The node could not be tested');
  expect(screen.getByLabelText<HTMLInputElement>('lndconnect link').value).toBe(link);
});

test('what is not a link is said beside the field, and nothing is sent', async () => {
  const { asked } = await openAt('/node', { 'GET /api/shop': bare });
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
  await openAt('/node', { 'GET /api/shop': bare, 'POST /api/node': refusing(away) });
  await connectBy(link);
  const lesson = await screen.findByRole('group', { name: 'Your node could not be reached' });
  expect(within(lesson).queryByText(bake)).toBeNull();
  expect(screen.getByLabelText<HTMLInputElement>('lndconnect link').value).toBe(link);
});

test('the secret is shown only when asked', async () => {
  await openAt('/node', { 'GET /api/shop': bare });
  const field = await screen.findByLabelText<HTMLInputElement>('lndconnect link');
  expect(field.type).toBe('password');
  await userEvent.click(screen.getByRole('button', { name: 'Show or hide: lndconnect link' }));
  await waitFor(() => {
    expect(field.type).toBe('text');
  });
});

test('a node that does not answer, in German', async () => {
  const away = { ...node, health: 'unreachable' as const, advice: ['Update LND.'] };
  await openAt('/node', { 'GET /api/shop': { ...shop, node: away } }, 'de');
  await screen.findByText(/^Keine Antwort seit 21\.11\.2026/);
  screen.getByText('1.234.567.890.123.456,789 Sats');
  expect(screen.getByText('Update LND.').lang).toBe('en');
});
