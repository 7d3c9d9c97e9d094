// What the live database must say of money that goes out, as `audit.ts` asks it: no rows is the
// proof.
import type { Rule } from './audit.ts';

export const paidOutRules: readonly Rule[] = [
  {
    rule: 'I14',
    says: 'What a shop has paid out, and its fees, is what the signer proved and was taken over.',
    // What the signer has just paid is booked with the refund or the batch that takes it over.
    text: `
      select account || ': booked ' || sum(booked) || ' of ' || sum(sent) as what from (
        select to_account || case when from_account like 'fees:%' then ' (fees)' else '' end
            as account, amount_msat as booked, 0 as sent from posting
        where split_part(to_account, ':', 1) in ('paid_out', 'shared')
        union all
        -- Nothing comes back of it.
        select from_account, -amount_msat, 0 from posting
        where split_part(from_account, ':', 1) in ('paid_out', 'shared')
        union all
        select taken.account || part.name, 0, part.msat from (
          select 'paid_out:' || r.shop_id as account, o.amount_msat, o.fee_msat
          from payout o join refund_claim c on c.id = o.claim_id join refund r on r.id = c.refund_id
          where o.state = 'paid' and r.state in ('paid', 'done') and r.reason = 'paid_out'
          union all
          select 'shared:' || b.shop_id, o.amount_msat, o.fee_msat
          from payout o join share_batch b on b.claim_id = o.claim_id
          where o.state = 'paid' and b.state = 'paid') taken
        cross join lateral (values ('', amount_msat), (' (fees)', fee_msat)) as part (name, msat)
      ) both_sides
      group by account having sum(booked) <> sum(sent)`,
  },
];
