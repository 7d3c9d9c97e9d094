// What the payments app's page shows beside the node.
import type { Database } from '../database.ts';
import { rows } from '../database.ts';
import { records } from '../records.ts';

export type PaymentsAppLine = {
  /** When Shopify took the word that the shop is ready; null: it was not told since the install. */
  readyToldAt: Date | null;
  /** When the first buyer chose the method, in test mode or not. */
  firstSessionAt: Date | null;
  /** Purchases may be authorized first. */
  holdsOn: boolean;
};

export type WaitingRefundLine = {
  reference: string;
  amountMsat: string;
  link: string;
  claimEndsAt: Date;
  test: boolean;
};

/** What buyers of this app's payments can claim, the newest first, without rewards. */
export const waitingRefunds = (
  db: Database,
  ask: { shopId: number; limit: number },
): Promise<WaitingRefundLine[]> =>
  rows<WaitingRefundLine>(
    db.pool,
    {
      name: 'view_waiting_refunds',
      text: `
        select p.order_name as reference, r.amount_msat::text as "amountMsat", r.link, r.test,
          r.claim_ends_at as "claimEndsAt"
        from refund r join payment p on p.id = r.payment_id
        where r.shop_id = $1 and r.state = 'claimable' and r.origin <> 'reward'
          and r.claim_ends_at > now()
        order by r.opened_at desc, r.id desc limit $2`,
    },
    [ask.shopId, ask.limit],
  );

export type AskedRefundLine = {
  id: string;
  reference: string;
  amountMsat: string;
  openedAt: Date;
  test: boolean;
};

/** Priced, and above what goes out by itself: a person approves them. The oldest first. */
export const refundsToApprove = (
  db: Database,
  ask: { shopId: number; limit: number },
): Promise<AskedRefundLine[]> =>
  rows<AskedRefundLine>(
    db.pool,
    {
      name: 'view_refunds_to_approve',
      text: `
        select r.id, p.order_name as reference, r.amount_msat::text as "amountMsat", r.test,
          r.opened_at as "openedAt"
        from refund r join payment p on p.id = r.payment_id
        where r.shop_id = $1 and r.state = 'asked' and r.reason = 'approval_wanted'
          and r.amount_msat is not null
        order by r.opened_at, r.id limit $2`,
    },
    [ask.shopId, ask.limit],
  );

export type ClaimedRefundLine = {
  claimId: bigint;
  reference: string;
  amountMsat: string;
  test: boolean;
  givenAt: Date;
};

/** Claimed and not paid yet, the oldest first. */
export const refundsUnderWay = (
  db: Database,
  ask: { shopId: number; limit: number },
): Promise<ClaimedRefundLine[]> =>
  records<ClaimedRefundLine>(
    db.pool,
    {
      name: 'view_refunds_under_way',
      text: `
        select c.id as "claimId", p.order_name as reference,
          r.amount_msat::text as "amountMsat", r.test, c.given_at as "givenAt"
        from refund r join payment p on p.id = r.payment_id
          join refund_claim c on c.refund_id = r.id and c.state = 'given'
        where r.shop_id = $1 and r.state = 'claimed' and r.origin <> 'reward'
        order by c.given_at, c.id limit $2`,
    },
    [ask.shopId, ask.limit],
  );

export async function paymentsAppOf(db: Database, shopId: number): Promise<PaymentsAppLine> {
  const [row] = await rows<{
    ready_told_at: Date | null;
    first_at: Date | null;
    holds_on: boolean;
  }>(
    db.pool,
    {
      name: 'view_payments_app',
      text: `
        select ready_told_at, holds_on, (
          select min(received_at) from session_request
          where shop_id = $1 and kind = 'payment' and received_at > shop.installed_at) as first_at
        from shop where id = $1`,
    },
    [shopId],
  );
  const holdsOn = row?.holds_on ?? false;
  const firstSessionAt = row?.first_at ?? null;
  return { readyToldAt: row?.ready_told_at ?? null, firstSessionAt, holdsOn };
}
