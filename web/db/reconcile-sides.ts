// What we have of orders and invoices, in pages, to be held against Shopify and the nodes. However
// long a shop's past is, a page reads as many rows as it gives.
import type { InvoiceState, PaymentHash } from '../core/invoice.ts';
import type { Minor, Msat } from '../core/money.ts';
import type { PaymentState } from '../core/payment.ts';
import type { OurInvoice, OurPayment } from '../core/reconcile.ts';
import type { Database } from './database.ts';
import { rows } from './database.ts';

export type OurOrder = {
  originId: string;
  orderName: string;
  origin: 'order' | 'payment_session';
  /** Of the newest payment. */
  paymentId: string;
  currency: string;
  payments: OurPayment[];
};

/** All payments of these orders or sessions. */
export async function ourOrders(
  db: Database,
  ask: { shopId: number; originIds: readonly string[] },
): Promise<Map<string, OurOrder>> {
  const found = await rows<RawPayment>(
    db.pool,
    {
      name: 'reconcile_our_orders',
      text: `
        select p.id::text, p.origin, p.origin_id, p.order_name, p.state::text, p.sequence,
          p.currency, p.owed_minor, p.told_minor, q.fiat_minor as paid_minor, p.settled_at,
          p.opened_at, p.verdict_wanted, p.method_name, p.tell_method,
          p.due_at is not null as due
        from payment p left join invoice i on i.id = p.settled_invoice_id
          left join quote q on q.id = i.quote_id
        where p.shop_id = $1 and p.origin_id = any($2::text[])
        order by p.origin_id, p.sequence`,
    },
    [ask.shopId, ask.originIds],
  );
  const orders = new Map<string, OurOrder>();
  for (const raw of found) {
    const before = orders.get(raw.origin_id)?.payments ?? [];
    const { origin_id: originId, order_name: orderName, origin, id: paymentId, currency } = raw;
    const payments = [...before, paymentOf(raw)];
    orders.set(originId, { originId, orderName, origin, paymentId, currency, payments });
  }
  return orders;
}

type RawPayment = {
  id: string;
  origin: 'order' | 'payment_session';
  origin_id: string;
  order_name: string;
  state: PaymentState;
  sequence: number;
  currency: string;
  owed_minor: string;
  told_minor: string | null;
  paid_minor: string | null;
  settled_at: Date | null;
  opened_at: Date;
  verdict_wanted: string | null;
  method_name: string | null;
  tell_method: string | null;
  due: boolean;
};

const minorOf = (text: string): Minor => BigInt(text) as Minor;

const paymentOf = (raw: RawPayment): OurPayment => ({
  state: raw.state,
  sequence: raw.sequence,
  currency: raw.currency,
  owedMinor: minorOf(raw.owed_minor),
  toldMinor: raw.told_minor === null ? null : minorOf(raw.told_minor),
  paidMinor: raw.paid_minor === null ? null : minorOf(raw.paid_minor),
  settledAt: raw.settled_at,
  openedAt: raw.opened_at,
  verdictWanted: raw.verdict_wanted,
  openedMethod: raw.method_name,
  tellMethod: raw.tell_method,
  isDue: raw.due,
});

/** A row, and what the page after it begins with. */
export type Mark = { at: string; after: string };

/**
 * Orders and sessions whose money came since then, the oldest first, without those that were met in
 * this run. `last`: undefined when there is nothing more.
 */
export async function ordersWithMoney(
  db: Database,
  ask: { shopId: number; runId: string; since: Date; mark: Mark | undefined; limit: number },
): Promise<{ originIds: string[]; last: Mark | undefined }> {
  const found = await rows<{ id: string; settled_at: Date; origin_id: string; met: boolean }>(
    db.pool,
    {
      name: 'reconcile_orders_with_money',
      text: `
        select p.id::text, p.settled_at, p.origin_id, s.key is not null as met
        from (
          select id, settled_at, origin_id from payment
          where shop_id = $1 and settled_at >= $3
            and (settled_at, id) > ($4::timestamptz, $5::uuid)
          order by settled_at, id limit $6) p
          -- One look for each row: all that was met is far more.
          left join lateral (select key from reconcile_seen
            where reconciliation_id = $2::bigint and key = p.origin_id limit 1) s on true
        order by p.settled_at, p.id`,
    },
    [
      ask.shopId,
      ask.runId,
      ask.since,
      ask.mark?.at ?? '-infinity',
      ask.mark?.after ?? '00000000-0000-0000-0000-000000000000',
      ask.limit,
    ],
  );
  const last = found.length < ask.limit ? undefined : found.at(-1);
  return {
    originIds: [...new Set(found.filter(({ met }) => !met).map((row) => row.origin_id))],
    last: last && { at: last.settled_at.toISOString(), after: last.id },
  };
}

