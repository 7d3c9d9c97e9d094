/**
 * The node on disk, so that a second start finds the same node: its key, certificate, root keys,
 * invoices and indexes.
 *
 * `node.json` is written whole, rarely. Invoices are appended to `invoices.jsonl`, one line per
 * change, the last line of a hash counts; the file is made compact when it is read. A process that
 * is killed loses at most what it was writing.
 */
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import type { Certificate } from './certificate.ts';
import { invoiceFromJson, invoiceToJson } from './invoice.ts';
import type { Invoice } from './invoice.ts';
import { paymentFromJson, paymentToJson } from './payments.ts';
import type { SentPayment } from './payments.ts';
import type { Counters } from './registry.ts';

export type SavedNode = {
  alias: string;
  privateKey: string;
  seed: string;
  starts: number;
  port: number;
  certificate: Certificate;
  rootKeys: [string, string][];
};

type Line = { counters: Counters; invoice: string; gone?: boolean };

const writeWhole = (path: string, text: string): void => {
  writeFileSync(`${path}.part`, text, { mode: 0o600 });
  renameSync(`${path}.part`, path);
};

/** A torn last line, from a killed process, is skipped. */
const linesOf = (path: string): string[] => {
  if (!existsSync(path)) return [];
  return readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => {
      try {
        return line !== '' && JSON.parse(line) !== null;
      } catch {
        return false;
      }
    });
};
const readLines = (path: string): Line[] => linesOf(path).map((line) => JSON.parse(line) as Line);

export const nodeOnDisk = (folder: string) => {
  mkdirSync(folder, { recursive: true });
  const nodePath = join(folder, 'node.json');
  const invoicesPath = join(folder, 'invoices.jsonl');
  const paymentsPath = join(folder, 'payments.jsonl');
  const lineOf = (invoice: Invoice, counters: Counters, gone = false): string =>
    JSON.stringify({ counters, invoice: invoiceToJson(invoice), ...(gone ? { gone } : {}) });

  return {
    readNode: (): SavedNode | undefined =>
      existsSync(nodePath) ? (JSON.parse(readFileSync(nodePath, 'utf8')) as SavedNode) : undefined,
    writeNode: (node: SavedNode): void => {
      writeWhole(nodePath, `${JSON.stringify(node, null, 2)}\n`);
    },
    readInvoices: (): { invoices: Invoice[]; counters: Counters } => {
      const counters: Counters = { add: 0, settle: 0 };
      const byHash = new Map<string, Invoice>();
      for (const line of readLines(invoicesPath)) {
        const invoice = invoiceFromJson(line.invoice);
        Object.assign(counters, line.counters);
        if (line.gone) byHash.delete(invoice.hash);
        else byHash.set(invoice.hash, invoice);
      }
      return { invoices: [...byHash.values()], counters };
    },
    /** The last line of a hash counts. */
    readPayments: (): SentPayment[] => {
      const byHash = new Map<string, SentPayment>();
      for (const text of linesOf(paymentsPath)) {
        const payment = paymentFromJson(text);
        byHash.set(payment.hash, payment);
      }
      return [...byHash.values()];
    },
    appendPayment: (payment: SentPayment): void => {
      appendFileSync(paymentsPath, `${paymentToJson(payment)}\n`, { mode: 0o600 });
    },
    append: (invoice: Invoice, counters: Counters, gone = false): void => {
      appendFileSync(invoicesPath, `${lineOf(invoice, counters, gone)}\n`, { mode: 0o600 });
    },
    rewriteInvoices: (invoices: Invoice[], counters: Counters): void => {
      writeWhole(invoicesPath, invoices.map((one) => `${lineOf(one, counters)}\n`).join(''));
    },
  };
};

export type NodeOnDisk = ReturnType<typeof nodeOnDisk>;
