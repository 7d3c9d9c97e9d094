// Payments and their moves. A move is one compare-and-set statement that writes the history, the
// postings and the next nudge with it; no row back means that somebody was faster, which is an
// answer and not an error.
import { randomBytes } from 'node:crypto';
import type { Account, Posting } from '../core/ledger.ts';
import type { Currency, Minor, Msat } from '../core/money.ts';
import type { SessionKind } from '../core/payment-session.ts';
import type { Move, PaymentState, Reason } from '../core/payment.ts';
import { sayMoved, wakePools } from './announce.ts';
import { count } from './counted.ts';
import type { Database, Queryable } from './database.ts';
import { rows, transaction } from './database.ts';
import { leaseMs } from './due.ts';
import { note, type Details } from './history.ts';
import { nodeLane, nudge, shopLane, type Lane } from './lanes.ts';
import { columnsOf, record, type Fields } from './records.ts';

export type PaymentRow = {
  id: string;
  link: string;
  shopId: number;
  /** What it was opened for. */
  origin: 'order' | 'payment_session';
  originId: string;
  sequence: number;
  orderName: string;
  checkoutTokenHash: Uint8Array | null;
  confirmationHash: Uint8Array | null;
  test: boolean;
  currency: Currency;
  owedMinor: Minor;
  owedAt: Date;
  state: PaymentState;
  reason: Reason;
  attention: string | null;
  settledInvoiceId: bigint | null;
  toldMinor: Minor | null;
  tellSalesBefore: string[];
  tellStartedAt: Date | null;
  /** Of the merchant's method when it was opened. Null: of a session, or not known. */
  methodName: string | null;
  tellMethod: string | null;
  tellSentAt: Date | null;
  settledAt: Date | null;
  openedAt: Date;
  /** Its page was opened for the first time. */
  viewedAt: Date | null;
  groupKey: string | null;
  cancelUrl: string | null;
  returnUrl: string | null;
  /** Of a session: whether it is charged at once, or first authorized. */
  kind: SessionKind;
  /** What is held is given back then, if it is not charged. */
  holdEndsAt: Date | null;
  /** Shopify has it as authorized. */
  holdToldAt: Date | null;
  verdictWanted: 'reject' | 'pending' | 'cancel_order' | null;
  verdictCode: string | null;
  pendingUntil: Date | null;
};

/** 128 random bits, base64url: whoever knows it may see and pay this one payment. */
const newLink = (): string => randomBytes(16).toString('base64url');

const fields: Fields<PaymentRow> = {
  ...{ id: true, link: true, shopId: true, origin: true, originId: true, sequence: true },
  ...{ orderName: true, checkoutTokenHash: true, confirmationHash: true, test: true },
  ...{ currency: true, owedMinor: true, owedAt: true, state: true, reason: true },
  ...{ attention: true, settledInvoiceId: true, toldMinor: true, tellSalesBefore: true },
  ...{ tellStartedAt: true, methodName: true, tellMethod: true, tellSentAt: true },
  ...{ settledAt: true, openedAt: true, viewedAt: true, groupKey: true, cancelUrl: true },
  ...{ kind: true, holdEndsAt: true, holdToldAt: true },
  ...{ returnUrl: true, verdictWanted: true, verdictCode: true, pendingUntil: true },
};
/** The fields of a row, of a payment that a statement calls `p`. */
export const paymentColumns = columnsOf('p', fields);

const byIdText = `select ${paymentColumns} from payment p where p.id = $1::uuid`;
export const paymentById = (db: Database, id: string): Promise<PaymentRow | null> =>
  record<PaymentRow>(db.pool, { name: 'payment_by_id', text: byIdText }, [id]);

const byLinkText = `select ${paymentColumns} from payment p where p.link = $1`;
export const paymentByLink = (db: Database, link: string): Promise<PaymentRow | null> =>
  record<PaymentRow>(db.pool, { name: 'payment_by_link', text: byLinkText }, [link]);

