import { screen, within } from '@testing-library/react';
import { expect, test } from 'vitest';
import { bridge, openAt, row, shop } from '../test-dom.ts';

const none = { open: 0, closing: 0, settled: 0, resolved: 0, stranded: 0, lapsed: 0, rejected: 0 };
const list = { payments: [row], after: null };
const placed = ['purchase.thank-you.block.render'];

test('before the first step the guide is open at it, and does not say it twice', async () => {
  const problems = [{ what: 'no_node' as const, sentence: 'Connect a node.' }];
  await openAt('/', {
    'GET /api/shop': { ...shop, node: null, counts: none, problems },
    'GET /api/payments': { payments: [], after: null },
  });
  await screen.findByText('0 of 4 steps done');
  const step = screen.getByRole('button', { name: 'Connect your Lightning node' });
  expect(step.getAttribute('aria-expanded')).toBe('true');
  expect(screen.queryByText('Shoppers cannot pay yet')).toBeNull();
  screen.getByText(/^No payment yet\. When a shopper chooses Bitcoin \(Lightning\)/);
});

test('steps are done by facts: a node, an order, the block, a paid order', async () => {
  bridge.targets = placed;
  await openAt('/', {
    'GET /api/shop': { ...shop, counts: { ...none, open: 1 } },
    'GET /api/payments': list,
  });
  await screen.findByText('3 of 4 steps done');
  const step = screen.getByRole('button', { name: 'Take a first payment' });
  expect(step.getAttribute('aria-expanded')).toBe('true');
});

test('when all is done the guide is gone, and the day’s page stands alone', async () => {
  bridge.targets = placed;
  await openAt('/', { 'GET /api/shop': shop, 'GET /api/payments': list });
  await screen.findByText('Nothing needs you. Orders and money agree.');
  expect(screen.queryByText('Set up Lightning payments')).toBeNull();
  const waiting = screen.getByRole('link', { name: /^2\s*Waiting$/ });
  expect(waiting.getAttribute('href')).toBe('/payments?state=open');
  screen.getByRole('link', { name: /#1001/ });
});

test('each problem has its one action', async () => {
  bridge.targets = placed;
  const problems = [
    { what: 'stranded' as const, sentence: '#1001: stuck.', paymentId: row.id, orderName: '#1001' },
    { what: 'node_unreachable' as const, sentence: 'Your node does not answer.' },
  ];
  await openAt('/', { 'GET /api/shop': { ...shop, problems }, 'GET /api/payments': list }, 'de');
  const stuck = (await screen.findByText(/^#1001: Wir haben Geld/)).closest('[role]');
  if (!(stuck instanceof HTMLElement)) throw new Error('The problem has no box.');
  const action = within(stuck).getByRole('link', { name: 'Zahlung ansehen' });
  expect(action.getAttribute('href')).toBe(`/payments/${row.id}`);
  const away = screen.getByText('Ihr Knoten antwortet nicht').closest('[role]');
  if (!(away instanceof HTMLElement)) throw new Error('The problem has no box.');
  within(away).getByRole('link', { name: 'Knoten ansehen' });
});

test('without an answer it says what to do, and shows nothing that is not known', async () => {
  await openAt('/', {
    'GET /api/shop': new Response('', { status: 500 }),
    'GET /api/payments': new Response('', { status: 500 }),
  });
  await screen.findByText('The overview could not be loaded');
  expect(screen.queryByText('Payments by state')).toBeNull();
});
