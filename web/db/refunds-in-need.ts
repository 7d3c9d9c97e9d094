// Refunds and shares that come to nothing by themselves, as the first page and the alerts read
// them: one reading, so that whoever follows an alert sees there what it says.

export type RefundsInNeed = {
  toApprove: number;
  unseen: number;
  stuck: number;
  /** For refunds to be switched on. */
  switchedOff: number;
  /** Of shares. */
  unpaidReceivers: number;
};

/** A shop has one row for each of its apps here. `shop` is SQL: the id of one of them. */
export const sameShopAs = (shop: string): string => `
  array(select o.id from shop s join shop o on o.domain = s.domain where s.id = ${shop})`;

/** So long after it was given a claim waits for nobody but a signer that does not work. */
const unseenFor = `interval '10 minutes'`;
const signerWorks = `exists (
  select 1 from signer_report where signs and said_at > now() - ${unseenFor})`;

const countAsked = (shop: string, reason: string): string => `
  select count(*) from (
    select 1 from refund
    where shop_id = any(${sameShopAs(shop)}) and state = 'asked' and reason = '${reason}'
    limit 1000) waiting`;

/** Above what goes out without a person; at most 1,000. */
export const countToApprove = (shop: string): string => countAsked(shop, 'approval_wanted');

/** Asked for, and refunds are off: nobody prices them, and nobody claims them; at most 1,000. */
export const countSwitchedOff = (shop: string): string => countAsked(shop, 'refunds_off');

/** With the invoice that its buyer gave, and what the signer has done or said about it. */
const claimedOf = (shop: string): string => `
  refund r
      join refund_claim c on c.refund_id = r.id and c.state = 'given'
      left join payout o on o.claim_id = c.id
      left join payout_wait w on w.claim_id = c.id
    where r.shop_id = any(${sameShopAs(shop)}) and r.state = 'claimed'`;
const canPay = `exists (
  select 1 from purse p where p.shop_id = purse_of(r.shop_id) and p.paused_at is null)`;

/** Claimed for ten minutes without a signer that works, or can work on them; at most 1,000. */
export const countUnseen = (shop: string): string => `
  select count(*) from (
    select 1 from ${claimedOf(shop)}
      and c.given_at < now() - ${unseenFor}
      and (not ${signerWorks} or (o.id is null and (w.claim_id is null or not ${canPay})))
    limit 1000) claimed`;

/** So long what goes wrong may mend itself: liquidity comes, a ceiling of a day has room again. */
const stuckFor = `interval '6 hours'`;

/**
 * Tried by a signer that works, and waiting, for one reason or another, since its buyer claimed it
 * first, with however many invoices; at most 1,000. What is on its way is not among them: nobody
 * can do more for it.
 */
export const countStuck = (shop: string): string => `
  select count(*) from (
    select 1 from ${claimedOf(shop)}
      and (select min(x.given_at) from refund_claim x where x.refund_id = r.id)
        < now() - ${stuckFor} and ${signerWorks}
      and case when o.id is null then w.claim_id is not null and ${canPay}
        else o.state in ('reserved', 'sent') and o.because <> 'in_flight'
          and o.reserved_at < now() - ${unseenFor} end
    limit 1000) stuck`;

/** Who is owed shares, and could not be paid for a day since something failed; at most 1,000. */
export const countUnpaidReceivers = (shop: string): string => `
  select count(*) from (
    select 1 from share_receiver r
    where r.shop_id = any(${sameShopAs(shop)})
      and (r.word is not null and r.word_since < now() - interval '1 day' and exists (
          select 1 from share h
          where h.receiver_id = r.id and h.state = 'owed' and h.amount_msat > 0)
        or exists (
          select 1 from share_batch b join payout_wait w on w.claim_id = b.claim_id
          where b.receiver_id = r.id and b.state = 'given'
            and w.since < now() - interval '1 day'))
    limit 1000) unpaid`;

/**
 * What one time of unseen claims has in common, and the next has not: since when no signer works,
 * or the purse is paused. Neither: the day.
 */
export const episodeOfUnseen = (shop: string): string => `
  case when not ${signerWorks} then 'signer:' || coalesce((
      select extract(epoch from max(said_at))::bigint::text from signer_report where signs), 'none')
    else coalesce((
      select 'purse:' || extract(epoch from p.paused_at)::bigint from purse p
      where p.shop_id = purse_of(${shop}) and p.paused_at is not null),
      'day:' || to_char(now() at time zone 'UTC', 'YYYY-MM-DD')) end`;
