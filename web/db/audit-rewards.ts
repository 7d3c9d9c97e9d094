// What the live database must say of rewards, as `audit.ts` asks it: no rows is the proof.
import type { Rule } from './audit.ts';

export const rewardRules: readonly Rule[] = [
  {
    rule: 'I14',
    says: 'A payment has one reward at most, within a fifth of what was accepted.',
    text: `
      select r.id::text as what from refund r left join reward w on w.refund_id = r.id
      where (r.origin = 'reward') <> (w.refund_id is not null)
        or (r.origin = 'reward' and (r.amount_minor <> 0 or r.test or r.payment_id <> w.payment_id
          or r.amount_msat is null or r.amount_msat > w.base_msat))
      union all
      select w.payment_id::text from reward w join payment p on p.id = w.payment_id
      where w.base_msat > (
        select coalesce(sum(amount_msat), 0) from posting
        where payment_id = w.payment_id and journal = 'verdict:' || w.payment_id::text
          and to_account = 'resolved:' || p.shop_id) / 5`,
  },
  {
    rule: 'I14',
    says: 'What a reward owes its buyer stands in the books from its booking to its end.',
    text: `
      select r.id::text as what from refund r cross join lateral (
        select coalesce(sum(case when to_account = 'rewarding:' || r.shop_id then amount_msat
            else -amount_msat end), 0) as owed
        from posting where payment_id = r.payment_id
          and 'rewarding:' || r.shop_id in (from_account, to_account)) b
      where r.origin = 'reward' and b.owed <> case
        when r.state in ('asked', 'claimable', 'claimed') then r.amount_msat else 0 end
      union all
      select payment_id::text from posting
      where 'rewarding' in (split_part(from_account, ':', 1), split_part(to_account, ':', 1))
        and payment_id not in (select payment_id from reward)`,
  },
  {
    rule: 'I14',
    says: 'What a refund leaves of a reward that nobody has claimed is what the rule says.',
    text: `
      select r.id::text as what from reward w join refund r on r.id = w.refund_id
      cross join lateral (
        select coalesce(sum(o.amount_minor), 0) as refunded from refund o
        where o.payment_id = w.payment_id and (o.state not in ('withdrawn', 'done')
          or o.reason in ('paid_out', 'given_back_otherwise'))) f
      where r.state in ('asked', 'claimable') and r.amount_msat <> div(
        w.base_msat::numeric * least(w.captured_minor,
          greatest(0, w.captured_minor - (f.refunded - w.refunded_minor))),
        w.captured_minor::numeric * 1000) * 1000`,
  },
];
