// A shop's books for its files: every posting, and every invoice that was paid. The oldest first,
// by pages of a keyset, each of which an index gives: a shop may have a million of them. Between
// two pages no connection is held.
import { accountKinds, accountOf } from '../../core/ledger.ts';
import type { PaymentState } from '../../core/payment.ts';
import type { RefundReason, RefundState } from '../../core/refund.ts';
import type { ShareState } from '../../core/share.ts';
import { rows, type Database } from '../database.ts';

/** Days of the shop, YYYY-MM-DD, both included; undefined: without that end. */
export type Period = {
  since: string | undefined;
  until: string | undefined;
  /** IANA name: where the shop's days begin. */
  timeZone: string;
};

type About = { shopId: number; period: Period; batch: number };

/** From when, included, to when, not included; as PostgreSQL writes a time. */
export async function boundsOf(
  db: Database,
  period: Period,
): Promise<{ begins: string; ends: string }> {
  const [bounds] = await rows<{ begins: string; ends: string }>(
    db.pool,
    {
      name: 'export_bounds',
      text: `
        select
          coalesce(($1::date)::timestamp at time zone $3, '-infinity')::text as begins,
          coalesce(($2::date + 1)::timestamp at time zone $3, 'infinity')::text as ends`,
    },
    [period.since ?? null, period.until ?? null, period.timeZone],
  );
  if (bounds === undefined) throw new Error('a period has no bounds');
  return bounds;
}

/** Asks for a page only when the one before it was taken. */
async function* paged<Row>(
  page: (after: Row | undefined) => Promise<Row[]>,
  batch: number,
): AsyncGenerator<readonly Row[]> {
  let last: Row | undefined;
  for (;;) {
    const found = await page(last);
    if (found.length > 0) yield found;
    last = found.at(-1);
    if (last === undefined || found.length < batch) return;
  }
}

export type LedgerLine = {
  id: string;
  at: Date;
  journal: string;
  payment_id: string;
  order_name: string;
  origin_id: string;
  test: boolean;
  from_account: string;
  to_account: string;
  amount_msat: string;
  /** Of the promise under which the money came, or of its refund's own; null: there is none. */
  fiat_minor: string | null;
  quoted_msat: string | null;
  currency: string | null;
  price_e8: string | null;
};

const ledgerText = `
  with page as (
    select b.* from unnest($1::text[]) as account (name) cross join lateral (
      select id, at, journal, payment_id, from_account, to_account, amount_msat from posting
      where to_account = account.name and (at, id) > ($2::timestamptz, $3::bigint)
        and at < $4::timestamptz
      order by at, id limit $5::int) b
    order by b.at, b.id limit $5::int)
  select page.*, p.order_name, p.origin_id, p.test,
    coalesce(r.amount_minor, q.fiat_minor) as fiat_minor,
    coalesce(r.amount_msat, q.amount_msat) as quoted_msat,
    coalesce(r.currency, q.currency) as currency,
    coalesce(r.evidence #>> '{agreed,priceE8}', q.price_e8::text) as price_e8
  from page join payment p on p.id = page.payment_id
  -- The refund that was priced anew of which this is.
  left join refund r on r.evidence ->> 'used' = 'fiat_today' and r.amount_minor > 0
    and r.id = case when page.journal like 'refund:%' then substr(page.journal, 8, 36)::uuid end
  -- The invoice that this very money came by; of what is booked later, the order's own.
  left join lateral (
    select * from invoice where payment_id = page.payment_id and state = 'settled'
    order by page.journal = 'settle:' || encode(hash, 'hex') desc,
      (id = p.settled_invoice_id) desc nulls last, id
    limit 1) i on true
  left join quote q on q.id = i.quote_id
  order by page.at, page.id`;

/** Money leaves a node's account and never goes to one, so each posting stands here once. */
const accountsOf = (shopId: number): string[] =>
  accountKinds.filter((kind) => kind !== 'node').map((kind) => accountOf(kind, shopId));

