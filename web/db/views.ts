// What pages and commands show. Reads only; every list has a limit, and goes on from a cursor.
import { lateReasons, type LateBecause } from '../core/late.ts';
import type { PaymentState } from '../core/payment.ts';
import { paymentStates, reasons, type Reason } from '../core/payment.ts';
import {
  refundReasons,
  refundStates,
  type RefundReason,
  type RefundState,
} from '../core/refund.ts';
import type { Database } from './database.ts';
import { rows } from './database.ts';
import { historyWords, type HistoryWord } from './history.ts';

export * from './views/dashboard.ts';
export * from './views/engine.ts';
export * from './views/lanes.ts';
export * from './views/money.ts';
export * from './views/streams.ts';
export { isDatabaseAway, isDatabaseBusy } from './database.ts';
export { savedViewLimit, savedViews, type SavedViewRow } from './saved-views.ts';
export { overpaidOf } from './attentions.ts';
export { holdsOn, wantsHolds } from './holds.ts';
export * from './views/holds.ts';
export * from './views/payment.ts';
export * from './views/payments.ts';
/** Single rows, for doors: they may read here, and write only through flows. */
export type { InvoiceRow } from './invoices.ts';
export { nodeById, workingNode, workingNodes, type NodeRow } from './nodes.ts';
export { endingNodes, type EndingNode } from './views/setup.ts';
export { hasPassedSelfTest, latestSelfTest, type SelfTestRow } from './self-tests.ts';
export { latestPayment, paymentById, paymentByLink, type PaymentRow } from './payments.ts';
export { payPageById, payPageByLink, type PayPage } from './pay-page.ts';
export { refundTermsOf } from './refunds.ts';
export { rewardTermsOf } from './rewards.ts';
export { siblingsOf } from './sessions.ts';
export {
  paymentsAppOf,
  refundsToApprove,
  refundsUnderWay,
  waitingRefunds,
  type AskedRefundLine,
  type ClaimedRefundLine,
  type PaymentsAppLine,
  type WaitingRefundLine,
} from './views/payments-app.ts';
export { shopById, shopOf, shopsEverOfDomain, shopsOfDomain, type ShopRow } from './shops.ts';
export * from './views/operation.ts';
export { receiptByLink, type ReceiptRow } from './views/receipt.ts';
export * from './views/reconciliation.ts';
export * from './views/refunds.ts';
export * from './views/shares.ts';
export * from './views/settings.ts';

export type PaymentLine = {
  id: string;
  link: string;
  order_name: string;
  origin_id: string;
  state: PaymentState;
  reason: Reason;
  attention: string | null;
  test: boolean;
  currency: string;
  owed_minor: string;
  opened_at: Date;
  settled_at: Date | null;
  amount_msat: string | null;
  hash: string | null;
  preimage: string | null;
};

const lineColumns = `
  p.id, p.link, p.order_name, p.origin_id, p.state::text, p.reason, p.attention, p.test, p.currency,
  p.owed_minor, p.opened_at, p.settled_at, i.amount_msat, encode(i.hash, 'hex') as hash,
  encode(i.preimage, 'hex') as preimage`;
const lineJoin = `
  payment p left join lateral (
    select * from invoice where payment_id = p.id
    order by (id = p.settled_invoice_id) desc nulls last, id desc limit 1) i on true`;

/** The latest payments of the shop, newest first; of those that need a person, if asked so. */
export async function listPayments(
  db: Database,
  ask: {
    shopId: number;
    needsPerson: boolean;
    limit: number;
  },
): Promise<PaymentLine[]> {
  return rows<PaymentLine>(
    db.pool,
    {
      name: ask.needsPerson ? 'view_payments_needing' : 'view_payments_latest',
      text: `
        select ${lineColumns} from ${lineJoin}
        where p.shop_id = $1 ${ask.needsPerson ? 'and p.attention is not null' : ''}
        order by p.opened_at desc, p.id desc limit $2`,
    },
    [ask.shopId, ask.limit],
  );
}

export type TimelineEntry = {
  at: Date;
  what: HistoryWord;
  from: PaymentState | null;
  to: PaymentState | null;
  because: string;
  details: Record<string, string>;
  /** It is about sats back for the buyer, which are told as a refund is. */
  ofReward: boolean;
};

/** What happened to a payment, oldest first: the newest 500 lines. */
export async function timeline(db: Database, paymentId: string): Promise<TimelineEntry[]> {
  return rows<TimelineEntry>(
    db.pool,
    {
      name: 'view_timeline',
      text: `
        select newest.*, exists (
          select 1 from refund r where r.payment_id = $1::uuid and r.origin = 'reward'
            and newest.what = 'refund' and r.id::text = newest.details ->> 'refund') as "ofReward"
        from (
          select id, at, what, "from"::text, "to"::text, because, details from history
          where payment_id = $1::uuid order by id desc limit 500) newest
        order by id`,
    },
    [paymentId],
  );
}

