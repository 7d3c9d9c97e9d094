// Money that came when the payment of its order was over, and what a merchant's policy does about
// money that nobody owed.
import { accountOf } from '../core/ledger.ts';
import type { LateMoney } from '../core/late.ts';
import { msat, type Minor } from '../core/money.ts';
import type { PaymentState } from '../core/payment.ts';
import { cancelAgainMs } from '../core/unpaid.ts';
import { rows, transaction, type Database, type Queryable } from './database.ts';
import { closePaymentOn, movePayment } from './payments.ts';

export type LatePayment = {
  id: string;
  originId: string;
  orderName: string;
  /** Of the merchant's method when the payment was opened, where that is known. */
  methodName: string | null;
  /** Undefined: no invoice's money is owed as a whole any more. */
  came: { at: Date; money: LateMoney } | undefined;
};

/** So much of what came for the payment `p` was neither given back nor kept nor taken. */
const stillOwed = `(
  select coalesce(sum(case when b.to_account = 'overpaid:' || p.shop_id then b.amount_msat
    else -b.amount_msat end), 0)
  from posting b where b.payment_id = p.id
    and 'overpaid:' || p.shop_id in (b.from_account, b.to_account))`;

/**
 * Of the money that came late for the payment `p` the newest that is still owed, with the price
 * that it was promised for: what came before it may have been given back.
 */
const lateInvoice = `
  select i.id, i.hash, i.amount_msat, i.settled_at, q.fiat_minor, q.currency,
    coalesce((q.evidence ->> 'adjustmentBasisPoints')::int, 0) as adjustment_bp
  from invoice i join quote q on q.id = i.quote_id
  where i.payment_id = p.id and i.state = 'settled' and i.amount_msat <= ${stillOwed}
  order by i.settled_at desc, i.id desc limit 1`;

type RawLate = {
  id: string;
  origin_id: string;
  order_name: string;
  method_name: string | null;
  /** Null, as all that follows: there is no such money. */
  settled_at: Date | null;
  amount_msat: string;
  fiat_minor: string;
  currency: string;
  adjustment_bp: number;
};

/** Late money of an order, on which nobody and nothing has decided. */
const isUndecided = `p.attention = 'overpaid' and p.state = 'lapsed' and p.origin = 'order'
  and not exists (select 1 from history h where h.payment_id = p.id and h.what = 'late_left')`;

const lateText = `
  select p.id, p.origin_id, p.order_name, p.method_name, i.settled_at, i.amount_msat::text,
    i.fiat_minor::text, i.currency, i.adjustment_bp
  from payment p left join lateral (${lateInvoice}) i on true
  where p.shop_id = $1 and p.attention = 'overpaid' and p.state = 'lapsed' and p.origin = 'order'`;

const lateFrom = (raw: RawLate): LatePayment => ({
  id: raw.id,
  originId: raw.origin_id,
  orderName: raw.order_name,
  methodName: raw.method_name,
  came: raw.settled_at === null ? undefined : { at: raw.settled_at, money: moneyFrom(raw) },
});

const moneyFrom = (raw: RawLate): LateMoney => ({
  paidMsat: msat(BigInt(raw.amount_msat)),
  fiatMinor: BigInt(raw.fiat_minor) as Minor,
  currency: raw.currency,
  adjustmentBp: raw.adjustment_bp,
});

/**
 * Where there are more than one sweep looks at, each `sweep` comes upon others: those of which
 * nothing can be said must not stand before the rest for ever.
 */
const inTurn = (id: string, sweep: string): string => `md5(${id}::text || ${sweep}::text), ${id}`;

/** Late money of the shop's orders that nobody has decided on. */
export async function latePayments(
  db: Database,
  ask: { shopId: number; limit: number; sweep: Date },
): Promise<LatePayment[]> {
  const text = `${lateText} and ${isUndecided}
    order by ${inTurn('p.id', '$3')} limit $2`;
  const found = await rows<RawLate>(db.pool, { name: 'late_payments', text }, [
    ...[ask.shopId, ask.limit, ask.sweep.toISOString()],
  ]);
  return found.map(lateFrom);
}

/** Late money of this payment; undefined: there is none that could be taken. */
export async function latePayment(
  db: Database,
  at: { shopId: number; paymentId: string },
): Promise<LatePayment | undefined> {
  const text = `${lateText} and p.id = $2::uuid`;
  const [raw] = await rows<RawLate>(db.pool, { name: 'late_payment', text }, [
    at.shopId,
    at.paymentId,
  ]);
  return raw && lateFrom(raw);
}

/** Of another payment of the order money is there, or held, that Shopify was not told of yet. */
const inTheWay: readonly string[] = ['settled', 'held'];

/**
 * Takes late money for the order: lapsed -> settled, from what was to be given back to what waits
 * for Shopify's word. A newer payment of the order that nobody paid ends with it, so that no
 * invoice outlives what is owed. False: it is decided otherwise by now.
 */
