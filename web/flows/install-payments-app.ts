// The merchant approved the payments app: the code that Shopify gave the browser is exchanged for
// tokens, and only then is anything stored. The same arrow serves the first install, one after an
// uninstall, and every later sign-in: Shopify proves who is at the browser in the same way.
import type { Sealer } from '../core/ports.ts';
import { Trouble } from '../core/trouble.ts';
import type { Database } from '../db/database.ts';
import {
  installShop as store,
  isInstalledAgain,
  shopById,
  storeTokens,
  type ShopRow,
} from '../db/shops.ts';
import { reopenLane, shopLane } from '../db/lanes.ts';
import type { Log } from './flow.ts';
import { sealTokens, type Tokens } from './install-shop.ts';

export type Grant = { registrationId: number; domain: string; code: string };

export type InstallPaymentsDeps = {
  db: Database;
  log: Log;
  sealer: Sealer;
  /** At Shopify's token endpoint. Throws Trouble; `token_refused`: the code is used or over. */
  exchangeCode: (grant: Grant) => Promise<Tokens>;
};

/** A refresh in another process may store its pair between our look and our store. */
const triesAtMost = 5;

export async function installPaymentsApp(
  deps: InstallPaymentsDeps,
  grant: Grant,
): Promise<ShopRow> {
  const tokens = await deps.exchangeCode(grant);
  const { shop, installed } = await store(deps.db, grant);
  if (installed) deps.log.info({ shopId: shop.id, shop: shop.domain }, 'shop.installed');
  await storePair(deps, shop, tokens);
  await isInstalledAgain(deps.db, shop.id);
  // What could not be told without a token, or to a shop that was gone, waits no longer.
  await reopenLane(deps.db, { lane: shopLane(shop.id), inMs: 0 });
  return (await shopById(deps.db, shop.id)) ?? shop;
}

async function storePair(deps: InstallPaymentsDeps, shop: ShopRow, tokens: Tokens): Promise<void> {
  const sealed = sealTokens(deps.sealer, shop.id, tokens);
  const ours = Buffer.from(sealed.sealedAccessToken);
  for (let tries = 0; tries < triesAtMost; tries += 1) {
    const before = await shopById(deps.db, shop.id);
    const replacing = before?.tokenVersion ?? shop.tokenVersion;
    await storeTokens(deps.db, { shopId: shop.id, replacing }, sealed);
    const after = await shopById(deps.db, shop.id);
    if (after?.sealedAccessToken != null && ours.equals(after.sealedAccessToken)) return;
  }
  throw new Trouble('token_busy', { from: 'shop', then: 'retry' });
}
