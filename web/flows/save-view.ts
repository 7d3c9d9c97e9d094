// The merchant gives a filter of the payments a name, changes it, or forgets it.
import type { Database } from '../db/database.ts';
import { dropView, storeView, type Saved } from '../db/saved-views.ts';

/** Without an id a new view, of which a shop has at most twenty; with one that view, changed. */
export const saveView = (
  deps: { db: Database },
  given: {
    shopId: number;
    id: number | undefined;
    name: string;
    filter: Readonly<Record<string, string>>;
  },
): Promise<Saved> => storeView(deps.db, given);

export const forgetView = (
  deps: { db: Database },
  about: { shopId: number; id: number },
): Promise<void> => dropView(deps.db, about);
