// What became of all the money that buyers paid, by the outsiders' own records.
import type { World } from '../world.ts';

export type Sum = { paid: number; lost: string[]; double: string[] };

const sessionIn = (origin: string): string | undefined =>
  /^gid:\/\/shopify\/PaymentSession\/(.+)$/.exec(origin)?.[1];

/**
 * Lost: an invoice was paid at the node, and its order is not. Double: an order was paid more often
 * than once. By the node's invoices, and by what Shopify did.
 */
export async function sumOf(world: World): Promise<Sum> {
  const { effects, payments } = world.shopify;
  const settled = (world.lnd?.invoices.all() ?? []).filter(({ state }) => state === 'SETTLED');
  const { rows } = await world.db.pool.query<{ hash: string; origin: string }>(
    `select encode(i.hash, 'hex') as hash, p.origin_id as origin
     from invoice i join payment p on p.id = i.payment_id`,
  );
  const originOf = new Map(rows.map(({ hash, origin }) => [hash, origin]));
  const sum: Sum = { paid: settled.length, lost: [], double: [] };
  for (const { hash } of settled) {
    const origin = originOf.get(hash);
    const session = origin === undefined ? undefined : sessionIn(origin);
    const times =
      origin === undefined
        ? 0
        : session === undefined
          ? effects.payments(origin)
          : payments.effects.count(session, 'resolved');
    if (times === 0) sum.lost.push(`${hash} of ${origin ?? 'nobody'}`);
    if (times > 1) sum.double.push(`${hash} of ${origin ?? ''}: ${String(times)} times`);
  }
  return sum;
}