/** Every posting of the shop in the period, the oldest first, `batch` at a time. */
export async function* everyPosting(
  db: Database,
  about: About,
): AsyncGenerator<readonly LedgerLine[]> {
  const { shopId, period, batch } = about;
  const { begins, ends } = await boundsOf(db, period);
  const accounts = accountsOf(shopId);
  yield* paged<LedgerLine>((after) => {
    const from = [after?.at.toISOString() ?? begins, after?.id ?? '0'];
    const values = [accounts, ...from, ends, batch];
    return rows<LedgerLine>(db.pool, { name: 'export_ledger', text: ledgerText }, values);
  }, batch);
}

export type TaxLine = {
  /** False: of the shop's other app, which has the same node. */
  is_own: boolean;
  invoice_id: string;
  /** Of its payment. */
  id: string;
  order_name: string;
  origin: string;
  origin_id: string;
  test: boolean;
  state: PaymentState;
  /** When the money came, by the node's clock. */
  settled_at: Date;
  told_minor: string | null;
  told_at: Date | null;
  received_msat: string;
  fiat_minor: string | null;
  currency: string;
  price_e8: string | null;
  agreed_at: Date | null;
  sources: readonly { source: string; price: string }[] | null;
  /** What the shop added to the sats of that price, in 1/100 %; below zero a discount. */
  adjustment_bp: number | null;
  /** All that ever was too much, what of it is still to be given back, and what became of it. */
  overpaid_msat: string;
  to_give_back_msat: string;
  given_back_msat: string;
  kept_msat: string;
  hash: string | null;
  network: string | null;
  /** Set aside for others of the whole payment, after refunds. */
  shared_msat: string;
};

/** That a posting of this name brings back what a refund, withdrawn since, had taken from here. */
const broughtBack = (name: string): string => `(${name}.from_account like 'refunding:%'
  and exists (select 1 from posting taken where taken.from_account = $6
    and taken.journal = regexp_replace(${name}.journal, ':withdrawn$', '')))`;

/**
 * Of the payment's invoice that was told to Shopify, or the first that was paid, is everything that
 * is of the payment as a whole. What became of what was too much is told of the oldest of it first.
 */
