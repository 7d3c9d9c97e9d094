// Merchants who are signed in to the payments app's own page. What lies here is the hash of a
// cookie: who reads this table cannot sign in with it. Deleting a row signs out at once.
import type { Database, Queryable } from './database.ts';
import { rows } from './database.ts';

/** `tokenHash`: SHA-256 of the cookie. Also clears away what is over. */
export async function storePageSession(
  on: Queryable,
  session: { tokenHash: Uint8Array; shopId: number; endsAt: Date },
): Promise<void> {
  await rows(
    on,
    {
      name: 'page_session_store',
      text: `
        with over as (delete from page_session where ends_at < now())
        insert into page_session (token_hash, shop_id, ends_at) values ($1, $2, $3)`,
    },
    [session.tokenHash, session.shopId, session.endsAt],
  );
}

/** The shop that is signed in with this cookie; undefined: nobody is, or not any more. */
export async function shopIdOfPageSession(
  db: Database,
  tokenHash: Uint8Array,
): Promise<number | undefined> {
  const [row] = await rows<{ shop_id: number }>(
    db.pool,
    {
      name: 'page_session_shop',
      text: `
        select s.shop_id from page_session s join shop on shop.id = s.shop_id
        where s.token_hash = $1 and s.ends_at > now() and shop.uninstalled_at is null`,
    },
    [tokenHash],
  );
  return row?.shop_id;
}

export async function endPageSession(on: Queryable, tokenHash: Uint8Array): Promise<void> {
  await rows(
    on,
    { name: 'page_session_end', text: 'delete from page_session where token_hash = $1' },
    [tokenHash],
  );
}

/** The app was removed from the shop: everybody there is signed out. */
export async function endPageSessionsOf(on: Queryable, shopId: number): Promise<void> {
  await rows(
    on,
    { name: 'page_session_end_all', text: 'delete from page_session where shop_id = $1' },
    [shopId],
  );
}
