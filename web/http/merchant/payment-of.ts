// Which payment an address of the admin is about. The merchant sees those of all our apps in the
// shop, and what is done about one is done in the row of the shop to which it belongs.
import { z } from 'zod';
import * as views from '../../db/views.ts';
import type { Doors } from '../doors.ts';
import type { Seen } from './door.ts';

const idForm = z.guid();

/** Undefined: there is no such payment in this shop. */
export async function paymentOf(
  doors: Doors,
  { shop, request }: Seen,
): Promise<{ shopId: number; paymentId: string } | undefined> {
  const paymentId = idForm.safeParse(request.params['id']).data;
  if (paymentId === undefined) return undefined;
  const about = { shopId: shop.id, id: paymentId };
  const shopId = await views.ownerOfPayment(doors.deps.db, about);
  return shopId === undefined ? undefined : { shopId, paymentId };
}
