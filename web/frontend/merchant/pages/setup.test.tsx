import { screen, waitFor, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { expect, test } from 'vitest';
import type { SelfTestAnswer, SetupAnswer } from '../../shared/setup-api.ts';
import { bridge, node, openAt } from '../test-dom.ts';

const bare: SetupAnswer = {
  shop: 'alpine.myshopify.com',
  done: false,
  bake: 'lncli bakemacaroon --root_key_id 123456 uri:/lnrpc.Lightning/AddInvoice',
  node: null,
  receive: { state: 'no_node', because: null, lowBelowMsat: '100000000', inactive: 0 },
  method: { name: 'Bitcoin (Lightning)', seenAt: null },
  block: { seenAt: null },
  selfTest: null,
  hasPassed: false,
};
const seenAt = '2026-11-21T10:00:00.000Z';
const enough = { ...bare.receive, state: 'enough' } as const;
const connected: SetupAnswer = { ...bare, node, receive: enough };
const seen: SetupAnswer = { ...connected, method: { ...bare.method, seenAt }, block: { seenAt } };

const hops = ['reach_node', 'make_invoice', 'mark_order', 'clean_up'];
type State = SelfTestAnswer['steps'][number]['state'];
const runOf = (
  state: SelfTestAnswer['state'],
  states: readonly State[],
  more: Partial<SelfTestAnswer['steps'][number]> = {},
): SelfTestAnswer => ({
  id: '7',
  startedAt: seenAt,
  state,
  steps: hops.map((hop, at) => {
    const its = states[at] ?? 'waiting';
    const blank = { ms: its === 'passed' ? 84 : null, code: null, sentence: null, values: {} };
    return { hop, state: its, ...blank, ...(its === 'failed' || its === 'warned' ? more : {}) };
  }),
});

const step = async (title: string): Promise<HTMLElement> => {
  const button = await screen.findByRole('button', { name: title });
  const item = button.closest('li');
  if (item === null) throw new Error('The step is in no list.');
  return item;
};
const isOpen = (item: HTMLElement): boolean =>
  item.querySelector('button')?.getAttribute('aria-expanded') === 'true';

test('the first step that is not done is open, with the line and the form in it', async () => {
  await openAt('/setup', { 'GET /api/setup': bare });
  await screen.findByText(/^0 of 5 steps done/);
  const item = await step('Connect your Lightning node');
  expect(isOpen(item)).toBe(true);
  within(item).getByText('To do');
  within(item).getByText(bare.bake);
  within(item).getByLabelText('lndconnect link');
  expect(isOpen(await step('Test the whole way'))).toBe(false);
});

test('what the program has seen is done, and the next step opens by itself', async () => {
  await openAt('/setup', { 'GET /api/setup': connected });
  await screen.findByText(/^2 of 5 steps done/);
  const item = await step('Add the payment method in Shopify');
  expect(isOpen(item)).toBe(true);
  within(item).getByText('Bitcoin (Lightning)');
  within(item).getByText(/^Not seen yet/);
  expect(
    within(item).getByRole('link', { name: 'Open payment settings' }).getAttribute('href'),
  ).toBe('shopify://admin/settings/payments');
});

test.each([
  ['no_channels', 'nothing', /has no channel/],
  ['none_active', 'nothing', /No channel is active/],
  ['all_full', 'nothing', /full on your side/],
  [null, 'low', /This is little/],
  [null, 'unknown', /may not see the channels/],
] as const)('what to do when too little comes in: %s %s', async (because, state, says) => {
  const receive = { ...bare.receive, state, because, inactive: 1 };
  const { asked } = await openAt('/setup', {
    'GET /api/setup': { ...connected, receive },
    'POST /api/setup/look': { ...connected, receive },
  });
  const item = await step('See that your node can receive');
  if (!isOpen(item)) {
    await userEvent.click(
      within(item).getByRole('button', { name: 'See that your node can receive' }),
    );
  }
  within(item).getByText(says);
  const wanted = { nothing: 'To do', low: 'Done', unknown: 'Not known' }[state];
  within(item).getByText(wanted);
  if (because !== 'none_active') within(item).getByText(/^1 channel is not active/);
  await userEvent.click(within(item).getByRole('button', { name: 'Look again' }));
  await waitFor(() => {
    expect(bridge.toast).toHaveBeenCalledWith('Your node was asked again');
  });
  expect(asked.some(({ line }) => line === 'POST /api/setup/look')).toBe(true);
});

test('a block that Shopify calls placed is not done before it has asked', async () => {
  bridge.targets = ['purchase.thank-you.block.render'];
  const method = { ...bare.method, seenAt };
  await openAt('/setup', { 'GET /api/setup': { ...connected, method } });
  const item = await step('Show the payment on the thank-you page');
  await within(item).findByText(/Shopify says that it is placed/);
  within(item).getByText('To do');
});

test('a self-test is followed hop by hop, each with its time, and stays to be read', async () => {
  let answered = seen;
  const coming = [
    runOf('running', ['passed', 'running']),
    runOf('running', ['passed', 'passed', 'running']),
    runOf('passed', ['passed', 'passed', 'passed', 'passed']),
  ];
  let at = 0;
  await openAt('/setup', {
    'GET /api/setup': () => answered,
    'POST /api/self-test': { run: runOf('running', ['running']) },
    'GET /api/self-test': () => {
      const run = coming[Math.min(at, coming.length - 1)];
      at += 1;
      if (run?.state === 'passed') {
        answered = { ...seen, hasPassed: true, done: true, selfTest: run };
      }
      return { run };
    },
  });
  const user = userEvent.setup();
  await user.click(await screen.findByRole('button', { name: 'Run the self-test' }));
  const item = await step('Test the whole way');
  await within(item).findByText('The self-test is running');
  expect(within(item).getAllByRole('img', { name: 'Waiting' }).length).toBeGreaterThan(0);
  // Mark, name and time: each has one place of the line, also while it runs.
  const lines = [...item.querySelectorAll('[data-hop]')];
  expect(new Set(lines.map((line) => line.childElementCount))).toEqual(new Set([3]));
  await within(item).findByText('The self-test has passed');
  expect(within(item).getAllByText('84 ms')).toHaveLength(4);
  await screen.findByText('Everything works');
  expect(isOpen(item)).toBe(true);
  await within(item).findByText('Done');
});

test('a hop that failed says what to do, in German too', async () => {
  const failed = runOf('failed', ['passed', 'passed', 'failed', 'passed'], {
    ms: 2_345,
    code: 'method_unknown',
    sentence: 'Shopify knows no manual payment method with the name “سَتوشي”.',
    values: { method: 'سَتوشي' },
  });
  await openAt('/setup', { 'GET /api/setup': { ...seen, selfTest: failed } }, 'de');
  await screen.findByText('Der Selbsttest endete bei: Die Bestellung wird als bezahlt markiert');
  screen.getByText(
    /^Shopify kennt keine manuelle Zahlungsmethode mit dem Namen „\u2068سَتوشي\u2069“/,
  );
  screen.getByText('2,3 s');
});

test('a run whose process died is shown as interrupted', async () => {
  const cut = runOf('interrupted', ['passed', 'skipped', 'skipped', 'skipped']);
  await openAt('/setup', { 'GET /api/setup': { ...seen, selfTest: cut } });
  await screen.findByText(/^The self-test was interrupted/);
  screen.getByRole('button', { name: 'Run it again' });
});

test('too many runs at once: said, and nothing is lost', async () => {
  await openAt('/setup', {
    'GET /api/setup': seen,
    'POST /api/self-test': () => Response.json({ error: 'x' }, { status: 429 }),
  });
  await userEvent.click(await screen.findByRole('button', { name: 'Run the self-test' }));
  await screen.findByText('The self-test could not be followed');
});

test('the server is away at first: one sentence, and the way to try again', async () => {
  let answer: object = new TypeError('offline');
  await openAt('/setup', { 'GET /api/setup': () => answer });
  await screen.findByText('The steps could not be loaded');
  answer = bare;
  await userEvent.click(screen.getByRole('button', { name: 'Try again' }));
  await screen.findByText(/^0 of 5 steps done/);
});

test('the lines for the e-mail have the name of the method, and are copied whole', async () => {
  const method = { name: 'Bitcoin & Co', seenAt };
  await openAt('/setup', { 'GET /api/setup': { ...connected, method } });
  const item = await step('Show the payment on the thank-you page');
  expect(isOpen(item)).toBe(true);
  const lines = item.querySelector('[data-line="mail"]')?.textContent ?? '';
  expect(lines).toContain('{% if unique_gateways contains "Bitcoin & Co" %}');
  expect(lines).toContain('number={{ confirmation_number }}');
  expect(lines).toContain('>Pay with Bitcoin &amp; Co</a>');
  await userEvent.click(within(item).getByRole('button', { name: 'Copy the lines' }));
  expect(await navigator.clipboard.readText()).toBe(lines);
});
