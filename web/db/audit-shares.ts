// What the live database must say of shares, as `audit.ts` asks it: no rows is the proof.
import type { Rule } from './audit.ts';

export const shareRules: readonly Rule[] = [
  {
    rule: 'I14',
    says: 'All shares of a payment are within what Shopify has accepted of it, in its own shop.',
    text: `
      select s.payment_id::text as what from share s join payment p on p.id = s.payment_id
      where s.shop_id <> p.shop_id
      union all
      select s.payment_id::text from share s
      group by s.payment_id, s.shop_id
      having sum(s.base_msat) > (
        select coalesce(sum(amount_msat), 0) from posting
        where payment_id = s.payment_id and journal = 'verdict:' || s.payment_id::text
          and to_account = 'resolved:' || s.shop_id)`,
  },
  {
    rule: 'I14',
    says: 'What a share owes its receiver stands in the books until it is paid.',
    text: `
      select s.payment_id::text as what from share s cross join lateral (
        select coalesce(sum(case when to_account = 'sharing:' || s.shop_id then amount_msat
            else -amount_msat end), 0) as owed
        from posting where payment_id = s.payment_id
          and 'sharing:' || s.shop_id in (from_account, to_account)) b
      group by s.payment_id, s.shop_id, b.owed
      having b.owed <> coalesce(sum(s.amount_msat) filter (where s.state <> 'paid'), 0)
      union all
      select payment_id::text from posting
      where 'sharing' in (split_part(from_account, ':', 1), split_part(to_account, ':', 1))
        and payment_id not in (select payment_id from share)`,
  },
  {
    rule: 'I14',
    says: 'A batch is paid once, over just what its shares are, with the proof.',
    text: `
      select b.id::text as what from share_batch b left join lateral (
        select sum(amount_msat) as together, bool_and(state = 'batched') as waits,
          bool_and(state = 'paid') as paid
        from share where batch_id = b.id) s on true
      where (b.state = 'given' and (s.together is distinct from b.amount_msat or not s.waits))
        or (b.state = 'paid' and (s.together is distinct from b.amount_msat or not s.paid))
        or (b.state = 'failed' and s.together is not null)
      union all
      select b.id::text from share_batch b
      where b.state = 'paid' and 1 <> (
        select count(*) from payout o where o.subject = 'share:' || b.id::text
          and o.claim_id = b.claim_id and o.state = 'paid' and o.hash = b.hash
          and sha256(o.preimage) = b.hash and o.amount_msat = b.amount_msat)
      union all
      -- What the signer has paid is taken over, or about to be; and never owed again.
      select b.id::text from payout o join share_batch b on b.claim_id = o.claim_id
      where o.state = 'paid' and b.state not in ('given', 'paid')`,
  },
  {
    rule: 'I14',
    says: 'What a refund leaves of a share that is not on its way is what the rule says.',
    text: `
      select s.payment_id::text as what from share s cross join lateral (
        select coalesce(sum(r.amount_minor), 0) as refunded from refund r
        where r.payment_id = s.payment_id and (r.state not in ('withdrawn', 'done')
          or r.reason in ('paid_out', 'given_back_otherwise'))) f
      where s.state = 'owed' and s.amount_msat <> div(s.base_msat::numeric * least(
          s.captured_minor, greatest(0, s.captured_minor - (f.refunded - s.refunded_minor))),
        s.captured_minor::numeric * 1000) * 1000`,
  },
];
