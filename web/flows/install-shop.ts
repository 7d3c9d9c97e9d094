// The merchant opened the app: the shop is stored at first sight, and its session token is
// exchanged for an offline token where there is none, it was refused, or it does not cover what we
// need.
import type { Sealer } from '../core/ports.ts';
import { Trouble } from '../core/trouble.ts';
import type { Database } from '../db/database.ts';
import {
  endRefreshLease,
  installShop as store,
  isInstalledAgain,
  shopById,
  storeTokens,
  takeRefreshLease,
  type SealedTokens,
  type ShopRow,
} from '../db/shops.ts';
import { reopenLane, shopLane } from '../db/lanes.ts';
import type { Log } from './flow.ts';

/** What a token endpoint gives, in clear. Held for as long as it takes to seal it. */
export type Tokens = {
  accessToken: string;
  accessTokenEndsAt: Date | null;
  refreshToken: string | null;
  refreshTokenEndsAt: Date | null;
  scopes: string;
};

export type InstallDeps = {
  db: Database;
  log: Log;
  sealer: Sealer;
  scopes: readonly string[];
  /** Token exchange at Shopify. Throws Trouble. */
  exchange: (about: {
    registrationId: number;
    domain: string;
    sessionToken: string;
  }) => Promise<Tokens>;
};

/** One exchange at a time: a page that opens asks several things at once. */
const exchangeLeaseMs = 15_000;
const waitMs = 100;
const waitsAtMost = 150;

type SeenShop = {
  registrationId: number;
  domain: string;
  sessionToken: string;
  /** Asked right before Shopify is asked for tokens; left out: always. */
  mayAsk?: () => boolean;
};

/** Throws Trouble; `asked_too_often`: whoever knocks has made us ask Shopify too often. */
export async function installShop(deps: InstallDeps, seen: SeenShop): Promise<ShopRow> {
  const { shop, installed } = await store(deps.db, seen);
  if (installed) deps.log.info({ shopId: shop.id, shop: shop.domain }, 'shop.installed');
  let current = shop;
  for (let waits = 0; needsToken(current, deps.scopes) && waits < waitsAtMost; waits += 1) {
    const exchanged = await exchangeOnce(deps, current, seen);
    if (exchanged === 'not_now') return current;
    if (!exchanged) await new Promise((resolve) => setTimeout(resolve, waitMs));
    await isInstalledAgain(deps.db, shop.id);
    // What could not be told without a token, or to a shop that was gone, waits no longer.
    if (exchanged) await reopenLane(deps.db, { lane: shopLane(shop.id), inMs: 0 });
    current = (await shopById(deps.db, shop.id)) ?? current;
    // Shopify granted less than we ask for: the merchant must approve, and repeating changes
    // nothing.
    if (current.tokenVersion > shop.tokenVersion) break;
  }
  return current;
}

/**
 * False: somebody else is at it. `not_now`: Shopify may not be asked, and the token that is there
 * works for what was granted.
 */
async function exchangeOnce(
  deps: InstallDeps,
  shop: ShopRow,
  { mayAsk, ...seen }: SeenShop,
): Promise<boolean | 'not_now'> {
  const replacing = shop.tokenVersion;
  const lease = { shopId: shop.id, tokenVersion: replacing, leaseMs: exchangeLeaseMs };
  if (!(await takeRefreshLease(deps.db, lease))) return false;
  try {
    if (mayAsk?.() === false) {
      if (!works(shop)) throw new Trouble('asked_too_often', { from: 'shop', then: 'retry' });
      await endRefreshLease(deps.db, shop.id);
      return 'not_now';
    }
    const tokens = await deps.exchange(seen);
    const sealed = sealTokens(deps.sealer, shop.id, tokens);
    await storeTokens(deps.db, { shopId: shop.id, replacing }, sealed);
  } catch (error) {
    await endRefreshLease(deps.db, shop.id);
    throw error;
  }
  return true;
}

const works = ({ sealedAccessToken, tokenRefusedAt, uninstalledAt }: ShopRow): boolean =>
  sealedAccessToken !== null && tokenRefusedAt === null && uninstalledAt === null;

function needsToken(shop: ShopRow, scopes: readonly string[]): boolean {
  if (!works(shop)) return true;
  const granted = shop.scopes.split(',').map((scope) => scope.trim());
  // write_x includes read_x, and Shopify leaves the implied one out of its answer.
  return scopes.some(
    (scope) => !granted.includes(scope) && !granted.includes(scope.replace(/^read_/, 'write_')),
  );
}

/** Seals a pair of tokens for the row of its shop. */
export function sealTokens(sealer: Sealer, shopId: number, tokens: Tokens): SealedTokens {
  const seal = (text: string, field: string): Uint8Array<ArrayBuffer> =>
    Uint8Array.from(sealer.seal(Buffer.from(text, 'utf8'), tokenPlace(shopId, field)));
  return {
    sealedAccessToken: seal(tokens.accessToken, 'access_token'),
    accessTokenEndsAt: tokens.accessTokenEndsAt,
    sealedRefreshToken:
      tokens.refreshToken === null ? null : seal(tokens.refreshToken, 'refresh_token'),
    refreshTokenEndsAt: tokens.refreshTokenEndsAt,
    scopes: tokens.scopes,
  };
}

/** Where a token is sealed: it opens for its own shop and field only. */
export const tokenPlace = (
  shopId: number,
  field: string,
): { table: string; field: string; shop: string; record: string } => ({
  table: 'shop',
  field,
  shop: String(shopId),
  record: String(shopId),
});
