// Rows of a shop's books as a file: CSV for a spreadsheet, JSON Lines for a program. Written piece
// by piece, so a million rows need no more memory than a thousand. The last record says how many
// rows there are: a file without it was cut off.
import { stringify } from 'csv-stringify/sync';
import { decimalOfCode, minor, msat, satsOf } from '../core/money.ts';

export const exportFormats = ['csv', 'jsonl'] as const;
export type ExportFormat = (typeof exportFormats)[number];

/** Rows that a piece of the file has at most. */
export const batch = 100;
const byteOrderMark = '\ufeff';

type Clocks = { local: (at: Date) => string };
/** Each column with what it holds, in the order of the file. */
export type Columns<Line> = Readonly<Record<string, (line: Line, clocks: Clocks) => string>>;

/** Minor units as a decimal of the currency; empty where there is no amount. */
export const fiat = (amountMinor: string | null, code: string): string =>
  amountMinor === null ? '' : decimalOfCode(minor(BigInt(amountMinor)), code);

/** Msat as a decimal of satoshis; empty where there is no amount. */
export const sats = (amountMsat: string | null): string =>
  amountMsat === null ? '' : satsOf(msat(BigInt(amountMsat)));

/** 10^-8 of a currency unit as a decimal with two places or, where it has them, more. */
export function price(priceE8: string | null): string {
  if (priceE8 === null) return '';
  const digits = priceE8.padStart(9, '0');
  return `${digits.slice(0, -8)}.${digits.slice(-8, -6)}${digits.slice(-6).replace(/0+$/, '')}`;
}

export const utc = (at: Date | null): string => at?.toISOString() ?? '';

/** As a spreadsheet reads a time: 2026-11-21 15:04:05. */
function localTime(timeZone: string): Clocks['local'] {
  const sv = new Intl.DateTimeFormat('sv-SE', {
    ...{ timeZone, year: 'numeric', month: '2-digit', day: '2-digit' },
    ...{ hour: '2-digit', minute: '2-digit', second: '2-digit' },
  });
  return (at) => sv.format(at);
}

/** The pages of one shop after those of another. */
export async function* ofEach<Line>(
  shopIds: readonly number[],
  pagesOf: (shopId: number) => AsyncIterable<readonly Line[]>,
): AsyncGenerator<readonly Line[]> {
  for (const shopId of shopIds) yield* pagesOf(shopId);
}

/**
 * The file, a piece for each page. A page is asked for when the piece before it was taken. Cells
 * that a spreadsheet would take for a formula begin with an apostrophe.
 */
export async function* fileOf<Line>(
  about: { columns: Columns<Line>; format: ExportFormat; timeZone: string },
  pages: AsyncIterable<readonly Line[]>,
): AsyncGenerator<string> {
  const { columns, format, timeZone } = about;
  const clocks: Clocks = { local: localTime(timeZone) };
  const names = Object.keys(columns);
  if (format === 'csv') yield byteOrderMark + csv([names]);
  let count = 0;
  for await (const lines of pages) {
    count += lines.length;
    const records = lines.map((line) => Object.values(columns).map((cell) => cell(line, clocks)));
    yield format === 'csv' ? csv(records) : jsonLines(names, records);
  }
  const end = String(count);
  yield format === 'csv'
    ? csv([['END', end, ...names.slice(2).map(() => '')]])
    : `${JSON.stringify({ end: true, rows: end })}\n`;
}

// A line break inside a cell is quoted only when it is asked for: bare, what follows it would begin
// a row of its own, and could begin it as a formula.
const csv = (records: string[][]): string =>
  stringify(records, {
    record_delimiter: 'windows',
    quote_record_delimiter: true,
    escape_formulas: true,
    cast: { string: written },
  });

/** An amount below zero is a number, and no formula. */
const plainNumber = /^-\d+(?:\.\d+)?$/;

function written(cell: string): string | { value: string } {
  const asItIs = { value: cell, escape_formulas: false };
  if (plainNumber.test(cell)) return asItIs;
  return /[;\r\n]/.test(cell) ? evenIfSplit(cell) : cell;
}

/**
 * Where commas stand in numbers, a spreadsheet parts cells at semicolons, whatever is quoted; and
 * then a line break begins a row.
 */
const evenIfSplit = (cell: string): string =>
  cell.replace(/([;\r\n])([^\S\r\n]*[=+\-@\uff1d\uff0b\uff0d\uff20])/g, "$1'$2");

const jsonLines = (names: readonly string[], records: string[][]): string =>
  records
    .map((cells) => {
      const named = cells.map((cell, index) => [names[index] ?? '', cell]);
      return `${JSON.stringify(Object.fromEntries(named))}\n`;
    })
    .join('');
