// Saved views of the list of payments, and what its filters offer.
import { z } from 'zod';
import * as reads from '../../db/views.ts';
import { forgetView, saveView } from '../../flows/save-view.ts';
import type {
  PaymentViewsAnswer,
  SavedView,
  SaveViewAnswer,
} from '../../frontend/shared/merchant-api.ts';
import { answerJson } from '../answers.ts';
import type { Doors, Route } from '../doors.ts';
import { merchantRoute, type Seen } from './door.ts';
import { filterForm, filterNames } from './payment-filter.ts';

export const viewRoutes = (doors: Doors): Route[] => [
  merchantRoute(doors, { method: 'get', path: '/api/payments/views', policy: 'merchant' }, (seen) =>
    viewsAnswer(doors, seen),
  ),
  merchantRoute(
    doors,
    { method: 'post', path: '/api/payments/views', policy: 'merchant' },
    (seen) => saveAnswer(doors, seen),
  ),
  merchantRoute(
    doors,
    { method: 'post', path: '/api/payments/views/:id/forget', policy: 'merchant' },
    (seen) => forgetAnswer(doors, seen),
  ),
];

async function viewsAnswer(doors: Doors, { shop, response }: Seen): Promise<void> {
  const { db } = doors.deps;
  const [stored, nodes] = await Promise.all([
    reads.savedViews(db, shop.id),
    reads.nodesOfShop(db, shop.id),
  ]);
  answerJson(response, 200, {
    views: stored.map(viewOf),
    limit: reads.savedViewLimit,
    nodes,
    currency: shop.currency,
    timeZone: shop.timeZone,
  } satisfies PaymentViewsAnswer);
}

/** A filter that was stored by another version of the program may have words that are gone. */
function viewOf({ id, name, filter }: reads.SavedViewRow): SavedView {
  const known = Object.entries(filter).filter(([word]) => filterNames.includes(word));
  return { id, name, filter: Object.fromEntries(known) };
}

const saveForm = z.strictObject({
  id: z.int().positive().optional(),
  name: z
    .string()
    .regex(/^\P{Cc}*$/u)
    .transform((name) => name.normalize('NFC').trim()),
  filter: z.partialRecord(z.enum(filterNames as [string, ...string[]]), z.string()),
});
const longestName = 40;

const refusals = {
  name_empty: 'Give the view a name.',
  name_long: `A name has at most ${String(longestName)} letters.`,
  name_taken: 'There is a view of this name already.',
  too_many: `A shop has at most ${String(reads.savedViewLimit)} views of its own.`,
  gone: 'This view is not there any more.',
} as const;

function whyNotName(name: string): 'name_empty' | 'name_long' | undefined {
  if (name === '') return 'name_empty';
  return Array.from(name).length > longestName ? 'name_long' : undefined;
}

async function saveAnswer(doors: Doors, { shop, request, response }: Seen): Promise<void> {
  const given = saveForm.safeParse(request.body);
  if (!given.success || !filterForm.safeParse(given.data.filter).success) {
    answerJson(response, 400, { error: 'The view cannot be read.' });
    return;
  }
  const { id, name } = given.data;
  const filter = given.data.filter as Record<string, string>;
  const saved =
    whyNotName(name) ?? (await saveView(doors.deps, { shopId: shop.id, id, name, filter }));
  if (typeof saved === 'string') {
    const refused = { ok: false, refusal: saved, sentence: refusals[saved] } as const;
    answerJson(response, 422, refused satisfies SaveViewAnswer);
    return;
  }
  answerJson(response, 200, { ok: true, view: viewOf(saved) } satisfies SaveViewAnswer);
}

async function forgetAnswer(doors: Doors, { shop, request, response }: Seen): Promise<void> {
  const id = z.coerce
    .number()
    .int()
    .positive()
    .max(2 ** 31 - 1)
    .safeParse(request.params['id']).data;
  if (id !== undefined) await forgetView(doors.deps, { shopId: shop.id, id });
  answerJson(response, 200, { ok: true });
}
