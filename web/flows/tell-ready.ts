// The merchant has a node and says: tell Shopify that this shop is ready. Before that, Shopify does
// not let the method be activated. Shopify cannot be asked what it was told, so we write it down.
import { Trouble } from '../core/trouble.ts';
import type { Database } from '../db/database.ts';
import { readyWasTold } from '../db/shops.ts';
import type { Log } from './flow.ts';

/** `signed_off`: our tokens are dead; opening the app from the admin brings new ones. */
export type ReadyTold = 'told' | 'away' | 'refused' | 'signed_off';

export type TellReadyDeps = {
  db: Database;
  log: Log;
  /** Whether Shopify took it. Throws Trouble. */
  configure: (shopId: number) => Promise<'taken' | 'refused'>;
};

export async function tellReady(deps: TellReadyDeps, shopId: number): Promise<ReadyTold> {
  const told = await deps.configure(shopId).catch(outcomeOf);
  if (told === 'taken') {
    // Told twice is told once: when this write is lost, the merchant presses the button again.
    await readyWasTold(deps.db, shopId);
    deps.log.info({ shopId }, 'shop.ready_told');
    return 'told';
  }
  deps.log.warn({ shopId, told }, 'shop.ready_not_told');
  return told;
}

function outcomeOf(error: unknown): 'away' | 'refused' | 'signed_off' {
  if (!(error instanceof Trouble)) throw error;
  if (['token_refused', 'shop_uninstalled'].includes(error.what)) return 'signed_off';
  return error.then === 'give_up' ? 'refused' : 'away';
}
