// A member of staff presses "Charge" or "Let go". The wish is written down, once however often it
// comes; the pool does it. An order that needs no money any more is said so at once.
import { staleWishMs } from '../core/hold.ts';
import { askOfHold as store } from '../db/holds.ts';
import { paymentById } from '../db/payments.ts';
import type { Deps } from './flow.ts';
import { lookAtOrderNow } from './look-at-order.ts';

export type HoldAskedOf =
  | { ok: true }
  /** `not_held`: it was charged or given back. `asked_otherwise`: the other word came first. */
  | { ok: false; refusal: 'unknown_payment' | 'not_held' | 'order_over' | 'asked_otherwise' };

/** Throws Trouble when it is to be charged and Shopify cannot be asked. */
export async function askOfHold(
  deps: Deps,
  asked: {
    shopId: number;
    paymentId: string;
    kind: 'capture' | 'void';
    staffId: string | undefined;
  },
): Promise<HoldAskedOf> {
  const { shopId, paymentId, kind, staffId = 'unknown' } = asked;
  const payment = await paymentById(deps.db, paymentId);
  if (payment?.shopId !== shopId || payment.origin !== 'order') {
    return { ok: false, refusal: 'unknown_payment' };
  }
  if (payment.state !== 'held') return { ok: false, refusal: 'not_held' };
  if (kind === 'capture') {
    await lookAtOrderNow(deps, payment);
    const again = await paymentById(deps.db, paymentId);
    if (again?.state === 'closing' || again?.state === 'lapsed') {
      return { ok: false, refusal: 'order_over' };
    }
  }
  const was = await store(deps.db, { shopId, paymentId, kind, staffId, staleMs: staleWishMs });
  if (was !== 'asked') return { ok: false, refusal: was };
  deps.log.info({ shopId, paymentId, kind }, 'hold.asked');
  return { ok: true };
}
