// `zaptill export`: the books of a shop to stdout, as fast as it is read, or to a file that is
// there only when it is whole. With both apps in one shop the books of both are in it.
import { randomBytes } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Database } from './db/database.ts';
import { shopsEverOfDomain } from './db/shops.ts';
import { everyPayment } from './db/views.ts';
import { exportBooks, exportKinds, type Books } from './flows/export-books.ts';
import { exportFormats, type ExportFormat } from './flows/export-file.ts';
import words from './frontend/merchant/words/en.json' with { type: 'json' };
import { exportColumns } from './frontend/shared/export-columns.ts';
import { rowsOf } from './frontend/shared/export-end.ts';
import { dayForm } from './http/merchant/payment-filter.ts';

export type ExportOptions = {
  shop: string;
  what: string;
  format: string;
  from?: string;
  until?: string;
  out?: string;
};
export type ExportEnd = { says: string; exitCode: 0 | 1 | 2 };

const refused = (says: string): ExportEnd => ({ says, exitCode: 2 });

/** Undefined: the file went to stdout, whole. */
export async function exportToDesk(
  deps: { db: Database },
  options: ExportOptions,
): Promise<ExportEnd | undefined> {
  const { from: since, until, out } = options;
  const what = exportKinds.find((each) => each === options.what);
  const format = exportFormats.find((each) => each === options.format);
  if (what === undefined)
    return refused('The export is of payments, refunds, shares, ledger, balances or tax.');
  if (format === undefined) return refused('The format is csv or jsonl.');
  const days = [since, until].filter((day) => day !== undefined);
  if (!days.every((day) => dayForm.safeParse(day).success)) {
    return refused('A day is such as 2026-11-21.');
  }
  if (since !== undefined && until !== undefined && since > until) {
    return refused(`${since} is after ${until}: no day lies between them.`);
  }
  const shops = await shopsEverOfDomain(deps.db, options.shop.toLowerCase());
  // Only the merchant app learns where the shop's days begin.
  const zoned = shops.find(({ factsAskedAt }) => factsAskedAt !== null) ?? shops[0];
  if (zoned === undefined) {
    const says = `No shop ${options.shop} ever had the app installed.`;
    return { says, exitCode: 1 };
  }
  const period = { since, until, timeZone: zoned.timeZone };
  const books: Books =
    what === 'payments' ? { what, filter: { ...everyPayment, ...period } } : { what, period };
  const shopIds = shops.map(({ id }) => id);
  const pieces = exportBooks(deps, { shopIds, books, format });
  if (out !== undefined) return toFile(pieces, { out, format });
  await pipeline(Readable.from(pieces, { highWaterMark: 1 }), process.stdout, { end: false });
  return undefined;
}

/** What the disk says no to; a database that is away is no matter of the file. */
const fileCalls = new Set(['open', 'write', 'fsync', 'close', 'rename']);

/** Under another name until it is whole: what breaks off leaves the file that was there. */
async function toFile(
  pieces: AsyncIterable<string>,
  about: { out: string; format: ExportFormat },
): Promise<ExportEnd> {
  const { out, format } = about;
  const part = `${out}.${randomBytes(4).toString('hex')}.part`;
  let last = '';
  const noted = async function* (): AsyncGenerator<string> {
    for await (const piece of pieces) {
      last = piece;
      yield piece;
    }
  };
  try {
    // The books are for whoever asked, and for nobody else on this machine.
    const file = createWriteStream(part, { flags: 'wx', mode: 0o600 });
    await pipeline(Readable.from(noted(), { highWaterMark: 1 }), file);
    await rename(part, out);
  } catch (error) {
    await rm(part, { force: true });
    const { syscall = '', code = '' } = error as { syscall?: string; code?: string };
    if (fileCalls.has(syscall)) return refused(`${out} cannot be written: ${code}.`);
    throw error;
  }
  return { says: `Exported ${rowsOf(last, format) ?? '?'} rows to ${out}.`, exitCode: 0 };
}

/** Each column of each file, for --help: in the words of the merchant's page. */
export const columnsHelp = (): string =>
  exportKinds
    .map((kind) => {
      const lines = exportColumns[kind].map(
        (name) => `  ${name.padEnd(28)}${words[`export.column.${name}`]}`,
      );
      return [`\nColumns of ${kind}:`, ...lines].join('\n');
    })
    .join('\n');