const taxText = `
  with raw as (
    select b.* from (
        select n.id from shop s join shop o on o.domain = s.domain join node n on n.shop_id = o.id
        where s.id = $1::int) as node (id)
      cross join lateral (
        select i.id as invoice_id, i.payment_id, i.settled_at, i.paid_msat, i.hash, i.quote_id,
          i.node_id
        from invoice i
        where i.node_id = node.id and i.state = 'settled'
          and (i.settled_at, i.id) > ($2::timestamptz, $3::bigint)
          and i.settled_at < $4::timestamptz
        order by i.settled_at, i.id limit $5::int) b
    order by b.settled_at, b.invoice_id limit $5::int),
  page as (
    select raw.*, p.id, p.order_name, p.origin, p.origin_id, p.test, p.state, p.currency,
      p.told_minor, p.told_at, p.shop_id = $1::int as is_own,
      coalesce(p.settled_invoice_id, (select f.id from invoice f
        where f.payment_id = p.id and f.state = 'settled'
        order by f.settled_at, f.id limit 1)) as main_id
    from raw join payment p on p.id = raw.payment_id)
  select page.is_own, page.invoice_id, page.id, page.order_name, page.origin, page.origin_id,
    page.test,
    page.state::text, page.settled_at, page.paid_msat as received_msat, q.fiat_minor,
    case when is_main then page.told_minor end as told_minor,
    case when is_main then page.told_at end as told_at,
    coalesce(q.currency, page.currency) as currency, q.price_e8::text, q.made_at as agreed_at,
    q.evidence -> 'sources' as sources,
    (q.evidence ->> 'adjustmentBasisPoints')::int as adjustment_bp,
    o.own_msat as overpaid_msat,
    o.own_msat - greatest(0, least(o.ends_msat, b.left_msat) - o.begins_msat)
      as to_give_back_msat,
    greatest(0, least(o.ends_msat, b.given_back_msat) - o.begins_msat) as given_back_msat,
    greatest(0, least(o.ends_msat, b.given_back_msat + b.kept_msat)
      - greatest(o.begins_msat, b.given_back_msat)) as kept_msat,
    encode(page.hash, 'hex') as hash, n.network,
    case when is_main then (select coalesce(sum(amount_msat), 0) from share
      where payment_id = page.id) else 0 end as shared_msat
  from page
  cross join lateral (select page.invoice_id = page.main_id as is_main) m
  left join quote q on q.id = page.quote_id
  left join node n on n.id = page.node_id
  cross join lateral (
    -- A refund that was withdrawn brings back what it had taken from here: that is no further
    -- money. What it had taken from elsewhere is.
    select coalesce(sum(case when from_account = $6 then amount_msat
        when ${broughtBack('posting')} then -amount_msat end)
        filter (where $6 in (from_account, to_account)), 0) as left_msat,
      coalesce(sum(amount_msat) filter (where to_account = $7), 0) as given_back_msat,
      coalesce(sum(amount_msat) filter (where to_account = $8), 0) as kept_msat
    from posting where payment_id = page.id) b
  cross join lateral (
    -- What was too much of each of its invoices, and where this one's lies in their row.
    select own_msat, begins_msat, begins_msat + own_msat as ends_msat from (
      select coalesce(sum(w.amount_msat) filter (where w.id = page.invoice_id), 0) as own_msat,
        coalesce(sum(w.amount_msat) filter (
          where (w.settled_at, w.id) < (page.settled_at, page.invoice_id)), 0) as begins_msat
      from (
        select f.id, f.settled_at, p.amount_msat from posting p join invoice f
          on f.payment_id = p.payment_id and f.state = 'settled'
          and case when p.journal like 'settle:%'
            then p.journal = 'settle:' || encode(f.hash, 'hex') else f.id = page.main_id end
        where p.payment_id = page.id and p.to_account = $6
          and not ${broughtBack('p')}) w) s) o
  order by page.settled_at, page.invoice_id`;

const beforeAllIds = '00000000-0000-0000-0000-000000000000';

/** Every invoice of the shop that was paid in the period, the oldest first, `batch` at a time. */
export async function* everyPaidInvoice(
  db: Database,
  about: About,
): AsyncGenerator<readonly TaxLine[]> {
  const { shopId, period, batch } = about;
  const { begins, ends } = await boundsOf(db, period);
  const accounts = (['overpaid', 'given_back', 'kept'] as const).map((k) => accountOf(k, shopId));
  const pages = paged<TaxLine>((after) => {
    const from = [after?.settled_at.toISOString() ?? begins, after?.invoice_id ?? '0'];
    const values = [shopId, ...from, ends, batch, ...accounts];
    return rows<TaxLine>(db.pool, { name: 'export_tax', text: taxText }, values);
  }, batch);
  // A page is read whole, so that what is not its own costs it no more than a page.
  for await (const page of pages) yield page.filter((line) => line.is_own);
}

export type RefundLine = {
  id: string;
  opened_at: Date;
  payment_id: string;
  order_name: string;
  payment_origin_id: string;
  test: boolean;
  origin: string;
  origin_id: string;
  state: RefundState;
  reason: RefundReason;
  note: string | null;
  /** '0': only sats are meant, or it could not be read. */
  amount_minor: string;
  currency: string;
  amount_msat: string | null;
  pricing: string;
  /** Of the price of that day, where it is one; likewise its sources. */
  price_e8: string | null;
  sources: readonly { source: string; price: string }[] | null;
  approved_at: Date | null;
  paid_at: Date | null;
  fee_msat: string | null;
  hash: string | null;
  told_at: Date | null;
};