export type OurInvoiceRow = OurInvoice & {
  id: string;
  paymentId: string;
  orderName: string;
};

type RawInvoice = {
  id: string;
  hash: PaymentHash;
  payment_id: string;
  order_name: string;
  state: InvoiceState;
  amount_msat: string;
  paid_msat: string | null;
  due: boolean;
};

const invoiceColumns = `
  i.id::text, encode(i.hash, 'hex') as hash, i.payment_id::text, p.order_name, i.state::text,
  i.amount_msat, i.paid_msat, i.due_at is not null as due`;

const invoiceOf = (raw: RawInvoice): OurInvoiceRow => ({
  id: raw.id,
  hash: raw.hash,
  paymentId: raw.payment_id,
  orderName: raw.order_name,
  state: raw.state,
  amountMsat: BigInt(raw.amount_msat) as Msat,
  paidMsat: raw.paid_msat === null ? null : (BigInt(raw.paid_msat) as Msat),
  isDue: raw.due,
});

/** Which of these hashes are invoices of ours at this node. */
export async function ourInvoices(
  db: Database,
  ask: { nodeId: number; hashes: readonly string[] },
): Promise<OurInvoiceRow[]> {
  const found = await rows<RawInvoice>(
    db.pool,
    {
      name: 'reconcile_our_invoices',
      text: `
        select ${invoiceColumns} from invoice i join payment p on p.id = i.payment_id
        where i.hash = any($2::bytea[]) and i.node_id = $1`,
    },
    [ask.nodeId, ask.hashes.map((hash) => Buffer.from(hash, 'hex'))],
  );
  return found.map(invoiceOf);
}

/**
 * Invoices of this node that were made since then and that the node did not show, the oldest first:
 * those that could be paid or were. `last`: undefined when there is nothing more.
 */
export async function invoicesNotShown(
  db: Database,
  ask: { nodeId: number; runId: string; since: Date; mark: Mark | undefined; limit: number },
): Promise<{ invoices: OurInvoiceRow[]; last: Mark | undefined }> {
  const found = await rows<RawInvoice & { made_at: Date; met: boolean }>(
    db.pool,
    {
      name: 'reconcile_invoices_not_shown',
      text: `
        select ${invoiceColumns}, i.made_at, i.state = 'canceled' or s.key is not null as met
        from (
          select * from invoice where node_id = $1 and made_at >= $3
            and (made_at, id) > ($4::timestamptz, $5::bigint)
          order by made_at, id limit $6) i join payment p on p.id = i.payment_id
          left join lateral (select key from reconcile_seen
            where reconciliation_id = $2::bigint and key = encode(i.hash, 'hex') limit 1) s on true
        order by i.made_at, i.id`,
    },
    [
      ask.nodeId,
      ask.runId,
      ask.since,
      ask.mark?.at ?? '-infinity',
      ask.mark?.after ?? '0',
      ask.limit,
    ],
  );
  const last = found.length < ask.limit ? undefined : found.at(-1);
  return {
    invoices: found.filter(({ met }) => !met).map(invoiceOf),
    last: last && { at: last.made_at.toISOString(), after: last.id },
  };
}

/** More than a node makes while one invoice is being stored. */
const addIndexMargin = 1_000n;

/**
 * Below which add index nothing of ours was made since then, so that a node need not read through
 * all that it ever made. Zero when that is not certain: counters of a restored node went back.
 */
export async function firstAddIndex(
  db: Database,
  ask: { nodeId: number; since: Date },
): Promise<bigint> {
  const [row] = await rows<{ first: string | null }>(
    db.pool,
    {
      name: 'reconcile_first_add_index',
      text: `
        select min(i.add_index) as first from (
          select add_index from invoice where node_id = $1 and made_at >= $2
          order by made_at limit 100) i
        where not exists (
          select 1 from node where id = $1 and restore_suspected_at >= $2)`,
    },
    [ask.nodeId, ask.since],
  );
  const first = BigInt(row?.first ?? '0') - addIndexMargin;
  return first > 0n ? first : 0n;
}
