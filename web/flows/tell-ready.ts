// The merchant has a node and says: tell Shopify that this shop is ready. Before that, Shopify does
// not let the method be activated. Shopify cannot be asked what it was told, so we write it down.
import { Trouble } from '../core/trouble.ts';
import { readyWasTold, type ShopRow } from '../db/shops.ts';
import type { Deps } from './flow.ts';

/** `signed_off`: our tokens are dead; opening the app from the admin brings new ones. */
export type ReadyTold = 'told' | 'away' | 'refused' | 'signed_off';

type TellReadyDeps = Pick<Deps, 'db' | 'log' | 'paymentSessions'>;

export async function tellReady(deps: TellReadyDeps, shop: ShopRow): Promise<ReadyTold> {
  const { id: shopId } = shop;
  const told = await say(deps, shop).catch(outcomeOf);
  if (told === 'told') {
    // Told twice is told once: when this write is lost, the merchant presses the button again.
    await readyWasTold(deps.db, shopId);
    deps.log.info({ shopId }, 'shop.ready_told');
  } else {
    deps.log.warn({ shopId, told }, 'shop.ready_not_told');
  }
  return told;
}

/** By its domain the merchant knows this account of ours. */
async function say(deps: TellReadyDeps, shop: ShopRow): Promise<ReadyTold> {
  const sessions = await deps.paymentSessions.of(shop.id);
  const { is } = await sessions.sayReady({ handle: shop.domain, ready: true });
  return is === 'done' ? 'told' : 'refused';
}

function outcomeOf(error: unknown): ReadyTold {
  if (!(error instanceof Trouble)) throw error;
  if (['token_refused', 'shop_uninstalled'].includes(error.what)) return 'signed_off';
  return error.then === 'give_up' ? 'refused' : 'away';
}