const latestText = `
  select ${paymentColumns} from payment p where p.shop_id = $1 and p.origin_id = $2
  order by p.sequence desc limit 1`;

/** The newest payment of an order, which is the only one that may still be under way. */
export const latestPayment = (
  db: Database,
  { shopId, originId }: { shopId: number; originId: string },
): Promise<PaymentRow | null> =>
  record<PaymentRow>(db.pool, { name: 'payment_latest', text: latestText }, [shopId, originId]);

export type OpenedPayment = {
  shopId: number;
  originId: string;
  /** One more than the newest payment of the order that was seen before the order was read. */
  sequence: number;
  orderName: string;
  /** The name by which the order was known as one of the merchant's method. */
  methodName?: string | undefined;
  checkoutTokenHash: Uint8Array | undefined;
  confirmationHash?: Uint8Array | undefined;
  test: boolean;
  currency: Currency;
  owedMinor: Minor;
  owedAt: Date;
};

/**
 * Opens a payment, or gives the one that was opened meanwhile: however many tell us of one order,
 * the unique (shop, order, sequence) lets one of them in.
 */
export async function openPayment(
  db: Database,
  payment: OpenedPayment,
): Promise<{ payment: PaymentRow; opened: boolean }> {
  const opened = await record<PaymentRow>(
    db.pool,
    {
      name: 'payment_open',
      text: `
        with opened as (
          insert into payment (id, link, shop_id, origin_id, sequence, order_name,
            checkout_token_hash, confirmation_hash, method_name,
            test, currency, owed_minor, owed_at, state, reason, lane, tell_sales_before)
          values (gen_random_uuid(), $1, $2, $3, $4, $5, $6, $13, $14, $7, $8, $9, $10, 'open',
            'order_seen', $11, '{}')
          on conflict (shop_id, origin_id, sequence) do nothing returning *),
        line as (
          insert into history (payment_id, what, because, details)
          select id, 'opened', 'order_seen', $12::jsonb from opened)
        select ${paymentColumns} from opened p`,
    },
    [
      newLink(),
      payment.shopId,
      payment.originId,
      payment.sequence,
      payment.orderName,
      payment.checkoutTokenHash ?? null,
      payment.test,
      payment.currency,
      payment.owedMinor,
      payment.owedAt,
      shopLane(payment.shopId),
      JSON.stringify({ order: payment.orderName }),
      payment.confirmationHash ?? null,
      payment.methodName ?? null,
    ],
  );
  if (opened !== null) return { payment: opened, opened: true };
  const found = await record<PaymentRow>(
    db.pool,
    { name: 'payment_of_origin', text: ofOriginText },
    [payment.shopId, payment.originId, payment.sequence],
  );
  if (found === null) throw new Error('a payment was not stored');
  return { payment: found, opened: false };
}

const ofOriginText = `
  select ${paymentColumns} from payment p
  where p.shop_id = $1 and p.origin_id = $2 and p.sequence = $3`;

export type MoveOrder = {
  paymentId: string;
  move: Move;
  because: Reason;
  /** The claim under which this is decided; a claim that was taken over moves nothing. */
  leaseNo?: number;
  /** Under one journal key a posting is written at most once, whoever repeats it. */
  journal?: string;
  postings?: readonly Posting[];
  details?: Details;
  toldMinor?: Minor;
  /** By which sale Shopify has it. One sale is of one payment: for another the move fails. */
  toldSale?: string;
  attention?: string;
  /** What a person was asked for, and this move is the answer to. */
  answersAttention?: string;
  /** Where Shopify sends the buyer after its answer. */
  returnUrl?: string;
  /** When the next step is due; left out: at rest. */
  dueInMs?: number;
};

function countMove(on: Queryable, { move, postings = [] }: MoveOrder): void {
  count(on, { is: 'moved', ...move, times: 1 });
  for (const { to, amountMsat } of postings) {
    if (to.startsWith('overpaid:')) count(on, { is: 'overpaid', amountMsat });
  }
}

