// Rewards of settled payments: what a shop gives by rule, and what was booked. From then on a
// reward is a refund of no fiat money, with states, claim and payout of one; how much of it a
// refund of its order leaves is the database's (`reward_adjust`). Booked and changed under the lock
// of its payment. Nothing here can pay.
import { accountOf } from '../core/ledger.ts';
import type { Currency, Msat } from '../core/money.ts';
import { usualRewardTerms, type RewardTerms } from '../core/reward.ts';
import { sayMoved } from './announce.ts';
import type { Database } from './database.ts';
import { rows, transaction } from './database.ts';
import { record, records } from './records.ts';
import { insertRefund, lockPayments } from './refunds.ts';
import { shareableOf, type Shareable } from './shares.ts';

/** What a shop has chosen; without a word of it nothing is given. */
export async function rewardTermsOf(db: Database, shopId: number): Promise<RewardTerms> {
  const found = await record<RewardTerms>(
    db.pool,
    {
      name: 'reward_terms_of',
      text: `
        select rewards_on as "rewardsOn", part_bp as "partBp", least_msat as "leastMsat",
          most_msat as "mostMsat", wait_days as "waitDays", claim_days as "claimDays"
        from reward_terms where shop_id = $1`,
    },
    [shopId],
  );
  return found ?? usualRewardTerms;
}

/** For payments that Shopify accepts from now on; what was booked stays what it was. */
export async function storeRewardTerms(
  db: Database,
  { shopId, ...terms }: RewardTerms & { shopId: number },
): Promise<void> {
  await rows(
    db.pool,
    {
      name: 'reward_terms_store',
      text: `
        insert into reward_terms (shop_id, rewards_on, part_bp, least_msat, most_msat, wait_days,
          claim_days)
        values ($1, $2, $3, $4, $5, $6, $7)
        on conflict (shop_id) do update set rewards_on = $2, part_bp = $3, least_msat = $4,
          most_msat = $5, wait_days = $6, claim_days = $7`,
    },
    [
      ...[shopId, terms.rewardsOn, terms.partBp, terms.leastMsat, terms.mostMsat],
      ...[terms.waitDays, terms.claimDays],
    ],
  );
}

/** A payment of which a reward is to be booked, with the terms of the moment it was accepted. */
export type ToReward = Omit<RewardTerms, 'rewardsOn'> & {
  paymentId: string;
  shopId: number;
  currency: Currency;
  /** Its shares come first: what they leave is what the shop can give. */
  sharesWait: boolean;
};

/** Null: that was done, or there is nothing to do. */
export const paymentToReward = (db: Database, id: string): Promise<ToReward | null> =>
  record<ToReward>(
    db.pool,
    {
      name: 'reward_payment',
      text: `
        select p.id as "paymentId", p.shop_id as "shopId", p.currency, t.part_bp as "partBp",
          t.least_msat as "leastMsat", t.most_msat as "mostMsat", t.wait_days as "waitDays",
          t.claim_days as "claimDays",
          exists (select 1 from share_task s where s.id = p.id and s.due_at is not null)
            as "sharesWait"
        from reward_task t join payment p on p.id = t.id
        where t.id = $1::uuid and t.due_at is not null and p.state = 'resolved' and not p.test`,
    },
    [id],
  );

/**
 * Books the reward of a payment, once for ever, and lets its task rest. `decide` says what it is of
 * what there is at that moment. False: somebody else has the task, or its shares come first.
 */
export const bookReward = (
  db: Database,
  about: { payment: ToReward; leaseNo: number },
  decide: (there: Shareable) => Msat | undefined,
): Promise<boolean> =>
  transaction(db, async (on) => {
    const { paymentId, shopId, currency, waitDays, claimDays } = about.payment;
    await lockPayments(on, [paymentId]);
    const [task] = await rows(
      on,
      {
        name: 'reward_task_done',
        text: `
          update reward_task set due_at = null, lease_until = null, attempts = 0
          where id = $1::uuid and lease_no = $2 and due_at is not null
            and not exists (select 1 from share_task s where s.id = $1::uuid
              and s.due_at is not null)
          returning id`,
      },
      [paymentId, about.leaseNo],
    );
    if (task === undefined) return false;
    const account = accountOf('resolved', shopId);
    const there = await shareableOf(on, { paymentId, account });
    const amountMsat = there === undefined ? undefined : decide(there);
    if (there === undefined || amountMsat === undefined) return true;
    const refund = await insertRefund(on, {
      ...{ shopId, paymentId, origin: 'reward', originId: paymentId, currencyCode: currency },
      ...{ amountMinor: undefined, amountMsat, source: 'resolved', test: false },
      ...{ openedBy: undefined, note: undefined },
    });
    if (refund === null) return true;
    const [booked] = await rows<{ link: string }>(on, { name: 'reward_book', text: bookText }, [
      ...[refund.id, paymentId, amountMsat, there.capturedMinor, there.refundedMinor],
      ...[waitDays, claimDays, account, accountOf('rewarding', shopId)],
    ]);
    if (booked !== undefined) sayMoved(on, [booked.link]);
    return true;
  });

