// Shares of settled payments: the rules of a shop, what was booked by them, and the batches in
// which it is paid out. A share is booked and changed under the lock of its payment; of several
// payments the smaller id first. Nothing here can pay: the signer reads what is given.
import { accountOf } from '../core/ledger.ts';
import { msat, type Currency, type Minor, type Msat } from '../core/money.ts';
import type { PayAddress } from '../core/pay-address.ts';
import { payAddressText } from '../core/pay-address.ts';
import {
  usualLeastMsat,
  whyNoRule,
  type DueShare,
  type RuleRefusal,
  type ShareAmount,
  type ShareRule,
} from '../core/share.ts';
import { wakePools } from './announce.ts';
import type { Database, Queryable } from './database.ts';
import { rows, transaction } from './database.ts';
import { nudge, shareLane, type Lane } from './lanes.ts';
import { record, records } from './records.ts';
import { lockPayments } from './refunds.ts';

export type ShareTerms = { sharesOn: boolean; pausedAt: Date | null; leastMsat: Msat };

/** What a shop has chosen; without a word of it nothing is shared. */
export async function shareTermsOf(db: Database, shopId: number): Promise<ShareTerms> {
  const found = await record<ShareTerms>(
    db.pool,
    {
      name: 'share_terms_of',
      text: `
        select shares_on as "sharesOn", paused_at as "pausedAt", least_msat as "leastMsat"
        from share_terms where shop_id = $1`,
    },
    [shopId],
  );
  return found ?? { sharesOn: false, pausedAt: null, leastMsat: usualLeastMsat };
}

/** Whoever waited for it is looked at again. */
export async function storeShareTerms(
  db: Database,
  about: { shopId: number; sharesOn: boolean; paused: boolean; leastMsat: Msat },
): Promise<void> {
  await transaction(db, async (on) => {
    await rows(
      on,
      {
        name: 'share_terms_store',
        text: `
          insert into share_terms as t (shop_id, shares_on, paused_at, least_msat)
          values ($1, $2, case when $3 then now() end, $4)
          on conflict (shop_id) do update set shares_on = $2, least_msat = $4,
            paused_at = case when $3 then coalesce(t.paused_at, now()) end`,
      },
      [about.shopId, about.sharesOn, about.paused, about.leastMsat],
    );
    await wakeReceivers(on, about.shopId);
  });
}

/** Who is owed something by the shop, in whichever of its apps, is looked at at once. */
export async function wakeReceivers(on: Queryable, shopId: number): Promise<void> {
  const woken = await rows<{ lane: Lane }>(
    on,
    {
      name: 'share_receivers_wake',
      text: `
        update share_receiver r set due_at = now(), attempts = 0
        where r.shop_id in (
            select o.id from shop s join shop o on o.domain = s.domain where s.id = $1)
          and exists (select 1 from share s where s.receiver_id = r.id and s.state <> 'paid')
        returning r.lane`,
    },
    [shopId],
  );
  await nudge(on, [...new Set(woken.map(({ lane }) => lane))].sort());
}

type RawRule = {
  id: bigint;
  receiver_id: bigint;
  vendor: string | null;
  part_bp: number | null;
  fixed_msat: bigint | null;
};
const ruleOf = (raw: RawRule): ShareRule => ({
  id: raw.id,
  receiverId: raw.receiver_id,
  vendor: raw.vendor,
  amount: amountOf(raw),
});
export const amountOf = (raw: Pick<RawRule, 'part_bp' | 'fixed_msat'>): ShareAmount =>
  raw.part_bp === null ? { fixedMsat: msat(raw.fixed_msat ?? 0n) } : { partBp: raw.part_bp };

/**
 * Adds a rule in favour of a Lightning address, unless all of them together would be too much. One
 * address is one receiver, and has the name that was given last.
 */
