// What is known of an order before Shopify is asked for it, in one statement.
import type { Database } from './database.ts';
import { paymentColumns, type PaymentRow } from './payments.ts';
import { record } from './records.ts';

export type KnownOrder = {
  shop: { id: number; methodName: string; methodSeenAt: Date | null; uninstalledAt: Date | null };
  /** The newest payment of the order, which is the only one that may still be under way. */
  payment: PaymentRow | null;
};

type Raw = (PaymentRow | { [field in keyof PaymentRow]: null }) & {
  shop_id: number;
  shop_method_name: string;
  shop_method_seen_at: Date | null;
  shop_uninstalled_at: Date | null;
};

const text = `
  select s.id as shop_id, s.method_name as shop_method_name,
    s.method_seen_at as shop_method_seen_at, s.uninstalled_at as shop_uninstalled_at,
    ${paymentColumns}
  from shop s left join lateral (
    select * from payment where shop_id = s.id and origin_id = $2
    order by sequence desc limit 1) p on true
  where s.id = $1`;

/** Null: there is no such shop. */
export async function knownOrder(
  db: Database,
  { shopId, originId }: { shopId: number; originId: string },
): Promise<KnownOrder | null> {
  const raw = await record<Raw>(db.pool, { name: 'order_known', text }, [shopId, originId]);
  if (raw === null) return null;
  const { shop_method_name: methodName, shop_method_seen_at: methodSeenAt } = raw;
  return {
    shop: { id: raw.shop_id, methodName, methodSeenAt, uninstalledAt: raw.shop_uninstalled_at },
    payment: raw.id === null ? null : raw,
  };
}
