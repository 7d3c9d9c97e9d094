// Orders that nobody paid in time, and what the shop's policy does about them.
import type { Database } from './database.ts';
import { rows, transaction } from './database.ts';
import { note } from './history.ts';
import { closePaymentOn } from './payments.ts';

/** An order that was left as it is, is looked at again after this long. */
const lookAgainHours = 6;

/** True of a payment `p` whose buyer was promised a price that holds at this moment. */
const isPromised = `
  exists (
    select 1 from invoice i join quote q on q.id = i.quote_id
    where i.payment_id = p.id and i.state in ('made', 'live') and i.ending is null
      and q.lapses_at > now())`;

/** True of money that came for the order of payment `p`, for whichever of its payments. */
const moneyCame = `
  exists (
    select 1 from payment o
    where o.shop_id = p.shop_id and o.origin_id = p.origin_id and (
      exists (select 1 from invoice i where i.payment_id = o.id and i.state = 'settled')
      or exists (select 1 from posting b where b.payment_id = o.id)))`;

/** `methodName`: of the merchant's method when the payment was opened, where that is known. */
export type UnpaidPayment = { paymentId: string; originId: string; methodName: string | null };

/**
 * Open payments of orders that are older than the merchant gives them, oldest first. A price that
 * is promised at this moment is kept until its end.
 */
export async function unpaidPayments(
  db: Database,
  ask: { shopId: number; hours: number; limit: number },
): Promise<UnpaidPayment[]> {
  return rows<UnpaidPayment>(
    db.pool,
    {
      name: 'unpaid_payments',
      text: `
        select p.id as "paymentId", p.origin_id as "originId", p.method_name as "methodName"
        from payment p
        where p.shop_id = $1 and p.state = 'open' and p.origin = 'order'
          and p.verdict_wanted is null and p.opened_at < now() - $2::int * interval '1 hour'
          and (p.unpaid_looked_at is null
            or p.unpaid_looked_at < now() - $4::int * interval '1 hour')
          and not ${isPromised} and not ${moneyCame}
        order by p.opened_at limit $3`,
    },
    [ask.shopId, ask.hours, ask.limit, lookAgainHours],
  );
}

/** Among so many of the shop's newest told payments a name is looked for. */
const toldLookedAt = 2_000;

/**
 * The names by which an order of this payment is ours: the method's present one, and the one that
 * it had when the payment was opened, once Shopify took money of ours for an order under that name.
 * A name that was only a slip, such as that of cash on delivery, is none: such orders are left.
 */
export async function methodNamesOf(
  db: Database,
  about: { shopId: number; present: string; opened: string | null },
): Promise<string[]> {
  const { shopId, present, opened } = about;
  if (opened === null || opened === present) return [present];
  const proven = await rows(
    db.pool,
    {
      name: 'unpaid_method_proven',
      text: `
        select 1 as proven from (
          select method_name, told_minor from payment
          where shop_id = $1 and state = 'resolved'
          order by opened_at desc, id desc limit $3) p
        where p.method_name = $2 and p.told_minor > 0 limit 1`,
    },
    [shopId, opened, toldLookedAt],
  );
  return proven.length === 0 ? [present] : [present, opened];
}

/** Its order is as it should be: the policy looks again in some hours. */
export async function unpaidIsLeft(db: Database, paymentIds: readonly string[]): Promise<void> {
  await rows(
    db.pool,
    {
      name: 'unpaid_left',
      text: 'update payment set unpaid_looked_at = now() where id = any($1::uuid[])',
    },
    [paymentIds],
  );
}

/**
 * The order has had its time: the payment closes, and once the node has said that it can never be
 * paid, the order is to be cancelled. False: it is not open any more, its order has money, or its
 * buyer was promised a price meanwhile.
 */
export async function closeUnpaid(db: Database, paymentId: string): Promise<boolean> {
  return transaction(db, async (on) => {
    // Whoever promises a price has this lock. What stands then is asked in a statement of its own,
    // which sees what they have written.
    await rows(
      on,
      {
        name: 'payment_lock',
        text: 'select id from payment where id = $1::uuid for no key update',
      },
      [paymentId],
    );
    const wanted = await rows(
      on,
      {
        name: 'unpaid_close',
        text: `
          update payment p set verdict_wanted = 'cancel_order'
          where id = $1::uuid and state = 'open' and verdict_wanted is null
            and not ${isPromised} and not ${moneyCame}
          returning id`,
      },
      [paymentId],
    );
    if (wanted.length === 0) return false;
    return closePaymentOn(on, { paymentId, because: 'order_unpaid_too_long' });
  });
}

/** Whether money of the payment's order is in the books, for whichever of its payments. */
export async function orderHasMoney(db: Database, paymentId: string): Promise<boolean> {
  const found = await rows(
    db.pool,
    {
      name: 'unpaid_has_money',
      text: `
        select id from payment p
        where p.id = $1::uuid and (p.attention = 'overpaid' or ${moneyCame})`,
    },
    [paymentId],
  );
  return found.length === 1;
}

/**
 * Stores that Shopify is about to be asked for the cancellation. False: the claim was lost, or
 * money has come.
 */
export async function beginCancelling(
  db: Database,
  about: { paymentId: string; leaseNo: number },
): Promise<boolean> {
  const began = await rows(
    db.pool,
    {
      name: 'unpaid_begin_cancelling',
      text: `
        with began as (
          update payment p set tell_sent_at = now(),
            tell_started_at = coalesce(tell_started_at, now())
          where id = $1::uuid and state = 'lapsed' and verdict_wanted = 'cancel_order'
            and lease_no = $2 and attention is distinct from 'overpaid' and not ${moneyCame}
          returning id),
        line as (
          insert into history (payment_id, what, because) select id, 'cancel_began', '' from began)
        select id from began`,
    },
    [about.paymentId, about.leaseNo],
  );
  return began.length === 1;
}

/**
 * The order is not cancelled after all: the payment rests, and a buyer gets a new one. `attention`:
 * a person must look, and was not asked for anything yet.
 */
export async function leaveOrder(
  db: Database,
  about: {
    paymentId: string;
    leaseNo: number;
    because: string;
    attention?: 'overpaid' | 'not_cancelled' | undefined;
  },
): Promise<void> {
  await transaction(db, async (on) => {
    const left = await rows(
      on,
      {
        name: 'unpaid_leave_order',
        text: `
          update payment set verdict_wanted = null, due_at = null, lease_until = null,
            attempts = 0, attention = coalesce(attention, $3)
          where id = $1::uuid and state = 'lapsed' and lease_no = $2 returning id`,
      },
      [about.paymentId, about.leaseNo, about.attention ?? null],
    );
    if (left.length === 0) return;
    const { because } = about;
    const what = because === 'money_came' ? 'order_left_paid' : 'order_left';
    await note(on, about.paymentId, { what, because });
  });
}
