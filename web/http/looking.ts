// A buyer at a door asks for the payment of an order, while the order itself is looked at: what the
// thank-you block and the link of the e-mail have in common.
import { timingSafeEqual } from 'node:crypto';
import { Trouble } from '../core/trouble.ts';
import {
  hashToken,
  lookAtOrderNow,
  type BuyersSecrets,
  type LookedAt,
} from '../flows/look-at-order.ts';
import type { Doors } from './doors.ts';

export type Looked = LookedAt | 'shop_unreachable';

/** The block's own patience with us is five seconds; Shopify's with an app proxy is not told. */
const shopPatienceMs = 4_500;

/** Shopify's answer within a buyer's patience. The looking goes on: its effect is not lost. */
export async function lookPatiently(
  doors: Doors,
  at: { shopId: number; originId: string },
  isBuyer?: (secrets: BuyersSecrets) => boolean,
): Promise<Looked> {
  const looking = lookAtOrderNow(doors.deps, at, isBuyer).catch((error: unknown) => {
    if (error instanceof Trouble && error.from === 'shop') return 'shop_unreachable' as const;
    throw error;
  });
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<'shop_unreachable'>((resolve) => {
    timer = setTimeout(() => {
      resolve('shop_unreachable');
    }, shopPatienceMs);
  });
  looking.catch(() => undefined);
  try {
    return await Promise.race([looking, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** The same, of a secret of which the hash is known. */
export function isHashOf(known: Uint8Array | null | undefined, given: string): boolean {
  return known != null && timingSafeEqual(known, hashToken(given));
}

/** In constant time, whatever their lengths. Nobody knows a secret that is not there. */
export function sameSecret(known: string | undefined, given: string): boolean {
  return known !== undefined && timingSafeEqual(hashToken(known), hashToken(given));
}