/** Moves a payment. False: it is not in `move.from` any more, or the claim was taken over. */
export async function movePayment(on: Queryable, order: MoveOrder): Promise<boolean> {
  const postings = order.postings ?? [];
  const moved = await rows<{ link: string; nudged: number }>(
    on,
    {
      name: 'payment_move',
      text: `
        with moved as (
          update payment set state = $3::payment_state, reason = $4, lease_until = null,
            -- A step that had it in hand shall not put back what it read before.
            lease_no = lease_no + 1, attempts = 0,
            -- A verdict that is wanted is told as soon as it is certain that no money comes.
            due_at = case when $3 = 'lapsed' and verdict_wanted is not null then now()
              else now() + $5 * interval '1 ms' end,
            return_url = coalesce($14, return_url),
            told_minor = coalesce($6, told_minor), told_sale = coalesce($16, told_sale),
            -- What a person settled by hand was told to nobody.
            told_at = case when $2 = 'settled' and $3 = 'resolved' then now() else told_at end,
            attention = coalesce($7, case
              -- The order is over; what the node that is gone knows of it is asked as before.
              when $3 = 'closing' and attention in ('node_gone', 'hold_lost', 'too_little')
                then attention
              when attention not in ('untold', 'node_gone', 'hold_lost', 'too_little',
                coalesce($15::text, 'untold')) then attention
              -- One word is answered, and what is to be given back is another matter.
              when attention is not null and (
                select coalesce(sum(case when to_account like 'overpaid:%' then amount_msat
                  else 0 end - case when from_account like 'overpaid:%' then amount_msat
                  else 0 end), 0)
                from posting where payment_id = $1::uuid) > (
                select coalesce(sum(p.m), 0) from unnest($11::text[], $13::bigint[]) as p (f, m)
                where p.f like 'overpaid:%')
              then 'overpaid' end)
          where id = $1::uuid and state = $2::payment_state and ($8::int is null or lease_no = $8)
          returning id, lane, link, due_at),
        line as (
          insert into history (payment_id, what, "from", "to", because, details)
          select id, 'moved', $2::payment_state, $3::payment_state, $4, $9::jsonb from moved),
        booked as (
          insert into posting (payment_id, journal, from_account, to_account, amount_msat)
          select moved.id, $10, p.f, p.t, p.m
          from moved, unnest($11::text[], $12::text[], $13::bigint[]) as p (f, t, m)),
        nudged as (select nudge(array[lane]) as n from moved
          where due_at <= now() + interval '60 s')
        select link, (select coalesce(sum(n), 0) from nudged)::int as nudged from moved`,
    },
    [
      order.paymentId,
      order.move.from,
      order.move.to,
      order.because,
      order.dueInMs ?? null,
      order.toldMinor ?? null,
      order.attention ?? null,
      order.leaseNo ?? null,
      JSON.stringify(order.details ?? {}),
      order.journal ?? '',
      postings.map((posting) => posting.from),
      postings.map((posting) => posting.to),
      postings.map((posting) => posting.amountMsat),
      ...[order.returnUrl ?? null, order.answersAttention ?? null, order.toldSale ?? null],
    ],
  );
  const [row] = moved;
  if (row === undefined) return false;
  countMove(on, order);
  sayMoved(on, [row.link]);
  wakePools(on, row.nudged);
  return true;
}

/**
 * Stores that Shopify is about to be told, with the sales that the order has, before the call is
 * made: if its answer is lost, a sale that is not in the list is ours. Kept from the first try on.
 * The claim is renewed with it, so that the call has its whole time. False: it was taken over.
 */
