// Refunds as pages show them: by the link that its buyer has, of one payment, and of a shop. A shop
// has one row for each of its apps here, and its staff see the refunds of all of them.
import type { Currency, Minor, Msat } from '../../core/money.ts';
import type { ReadPaymentRequest } from '../../core/ports.ts';
import type { PaymentState } from '../../core/payment.ts';
import type { RefundState } from '../../core/refund.ts';
import { refundStates } from '../../core/refund.ts';
import { rows, type Database } from '../database.ts';
import { record, records } from '../records.ts';
import {
  countStuck,
  countSwitchedOff,
  countToApprove,
  countUnpaidReceivers,
  countUnseen,
  sameShopAs,
  type RefundsInNeed,
} from '../refunds-in-need.ts';
import { refundColumns, sourceOf, type ClaimKind, type RefundRow } from '../refunds.ts';

export type { RefundsInNeed };

/** The newest claim of a refund; what was sent for an older one failed. */
export type ShownClaim = {
  claimId: bigint | null;
  claimState: 'given' | 'paid' | 'failed' | null;
  claimKind: ClaimKind | null;
  claimGivenAt: Date | null;
  claimExpiresAt: Date | null;
  /** A word: why it failed. */
  claimBecause: string | null;
  /** Lower-case hex. */
  claimHash: string | null;
};

export type ShownRefund = RefundRow & ShownClaim & { orderName: string; paymentLink: string };

const shownColumns = `
  ${refundColumns}, p.order_name as "orderName", p.link as "paymentLink", c.id as "claimId",
  c.state as "claimState", c.kind as "claimKind", c.given_at as "claimGivenAt",
  c.expires_at as "claimExpiresAt", c.because as "claimBecause",
  encode(c.hash, 'hex') as "claimHash"`;
const shownJoins = `
  join payment p on p.id = r.payment_id
  left join lateral (
    select * from refund_claim where refund_id = r.id order by id desc limit 1) c on true`;

/** What a claim is judged by, and what its page shows. */
export type ClaimableRefund = ShownRefund & {
  /** Of a reward: from when on. */
  claimableAt: Date | null;
  shopDomain: string;
  /** Of the node at which the payment came in: what is given for it must be of the same. */
  network: ReadPaymentRequest['network'] | null;
  /** Payee keys of all nodes that the shop has or had. */
  ownIdentities: string[];
};

/** Null: there is no such refund. */
export const refundByLink = (db: Database, link: string): Promise<ClaimableRefund | null> =>
  record<ClaimableRefund>(
    db.pool,
    {
      name: 'view_refund_by_link',
      text: `
        select ${shownColumns}, s.domain as "shopDomain", n.network,
          w.claimable_at as "claimableAt",
          array(select own.identity from shop o join node own on own.shop_id = o.id
            where o.domain = s.domain) as "ownIdentities"
        from refund r ${shownJoins} join shop s on s.id = r.shop_id
          -- What came when its payment was over is no payment's own money, and came all the same.
          left join lateral (
            select node_id from invoice where payment_id = p.id and state = 'settled'
            order by (id = p.settled_invoice_id) desc nulls last, id limit 1) i on true
          left join node n on n.id = i.node_id
          left join reward w on w.refund_id = r.id
        where r.link = $1`,
    },
    [link],
  );

/** The refunds of one payment, the newest first; at most 100. */
export const refundsOfPayment = (db: Database, paymentId: string): Promise<ShownRefund[]> =>
  records<ShownRefund>(
    db.pool,
    {
      name: 'view_refunds_of_payment',
      text: `
        select ${shownColumns} from refund r ${shownJoins} where r.payment_id = $1::uuid
        order by r.opened_at desc, r.id desc limit 100`,
    },
    [paymentId],
  );

/** Where a page ends: the refund at its end. */
export type RefundCursor = { openedAt: Date; id: string };

/** The refunds of a shop, the newest first; `after`: older than that one. */
export const refundsOfShop = (
  db: Database,
  ask: {
    shopId: number;
    /** Empty: any. */
    states: readonly RefundState[];
    /** Rewards, or all that are none. */
    rewards: boolean;
    after: RefundCursor | undefined;
    limit: number;
  },
): Promise<ShownRefund[]> =>
  records<ShownRefund>(
    db.pool,
    {
      name: 'view_refunds_of_shop',
      text: `
        select ${shownColumns} from refund r ${shownJoins}
        where r.shop_id = any(${sameShop}) and r.state = any($2::refund_state[])
          and (r.origin = 'reward') = $6::boolean
          and ($3::timestamptz is null or (r.opened_at, r.id) < ($3::timestamptz, $4::uuid))
        order by r.opened_at desc, r.id desc limit $5`,
    },
    [
      ask.shopId,
      ask.states.length === 0 ? Object.keys(refundStates) : ask.states,
      ask.after?.openedAt ?? null,
      ask.after?.id ?? null,
      ask.limit,
      ask.rewards,
    ],
  );

/** One refund that this shop's staff may see; null: there is none. */
export const refundOfShop = (
  db: Database,
  ask: { shopId: number; id: string },
): Promise<ShownRefund | null> =>
  record<ShownRefund>(
    db.pool,
    {
      name: 'view_refund_of_shop',
      text: `
        select ${shownColumns} from refund r ${shownJoins}
        where r.shop_id = any(${sameShop}) and r.id = $2::uuid`,
    },
    [ask.shopId, ask.id],
  );

