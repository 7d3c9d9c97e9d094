// A merchant is signed in to the payments app's page by a cookie: 256 random bits, of which we keep
// the hash. It ends after half a day, with a sign-out, and with the app.
import { createHash } from 'node:crypto';
import type { Clock } from '../core/ports.ts';
import type { Database } from '../db/database.ts';
import { endPageSession, shopIdOfPageSession, storePageSession } from '../db/page-sessions.ts';

/** Twelve hours. */
export const signedInSeconds = 12 * 3_600;
const form = /^[A-Za-z0-9_-]{43}$/;

const hashOf = (token: string): Buffer => createHash('sha256').update(token).digest();

/** Answers what the cookie holds. It is never seen again by anybody but the browser. */
export async function signIn(
  deps: { db: Database; clock: Clock; randomSecret: () => Uint8Array },
  shopId: number,
): Promise<string> {
  const token = Buffer.from(deps.randomSecret()).toString('base64url');
  const endsAt = new Date(deps.clock().getTime() + signedInSeconds * 1_000);
  await storePageSession(deps.db.pool, { tokenHash: hashOf(token), shopId, endsAt });
  return token;
}

/** The shop that is signed in, or undefined. */
export async function signedInShop(
  deps: { db: Database },
  token: string | undefined,
): Promise<number | undefined> {
  if (token === undefined || !form.test(token)) return undefined;
  return shopIdOfPageSession(deps.db, hashOf(token));
}

export async function signOut(deps: { db: Database }, token: string): Promise<void> {
  if (form.test(token)) await endPageSession(deps.db.pool, hashOf(token));
}
