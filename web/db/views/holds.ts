// What nodes hold for the orders of a shop, as its admin shows it.
import { rows, type Database } from '../database.ts';

export type ShownHold = {
  hold_ends_at: Date;
  amount_msat: string;
  /** What staff asked of it and has no answer yet. */
  asked: 'capture' | 'void' | null;
  /** A charge was asked for so long ago, and nobody could read the order for as long. */
  stuck: boolean;
  /** A word of core/hold.ts: the latest answer. */
  outcome: string | null;
};

/** Undefined: nothing was ever held for it, or it is not the order's. */
export async function holdOfPayment(
  db: Database,
  about: { shopId: number; paymentId: string; staleMs: number },
): Promise<ShownHold | undefined> {
  const [hold] = await rows<ShownHold>(
    db.pool,
    {
      name: 'view_hold_of_payment',
      text: `
        select p.hold_ends_at, i.amount_msat,
          (select kind from hold_request r where r.payment_id = p.id and r.outcome is null
            order by r.id limit 1) as asked,
          p.state = 'held' and exists (
            select 1 from hold_request r where r.payment_id = p.id and r.outcome is null
              and r.kind = 'capture' and r.opened_at < now() - $3::int * interval '1 ms'
              and coalesce(i.capture_wanted_at, r.opened_at) < now() - $3::int * interval '1 ms')
            as stuck,
          (select outcome from hold_request r where r.payment_id = p.id and r.outcome is not null
            order by r.id desc limit 1) as outcome
        from payment p join lateral (
          select amount_msat, capture_wanted_at from invoice
          where payment_id = p.id and held_at is not null order by id desc limit 1) i on true
        where p.id = $2::uuid and p.shop_id = $1 and p.origin = 'order'
          and p.hold_ends_at is not null`,
    },
    [about.shopId, about.paymentId, about.staleMs],
  );
  return hold;
}

export type HeldLine = { id: string; order_name: string; hold_ends_at: Date };

/** What waits for the merchant's word, the soonest end first. */
export async function heldOrders(
  db: Database,
  ask: { shopId: number; limit: number },
): Promise<HeldLine[]> {
  return rows<HeldLine>(
    db.pool,
    {
      name: 'view_held_orders',
      text: `
        select p.id, p.order_name, p.hold_ends_at from payment p
        where p.shop_id = $1 and p.state = 'held' and p.origin = 'order'
          and not exists (
            select 1 from hold_request r where r.payment_id = p.id and r.outcome is null)
        order by p.hold_ends_at limit $2`,
    },
    [ask.shopId, ask.limit],
  );
}