/** Why claims are not paid yet: the word of the signer for each that it has looked at. */
export async function wordsOfClaims(
  db: Database,
  claimIds: readonly bigint[],
): Promise<ReadonlyMap<bigint, string>> {
  if (claimIds.length === 0) return new Map();
  const found = await records<{ claimId: bigint; word: string }>(
    db.pool,
    {
      name: 'view_words_of_claims',
      text: `
        select claim_id as "claimId", because as word from payout
        where claim_id = any($1::bigint[]) and state in ('reserved', 'sent')
          -- Of these there is nothing to say but that it takes its time.
          and because not in ('reserved', 'reserved_unseen', 'sent', 'in_flight')
        union all
        select w.claim_id, w.word from payout_wait w
        where w.claim_id = any($1::bigint[])
          and not exists (select 1 from payout o where o.claim_id = w.claim_id)`,
    },
    [claimIds.map(String)],
  );
  return new Map(found.map(({ claimId, word }) => [claimId, word]));
}

/** The rows of the shop with the id $1: one for each of our apps that it has or had. */
const sameShop = sameShopAs('$1::int');

/** What a buyer is told of the reward of a payment. */
export type RewardSeen = {
  /** Its booking is a matter of moments. */
  isComing: boolean;
  /** Null, with all the others: there is none. */
  link: string | null;
  state: RefundState | null;
  reason: string | null;
  amountMsat: Msat | null;
  claimableAt: Date | null;
  claimEndsAt: Date | null;
};

/** The reward of a payment, as its buyer sees it; null: there is no such payment. */
export const rewardOfPayment = (db: Database, paymentId: string): Promise<RewardSeen | null> =>
  record<RewardSeen>(
    db.pool,
    {
      name: 'view_reward_of_payment',
      text: `
        select coalesce(t.due_at is not null and p.told_at > now() - interval '1 minute', false)
            as "isComing",
          r.link, r.state::text, r.reason, r.amount_msat as "amountMsat",
          w.claimable_at as "claimableAt", r.claim_ends_at as "claimEndsAt"
        from payment p left join reward_task t on t.id = p.id
          left join reward w on w.payment_id = p.id left join refund r on r.id = w.refund_id
        where p.id = $1::uuid`,
    },
    [paymentId],
  );

/** The newest refund of a payment that its buyer can claim, or has; null: there is none. */
export const claimableOfPayment = (
  db: Database,
  paymentId: string,
): Promise<{ link: string; state: RefundState } | null> =>
  record(
    db.pool,
    {
      name: 'view_claimable_of_payment',
      text: `
        select link, state from refund
        where payment_id = $1::uuid and state in ('claimable', 'claimed', 'paid')
          and origin <> 'reward'
        order by state = 'claimable' desc, opened_at desc, id desc limit 1`,
    },
    [paymentId],
  );

/** Refunds and rewards of the shop that come to nothing by themselves; each at most 1,000. */
export const refundsInNeed = async (db: Database, shopId: number): Promise<RefundsInNeed> => {
  const [needs] = await rows<RefundsInNeed>(
    db.pool,
    {
      name: 'view_refunds_in_need',
      text: `
        select (${countToApprove('$1::int')})::int as "toApprove",
          (${countUnseen('$1::int')})::int as unseen, (${countStuck('$1::int')})::int as stuck,
          (${countSwitchedOff('$1::int')})::int as "switchedOff",
          (${countUnpaidReceivers('$1::int')})::int as "unpaidReceivers"`,
    },
    [shopId],
  );
  return needs ?? { toApprove: 0, unseen: 0, stuck: 0, switchedOff: 0, unpaidReceivers: 0 };
};

/** How many refunds of the shop are in each state, without rewards; none: left out. */
export async function countRefunds(
  db: Database,
  shopId: number,
): Promise<Map<RefundState, number>> {
  const counts = await rows<{ state: RefundState; n: number }>(
    db.pool,
    {
      name: 'view_count_refunds',
      text: `
        select state::text, count(*)::int as n from refund
        where shop_id = any(${sameShop}) and origin <> 'reward' group by state`,
    },
    [shopId],
  );
  return new Map(counts.map(({ state, n }) => [state, n]));
}

/** What is left to be refunded of a payment of this shop; null: there is no such payment. */
export const refundableOfShop = (
  db: Database,
  ask: { shopId: number; paymentId: string },
): Promise<RefundableShown | null> =>
  record<RefundableShown>(
    db.pool,
    {
      name: 'view_refundable_of_shop',
      text: `
        select p.id as "paymentId", p.shop_id as "shopId", p.currency, p.test, p.state,
          case when p.state = 'resolved' and p.told_minor is not null
            then least(p.told_minor, q.fiat_minor) end as "capturedMinor",
          (select coalesce(sum(r.amount_minor), 0)::bigint from refund r
            where r.payment_id = p.id and (r.state not in ('withdrawn', 'done')
              or r.reason in ('paid_out', 'given_back_otherwise'))) as "refundedMinor"
        from payment p left join invoice i on i.id = p.settled_invoice_id
          left join quote q on q.id = i.quote_id
        where p.shop_id = any(${sameShop}) and p.id = $2::uuid`,
    },
    [ask.shopId, ask.paymentId],
  );

/** What came of a payment and nobody owed, and can be given back as a refund, in msat. */
export async function toGiveBack(
  db: Database,
  { paymentId: id, shopId, state }: Pick<RefundableShown, 'paymentId' | 'shopId' | 'state'>,
): Promise<bigint> {
  const leftMsat = (await sourceOf(db.pool, { id, shopId, state }))?.leftMsat ?? 0n;
  return leftMsat < 1_000n ? 0n : leftMsat;
}

export type RefundableShown = {
  paymentId: string;
  /** The row of the shop to which the payment belongs. */
  shopId: number;
  state: PaymentState;
  currency: Currency;
  test: boolean;
  capturedMinor: Minor | null;
  refundedMinor: Minor;
};