export const addShareRule = (
  db: Database,
  rule: {
    shopId: number;
    name: string;
    address: PayAddress;
    vendor: string | null;
    amount: ShareAmount;
    by: string | undefined;
  },
): Promise<RuleRefusal | undefined> =>
  transaction(db, async (on) => {
    const { shopId, amount, vendor } = rule;
    // One after the other: the sum is read by the next statement.
    const text = 'select id from shop where id = $1 for no key update';
    await rows(on, { name: 'share_rules_lock', text }, [shopId]);
    const refusal = whyNoRule(await rulesInForce(on, shopId), { vendor, amount });
    if (refusal !== undefined) return refusal;
    await rows(
      on,
      {
        name: 'share_rule_add',
        text: `
          with receiver as (
            insert into share_receiver as r (shop_id, name, address, lane)
            values ($1, $2, $3, $4)
            on conflict (shop_id, address) do update set name = excluded.name returning r.id)
          insert into share_rule (shop_id, receiver_id, vendor, part_bp, fixed_msat, made_by)
          select $1, id, $5, $6, $7, $8 from receiver`,
      },
      [
        ...[shopId, rule.name, payAddressText(rule.address), shareLane(shopId), vendor],
        'partBp' in amount ? amount.partBp : null,
        'fixedMsat' in amount ? amount.fixedMsat : null,
        rule.by ?? null,
      ],
    );
    return undefined;
  });

async function rulesInForce(on: Queryable, shopId: number): Promise<ShareRule[]> {
  const found = await records<RawRule>(
    on,
    {
      name: 'share_rules_in_force',
      text: `
        select id, receiver_id, vendor, part_bp, fixed_msat from share_rule
        where shop_id = $1 and ended_at is null order by share_rule.id`,
    },
    [shopId],
  );
  return found.map(ruleOf);
}

/** What was booked by it stays owed. False: there is no such rule in force. */
export async function endShareRule(
  db: Database,
  about: { shopId: number; ruleId: bigint; by: string | undefined },
): Promise<boolean> {
  const ended = await rows(
    db.pool,
    {
      name: 'share_rule_end',
      text: `
        update share_rule set ended_at = now(), ended_by = $3
        where id = $2 and shop_id = $1 and ended_at is null returning id`,
    },
    [about.shopId, about.ruleId, about.by ?? null],
  );
  return ended.length === 1;
}

/** What is known of a payment whose shares are to be booked. */
export type ToShare = {
  paymentId: string;
  shopId: number;
  origin: 'order' | 'payment_session';
  originId: string;
  currency: Currency;
  uninstalledAt: Date | null;
  /** When Shopify accepted it. */
  toldAt: Date;
  /** That were in force when Shopify accepted the payment, of all apps of its shop. */
  rules: ShareRule[];
};

/** Null: its shares are booked, or none ever will be. */
export async function paymentToShare(db: Database, id: string): Promise<ToShare | null> {
  const payment = await record<Omit<ToShare, 'rules'>>(
    db.pool,
    {
      name: 'share_payment',
      text: `
        select p.id as "paymentId", p.shop_id as "shopId", p.origin::text, p.currency,
          p.origin_id as "originId", s.uninstalled_at as "uninstalledAt", p.told_at as "toldAt"
        from payment p join shop s on s.id = p.shop_id
        where p.id = $1::uuid and p.state = 'resolved' and not p.test and p.told_at is not null
          and not exists (select 1 from share where payment_id = p.id)`,
    },
    [id],
  );
  if (payment === null) return null;
  const rules = await records<RawRule>(
    db.pool,
    {
      name: 'share_rules_then',
      text: `
        select r.id, r.receiver_id, r.vendor, r.part_bp, r.fixed_msat
        from shop s join shop o on o.domain = s.domain join share_rule r on r.shop_id = o.id
        where s.id = $1 and r.made_at <= $2 and (r.ended_at is null or r.ended_at > $2)
        order by r.id`,
    },
    [payment.shopId, payment.toldAt],
  );
  return { ...payment, rules: rules.map(ruleOf) };
}

/** What a payment has to share: after its refunds, and no more than stands in its account. */
export type Shareable = {
  receivedMsat: Msat;
  /** What Shopify accepted and was not refunded; and what stands in the account. */
  keptMsat: Msat;
  leftMsat: Msat;
  capturedMinor: Minor;
  refundedMinor: Minor;
};

