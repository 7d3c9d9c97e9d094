// The dialog in which a merchant chooses which of the shop's books becomes a file.
import { fireEvent, screen, waitFor, within } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { beforeEach, expect, test, vi } from 'vitest';
import { columnsOf, exportKinds } from '../../../flows/export-books.ts';
import { exportColumns } from '../../shared/export-columns.ts';
import { bridge, openAt, row } from '../test-dom.ts';
import de from '../words/de.json' with { type: 'json' };
import en from '../words/en.json' with { type: 'json' };

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

/** The list of November with the dialog open, and a server that has this one file. */
async function openDialog(file: string, text: string, locale?: string) {
  const { asked } = await openAt(
    '/payments?since=2026-11-01&until=2026-11-30',
    {
      'GET /api/payments?since=2026-11-01&until=2026-11-30': {
        ...{ payments: [row], newer: null, older: null, timeZone: 'Europe/Zurich' },
        count: { counted: 1, isMore: false },
      },
      'GET /api/payments/views': {
        ...{ views: [], limit: 20, nodes: [], currency: 'EUR', timeZone: 'Europe/Zurich' },
      },
      [`GET /api/payments/export?${file}`]: new Response(text, { status: 200 }),
    },
    locale,
  );
  await screen.findByRole('link', { name: '#1001' });
  const words = locale === 'de' ? de : en;
  await userEvent.click(screen.getByRole('button', { name: words['export.open'] }));
  return { asked, words, dialog: within(await screen.findByRole('dialog')) };
}

test('the ledger of the list’s days is saved as CSV', async () => {
  const file = 'format=csv&what=ledger&since=2026-11-01&until=2026-11-30';
  const { dialog } = await openDialog(file, 'posting_id\r\n1\r\n2\r\nEND,2\r\n');
  dialog.getByText('All payments of this list go into the file: 1 payment.');
  await userEvent.click(dialog.getByRole('radio', { name: 'Ledger' }));
  dialog.getByText('Every booking of these days goes into the file, the oldest first.');
  await userEvent.click(dialog.getByRole('button', { name: 'Export' }));
  await waitFor(() => expect(bridge.toast).toHaveBeenCalledWith('Exported: 2 rows'));
  expect(saved).toHaveBeenCalledExactlyOnceWith(expect.stringMatching(/^ledger-.*\.csv$/));
});

test('the tax view of other days is JSON Lines; turned days are not asked for', async () => {
  const file = 'format=jsonl&what=tax&since=2026-10-01';
  const { dialog, asked } = await openDialog(file, '{}\n{"end":true,"rows":"1"}\n');
  await userEvent.click(dialog.getByRole('radio', { name: 'Tax view' }));
  await userEvent.click(dialog.getByRole('radio', { name: 'JSON Lines' }));
  const from = dialog.getByLabelText('From');
  const until = dialog.getByLabelText('To (that day included)');
  expect(from).toHaveProperty('value', '2026-11-01');
  fireEvent.change(from, { target: { value: '2026-12-01' } });
  dialog.getByText(en['filter.turned']);
  const go = dialog.getByRole('button', { name: 'Export' });
  expect(go.getAttribute('aria-disabled') ?? go.hasAttribute('disabled')).toBeTruthy();
  fireEvent.change(from, { target: { value: '2026-10-01' } });
  fireEvent.change(until, { target: { value: '' } });
  await userEvent.click(dialog.getByRole('button', { name: 'Export' }));
  await waitFor(() => expect(bridge.toast).toHaveBeenCalledWith('Exported: 1 rows'));
  expect(saved).toHaveBeenCalledExactlyOnceWith(expect.stringMatching(/^tax-.*\.jsonl$/));
  expect(asked.filter(({ line }) => line.includes('/export'))).toHaveLength(1);
});

test.each(['en', 'de'])(
  'each column of the chosen file is explained beside it, in %s',
  async (l) => {
    const { dialog, words } = await openDialog('none', '', l);
    await userEvent.click(dialog.getByRole('button', { name: words['export.columns'] }));
    const shown = () => dialog.getAllByRole('term', { hidden: true }).map((dt) => dt.textContent);
    expect(shown()).toEqual(columnsOf.payments);
    for (const kind of ['ledger', 'tax'] as const) {
      await userEvent.click(dialog.getByRole('radio', { name: words[`export.what.${kind}`] }));
      expect(shown()).toEqual(columnsOf[kind]);
      for (const name of exportColumns[kind]) dialog.getAllByText(words[`export.column.${name}`]);
    }
  },
);

test('what the page explains are the columns of the files', () => {
  expect(Object.keys(exportColumns)).toEqual([...exportKinds]);
  for (const kind of exportKinds) expect(exportColumns[kind]).toEqual(columnsOf[kind]);
});
