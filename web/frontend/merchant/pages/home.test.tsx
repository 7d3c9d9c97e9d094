import { screen, waitFor, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { expect, test } from 'vitest';
import type { DashboardAnswer } from '../../shared/dashboard-api.ts';
import type { PaymentsAnswer, Problem } from '../../shared/merchant-api.ts';
import { bridge, openAt, reconciliation, row, shop, type Says } from '../test-dom.ts';

const none = {
  ...{ open: 0, held: 0, closing: 0, settled: 0, resolved: 0 },
  ...{ stranded: 0, lapsed: 0, rejected: 0 },
};
const list: PaymentsAnswer = {
  payments: [row],
  newer: null,
  older: null,
  count: { counted: 1, isMore: false },
  timeZone: 'Europe/Berlin',
};
const placed = ['purchase.thank-you.block.render'];
const nothingDone = { node: false, receive: false, method: false, block: false, test: false };

const dayOf = (n: number, paid: number): DashboardAnswer['byDay'][number] => ({
  day: `2026-11-${String(n).padStart(2, '0')}`,
  paid,
  sats: String(paid * 1_000),
  amount: `${String(paid)}.50`,
});
const week: DashboardAnswer = {
  days: 7,
  timeZone: 'Europe/Berlin',
  currency: 'EUR',
  opened: 20,
  paid: 16,
  sats: '16000',
  amounts: [
    { currency: 'EUR', amount: '99999999.99', paid: 15 },
    { currency: 'USD', amount: '0.01', paid: 1 },
  ],
  wait: { told: 16, medianMs: 1_400, p99Ms: 150_000 },
  pages: { viewed: 10, paid: 8 },
  dayCurrency: 'EUR',
  byDay: [0, 1, 1, 2, 3, 4, 5].map((paid, n) => dayOf(15 + n, paid)),
};
const empty: DashboardAnswer = {
  ...week,
  ...{ opened: 0, paid: 0, sats: '0', amounts: [], wait: null, pages: { viewed: 0, paid: 0 } },
  byDay: week.byDay.map((day) => ({ ...day, paid: 0, sats: '0', amount: '0.00' })),
};

const open = (
  says: Readonly<Record<string, Says | (() => Says)>> = {},
  about: { locale?: string } = {},
) => {
  bridge.targets = placed;
  return openAt(
    '/?days=7',
    {
      'GET /api/shop': shop,
      'GET /api/payments': list,
      'GET /api/reconciliation': reconciliation,
      'GET /api/dashboard?days=7': week,
      'GET /api/dashboard?days=1': { ...week, days: 1, byDay: week.byDay.slice(-1), paid: 5 },
      ...says,
    },
    about.locale,
  );
};
const withProblems = (...problems: Problem[]) => ({
  'GET /api/shop': { ...shop, problems },
});
const figure = (name: string): HTMLElement => {
  // A column of the list has the same name as a figure.
  const terms = screen.getAllByText(name).map((found) => found.closest('dt')?.parentElement);
  const box = terms.find((found) => found !== undefined && found !== null);
  if (!(box instanceof HTMLElement)) throw new Error(`${name} has no box.`);
  return box;
};
const boxOf = async (title: string): Promise<HTMLElement> => {
  const box = (await screen.findByText(title)).closest('[role]');
  if (!(box instanceof HTMLElement)) throw new Error('The problem has no box.');
  return box;
};

test('before the first order it teaches, and leads to the setup', async () => {
  await open({
    'GET /api/shop': {
      ...shop,
      node: null,
      counts: none,
      setup: nothingDone,
      problems: [{ what: 'no_node', sentence: 'Connect a node.' }],
    },
    'GET /api/payments': { ...list, payments: [] },
    'GET /api/dashboard?days=7': empty,
  });
  await screen.findByText('0 of 5 steps done');
  expect(screen.getByRole('link', { name: 'Begin the setup' }).getAttribute('href')).toBe('/setup');
  screen.getByText('Your first payment will appear here');
  expect(screen.queryByText('Shoppers cannot pay yet')).toBeNull();
  expect(screen.queryByText('What came in')).toBeNull();
  expect(screen.queryByText('Latest payments')).toBeNull();
});

test('when all is set up, the card is gone and the figures stand with their meaning', async () => {
  await open();
  await screen.findByText('Nothing needs you. Orders and money agree.');
  expect(screen.queryByText('Set up Lightning payments')).toBeNull();
  expect(figure('Paid orders').textContent).toContain('1620 chose Lightning');
  const amount = figure('Amount').textContent;
  expect(amount).toContain('€99,999,999.99');
  expect(amount).toContain('$0.01');
  expect(amount).toContain('Currencies are not added up.');
  expect(figure('Time until marked as paid').textContent).toContain('1.4 sec');
  expect(figure('Time until marked as paid').textContent).toContain('99 of 100 within 2.5 min');
  expect(figure('Opened pages that were paid').textContent).toContain('80%8 of 10');
  const waiting = screen.getByRole('link', { name: /^2\s*Waiting$/ });
  expect(waiting.getAttribute('href')).toBe('/payments?state=open');
});

test('what is not known is not zero', async () => {
  await open({ 'GET /api/dashboard?days=7': empty });
  await screen.findByText('No order was paid in these days.');
  expect(screen.getAllByText('Not measured yet')).toHaveLength(2);
  expect(figure('Amount').textContent).toContain('Nothing yet');
});

test('the chart is a sentence and a table too', async () => {
  await open();
  const said =
    'Best day: Nov 21, 2026 with €5.50. ' +
    'The second half of these days brought 286 % more than the first.';
  await screen.findByText(said);
  screen.getByRole('img', { name: said });
  await userEvent.click(screen.getByRole('button', { name: 'Orders' }));
  screen.getByText(/^Best day: Nov 21, 2026 with 5 orders\./);
  const show = screen.getByRole('button', { name: 'Show as a table' });
  expect(show.getAttribute('aria-expanded')).toBe('false');
  await userEvent.click(show);
  const table = screen.getByRole('table', { name: 'Paid orders day by day' });
  expect(within(table).getAllByRole('row')).toHaveLength(8);
  const newest = within(table).getByRole('rowheader', { name: 'Nov 21' }).closest('tr');
  expect(newest?.textContent).toBe('Nov 215€5.505,000');
});

test('another period is asked for, and stays in the address of the page', async () => {
  const { asked } = await open();
  await screen.findByText('What came in');
  await userEvent.click(screen.getByRole('button', { name: 'Today' }));
  await waitFor(() => {
    expect(figure('Paid orders').textContent).toContain('520 chose Lightning');
  });
  expect(asked.map(({ line }) => line)).toContain('GET /api/dashboard?days=1');
  // One day makes no chart.
  expect(screen.queryByText('Paid orders day by day')).toBeNull();
});

test('each problem has its one button', async () => {
  const values = { node: 'a', receivable: '1000', largest: '25000.5' };
  await open(
    withProblems(
      { what: 'node_unreachable', sentence: 'Your node does not answer.' },
      { what: 'one_node_unreachable', sentence: 'Away.', values: { node: 'b', address: 'b:1' } },
      { what: 'receivable_low', sentence: 'Little.', values },
      { what: 'paid_late', sentence: '#1002: late.', paymentId: row.id, orderName: '#1002' },
      { what: 'scopes_missing', sentence: 'No.', values: { scopes: 'write_orders' } },
      { what: 'api_retires', sentence: 'Old.', values: { version: '2026-07', days: '12' } },
    ),
    { locale: 'de' },
  );
  const away = await boxOf('Ihr Knoten antwortet nicht');
  within(away).getByRole('link', { name: 'Knoten ansehen' });
  const other = await boxOf('Einer Ihrer Knoten antwortet nicht');
  expect(other.textContent).toContain('b unter b:1: Ihre anderen Knoten');
  // Which node it is, for who hears the button.
  const looks = within(other).getByRole('link', { name: 'Knoten ansehen: b' });
  expect(looks.getAttribute('href')).toBe('/node');
  const low = await boxOf('Ihr Knoten kann bald zu wenig empfangen');
  expect(low.textContent).toContain('25.000,5 Sats');
  const late = await boxOf('Ein Käufer hat zu spät bezahlt');
  const look = within(late).getByRole('link', { name: 'Zahlung ansehen: #1002' });
  expect(look.getAttribute('href')).toBe(`/payments/${row.id}`);
  const scopes = await boxOf('Die App darf nicht alles, was sie braucht');
  const approve = within(scopes).getByRole('link', { name: 'In Shopify genehmigen' });
  expect(approve.getAttribute('href')).toBe(
    'https://alpine.myshopify.com/admin/oauth/install?client_id=key',
  );
  const old = await boxOf('Diese Version von Zaptill ist für Shopify bald zu alt');
  expect(old.textContent).toContain('in 12 Tagen');
});

test('a problem of a newer server is shown in its own words', async () => {
  const newer = { what: 'not_known_here', sentence: 'Do this.' } as unknown as Problem;
  await open(withProblems(newer));
  const box = await boxOf('Something needs you');
  within(box).getByText('Do this.');
  expect(within(box).queryAllByRole('link')).toEqual([]);
});

const stuck: Problem = {
  what: 'stranded',
  sentence: '#1001: stuck.',
  paymentId: row.id,
  orderName: '#1001',
};

test('a stuck payment is settled by hand after a question, and the page looks again', async () => {
  const { asked } = await open({
    ...withProblems(stuck),
    [`POST /api/payments/${row.id}/settle-by-hand`]: { ok: true },
  });
  await userEvent.click(await screen.findByRole('button', { name: 'Settle by hand: #1001' }));
  const dialog = await screen.findByRole('dialog');
  within(dialog).getByText('This cannot be undone.');
  expect(asked.filter(({ line }) => line.startsWith('POST'))).toEqual([]);
  const looks = (): number => asked.filter(({ line }) => line === 'GET /api/shop').length;
  const before = looks();
  await userEvent.click(
    within(dialog).getByRole('button', { name: 'I have settled it with the shopper' }),
  );
  await waitFor(() => {
    expect(looks()).toBe(before + 1);
  });
  expect(asked.find(({ line }) => line.startsWith('POST'))?.body).toEqual({ confirmed: true });
  expect(bridge.toast).toHaveBeenCalledWith('#1001 is settled');
});

test('when somebody was faster, the dialog says so', async () => {
  const refused = { ok: false, refusal: 'not_stranded', sentence: 'Not stuck any more.' };
  await open({
    ...withProblems(stuck),
    [`POST /api/payments/${row.id}/settle-by-hand`]: Response.json(refused, { status: 422 }),
  });
  await userEvent.click(await screen.findByRole('button', { name: 'Settle by hand: #1001' }));
  const dialog = await screen.findByRole('dialog');
  await userEvent.click(
    within(dialog).getByRole('button', { name: 'I have settled it with the shopper' }),
  );
  await within(dialog).findByText('Not stuck any more.');
});

test('without figures the rest of the page is there, and says what to do', async () => {
  await open({ 'GET /api/dashboard?days=7': new Response('', { status: 500 }) });
  await screen.findByText('The figures could not be loaded');
  screen.getByText('Nothing needs you. Orders and money agree.');
});

test('without an answer it says what to do, and shows nothing that is not known', async () => {
  await open({
    'GET /api/shop': new Response('', { status: 500 }),
    'GET /api/payments': new Response('', { status: 500 }),
    'GET /api/dashboard?days=7': new Response('', { status: 500 }),
  });
  await screen.findByText('The overview could not be loaded');
  expect(screen.queryByText('Payments by state')).toBeNull();
});

test('many of one kind show three, and what is behind them is seen all the same', async () => {
  const stuck = Array.from({ length: 5 }, (_, n): Problem => ({
    ...{ what: 'stranded', sentence: 'Stuck.', paymentId: `p${String(n)}` },
    orderName: `#${String(n)}`,
  }));
  const node: Problem = { what: 'node_unreachable', sentence: 'Away.', values: { node: 'alice' } };
  await open(withProblems(...stuck, node));
  const settle = (): HTMLElement[] => screen.getAllByRole('button', { name: /^Settle by hand: #/ });
  expect(await screen.findAllByRole('button', { name: /^Settle by hand: #/ })).toHaveLength(3);
  screen.getByRole('link', { name: /: alice$/ });
  expect(
    screen.getByRole('link', { name: 'See them among the payments' }).getAttribute('href'),
  ).toBe('/payments?view=needs_person');
  await userEvent.click(screen.getByRole('button', { name: 'Show 2 more' }));
  expect(settle()).toHaveLength(5);
  expect(screen.queryByRole('button', { name: /^Show \d/ })).toBeNull();
});

test('a thousand payments in a state are a thousand or more', async () => {
  await open({ 'GET /api/shop': { ...shop, counts: { ...shop.counts, resolved: 1_000 } } });
  await screen.findByRole('link', { name: /^1,000\+\s*Paid$/ });
});

const break7: Problem = {
  what: 'unmatched',
  sentence: 'Shopify has 9.00 EUR of order #1007 as paid by Lightning. See who marked it.',
  orderName: '#1007',
  values: { break: 'order_paid_without_money', breakId: '7', amount: '9.00', currency: 'EUR' },
};

test('the last comparison of orders and money, and another on a click', async () => {
  const running = { ...reconciliation.last, id: '8', orders: 12, invoices: 3 };
  let answer: object = reconciliation;
  const { asked } = await open({
    'GET /api/reconciliation': () => answer,
    'POST /api/reconciliation': () => (answer = { ...reconciliation, running }),
  });
  await screen.findByText('1,204 orders checked, 0 unmatched');
  expect(screen.getByText(/Last night at 3:12/).textContent).toContain('November 18, 2026');
  await userEvent.click(screen.getByRole('button', { name: 'Check again' }));
  await screen.findByText('Comparing: 12 orders, 3 invoices so far');
  expect(asked.filter(({ line }) => line === 'POST /api/reconciliation')).toHaveLength(1);
  answer = { ...reconciliation, unmatched: 2, isLastNight: false };
  await screen.findByText('1,204 orders checked, 2 unmatched', {}, { timeout: 10_000 });
  expect(screen.queryByText(/so far/)).toBeNull();
});

test('before the first comparison it says when that is, and what could not be asked', async () => {
  await open({ 'GET /api/reconciliation': { ...reconciliation, last: null } });
  await screen.findByText(/The first time is tonight/);
  expect(screen.getByRole('button', { name: 'Check now' })).toBeDefined();
});

test('an order without money is named in German, and is gone when it was dealt with', async () => {
  let problems = [break7];
  const { asked } = await open(
    {
      'GET /api/shop': () => ({ ...shop, problems }),
      'POST /api/reconciliation/breaks/7/accept': () => {
        problems = [];
        return { ok: true };
      },
    },
    { locale: 'de' },
  );
  const box = await boxOf('Bestellung #1007: Bestellung und Geld passen nicht zusammen');
  expect(box.textContent).toContain('Shopify führt 9.00 EUR der Bestellung #1007');
  const name = 'Ich habe mich darum gekümmert: #1007';
  await userEvent.click(within(box).getByRole('button', { name }));
  await waitFor(() => {
    expect(screen.queryByRole('button', { name })).toBeNull();
  });
  expect(asked.some(({ line }) => line.endsWith('/breaks/7/accept'))).toBe(true);
});
