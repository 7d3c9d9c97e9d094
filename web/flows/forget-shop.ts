// The app may have been removed from a shop. A webhook says so, and is not believed: Shopify is
// asked whether our token is still good. If it is not, the tokens are wiped, open payments close,
// and live invoices are canceled at the node before its credential is wiped. Payments stay for the
// books.
import { Trouble } from '../core/trouble.ts';
import { uninstallShop } from '../db/shops.ts';
import { sightingIsDone, type SightingRow } from '../db/sightings.ts';
import type { Deps, StepEnd } from './flow.ts';

/** What a sighting is of when it is not of an order, but of the installation itself. */
export const installationOrigin = 'installation';

/**
 * Whether this order exists does not matter: a token that works is answered, a dead one refused.
 */
const anyOrder = 'gid://shopify/Order/1';

/** Looks whether the app is still installed. Throws Trouble when Shopify cannot be asked. */
export async function lookAtInstallation(deps: Deps, sighting: SightingRow): Promise<StepEnd> {
  const { shopId } = sighting;
  try {
    const storefront = await deps.storefronts.of(shopId);
    await storefront.readOrder(anyOrder);
  } catch (trouble) {
    const refused = trouble instanceof Trouble && trouble.what === 'token_refused';
    if (!refused) throw trouble;
    // A token may also be refused because it was replaced by one of a new installation.
    if (sighting.because === 'app/uninstalled') {
      await uninstallShop(deps.db, shopId);
      deps.log.info({ shopId }, 'shop.uninstalled');
    }
  }
  await sightingIsDone(deps.db, sighting);
  return 'stored';
}
