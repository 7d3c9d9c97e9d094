// How an export ends. A file whose last record is not there was cut off on its way.

export type ExportFormat = 'csv' | 'jsonl';

const endOf: Readonly<Record<ExportFormat, RegExp>> = {
  csv: /(?:^|\r\n)END,(\d+),*\r\n$/,
  jsonl: /(?:^|\n)\{"end":true,"rows":"(\d+)"\}\n$/,
};
/** The rows that the file says it has; undefined when its end is missing. */
export function rowsOf(end: string, format: ExportFormat): string | undefined {
  return endOf[format].exec(end)?.[1];
}