const refundText = `
  with page as (
    select * from refund
    where shop_id = $1::int and (opened_at, id) > ($2::timestamptz, $3::uuid)
      and opened_at < $4::timestamptz
    order by opened_at, id limit $5::int)
  select page.id, page.opened_at, page.payment_id, p.order_name, p.origin_id as payment_origin_id,
    page.test, page.origin, page.origin_id, page.state::text, page.reason, page.note,
    page.amount_minor, page.currency, page.amount_msat, page.pricing, page.approved_at,
    page.told_at, c.ended_at as paid_at, o.fee_msat, encode(c.hash, 'hex') as hash,
    case when page.evidence ->> 'used' = 'fiat_today'
      then page.evidence -> 'agreed' ->> 'priceE8' end as price_e8,
    case when page.evidence ->> 'used' = 'fiat_today'
      then page.evidence -> 'agreed' -> 'sources' end as sources
  from page join payment p on p.id = page.payment_id
  left join refund_claim c on c.refund_id = page.id and c.state = 'paid'
  left join payout o on o.claim_id = c.id
  order by page.opened_at, page.id`;

/** Every refund of the shop that was asked for in the period, the oldest first. */
export async function* everyRefund(
  db: Database,
  about: About,
): AsyncGenerator<readonly RefundLine[]> {
  const { shopId, period, batch } = about;
  const { begins, ends } = await boundsOf(db, period);
  yield* paged<RefundLine>((after) => {
    const from = [after?.opened_at.toISOString() ?? begins, after?.id ?? beforeAllIds];
    const values = [shopId, ...from, ends, batch];
    return rows<RefundLine>(db.pool, { name: 'export_refunds', text: refundText }, values);
  }, batch);
}

export type ShareLine = {
  id: string;
  made_at: Date;
  payment_id: string;
  order_name: string;
  origin_id: string;
  receiver: string;
  address: string;
  vendor: string | null;
  part_bp: number | null;
  fixed_msat: string | null;
  base_msat: string;
  amount_msat: string;
  state: ShareState;
  paid_at: Date | null;
  hash: string | null;
  /** Of the promise under which the money came. */
  fiat_minor: string | null;
  quoted_msat: string | null;
  currency: string | null;
  price_e8: string | null;
};

const shareText = `
  with page as (
    select * from share
    where shop_id = $1::int and (made_at, id) > ($2::timestamptz, $3::bigint)
      and made_at < $4::timestamptz
    order by made_at, id limit $5::int)
  select page.id, page.made_at, page.payment_id, p.order_name, p.origin_id, r.name as receiver,
    r.address, u.vendor, u.part_bp, u.fixed_msat, page.base_msat, page.amount_msat, page.state,
    case when page.state = 'paid' then b.ended_at end as paid_at,
    case when page.state = 'paid' then encode(b.hash, 'hex') end as hash,
    q.fiat_minor, q.amount_msat as quoted_msat, q.currency, q.price_e8::text
  from page join payment p on p.id = page.payment_id
  join share_rule u on u.id = page.rule_id
  join share_receiver r on r.id = page.receiver_id
  left join share_batch b on b.id = page.batch_id
  left join invoice i on i.id = p.settled_invoice_id
  left join quote q on q.id = i.quote_id
  order by page.made_at, page.id`;

/** Every share of the shop that was booked in the period, the oldest first. */
export async function* everyShare(
  db: Database,
  about: About,
): AsyncGenerator<readonly ShareLine[]> {
  const { shopId, period, batch } = about;
  const { begins, ends } = await boundsOf(db, period);
  yield* paged<ShareLine>((after) => {
    const from = [after?.made_at.toISOString() ?? begins, after?.id ?? '0'];
    const values = [shopId, ...from, ends, batch];
    return rows<ShareLine>(db.pool, { name: 'export_shares', text: shareText }, values);
  }, batch);
}
