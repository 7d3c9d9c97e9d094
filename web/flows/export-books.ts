// A shop's books as files, by the name of what is in them.
import type { Database } from '../db/database.ts';
import {
  everyPaidInvoice,
  everyPosting,
  everyRefund,
  everyShare,
  type Period,
} from '../db/views/export.ts';
import { everyListedPayment, type PaymentFilter } from '../db/views/payments.ts';
import { balancesOf } from '../db/views/balances.ts';
import { balanceColumns } from './export-balances.ts';
import { batch, fileOf, ofEach, type Columns, type ExportFormat } from './export-file.ts';
import { ledgerColumns } from './export-ledger.ts';
import { paymentColumns } from './export-payments.ts';
import { refundColumns } from './export-refunds.ts';
import { shareColumns } from './export-shares.ts';
import { taxColumns } from './export-tax.ts';

export const exportKinds = ['payments', 'refunds', 'shares', 'ledger', 'balances', 'tax'] as const;
export type ExportKind = (typeof exportKinds)[number];

/** The columns of each file, in their order. */
export const columnsOf: Readonly<Record<ExportKind, readonly string[]>> = {
  payments: Object.keys(paymentColumns),
  refunds: Object.keys(refundColumns),
  shares: Object.keys(shareColumns),
  ledger: Object.keys(ledgerColumns),
  balances: Object.keys(balanceColumns),
  tax: Object.keys(taxColumns),
};

/** Payments are those of a list; the books are of a time. */
export type Books =
  | { what: 'payments'; filter: PaymentFilter }
  | { what: Exclude<ExportKind, 'payments'>; period: Period };

/**
 * The file in pieces of a hundred rows. A list of payments has the newest first, without what comes
 * meanwhile; the books have the oldest first.
 */
export function exportBooks(
  { db }: { db: Database },
  ask: { shopIds: readonly number[]; books: Books; format: ExportFormat },
): AsyncGenerator<string> {
  const { shopIds, books, format } = ask;
  const { timeZone } = books.what === 'payments' ? books.filter : books.period;
  const file = <Line>(
    columns: Columns<Line>,
    pagesOf: (shopId: number) => AsyncIterable<readonly Line[]>,
  ): AsyncGenerator<string> => fileOf({ columns, format, timeZone }, ofEach(shopIds, pagesOf));
  switch (books.what) {
    case 'payments':
      return file(paymentColumns, (shopId) =>
        everyListedPayment(db, { shopId, filter: books.filter, batch }),
      );
    case 'refunds':
      return file(refundColumns, (shopId) =>
        everyRefund(db, { shopId, period: books.period, batch }),
      );
    case 'shares':
      return file(shareColumns, (shopId) =>
        everyShare(db, { shopId, period: books.period, batch }),
      );
    case 'ledger':
      return file(ledgerColumns, (shopId) =>
        everyPosting(db, { shopId, period: books.period, batch }),
      );
    case 'balances':
      return file(balanceColumns, async function* (shopId) {
        yield await balancesOf(db, { shopId, period: books.period });
      });
    case 'tax':
      return file(taxColumns, (shopId) =>
        everyPaidInvoice(db, { shopId, period: books.period, batch }),
      );
  }
}
