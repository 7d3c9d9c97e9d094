// All that is known when Shopify is about to be told of a payment, in one statement.
import type { Currency, Minor, Msat } from '../core/money.ts';
import { rows, type Database } from './database.ts';
import { paymentColumns, type PaymentRow } from './payments.ts';
import { record } from './records.ts';

/** What the order was promised for, and what is in the books. */
export type SettledMoney = {
  fiatMinor: Minor;
  currency: Currency;
  amountMsat: Msat;
  settledAt: Date;
  hash: string;
};

export type ToTell = {
  payment: PaymentRow;
  shop: { id: number; methodName: string; uninstalledAt: Date | null };
  /** Undefined: no money of the payment's own is recorded. */
  money: SettledMoney | undefined;
  /** Its purchase is its own, and in no other tab of it can be paid. False: it has to be looked. */
  hasPurchase: boolean;
  /** Another invoice of the payment is out, and nobody shall pay it as well. */
  hasPayable: boolean;
};

type Raw = PaymentRow & {
  shop_method_name: string;
  shop_uninstalled_at: Date | null;
  fiat_minor: Minor | null;
  money_currency: Currency;
  amount_msat: Msat;
  money_settled_at: Date;
  hash: string;
  has_purchase: boolean;
  has_payable: boolean;
};

const text = `
  select ${paymentColumns}, s.method_name as shop_method_name,
    s.uninstalled_at as shop_uninstalled_at, q.fiat_minor, q.currency as money_currency,
    i.amount_msat, i.settled_at as money_settled_at, encode(i.hash, 'hex') as hash,
    g.payment_id is not null and not exists (
      select 1 from payment o where o.shop_id = p.shop_id and o.group_key = p.group_key
        and o.id <> p.id and o.state = 'open') as has_purchase,
    exists (select 1 from invoice o where o.payment_id = p.id and o.state in ('made', 'live')
      and o.ending is null) as has_payable
  from payment p join shop s on s.id = p.shop_id
    left join invoice i on i.id = p.settled_invoice_id
    left join quote q on q.id = i.quote_id
    left join session_group g on g.shop_id = p.shop_id and g.group_key = p.group_key
      and g.payment_id = p.id
  where p.id = $1::uuid`;

/** Undefined: there is no such payment. */
export async function toTell(db: Database, paymentId: string): Promise<ToTell | undefined> {
  const raw = await record<Raw>(db.pool, { name: 'payment_to_tell', text }, [paymentId]);
  if (raw === null) return undefined;
  const { shopId: id, shop_method_name: methodName, shop_uninstalled_at: uninstalledAt } = raw;
  const { fiat_minor: fiatMinor, money_currency: currency, amount_msat: amountMsat, hash } = raw;
  return {
    payment: raw,
    ...{ shop: { id, methodName, uninstalledAt }, hasPurchase: raw.has_purchase },
    hasPayable: raw.has_payable,
    money:
      fiatMinor === null
        ? undefined
        : { fiatMinor, currency, amountMsat, settledAt: raw.money_settled_at, hash },
  };
}

/** Of a shop so many payments at once: whoever hears of these knows. */
const mostUntold = 5;

/**
 * Asks a person to look at what waits for longer than that, the oldest of each shop first. A lane
 * that is paused burns no tries, so that these cannot say how long nobody could be told. It asks no
 * lane, and works while Shopify is away. Gives how many it asked for.
 */
export async function askForUntold(db: Database, afterMs: number): Promise<number> {
  const asked = await rows(
    db.pool,
    {
      name: 'payment_ask_for_untold',
      text: `
        update payment set attention = 'untold' where attention is null and state = 'settled'
          and id = any(array(
            select late.id from (
              select p.id, p.attention,
                row_number() over (partition by p.shop_id order by p.attention, p.settled_at, p.id)
                  as place
              -- What is settled is due until it is told, and what is due is few.
              from payment p where p.state = 'settled' and p.due_at is not null
                and (p.attention is null or p.attention = 'untold')
                and not exists (
                  select 1 from history h where h.payment_id = p.id and h."to" = 'settled'
                    and h.at > now() - $1 * interval '1 ms')) late
            where late.place <= $2 and late.attention is null))
        returning id`,
    },
    [afterMs, mostUntold],
  );
  return asked.length;
}

/**
 * The same of refund sessions that have their end, and of which Shopify would not hear for so long,
 * by whatever error: it shows them as under way. Gives how many it asked for.
 */
export async function askForUntoldRefunds(db: Database, afterMs: number): Promise<number> {
  const [row] = await rows<{ asked: number }>(
    db.pool,
    {
      name: 'payment_ask_for_untold_refunds',
      text: `
        with late as (
          select r.id, r.payment_id from refund r
          where r.origin = 'refund_session' and r.state in ('paid', 'withdrawn')
            and r.due_at is not null and not r.test and exists (
              select 1 from history h where h.payment_id = r.payment_id and h.what = 'refund'
                and h.details ->> 'refund' = r.id::text
                and h.details ->> 'to' in ('paid', 'withdrawn')
                and h.at < now() - $1 * interval '1 ms')
          order by r.id limit 100),
        asked as (
          update payment set attention = 'refund_untold'
          where attention is null and id = any(array(select payment_id from late)) returning id),
        told as (
          select make_alert(told_shop(p.shop_id), 'refund_untold', 'refund:' || late.id,
            jsonb_build_object('orderName', p.order_name, 'paymentId', p.id::text))
          from late join payment p on p.id = late.payment_id)
        select (select count(*) from asked)::int as asked,
          (select count(*) from told)::int as told`,
    },
    [afterMs],
  );
  return row?.asked ?? 0;
}

/** What is known of the other payments of an order. */
export type Others = {
  /** Sales by which Shopify has them. */
  saleIds: string[];
  /** One of them may stand under a sale that is not known to be its own. */
  mayHaveOther: boolean;
};

/** Of an order's payment; of a session there are none. */
export async function othersOfOrder(db: Database, paymentId: string): Promise<Others> {
  const found = await record<Others>(
    db.pool,
    {
      name: 'payment_others_of_order',
      text: `
        select coalesce(array_agg(o.told_sale) filter (where o.told_sale is not null), '{}')
            as "saleIds",
          coalesce(bool_or(o.told_sale is null and (o.told_minor is not null
            or (o.tell_started_at is not null and o.state in ('settled', 'stranded')))), false)
            as "mayHaveOther"
        from payment p join payment o on o.shop_id = p.shop_id and o.origin_id = p.origin_id
          and o.origin = 'order' and o.id <> p.id
        where p.id = $1::uuid`,
    },
    [paymentId],
  );
  return found ?? { saleIds: [], mayHaveOther: false };
}