export const takeLate = (
  db: Database,
  about: { shopId: number; paymentId: string; by: string },
): Promise<boolean> =>
  transaction(db, async (on) => {
    const { shopId, paymentId, by } = about;
    const all = await lockOrder(on, about);
    const mine = all.find(({ id }) => id === paymentId);
    if (mine?.state !== 'lapsed' || mine.attention !== 'overpaid') return false;
    // Shopify may still be at cancelling it, and would cancel what is paid.
    if (mine.isBeingCancelled) return false;
    if (all.some(({ state }) => inTheWay.includes(state))) return false;
    const [late] = await rows<{ id: string; hash: string; amount_msat: string }>(
      on,
      {
        name: 'late_invoice',
        text: `
          select i.id::text, encode(i.hash, 'hex') as hash, i.amount_msat::text
          from payment p cross join lateral (${lateInvoice}) i where p.id = $1::uuid`,
      },
      [paymentId],
    );
    // What was given back or kept meanwhile cannot be taken.
    if (late === undefined) return false;
    const amountMsat = msat(BigInt(late.amount_msat));
    for (const { id, state } of all) {
      if (state === 'open') {
        await closePaymentOn(on, { paymentId: id, because: 'order_paid_otherwise' });
      }
    }
    await isPaidBy(on, { paymentId, invoiceId: late.id });
    const posting = {
      from: accountOf('overpaid', shopId),
      to: accountOf('awaiting', shopId),
      amountMsat,
    };
    return movePayment(on, {
      ...{ paymentId, move: { from: 'lapsed', to: 'settled' }, because: 'taken_late' },
      ...{ journal: `taken:${late.hash}`, postings: [posting], answersAttention: 'overpaid' },
      details: { hash: late.hash, paidMsat: late.amount_msat, by },
      dueInMs: 0,
    });
  });

type OfOrder = {
  id: string;
  state: PaymentState;
  attention: string | null;
  /** Lapsed, and Shopify was asked a moment ago to cancel the order. */
  isBeingCancelled: boolean;
};

/** All payments of the order of a payment, in the order in which everybody locks them. */
const lockOrder = (
  on: Queryable,
  about: { shopId: number; paymentId: string },
): Promise<OfOrder[]> =>
  rows<OfOrder>(
    on,
    {
      name: 'late_lock_order',
      text: `
        select id, state::text, attention, state = 'lapsed' and tell_sent_at is not null
            and tell_sent_at > now() - $3 * interval '1 ms' as "isBeingCancelled"
        from payment
        where shop_id = $1 and origin = 'order'
          and origin_id = (select origin_id from payment where id = $2::uuid)
        order by id for no key update`,
    },
    [about.shopId, about.paymentId, cancelAgainMs],
  );

/** What was begun to be told of it was about an order that nobody had paid. */
const isPaidBy = (
  on: Queryable,
  about: { paymentId: string; invoiceId: string },
): Promise<unknown> =>
  rows(
    on,
    {
      name: 'late_paid_by',
      text: `
        update payment p set settled_invoice_id = i.id, settled_at = i.settled_at,
          verdict_wanted = null, tell_started_at = null, tell_sent_at = null,
          tell_sales_before = '{}', lease_no = p.lease_no + 1
        from invoice i where p.id = $1::uuid and i.id = $2::bigint`,
    },
    [about.paymentId, about.invoiceId],
  );

/**
 * Payments of the shop, in whichever of its apps, whose buyer may be given back what nobody owed.
 * An order that Shopify does not return may come back: a person looks. So does one for money that
 * a person saw come, who has settled the order by hand. What was given back once and not claimed
 * waits for a person as well. `takesLate`: late money is seen to first by the sweep that may take
 * it for its order.
 */
export async function wrongPayments(
  db: Database,
  ask: { shopId: number; limit: number; sweep: Date; takesLate: boolean },
): Promise<{ id: string; shopId: number; state: PaymentState }[]> {
  return rows(
    db.pool,
    {
      name: 'late_wrong_payments',
      text: `
        select p.id, p.shop_id as "shopId", p.state::text
        from shop s join shop o on o.domain = s.domain
          join payment p on p.shop_id = o.id
        where s.id = $1
          and (o.id = s.id or not exists (select 1 from settings t where t.shop_id = o.id))
          and p.attention in ('overpaid', 'stranded') and not p.test
          and p.reason not in ('order_gone', 'seen_paid')
          -- The rest of an order that was told before may have been marked by hand, for this very
          -- money, and Shopify writes that under no method's name: only a person can tell.
          and not (p.reason = 'order_paid_otherwise' and exists (
            select 1 from payment x where x.shop_id = p.shop_id and x.origin_id = p.origin_id
              and x.origin = 'order' and p.origin = 'order' and x.id <> p.id
              and x.told_minor is not null and (x.told_sale is null or x.told_at < p.opened_at)))
          and not exists (
            select 1 from refund r where r.payment_id = p.id and r.origin = 'attention')
          and not ($4 and p.shop_id = $1 and ${isUndecided})
        order by ${inTurn('p.id', '$3')} limit $2`,
    },
    [ask.shopId, ask.limit, ask.sweep.toISOString(), ask.takesLate],
  );
}