const bookText = `
  with booked as (
    insert into reward (refund_id, payment_id, base_msat, captured_minor, refunded_minor,
      claimable_at, claim_days)
    select $1::uuid, id, $3, $4, $5, told_at + $6 * interval '1 day', $7
    from payment where id = $2::uuid returning payment_id),
  money as (
    insert into posting (payment_id, journal, from_account, to_account, amount_msat)
    select payment_id, 'refund:' || $1::text, $8, $9, $3 from booked)
  select p.link from booked join payment p on p.id = booked.payment_id`;

/** From when on it can be claimed; null: there is no such reward. */
export const rewardById = (db: Database, refundId: string): Promise<{ claimableAt: Date } | null> =>
  record<{ claimableAt: Date }>(
    db.pool,
    {
      name: 'reward_by_id',
      text: 'select claimable_at as "claimableAt" from reward where refund_id = $1::uuid',
    },
    [refundId],
  );

/** Its buyer may claim it from here on. False: it is not its time, or somebody was faster. */
export const rewardIsReady = (
  db: Database,
  about: { id: string; paymentId: string; leaseNo: number },
): Promise<boolean> =>
  transaction(db, async (on) => {
    await lockPayments(on, [about.paymentId]);
    const [ready] = await rows<{ link: string }>(on, { name: 'reward_ready', text: readyText }, [
      ...[about.id, about.leaseNo],
    ]);
    if (ready === undefined) return false;
    sayMoved(on, [ready.link]);
    return true;
  });

const readyText = `
  with ready as (
    update refund r set state = 'claimable', reason = 'reward_ready', attempts = 0,
      lease_until = null, claim_ends_at = now() + w.claim_days * interval '1 day',
      due_at = now() + w.claim_days * interval '1 day'
    from reward w
    where r.id = $1::uuid and w.refund_id = r.id and r.state = 'asked' and r.lease_no = $2
    returning r.id, r.payment_id),
  line as (
    insert into history (payment_id, what, because, details)
    select payment_id, 'refund', 'reward_ready', jsonb_build_object('refund', id::text,
      'to', 'claimable') from ready)
  select p.link from ready join payment p on p.id = ready.payment_id`;

/**
 * The order of these payments was cancelled: none is booked any more, and what was claimed is over
 * if it cannot be paid. Gives what was booked and nobody has claimed, which the caller takes back.
 */
export const endRewardsOfOrder = (
  db: Database,
  about: { shopId: number; originId: string },
): Promise<{ id: string; paymentId: string }[]> =>
  transaction(db, async (on) => {
    const found = await rows<{ id: string }>(
      on,
      {
        name: 'reward_payments_of_order',
        text: `
          select p.id from payment p where p.shop_id = $1 and p.origin_id = $2
            and exists (select 1 from reward_task t where t.id = p.id) order by p.id`,
      },
      [about.shopId, about.originId],
    );
    const ids = found.map(({ id }) => id);
    if (ids.length === 0) return [];
    await lockPayments(on, ids);
    await rows(
      on,
      {
        name: 'reward_tasks_end',
        text: `
          update reward_task set due_at = null, lease_until = null, attempts = 0
          where id = any($1::uuid[]) and due_at is not null`,
      },
      [ids],
    );
    await rows(
      on,
      {
        name: 'reward_orders_cancelled',
        text: `
          update reward set order_cancelled_at = now()
          where payment_id = any($1::uuid[]) and order_cancelled_at is null`,
      },
      [ids],
    );
    return records<{ id: string; paymentId: string }>(
      on,
      {
        name: 'reward_unclaimed',
        text: `
          select r.id, r.payment_id as "paymentId" from reward w join refund r on r.id = w.refund_id
          where w.payment_id = any($1::uuid[]) and r.state in ('asked', 'claimable')
          order by w.payment_id`,
      },
      [ids],
    );
  });
