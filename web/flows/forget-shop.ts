// The app may have been removed from a shop. A webhook says so, and is not believed: Shopify is
// asked whether our token is still good. If it is not, the tokens are wiped, open payments close,
// and live invoices are canceled at the node before its credential is wiped. Payments stay for the
// books.
import { Trouble } from '../core/trouble.ts';
import { appOfShop } from '../db/registrations.ts';
import { refreshTokenSoon, shopById, uninstallShop } from '../db/shops.ts';
import { sightingIsDone, type SightingRow } from '../db/sightings.ts';
import type { Deps, StepEnd } from './flow.ts';

/** What a sighting is of when it is not of an order, but of the installation itself. */
export const installationOrigin = 'installation';

/**
 * Whether this order exists does not matter: a token that works is answered, a dead one refused.
 */
const anyOrder = 'gid://shopify/Order/1';

/** Throws Trouble; `token_refused`: our token is dead. Each app asks the API that is its own. */
async function touch(deps: Deps, shopId: number): Promise<void> {
  if ((await appOfShop(deps.db, shopId)) === 'payments') {
    await (await deps.paymentSessions.of(shopId)).ping();
  } else {
    await (await deps.storefronts.of(shopId)).readOrder(anyOrder);
  }
}

/** Looks whether the app is still installed. Throws Trouble when Shopify cannot be asked. */
export async function lookAtInstallation(deps: Deps, sighting: SightingRow): Promise<StepEnd> {
  const { shopId } = sighting;
  const shop = await shopById(deps.db, shopId);
  if (shop === null || shop.uninstalledAt !== null) {
    await sightingIsDone(deps.db, sighting);
    return 'stored';
  }
  const removed = sighting.because === 'app/uninstalled';
  if (sighting.because === 'app/scopes_update') await refreshTokenSoon(deps.db, shopId);
  let dead = false;
  try {
    await touch(deps, shopId);
  } catch (trouble) {
    dead = trouble instanceof Trouble && trouble.what === 'token_refused';
    if (!dead) throw trouble;
  }
  // A token that works and is older than the word of the removal says that there was none. One that
  // is younger is of a new installation, and what was before it has ended: unless it ended then
  // already, and this is the same word, told twice.
  const again =
    shop.tokensStoredAt !== null &&
    shop.tokensStoredAt >= sighting.seenAt &&
    shop.installedAt < sighting.seenAt;
  if (removed && (dead || again)) {
    await uninstallShop(deps.db, shopId, { keepTokens: !dead });
    deps.log.info({ shopId, again: !dead }, 'shop.uninstalled');
  }
  await sightingIsDone(deps.db, sighting);
  return 'stored';
}
