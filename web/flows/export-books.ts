// A shop's books as files, by the name of what is in them.
import type { Database } from '../db/database.ts';
import type { Period } from '../db/views/export.ts';
import type { PaymentFilter } from '../db/views/payments.ts';
import type { ExportFormat } from './export-file.ts';
import { exportLedger, ledgerColumns } from './export-ledger.ts';
import { exportPayments, paymentColumns } from './export-payments.ts';
import { exportTax, taxColumns } from './export-tax.ts';

export const exportKinds = ['payments', 'ledger', 'tax'] as const;
export type ExportKind = (typeof exportKinds)[number];

/** The columns of each file, in their order. */
export const columnsOf: Readonly<Record<ExportKind, readonly string[]>> = {
  payments: Object.keys(paymentColumns),
  ledger: Object.keys(ledgerColumns),
  tax: Object.keys(taxColumns),
};

/** Payments are those of a list; the books are of a time. */
export type Books =
  { what: 'payments'; filter: PaymentFilter } | { what: 'ledger' | 'tax'; period: Period };

/** The file in pieces of a hundred rows. */
export function exportBooks(
  deps: { db: Database },
  ask: { shopIds: readonly number[]; books: Books; format: ExportFormat },
): AsyncGenerator<string> {
  const { shopIds, books, format } = ask;
  switch (books.what) {
    case 'payments':
      return exportPayments(deps, { shopIds, filter: books.filter, format });
    case 'ledger':
      return exportLedger(deps, { shopIds, period: books.period, format });
    case 'tax':
      return exportTax(deps, { shopIds, period: books.period, format });
  }
}
