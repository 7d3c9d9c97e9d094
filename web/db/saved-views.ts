// Filters of the list of payments to which a merchant gave a name.
import { rows, transaction, type Database } from './database.ts';

export const savedViewLimit = 20;

export type SavedViewRow = { id: number; name: string; filter: Readonly<Record<string, string>> };

/** In the order in which they were made. */
export async function savedViews(db: Database, shopId: number): Promise<SavedViewRow[]> {
  return rows<SavedViewRow>(
    db.pool,
    {
      name: 'saved_views',
      text: 'select id, name, filter from saved_view where shop_id = $1 order by id',
    },
    [shopId],
  );
}

export type Saved = SavedViewRow | 'name_taken' | 'too_many' | 'gone';

/** Makes a view, or writes over the one with this id; the shop's row is locked, to count once. */
export async function storeView(
  db: Database,
  given: {
    shopId: number;
    id: number | undefined;
    name: string;
    filter: Readonly<Record<string, string>>;
  },
): Promise<Saved> {
  const { shopId, id, name, filter } = given;
  return transaction(db, async (on): Promise<Saved> => {
    const lock = { name: 'saved_view_lock', text: 'select id from shop where id = $1 for update' };
    await rows(on, lock, [shopId]);
    const others = await rows<{ id: number; name: string }>(
      on,
      { name: 'saved_view_names', text: 'select id, name from saved_view where shop_id = $1' },
      [shopId],
    );
    const same = (other: string): boolean => other.toLowerCase() === name.toLowerCase();
    if (others.some((other) => other.id !== id && same(other.name))) return 'name_taken';
    if (id === undefined && others.length >= savedViewLimit) return 'too_many';
    const [stored] =
      id === undefined
        ? await rows<SavedViewRow>(
            on,
            {
              name: 'saved_view_make',
              text: `insert into saved_view (shop_id, name, filter) values ($1, $2, $3::jsonb)
                returning id, name, filter`,
            },
            [shopId, name, JSON.stringify(filter)],
          )
        : await rows<SavedViewRow>(
            on,
            {
              name: 'saved_view_change',
              text: `update saved_view set name = $2, filter = $3::jsonb
                where shop_id = $1 and id = $4 returning id, name, filter`,
            },
            [shopId, name, JSON.stringify(filter), id],
          );
    return stored ?? 'gone';
  });
}

/** Forgets a view of the shop; another shop's is left alone. */
export async function dropView(db: Database, about: { shopId: number; id: number }): Promise<void> {
  await rows(
    db.pool,
    {
      name: 'saved_view_drop',
      text: 'delete from saved_view where shop_id = $1 and id = $2 returning id',
    },
    [about.shopId, about.id],
  );
}