/**
 * Why the order was not to be paid any more; undefined while it is. The row's own reason moves on.
 */
export async function whyClosed(db: Database, paymentId: string): Promise<string | undefined> {
  const [closed] = await rows<{ because: string }>(
    db.pool,
    {
      name: 'view_why_closed',
      text: `
        select because from history where payment_id = $1::uuid and "to" = 'closing'
        order by id desc limit 1`,
    },
    [paymentId],
  );
  return closed?.because;
}

/** A line of the timeline in plain words. */
export function sentenceOf(entry: TimelineEntry): string {
  const why = entry.because in reasons ? reasons[entry.because as Reason] : '';
  if (entry.what === 'refund') return sentenceOfRefund(entry);
  if (entry.to !== null) return `${paymentStates[entry.to]}${why === '' ? '' : ` ${why}`}`;
  if (entry.what === 'late_left' && entry.because in lateReasons) {
    return lateReasons[entry.because as LateBecause];
  }
  return historyWords[entry.what];
}

/** A refund that moved says where it is; one that only waits, why. */
function sentenceOfRefund({ because, details, ofReward }: TimelineEntry): string {
  const to = details['to'] ?? '';
  const name = ofReward ? 'Sats back for the buyer.' : 'Refund.';
  // What a refund waits for a reward does not.
  const where = ofReward && to === 'asked' ? '' : whereOf(to);
  const why = because in refundReasons ? refundReasons[because as RefundReason] : '';
  return [name, where, why].filter((part) => part !== '').join(' ');
}

const whereOf = (to: string): string => (to in refundStates ? refundStates[to as RefundState] : '');

/**
 * Payments that a person asks for: by id, by the gid of its order or session, by a session's id, or
 * by `#name` of a shop.
 */
export async function findPayments(
  db: Database,
  ask: { what: string; shopDomain: string | undefined },
): Promise<{ id: string; domain: string; line: PaymentLine; toldMinor: string | null }[]> {
  const isUuid = /^[0-9a-f]{8}-[0-9a-f-]{27}$/i.test(ask.what);
  const found = await rows<PaymentLine & { domain: string; told_minor: string | null }>(
    db.pool,
    {
      name: 'view_find',
      text: `
        select ${lineColumns}, p.told_minor, s.domain from ${lineJoin} join shop s
          on s.id = p.shop_id
        where ($1::uuid is not null and p.id = $1::uuid)
          or ($2::text is not null and p.origin_id = $2 and ($4::text is null or s.domain = $4))
          or ($3::text is not null and p.order_name = $3 and s.domain = $4)
          or ($2::text is not null and p.link = $2)
          or ($2::text is not null and p.origin = 'payment_session' and p.order_name = $2
            and ($4::text is null or s.domain = $4))
        order by p.opened_at, p.sequence limit 20`,
    },
    [
      isUuid ? ask.what : null,
      isUuid || ask.what.startsWith('#') ? null : ask.what,
      ask.what.startsWith('#') ? ask.what : null,
      ask.shopDomain ?? null,
    ],
  );
  return found.map(({ domain, told_minor, ...line }) => ({
    id: line.id,
    domain,
    line,
    toldMinor: told_minor,
  }));
}

/** How everything stands, over all shops and processes. For the operator's metrics. */
export async function standing(db: Database): Promise<{
  payments: Record<PaymentState, number>;
  oldestUntoldSeconds: number;
  needPerson: number;
  lanesPaused: number;
  streamsWhole: number;
}> {
  const counts = await rows<{ state: PaymentState; n: number }>(
    db.pool,
    {
      name: 'view_standing_states',
      text: 'select state::text, count(*)::int as n from payment group by state',
    },
    [],
  );
  const [row] = await rows<{ untold: number; person: number; paused: number; whole: number }>(
    db.pool,
    {
      name: 'view_standing',
      text: `
        select
          coalesce((select extract(epoch from now() - min(settled_at)) from payment
            where state = 'settled'), 0)::float8 as untold,
          (select count(*) from payment where attention is not null)::int as person,
          (select count(*) from lane where paused_until > now())::int as paused,
          (select count(*) from node where stream_whole_since is not null
            and stream_lease_until > now())::int as whole`,
    },
    [],
  );
  const payments = Object.fromEntries(
    Object.keys(paymentStates).map((state) => [state, 0]),
  ) as Record<PaymentState, number>;
  for (const { state, n } of counts) payments[state] = n;
  return {
    payments,
    oldestUntoldSeconds: Math.max(0, row?.untold ?? 0),
    needPerson: row?.person ?? 0,
    lanesPaused: row?.paused ?? 0,
    streamsWhole: row?.whole ?? 0,
  };
}