export async function shareableOf(
  on: Queryable,
  about: { paymentId: string; account: string },
): Promise<Shareable | undefined> {
  const found = await record<{
    told_msat: bigint;
    left_msat: bigint;
    captured: bigint | null;
    refunded: bigint;
  }>(
    on,
    {
      name: 'share_shareable',
      text: `
        select
          (select coalesce(sum(amount_msat), 0)::bigint from posting where payment_id = p.id
            and journal = 'verdict:' || p.id::text and to_account = $2) as told_msat,
          (select coalesce(sum(case when to_account = $2 then amount_msat else -amount_msat end),
              0)::bigint
            from posting where payment_id = p.id and $2 in (from_account, to_account))
            as left_msat,
          least(p.told_minor, q.fiat_minor) as captured,
          (select coalesce(sum(r.amount_minor), 0)::bigint from refund r
            where r.payment_id = p.id and (r.state not in ('withdrawn', 'done')
              or r.reason in ('paid_out', 'given_back_otherwise'))) as refunded
        from payment p left join invoice i on i.id = p.settled_invoice_id
          left join quote q on q.id = i.quote_id
        where p.id = $1::uuid`,
    },
    [about.paymentId, about.account],
  );
  if (found?.captured == null || found.captured <= found.refunded) return undefined;
  const { told_msat: toldMsat, left_msat: leftMsat, captured, refunded } = found;
  const keptMsat = (toldMsat * (captured - refunded)) / captured;
  const receivedMsat = keptMsat < leftMsat ? keptMsat : leftMsat;
  if (receivedMsat <= 0n) return undefined;
  return {
    ...{ receivedMsat: msat(receivedMsat), keptMsat: msat(keptMsat), leftMsat: msat(leftMsat) },
    capturedMinor: (captured - refunded) as Minor,
    refundedMinor: refunded as Minor,
  };
}

/**
 * Books the shares of a payment, once for ever, and lets its task rest. `decide` says what they
 * are of what there is to share at that moment. False: somebody else has the task.
 */
export const bookShares = (
  db: Database,
  about: { paymentId: string; shopId: number; leaseNo: number },
  decide: (there: Shareable) => readonly DueShare[],
): Promise<boolean> =>
  transaction(db, async (on) => {
    const { paymentId, shopId } = about;
    await lockPayments(on, [paymentId]);
    const [task] = await rows(
      on,
      {
        name: 'share_task_done',
        text: `
          update share_task set due_at = null, lease_until = null, attempts = 0
          where id = $1::uuid and lease_no = $2 and due_at is not null returning id`,
      },
      [paymentId, about.leaseNo],
    );
    if (task === undefined) return false;
    const account = accountOf('resolved', shopId);
    const there = await shareableOf(on, { paymentId, account });
    const shares = there === undefined ? [] : decide(there);
    if (there === undefined || shares.length === 0) return true;
    const [booked] = await rows<{ nudged: number }>(on, { name: 'share_book', text: bookText }, [
      ...[paymentId, shopId, there.capturedMinor, there.refundedMinor],
      shares.map(({ ruleId }) => ruleId),
      shares.map(({ receiverId }) => receiverId),
      shares.map(({ amountMsat }) => amountMsat),
      ...[account, accountOf('sharing', shopId)],
    ]);
    wakePools(on, booked?.nudged ?? 0);
    return true;
  });

const bookText = `
  with booked as (
    insert into share (payment_id, shop_id, rule_id, receiver_id, base_msat, amount_msat,
      captured_minor, refunded_minor)
    select $1::uuid, $2, d.rule_id, d.receiver_id, d.amount_msat, d.amount_msat, $3, $4
    from unnest($5::bigint[], $6::bigint[], $7::bigint[]) as d (rule_id, receiver_id, amount_msat)
    order by d.rule_id returning id, receiver_id, amount_msat),
  line as (
    insert into history (payment_id, what, because, details)
    select $1::uuid, 'share', 'booked', jsonb_build_object('share', id::text, 'receiver',
      receiver_id::text, 'amountMsat', amount_msat::text) from booked order by id),
  money as (
    insert into posting (payment_id, journal, from_account, to_account, amount_msat)
    select $1::uuid, 'share:' || id, $8, $9, amount_msat from booked order by id),
  woken as (
    -- One whose server gave no invoice keeps its time.
    update share_receiver r set due_at = case when r.attempts > 0 then coalesce(r.due_at, now())
      else now() end
    where r.id in (select receiver_id from booked) returning r.lane),
  nudged as (select nudge(array_agg(distinct lane)) as n from woken having count(*) > 0)
  select coalesce(sum(n), 0)::int as nudged from nudged`;