export async function beginTelling(
  db: Database,
  about: {
    paymentId: string;
    leaseNo: number;
    salesBefore: readonly string[];
    /** Null: a session is told without a name. */
    methodName: string | null;
    details: Details;
  },
): Promise<boolean> {
  const began = await rows(
    db.pool,
    {
      name: 'payment_begin_telling',
      text: `
        with began as (
          update payment set tell_started_at = coalesce(tell_started_at, now()),
            tell_sent_at = now(), tell_method = coalesce(tell_method, $5),
            lease_until = now() + $6 * interval '1 ms',
            tell_sales_before = case when tell_started_at is null then $3::text[]
              else tell_sales_before end
          where id = $1::uuid and state = 'settled' and lease_no = $2 returning id),
        line as (
          insert into history (payment_id, what, because, details)
          select id, 'tell_began', '', $4::jsonb from began)
        select id from began`,
    },
    [
      about.paymentId,
      about.leaseNo,
      about.salesBefore,
      JSON.stringify(about.details),
      about.methodName,
      leaseMs,
    ],
  );
  return began.length === 1;
}

/** Takes over what Shopify says is owed, while nothing is promised or paid. */
export async function changeOwed(
  db: Database,
  about: { paymentId: string; owedMinor: Minor; currency: Currency; at: Date },
): Promise<boolean> {
  return transaction(db, async (on) => {
    const changed = await rows<{ was: string; link: string }>(
      on,
      {
        name: 'payment_change_owed',
        text: `
          with was as (
            select id, owed_minor, currency from payment where id = $1::uuid for no key update)
          update payment p set owed_minor = $2, currency = $3, owed_at = $4 from was
          where p.id = was.id and p.state = 'open' and p.owed_at <= $4
          returning was.owed_minor::text || ' ' || was.currency as was, p.link`,
      },
      [about.paymentId, about.owedMinor, about.currency, about.at],
    );
    const [row] = changed;
    if (row === undefined) return false;
    const is = `${about.owedMinor.toString()} ${about.currency}`;
    if (row.was === is) return false;
    const ended = await endInvoices(on, about.paymentId, 'amount_changed');
    await note(on, about.paymentId, {
      what: 'owed_changed',
      details: { wasMinor: row.was, isMinor: is },
    });
    await nudge(on, ended);
    sayMoved(on, [row.link]);
    return true;
  });
}

/** Asks for the end of every payable invoice of a payment; gives the lanes that must hear of it. */
export async function endInvoices(
  on: Queryable,
  paymentId: string,
  ending: string,
): Promise<Lane[]> {
  const ended = await rows<{ node_id: number }>(
    on,
    {
      name: 'invoice_end_all',
      text: `
        with ended as (
          update invoice set ending = coalesce(ending, $2), ending_at = coalesce(ending_at, now()),
            due_at = now(), lease_until = null, lease_no = lease_no + 1, attempts = 0
          where payment_id = $1::uuid and state in ('made', 'live')
            -- What is held at a node that was replaced is charged or given back there.
            and (held_at is null or $2 <> 'node_replaced')
          returning payment_id, node_id, hash),
        line as (
          insert into history (payment_id, what, because, details)
          select payment_id, 'invoice_ending', $2, jsonb_build_object('hash', encode(hash,
            'hex')) from ended)
        select node_id from ended`,
    },
    [paymentId, ending],
  );
  return ended.map((row) => nodeLane(row.node_id));
}

/** A payment has its money: what else of it could be paid is to be canceled at its node. */
export const endPayable = (db: Database, paymentId: string): Promise<void> =>
  transaction(db, async (on) => {
    await lockWithInvoices(on, paymentId);
    await nudge(on, await endInvoices(on, paymentId, 'order_over'));
  });

/**
 * The order is not to be paid any more: open -> closing, and its invoice is to be canceled at the
 * node. Where no invoice is out that anybody could pay, it lapses at once.
 */
export async function closePayment(
  db: Database,
  about: { paymentId: string; because: Reason },
): Promise<boolean> {
  return transaction(db, (on) => closePaymentOn(on, about));
}

