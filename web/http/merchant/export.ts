// Payments as a file. The page fetches it with its session token and hands it to the browser; the
// pieces go out as the network takes them, and what breaks off is a failed fetch, not a short file.
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { z } from 'zod';
import { everyPayment } from '../../db/views.ts';
import { exportFormats, exportPayments } from '../../flows/export-payments.ts';
import { answerJson } from '../answers.ts';
import type { Doors, Route } from '../doors.ts';
import { merchantRoute, type Seen } from './door.ts';
import { readFilter } from './payment-filter.ts';

export const exportRoutes = (doors: Doors): Route[] => [
  merchantRoute(
    doors,
    { method: 'get', path: '/api/payments/export', policy: 'merchant' },
    (seen) => exportAnswer(doors, seen),
  ),
];

/** Selected rows are those of pages that were looked at; all of a filter need no ids. */
const mostIds = 200;
const idsForm = z
  .string()
  .transform((text) => text.split(','))
  .pipe(z.array(z.guid()).min(1).max(mostIds));

const types = { csv: 'text/csv; charset=utf-8', jsonl: 'application/x-ndjson; charset=utf-8' };

async function exportAnswer(doors: Doors, { shop, request, response }: Seen): Promise<void> {
  const format = z.enum(exportFormats).safeParse(request.query['format']).data;
  const { ids: idsText } = request.query;
  const ids = idsText === undefined ? undefined : idsForm.safeParse(idsText).data;
  const filter =
    ids === undefined
      ? readFilter(request.query, { timeZone: shop.timeZone, ...doors })
      : { ...everyPayment, timeZone: shop.timeZone, ids };
  if (format === undefined || filter === undefined || (idsText !== undefined && !ids)) {
    answerJson(response, 400, { error: 'The export cannot be read: format, filter or ids.' });
    return;
  }
  const pieces = exportPayments(doors.deps, { shopId: shop.id, filter, format });
  // A database that is away is an answer of its own as long as nothing has been sent.
  const first = await pieces.next();
  response.status(200).set({
    'Content-Type': types[format],
    'Content-Disposition': `attachment; filename="payments.${format}"`,
    'Cache-Control': 'no-store',
  });
  const all = async function* (): AsyncGenerator<string> {
    if (first.done !== true) yield first.value;
    yield* pieces;
  };
  try {
    await pipeline(Readable.from(all(), { highWaterMark: 1 }), response);
  } catch (error) {
    // The connection is cut, which is what tells the other side; a reader who left is no fault.
    const left = (error as { code?: string }).code === 'ERR_STREAM_PREMATURE_CLOSE';
    if (!left) doors.deps.log.warn({ shop: shop.domain, err: error }, 'export.cut_off');
  }
}
