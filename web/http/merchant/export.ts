// The shop's books as files. The page fetches one with its session token and hands it to the
// browser; the pieces go out as the network takes them, and what breaks off is a failed fetch, not
// a short file.
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { z } from 'zod';
import { everyPayment, shopsEverOfDomain, type ShopRow } from '../../db/views.ts';
import { exportBooks, exportKinds, type Books } from '../../flows/export-books.ts';
import { exportFormats } from '../../flows/export-file.ts';
import { answerJson } from '../answers.ts';
import type { Doors, Route } from '../doors.ts';
import { merchantRoute, type Seen } from './door.ts';
import { dayForm, filterNames, readFilter } from './payment-filter.ts';

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

const periodForm = z
  .object({ since: dayForm.optional(), until: dayForm.optional() })
  .refine(({ since, until }) => since === undefined || until === undefined || since <= until);
/** What chooses payments chooses no bookings: whoever says it would get more than they asked. */
const notOfPeriod = [...filterNames, 'ids'].filter((name) => name !== 'since' && name !== 'until');

type Query = Seen['request']['query'];

/** Undefined: a word cannot be read, and nobody guesses what was meant. */
function readBooks(doors: Doors, query: Query, timeZone: string): Books | undefined {
  const what = z.enum(exportKinds).default('payments').safeParse(query['what']).data;
  if (what === undefined) return undefined;
  if (what !== 'payments') {
    const period = periodForm.safeParse(query).data;
    if (period === undefined || notOfPeriod.some((name) => query[name] !== undefined)) {
      return undefined;
    }
    return { what, period: { since: period.since, until: period.until, timeZone } };
  }
  if (query['ids'] !== undefined) {
    const ids = idsForm.safeParse(query['ids']).data;
    return ids && { what, filter: { ...everyPayment, timeZone, ids } };
  }
  const filter = readFilter(query, { ...doors, timeZone });
  return filter && { what, filter };
}

/**
 * The list is that of the page. The books are of the whole shop, by whichever app it was paid, and
 * whether the shop still has that app or not.
 */
async function shopsOf(doors: Doors, shop: ShopRow, books: Books): Promise<number[]> {
  if (books.what === 'payments') return [shop.id];
  return (await shopsEverOfDomain(doors.deps.db, shop.domain)).map(({ id }) => id);
}

async function exportAnswer(doors: Doors, { shop, request, response }: Seen): Promise<void> {
  const format = z.enum(exportFormats).safeParse(request.query['format']).data;
  const books = readBooks(doors, request.query, shop.timeZone);
  if (format === undefined || books === undefined) {
    const error = 'The export cannot be read: what, format, days, filter or ids.';
    answerJson(response, 400, { error });
    return;
  }
  const shopIds = await shopsOf(doors, shop, books);
  const pieces = exportBooks(doors.deps, { shopIds, books, format });
  // A database that is away is an answer of its own as long as nothing has been sent.
  const first = await pieces.next();
  response.status(200).set({
    'Content-Type': types[format],
    'Content-Disposition': `attachment; filename="${books.what}.${format}"`,
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