/** The same, as a part of the caller's transaction. */
export async function closePaymentOn(
  on: Queryable,
  about: { paymentId: string; because: Reason },
): Promise<boolean> {
  const { paymentId, because } = about;
  await lockWithInvoices(on, paymentId);
  const moved = await movePayment(on, {
    paymentId,
    because,
    move: { from: 'open', to: 'closing' },
  });
  if (!moved) return false;
  const lanes = await endInvoices(on, paymentId, 'order_over');
  if (lanes.length === 0) {
    await movePayment(on, {
      paymentId,
      because: 'never_issued',
      move: { from: 'closing', to: 'lapsed' },
    });
  }
  await nudge(on, lanes);
  return true;
}

/**
 * The payment and what could be paid of it, before the first line is written: whoever ends or shows
 * an invoice has its row, and then waits for the head of the timeline.
 */
export async function lockWithInvoices(on: Queryable, paymentId: string): Promise<void> {
  const lock = 'select id from payment where id = $1::uuid for no key update';
  await rows(on, { name: 'payment_lock', text: lock }, [paymentId]);
  const text = `
    select id from invoice where payment_id = $1::uuid and state in ('made', 'live')
    order by id for no key update`;
  await rows(on, { name: 'invoice_lock_payable', text }, [paymentId]);
}

/** Where the verdict put the money of a stranded payment. */
export async function strandedMoney(
  db: Database,
  paymentId: string,
): Promise<{ account: Account; amountMsat: Msat } | undefined> {
  const [row] = await rows<{ to_account: Account; amount_msat: string }>(
    db.pool,
    {
      name: 'payment_stranded_money',
      text: `
        select b.to_account, b.amount_msat from payment p join posting b on b.payment_id = p.id
        where p.id = $1::uuid and p.state = 'stranded' and b.journal = 'verdict:' || p.id::text`,
    },
    [paymentId],
  );
  return row && { account: row.to_account, amountMsat: BigInt(row.amount_msat) as Msat };
}

/** The state of the newest payment of each order; orders without one are left out. */
export async function paymentsOfOrders(
  db: Database,
  about: { shopId: number; originIds: readonly string[] },
): Promise<Map<string, PaymentState>> {
  const found = await rows<{ origin_id: string; state: PaymentState }>(
    db.pool,
    {
      name: 'payment_of_orders',
      text: `
        select distinct on (origin_id) origin_id, state::text from payment
        where shop_id = $1 and origin_id = any($2) order by origin_id, sequence desc`,
    },
    [about.shopId, about.originIds],
  );
  return new Map(found.map((row) => [row.origin_id, row.state]));
}

/** Orders of the shop for which an invoice is out that somebody could pay at this moment. */
export async function payableOrders(
  db: Database,
  shopId: number,
): Promise<{ originId: string; owedMinor: Minor; currency: string }[]> {
  const found = await rows<{ origin_id: string; owed_minor: string; currency: string }>(
    db.pool,
    {
      name: 'payment_payable_orders',
      text: `
        select p.origin_id, p.owed_minor, p.currency from payment p
        where p.shop_id = $1 and p.state = 'open' and exists (
          select 1 from invoice i where i.payment_id = p.id and i.state in ('made', 'live'))
        order by p.id limit 5000`,
    },
    [shopId],
  );
  return found.map((row) => ({
    originId: row.origin_id,
    owedMinor: BigInt(row.owed_minor) as Minor,
    currency: row.currency,
  }));
}

/** A person must look, for another reason than where the payment stands. Set once. */
export async function askForPerson(
  db: Database,
  paymentId: string,
  attention: 'untold' | 'too_little' | 'refund_unread' | 'not_charged',
): Promise<void> {
  await db.prisma.payment.updateMany({
    where: { id: paymentId, attention: null },
    data: { attention },
  });
}

/** Its page was opened; only the first time is kept. */
export async function markViewed(db: Database, paymentId: string): Promise<void> {
  await rows(
    db.pool,
    {
      name: 'payment_viewed',
      text: 'update payment set viewed_at = now() where id = $1::uuid and viewed_at is null',
    },
    [paymentId],
  );
}
