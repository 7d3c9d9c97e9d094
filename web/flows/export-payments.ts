// The payments of a shop as a file: CSV for a spreadsheet, JSON Lines for a program. Written piece
// by piece, so a million rows need no more memory than a thousand. The last record says how many
// rows there are: a file without it was cut off.
import { stringify } from 'csv-stringify/sync';
import { decimalOfCode, minor, msat, satsOf } from '../core/money.ts';
import { paymentStates, reasons } from '../core/payment.ts';
import type { Database } from '../db/database.ts';
import {
  everyListedPayment,
  type ListedPayment,
  type PaymentFilter,
} from '../db/views/payments.ts';

export const exportFormats = ['csv', 'jsonl'] as const;
export type ExportFormat = (typeof exportFormats)[number];

const batch = 100;
const byteOrderMark = '\ufeff';

/** Each column with what it holds, in the order of the file. The page lists the same. */
const columns: Readonly<Record<string, (line: ListedPayment, about: About) => string>> = {
  payment_id: ({ id }) => id,
  order: ({ order_name }) => order_name,
  origin: ({ origin }) => origin,
  shopify_id: ({ origin_id }) => origin_id,
  test: ({ test }) => (test ? 'yes' : 'no'),
  state: ({ state }) => state,
  state_means: ({ state }) => paymentStates[state],
  reason: ({ reason }) => reason,
  reason_means: ({ reason }) => reasons[reason],
  needs_person: ({ attention }) => attention ?? '',
  currency: ({ currency }) => currency,
  amount: (line) => fiat(line.owed_minor, line.currency),
  amount_told_to_shopify: (line) => fiat(line.told_minor, line.currency),
  sats_asked: ({ amount_msat }) => sats(amount_msat),
  sats_received: ({ paid_msat }) => sats(paid_msat),
  price_of_one_bitcoin: ({ price_e8 }) => (price_e8 === null ? '' : price(price_e8)),
  opened_at: ({ opened_at }) => opened_at.toISOString(),
  opened_in_shop_time: ({ opened_at }, { local }) => local(opened_at),
  paid_at: ({ settled_at }) => settled_at?.toISOString() ?? '',
  paid_in_shop_time: ({ settled_at }, { local }) => (settled_at === null ? '' : local(settled_at)),
  told_to_shopify_at: ({ told_at }) => told_at?.toISOString() ?? '',
  payment_hash: ({ hash }) => hash ?? '',
  node: ({ node_alias }) => node_alias ?? '',
  node_identity: ({ node_identity }) => node_identity ?? '',
  network: ({ network }) => network ?? '',
};
export const exportColumns = Object.keys(columns);

type About = { local: (at: Date) => string };

const fiat = (amountMinor: string | null, code: string): string =>
  amountMinor === null ? '' : decimalOfCode(minor(BigInt(amountMinor)), code);

const sats = (amountMsat: string | null): string =>
  amountMsat === null ? '' : satsOf(msat(BigInt(amountMsat)));

function price(priceE8: string): string {
  const digits = priceE8.padStart(9, '0');
  return `${digits.slice(0, -8)}.${digits.slice(-8, -6)}`;
}

/** As a spreadsheet reads a time: 2026-11-21 15:04:05. */
function localTime(timeZone: string): About['local'] {
  const sv = new Intl.DateTimeFormat('sv-SE', {
    ...{ timeZone, year: 'numeric', month: '2-digit', day: '2-digit' },
    ...{ hour: '2-digit', minute: '2-digit', second: '2-digit' },
  });
  return (at) => sv.format(at);
}

/**
 * The file in pieces of a hundred rows, the newest payment first. Rows that come meanwhile
 * are not in it. Cells that a spreadsheet would take for a formula begin with an apostrophe.
 */
export async function* exportPayments(
  deps: { db: Database },
  ask: { shopId: number; filter: PaymentFilter; format: ExportFormat },
): AsyncGenerator<string> {
  const { shopId, filter, format } = ask;
  const about: About = { local: localTime(filter.timeZone) };
  const write = format === 'csv' ? csv : jsonLines;
  if (format === 'csv') yield byteOrderMark + csv([exportColumns]);
  let count = 0;
  for await (const lines of everyListedPayment(deps.db, { shopId, filter, batch })) {
    count += lines.length;
    yield write(
      lines.map((line) => exportColumns.map((name) => columns[name]?.(line, about) ?? '')),
    );
  }
  const end = String(count);
  yield format === 'csv'
    ? csv([['END', end, ...exportColumns.slice(2).map(() => '')]])
    : `${JSON.stringify({ end: true, rows: end })}\n`;
}

// A line break inside a cell is quoted only when it is asked for: bare, what follows it would begin
// a row of its own, and could begin it as a formula.
const csv = (records: string[][]): string =>
  stringify(records, {
    record_delimiter: 'windows',
    quote_record_delimiter: true,
    escape_formulas: true,
  });

const jsonLines = (records: string[][]): string =>
  records
    .map((cells) => {
      const named = cells.map((cell, index) => [exportColumns[index] ?? '', cell]);
      return `${JSON.stringify(Object.fromEntries(named))}\n`;
    })
    .join('');
