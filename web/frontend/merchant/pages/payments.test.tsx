import { act, screen, waitFor } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { expect, test } from 'vitest';
import type { PaymentAnswer, PaymentRow } from '../../shared/merchant-api.ts';
import { openAt, row } from '../test-dom.ts';

const second: PaymentRow = { ...row, id: `${row.id.slice(0, -1)}2`, orderName: '#1002' };
const page = (payments: PaymentRow[], after: string | null = null) => ({ payments, after });
/** Polaris draws each tab a second time, to measure it. */
function tab(name: string): HTMLElement {
  const found = screen.getAllByRole('tab', { name }).find(({ id }) => !id.endsWith('Measurer'));
  if (found === undefined) throw new Error(`There is no tab ${name}.`);
  return found;
}

test('a row says order, state, exact amount and time, and leads to the payment', async () => {
  await openAt('/payments', { 'GET /api/payments?': page([row]) });
  const link = await screen.findByRole('link', { name: /#1001/ });
  expect(link.getAttribute('href')).toBe(`/payments/${row.id}`);
  expect(link.textContent).toContain('Paid');
  // More cents than a floating number holds.
  expect(link.textContent).toContain('€90,071,992,547,409.93');
  expect(link.textContent).toContain('21,976 sats');
});

test('a view is part of the address, and the old rows stay until the new ones come', async () => {
  let come: (answer: object) => void = () => undefined;
  await openAt('/payments', {
    'GET /api/payments?': page([row]),
    'GET /api/payments?state=open': () => new Promise<object>((resolve) => (come = resolve)),
  });
  await screen.findByText('#1001');
  await userEvent.click(tab('Waiting'));
  expect(screen.getByText('#1001').closest('[aria-busy]')?.getAttribute('aria-busy')).toBe('true');
  act(() => come(page([second])));
  await screen.findByText('#1002');
  expect(screen.queryByText('#1001')).toBeNull();
  expect(tab('Waiting').getAttribute('aria-selected')).toBe('true');
});

test('an address with a view opens it', async () => {
  await openAt('/payments?view=needs_person', {
    'GET /api/payments?view=needs_person': page([{ ...row, attention: 'overpaid' }]),
  });
  await screen.findByText('#1001');
  expect(tab('Needs you').getAttribute('aria-selected')).toBe('true');
});

test('pages by cursor, there and back', async () => {
  await openAt('/payments', {
    'GET /api/payments?': page([row], row.id),
    [`GET /api/payments?after=${row.id}`]: page([second]),
  });
  await userEvent.click(await screen.findByRole('button', { name: 'Older payments' }));
  await screen.findByText('#1002');
  await userEvent.click(screen.getByRole('button', { name: 'Newer payments' }));
  await screen.findByText('#1001');
});

test('no payment at all teaches; none in a view leads to the others', async () => {
  await openAt('/payments', {
    'GET /api/payments?': page([]),
    'GET /api/payments?state=open': page([]),
  });
  await screen.findByText('Your first payment will stand here');
  await userEvent.click(tab('Waiting'));
  await screen.findByText('No payment in this view');
});

test('a list that could not be loaded is asked for again on request', async () => {
  let answer: object = new Response('', { status: 503 });
  await openAt('/payments', { 'GET /api/payments?': () => answer });
  await screen.findByText('The payments could not be loaded');
  answer = page([row]);
  await userEvent.click(screen.getByRole('button', { name: 'Try again' }));
  await screen.findByText('#1001');
  expect(screen.queryByText('The payments could not be loaded')).toBeNull();
});

const payment: PaymentAnswer = {
  ...row,
  payUrl: 'https://pay.example/pay/Zm9yLWEtcGljdHVyZS1vbg',
  hash: 'ab'.repeat(32),
  preimage: 'cd'.repeat(32),
  timeline: [
    {
      at: '2026-11-21T10:00:00.000Z',
      sentence: 'The order was seen.',
      what: 'opened',
      to: null,
      because: 'order_seen',
      details: { order: '#1001' },
    },
    {
      at: '2026-11-21T10:01:00.000Z',
      sentence: 'The node says that it was paid, and the books have it.',
      what: 'moved',
      to: 'settled',
      because: 'node_says_settled',
      details: { paidMsat: '21976000', hash: 'ab'.repeat(32), via: 'stream' },
    },
  ],
};
const at = `/payments/${row.id}`;

test('a payment tells what happened, the newest first, and leads to its order', async () => {
  await openAt(at, { [`GET /api${at}`]: payment });
  await screen.findByRole('heading', { level: 1, name: /#1001/ });
  const lines = [...document.querySelectorAll('.zt-timeline li')].map((li) => li.textContent);
  expect(lines).toHaveLength(2);
  expect(lines[0]).toContain('The node says that it was paid');
  expect(lines[0]).toContain('21,976 sats received');
  expect(lines[0]).not.toContain('stream');
  const order = screen.getAllByRole('link', { name: 'Open the order' })[0];
  expect([order?.getAttribute('href'), order?.getAttribute('target')]).toEqual([
    'shopify://admin/orders/77',
    '_top',
  ]);
  screen.getByText('cd'.repeat(32));
  // The buyer's page is offered only while it can be paid there.
  expect(screen.queryByRole('button', { name: 'Copy the link' })).toBeNull();
});

test('a payment that needs a person says what to do, in German', async () => {
  const stuck = { ...payment, state: 'stranded', attention: 'stranded' };
  await openAt(at, { [`GET /api${at}`]: stuck }, 'de-DE');
  await screen.findByText(/nimmt es für diese Bestellung nicht an$/);
  screen.getByText(/Der Knoten sagt, dass bezahlt wurde.*als bezahlt gemeldet\.$/);
});

test('another shop’s payment is not here', async () => {
  await openAt(at, { [`GET /api${at}`]: new Response('{}', { status: 404 }) });
  await waitFor(() => screen.getByText('There is nothing at this address'));
});
