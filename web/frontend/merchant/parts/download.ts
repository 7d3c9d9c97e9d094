// Takes an export to the merchant's disk. A link cannot carry the session token, so the file is
// fetched, looked at to its last record, and then handed to the browser. A file that was cut off on
// its way is not handed over.
import { rowsOf, type ExportFormat } from '../../shared/export-end.ts';
import { ApiTrouble, callFile } from '../api.ts';

const endLength = 200;

/** Fetches the file and saves it under the name. Gives the number of rows. */
export async function download(
  path: string,
  file: { name: string; format: ExportFormat; signal: AbortSignal },
): Promise<string> {
  const response = await callFile(path, file.signal);
  const blob = await response.blob().catch(() => {
    throw new ApiTrouble('offline');
  });
  const rows = rowsOf(await blob.slice(-endLength).text(), file.format);
  if (rows === undefined) throw new ApiTrouble('offline');
  const url = URL.createObjectURL(blob);
  const link = document.createElement('a');
  link.href = url;
  link.download = file.name;
  document.body.append(link);
  link.click();
  link.remove();
  // The browser reads it on its own time.
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
  return rows;
}
