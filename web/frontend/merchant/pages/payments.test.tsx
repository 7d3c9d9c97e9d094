import { act, screen, waitFor, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import type {
  PaymentAnswer,
  PaymentRow,
  PaymentsAnswer,
  PaymentViewsAnswer,
} from '../../shared/merchant-api.ts';
import { rowsOf } from '../../shared/export-end.ts';
import { bridge, openAt as open, row, type Says } from '../test-dom.ts';

const second: PaymentRow = { ...row, id: `${row.id.slice(0, -1)}2`, orderName: '#1002' };
const page = (
  payments: PaymentRow[],
  turns: { newer?: string; older?: string; more?: boolean } = {},
): PaymentsAnswer => ({
  payments,
  newer: turns.newer ?? null,
  older: turns.older ?? null,
  count: { counted: turns.more === true ? 1_000 : payments.length, isMore: turns.more === true },
  timeZone: 'Europe/Zurich',
});
const views: PaymentViewsAnswer = {
  views: [{ id: 7, name: 'Große', filter: { state: 'resolved', min: '100' } }],
  limit: 20,
  nodes: [],
  currency: 'EUR',
  timeZone: 'Europe/Zurich',
};
const openAt = (
  path: string,
  says: Readonly<Record<string, Says | (() => Says | Promise<Says>)>>,
  locale?: string,
) => open(path, { 'GET /api/payments/views': views, ...says }, locale);

/** Polaris draws each tab a second time before, to measure it: the first look may be too early. */
function tab(name: string): HTMLElement {
  const found = screen.getAllByRole('tab', { name }).find(({ id }) => !id.endsWith('Measurer'));
  if (found === undefined) throw new Error(`There is no tab ${name}.`);
  return found;
}
const rowOf = async (name: string): Promise<HTMLElement> => {
  const link = await screen.findByRole('link', { name });
  const tr = link.closest('tr');
  if (tr === null) throw new Error(`${name} stands in no row`);
  return tr;
};

describe('the list', () => {
  test('a row says order, state, exact amount and time, and leads to the payment', async () => {
    await openAt('/payments', { 'GET /api/payments?': page([row]) });
    const tr = await rowOf('#1001');
    expect(within(tr).getByRole('link').getAttribute('href')).toBe(`/payments/${row.id}`);
    expect(tr.textContent).toContain('Paid');
    // More cents than a floating number holds.
    expect(tr.textContent).toContain('€90,071,992,547,409.93');
    expect(tr.textContent).toContain('21,976 sats');
    // Ten o'clock in UTC, by the shop's clock.
    expect(tr.textContent).toContain('11:00');
    expect(screen.getAllByText('1 payment').length).toBeGreaterThan(0);
  });

  test('a view is part of the address, and the old rows stay until the new ones come', async () => {
    let come: (answer: object) => void = () => undefined;
    await openAt('/payments', {
      'GET /api/payments?': page([row]),
      'GET /api/payments?state=open': () => new Promise<object>((resolve) => (come = resolve)),
    });
    await rowOf('#1001');
    await userEvent.click(await waitFor(() => tab('Waiting')));
    const busy = screen.getByText('#1001').closest('[aria-busy]');
    expect(busy?.getAttribute('aria-busy')).toBe('true');
    act(() => come(page([second])));
    await rowOf('#1002');
    expect(screen.queryByText('#1001')).toBeNull();
    expect(tab('Waiting').getAttribute('aria-selected')).toBe('true');
  });

  test('an address with a view opens it, and words that nobody knows are left out', async () => {
    await openAt('/payments?view=needs_person&state=nonsense&min=1e9', {
      'GET /api/payments?view=needs_person': page([{ ...row, attention: 'overpaid' }]),
    });
    await rowOf('#1001');
    const needsYou = await waitFor(() => tab('Needs you'));
    expect(needsYou.getAttribute('aria-selected')).toBe('true');
  });

  test('pages by cursor, there and back', async () => {
    const older = '1700000000000_a';
    const newer = '1700000000001_b';
    await openAt('/payments', {
      'GET /api/payments?': page([row], { older, more: true }),
      [`GET /api/payments?after=${older}`]: page([second], { newer }),
      [`GET /api/payments?before=${newer}`]: page([row], { older }),
    });
    await screen.findByText('More than 1,000 payments');
    await userEvent.click(await screen.findByRole('button', { name: 'Older payments' }));
    await rowOf('#1002');
    await userEvent.click(screen.getByRole('button', { name: 'Newer payments' }));
    await rowOf('#1001');
  });

  test('no payment at all teaches; none in a view leads to the others', async () => {
    await openAt('/payments', {
      'GET /api/payments?': page([]),
      'GET /api/payments?state=open': page([]),
    });
    await screen.findByText('Your first payment will appear here');
    // Polaris measures its tabs before it draws them.
    await userEvent.click(await waitFor(() => tab('Waiting')));
    await screen.findByText('No payment in this view');
  });

  test('a list that could not be loaded is asked for again on request', async () => {
    let answer: object = new Response('', { status: 503 });
    await openAt('/payments', { 'GET /api/payments?': () => answer });
    await screen.findByText('The payments could not be loaded');
    answer = page([row]);
    await userEvent.click(screen.getByRole('button', { name: 'Try again' }));
    await rowOf('#1001');
    expect(screen.queryByText('The payments could not be loaded')).toBeNull();
  });
});

describe('searching', () => {
  test('what may be a preimage goes in a body, and only its hash into an address', async () => {
    const preimage = 'ee'.repeat(32);
    const hash = 'ab'.repeat(32);
    const { asked } = await openAt('/payments?q=x', {
      'GET /api/payments?q=x': page([]),
      'POST /api/payments/find': { hash, was: 'preimage' },
      [`GET /api/payments?q=${hash}`]: page([row]),
    });
    await screen.findByText('No payment found');
    const field = screen.getByRole('textbox');
    await userEvent.clear(field);
    await userEvent.paste(preimage);
    await rowOf('#1001');
    expect(asked.find(({ line }) => line.includes('find'))?.body).toEqual({ text: preimage });
    expect(asked.filter(({ line }) => line.includes(preimage))).toEqual([]);
    expect(screen.getByRole<HTMLInputElement>('textbox').value).toBe(hash);
  });

  test('an order is looked for a moment after the typing', async () => {
    const { asked } = await openAt('/payments?q=x', {
      'GET /api/payments?q=x': page([]),
      'GET /api/payments?q=%231001': page([row]),
    });
    await screen.findByText('No payment found');
    const field = screen.getByRole('textbox');
    await userEvent.clear(field);
    await userEvent.type(field, '#1001');
    await rowOf('#1001');
    expect(asked.filter(({ line }) => line.includes('q=%231&')).length).toBe(0);
  });
});

describe('views of one’s own', () => {
  test('a saved view is a tab; renaming and deleting are its own', async () => {
    await openAt('/payments', {
      'GET /api/payments?': page([row]),
      'GET /api/payments?state=resolved&min=100': page([second]),
      'POST /api/payments/views/7/forget': { ok: true },
    });
    await rowOf('#1001');
    await userEvent.click(await waitFor(() => tab('Große')));
    await rowOf('#1002');
    expect(tab('Große').getAttribute('aria-selected')).toBe('true');
    await userEvent.click(tab('Große'));
    await userEvent.click(await screen.findByText('Delete view'));
    const dialog = await screen.findByRole('dialog');
    await userEvent.click(within(dialog).getByRole('button', { name: 'Delete view' }));
    await waitFor(() => expect(bridge.toast).toHaveBeenCalledWith('View deleted'));
    await rowOf('#1001');
  });
});

describe('the export', () => {
  const saved = vi.fn<(name: string) => void>();
  beforeEach(() => {
    saved.mockReset();
    vi.spyOn(URL, 'createObjectURL').mockReturnValue('blob:zaptill');
    vi.spyOn(HTMLAnchorElement.prototype, 'click').mockImplementation(function (
      this: HTMLAnchorElement,
    ) {
      saved(this.download);
    });
  });
  const file = (text: string) => new Response(text, { status: 200 });

  async function exportCsv(answer: Response): Promise<void> {
    await openAt('/payments?state=open', {
      'GET /api/payments?state=open': page([row]),
      'GET /api/payments/export?format=csv&state=open': answer,
    });
    await rowOf('#1001');
    await userEvent.click(screen.getByRole('button', { name: 'Export' }));
    const dialog = await screen.findByRole('dialog');
    within(dialog).getByText('All payments of this list go into the file: 1 payment.');
    await userEvent.click(within(dialog).getByRole('button', { name: 'Export' }));
  }

  test('of the filtered list is saved, and says how many rows', async () => {
    await exportCsv(file('payment_id,order\r\na,b\r\nEND,1,\r\n'));
    await waitFor(() => expect(bridge.toast).toHaveBeenCalledWith('Exported: 1 rows'));
    expect(saved).toHaveBeenCalledExactlyOnceWith(expect.stringMatching(/^payments-.*\.csv$/));
  });

  test('a file without its end is not saved', async () => {
    await exportCsv(file('payment_id,order\r\na,b\r\nc,'));
    await screen.findByText('The export broke off, and nothing was saved');
    expect(saved).not.toHaveBeenCalled();
  });

  test('only a last record is an end', () => {
    expect(rowsOf('x\r\nEND,12,,\r\n', 'csv')).toBe('12');
    expect(rowsOf('x\r\nEND,12,,\r\ny,', 'csv')).toBeUndefined();
    expect(rowsOf('"the END,12,\r\n', 'csv')).toBeUndefined();
    expect(rowsOf('{}\n{"end":true,"rows":"3"}\n', 'jsonl')).toBe('3');
    expect(rowsOf('{"end":true,"rows":"3"}', 'jsonl')).toBeUndefined();
  });
});

const invoice: PaymentAnswer['invoices'][number] = {
  hash: 'ab'.repeat(32),
  preimage: 'cd'.repeat(32),
  state: 'settled',
  ending: null,
  request: 'lnbc1',
  amountMsat: '21976000',
  paidMsat: '21976001',
  madeAt: '2026-11-21T10:00:01.000Z',
  expiresAt: '2026-11-21T10:15:01.000Z',
  heldAt: null,
  settledAt: '2026-11-21T10:01:00.000Z',
  recordedAt: '2026-11-21T10:01:00.100Z',
  via: 'live',
  isOfOrder: true,
  quote: {
    fiat: row.fiat,
    price: '95500.25',
    sources: [
      { source: 'kraken', price: '95500.10', at: '2026-11-21T10:00:00.000Z' },
      { source: 'bitstamp', price: '95500.40', at: '2026-11-21T10:00:00.500Z' },
    ],
    spreadBasisPoints: 12,
    adjustment: null,
    alone: null,
    madeAt: '2026-11-21T10:00:01.000Z',
    lapsesAt: '2026-11-21T10:15:01.000Z',
  },
  node: { id: 1, alias: 'alpine', identity: '02'.repeat(33), network: 'mainnet', retired: false },
};
const payment: PaymentAnswer = {
  ...row,
  timeZone: 'UTC',
  case: null,
  because: 'told_shopify',
  payUrl: 'https://zaptill.example/pay/abcdefghijklmnopqrstuv',
  hash: invoice.hash,
  preimage: invoice.preimage,
  told: { fiat: row.fiat, at: '2026-11-21T10:01:02.000Z' },
  hold: null,
  overpaidMsat: '0',
  invoices: [invoice],
  postings: [
    {
      at: '2026-11-21T10:01:00.100Z',
      from: 'node:1',
      to: 'awaiting:1',
      amountMsat: '21976001',
      journal: 'settle:ab',
    },
  ],
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
const textOf = (heading: string): string =>
  screen.getByRole('heading', { name: heading }).closest('.Polaris-ShadowBevel')?.textContent ?? '';

describe('one payment', () => {
  test('tells what happened, the newest first, and leads to its order', async () => {
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

  test('shows the evidence of its price, its node, its invoice and its bookings', async () => {
    await openAt(at, { [`GET /api${at}`]: payment });
    await screen.findByText('1 bitcoin = €95,500.25');
    const price = textOf('Price and its sources');
    for (const each of ['Kraken', '€95,500.10', 'Bitstamp', '€95,500.40', '0.12 %']) {
      expect(price).toContain(each);
    }
    expect(textOf('Node')).toContain('alpine');
    expect(textOf('Node')).toContain('NetworkBitcoin');
    expect(textOf('Bookings')).toContain('Your nodeWaiting for Shopify21,976.001 sats');
    expect(textOf('Invoices')).toContain('the node’s stream, at once');
  });

  test('shows the market price beside the shop’s own discount', async () => {
    const adjustment = { basisPoints: -250, appliedPrice: '97948.97435897' };
    const quote = { ...invoice.quote, adjustment };
    await openAt(at, { [`GET /api${at}`]: { ...payment, invoices: [{ ...invoice, quote }] } });
    await screen.findByText('1 bitcoin = €95,500.25');
    const price = textOf('Price and its sources');
    expect(price).toContain('Market price of 1 BTC€95,500.25');
    expect(price).toContain('Your discount for bitcoin2.5%');
    expect(price).toContain('Price of 1 BTC with it€97,948.97');
  });

  test('says when one source spoke alone, and near to what', async () => {
    const alone = { before: '95000', at: '2026-11-21T09:50:00.000Z' };
    const quote = { ...invoice.quote, alone };
    await openAt(at, { [`GET /api${at}`]: { ...payment, invoices: [{ ...invoice, quote }] } });
    await screen.findByText('1 bitcoin = €95,500.25');
    const price = textOf('Price and its sources');
    expect(price).toContain('One source spoke alone€95,000.00 was agreed on');
  });

  test('of a payment session has Shopify’s reference and no order', async () => {
    const session: PaymentAnswer = {
      ...payment,
      origin: 'payment_session',
      orderName: 'u0nwmSrNntjIWozmNslK5Tlq',
      orderId: 'gid://shopify/PaymentSession/u0nwmSrNntjIWozmNslK5Tlq',
      invoices: [],
      postings: [],
      told: null,
    };
    await openAt(at, { [`GET /api${at}`]: session });
    await screen.findByRole('heading', { level: 1, name: /Payment at checkout/ });
    expect(textOf('Money')).toContain('Shopify’s referenceu0nwmSrNntjIWozmNslK5Tlq');
    expect(screen.queryByRole('link', { name: 'Open the order' })).toBeNull();
    screen.getByText('No price was promised yet.');
    screen.getByText('No money came yet, so nothing is booked.');
  });

  test('that needs a person says what to do, in German', async () => {
    const stuck = { ...payment, state: 'stranded', attention: 'stranded' };
    await openAt(at, { [`GET /api${at}`]: stuck }, 'de-DE');
    await screen.findByText(/nimmt es für diese Bestellung nicht an$/);
    screen.getByText(/Der Knoten sagt, dass bezahlt wurde.*als bezahlt gemeldet\.$/);
  });

  test('that is stuck is settled by hand on its own page, after a question', async () => {
    const stuck = { ...payment, state: 'stranded', attention: 'stranded' };
    let answered: object = stuck;
    const { asked } = await openAt(at, {
      [`GET /api${at}`]: () => answered,
      [`POST /api${at}/settle-by-hand`]: () => {
        answered = payment;
        return { ok: true };
      },
    });
    await userEvent.click(await screen.findByRole('button', { name: 'Settle by hand' }));
    const dialog = await screen.findByRole('dialog');
    within(dialog).getByText('This cannot be undone.');
    expect(asked.filter(({ line }) => line.startsWith('POST'))).toEqual([]);
    await userEvent.click(
      within(dialog).getByRole('button', { name: 'I have settled it with the shopper' }),
    );
    await waitFor(() => {
      expect(screen.queryByRole('button', { name: 'Settle by hand' })).toBeNull();
    });
    expect(bridge.toast).toHaveBeenCalledWith('#1001 is settled');
  });

  test('that was paid too much is answered on its page, with the sum that was seen', async () => {
    const more = { ...payment, attention: 'overpaid', overpaidMsat: '700000' };
    let answered: object = more;
    const { asked } = await openAt(at, {
      [`GET /api${at}`]: () => answered,
      [`POST /api${at}/answer`]: () => {
        answered = payment;
        return { ok: true };
      },
    });
    await screen.findByText('To be given back: 700 sats.');
    screen.getByRole('button', { name: 'We keep it' });
    await userEvent.click(screen.getByRole('button', { name: 'I gave it back' }));
    const dialog = await screen.findByRole('dialog');
    within(dialog).getByText(/after 700 sats went back to the buyer/);
    const say = within(dialog).getByRole('button', { name: 'It went back to the buyer' });
    await userEvent.click(say);
    await waitFor(() => {
      expect(screen.queryByRole('button', { name: 'I gave it back' })).toBeNull();
    });
    expect(asked.find(({ line }) => line.startsWith('POST'))?.body).toEqual({
      ...{ attention: 'overpaid', answer: 'given_back', overpaidMsat: '700000' },
    });
    expect(bridge.toast).toHaveBeenCalledWith('#1001 needs you no more');
  });

  test('that changed meanwhile is not answered, and says so', async () => {
    const grown = { ...payment, attention: 'marked_too_much' };
    const sentence = 'The payment has changed meanwhile. Nothing was changed: look at it again.';
    const refused = { ok: false, refusal: 'not_asked', sentence };
    await openAt(at, {
      [`GET /api${at}`]: grown,
      [`POST /api${at}/answer`]: Response.json(refused, { status: 422 }),
    });
    await userEvent.click(await screen.findByRole('button', { name: 'I have seen to it' }));
    const dialog = await screen.findByRole('dialog');
    await userEvent.click(within(dialog).getByRole('button', { name: 'Seen to' }));
    await within(dialog).findByText(sentence);
    within(dialog).getAllByRole('button', { name: 'Close' });
  });

  test('that is stuck with the second money of a purchase is settled by hand', async () => {
    const second = { state: 'stranded', attention: 'overpaid', overpaidMsat: '700000' } as const;
    await openAt(at, { [`GET /api${at}`]: { ...payment, ...second } });
    await screen.findByRole('button', { name: 'Settle by hand' });
    expect(screen.queryByRole('button', { name: 'We keep it' })).toBeNull();
  });

  test('that is held is charged after a question, and says until when it can be', async () => {
    const endsAt = new Date(Date.now() + 5.5 * 3_600_000).toISOString();
    const hold = { endsAt, amountMsat: '21000000', asked: null, isStuck: false, outcome: null };
    const held = { ...payment, state: 'held', settledAt: null, told: null, hold } as const;
    const { asked } = await openAt(at, {
      [`GET /api${at}`]: held,
      [`POST /api${at}/hold`]: { ok: true },
    });
    await screen.findByText(/^You can charge it until .* \(in 5 hours\)\.$/);
    screen.getByRole('button', { name: 'Let go' });
    await userEvent.click(screen.getByRole('button', { name: 'Charge' }));
    const dialog = await screen.findByRole('dialog');
    within(dialog).getByText(/If it was cancelled, nothing is charged\.$/);
    await userEvent.click(within(dialog).getByRole('button', { name: 'Charge' }));
    await waitFor(() => expect(bridge.toast).toHaveBeenCalledWith('#1001 is being charged'));
    expect(asked).toContainEqual(
      expect.objectContaining({ line: `POST /api${at}/hold`, body: { do: 'charge' } }),
    );
  });

  test('whose charge cannot happen says so, and can be let go', async () => {
    const endsAt = new Date(Date.now() + 5.5 * 3_600_000).toISOString();
    const asks = { asked: 'charge', isStuck: true, outcome: null } as const;
    const hold = { endsAt, amountMsat: '21000000', ...asks };
    const held = { ...payment, state: 'held', settledAt: null, told: null, hold } as const;
    await openAt(at, { [`GET /api${at}`]: held });
    await screen.findByText(/^It could not be charged yet: Shopify did not answer/);
    screen.getByRole('button', { name: 'Let go' });
    expect(screen.queryByRole('button', { name: 'Charge' })).toBeNull();
  });

  test('whose node has forgotten what it held asks what became of it', async () => {
    const lost = { ...payment, state: 'held', attention: 'hold_lost' } as const;
    await openAt(at, { [`GET /api${at}`]: { ...lost, settledAt: null, told: null } });
    await screen.findByText('Your node has forgotten the money it held');
    screen.getByRole('button', { name: 'Nobody paid it there' });
    screen.getByRole('button', { name: 'I saw it paid there' });
  });

  test('that is held says so of its invoice, and until which day and time', async () => {
    const heldAt = '2026-11-21T10:01:00.000Z';
    const live = { ...invoice, state: 'live', settledAt: null, paidMsat: null, heldAt } as const;
    const until = '2026-11-23T05:59:00.000Z';
    const line = { sentence: '', because: 'node_says_held', at: heldAt };
    const held: PaymentAnswer = {
      ...payment,
      ...{ state: 'held', timeZone: 'Europe/Zurich', settledAt: null, invoices: [live] },
      timeline: [
        { ...line, what: 'quoted', to: null, details: { until: '2026-11-21T10:15:00.000Z' } },
        { ...line, what: 'wait_wanted', to: null, details: { until } },
        { ...line, what: 'moved', to: 'held', details: { until } },
      ],
    };
    await openAt(at, { [`GET /api${at}`]: held });
    await screen.findByText('Held until Nov 23, 2026, 6:59 AM');
    screen.getByText('Shopify waits until Nov 23, 2026, 6:59 AM');
    screen.getByText('Price held until Nov 21, 2026, 11:15 AM');
    const invoices = textOf('Invoices');
    expect(invoices).toContain('Money is held');
    expect(invoices).toContain('Held fromNov 21, 2026, 11:01:00 AM');
    // What nobody can pay any more has no end by which it must be paid.
    expect(invoices).not.toContain('Can be paid');
    expect(invoices).not.toContain('Ends');
  });

  test('of another shop is not here', async () => {
    await openAt(at, { [`GET /api${at}`]: new Response('{}', { status: 404 }) });
    await waitFor(() => screen.getByText('There is nothing at this address'));
  });
});
