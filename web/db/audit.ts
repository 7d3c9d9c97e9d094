// The invariants that the live database can answer alone, as questions. Each answers with the rows
// that break it; no rows is the proof. Those that need an outsider's word - a node's list, what
// was done at Shopify, the answers that somebody got, secrets to look for - stand in
// `audit-outside.ts`. The tests, the storm and the operator's `audit` ask the same.
import { paymentMoves } from '../core/payment.ts';
import { paidOutRules } from './audit-paid-out.ts';
import { rewardRules } from './audit-rewards.ts';
import { shareRules } from './audit-shares.ts';
import type { Database } from './database.ts';
import { answerWithinMs, rows, transaction } from './database.ts';

export type Violation = { rule: string; says: string; what: string };

export type Rule = {
  rule: string;
  says: string;
  /** Rows with one text column `what`. At most 100 are asked for. */
  text: string;
};

const arrows = Object.entries(paymentMoves)
  .flatMap(([from, tos]) => tos.map((to) => `('${from}', '${to}')`))
  .join(', ');

export const rules: readonly Rule[] = [
  {
    rule: 'I1',
    says: 'A payment is told as paid only with a settled invoice of its own that brought enough.',
    text: `
      select p.id::text as what from payment p left join invoice i on i.id = p.settled_invoice_id
      where p.state in ('settled', 'resolved', 'stranded')
        and (i.id is null or i.payment_id <> p.id or i.state <> 'settled'
          or i.paid_msat < i.amount_msat)`,
  },
  {
    rule: 'I1',
    says: 'A settled invoice is never without consequence.',
    text: `
      select p.id::text as what from invoice i join payment p on p.id = i.payment_id
      where i.state = 'settled' and p.state in ('open', 'held', 'closing')`,
  },
  {
    rule: 'I2',
    says: 'A payment has at most one verdict.',
    text: `
      select payment_id::text as what from history where "to" in ('resolved') or "from" = 'settled'
      group by payment_id, "from" having count(*) > 1`,
  },
  {
    rule: 'I4',
    says: 'No settlement without proof: the preimage hashes to the payment hash.',
    text: `
      select encode(hash, 'hex') as what from invoice
      where state = 'settled' and (preimage is null or sha256(preimage) <> hash)`,
  },
  {
    rule: 'I5',
    says: 'A payment has at most one payable invoice, and a hash belongs to one payment.',
    text: `
      select payment_id::text as what from invoice where state in ('made', 'live')
      group by payment_id having count(*) > 1`,
  },
  {
    rule: 'I5',
    says: 'A payment hash is bound to one payment for ever.',
    text: `
      select encode(hash, 'hex') as what from invoice group by hash having count(*) > 1`,
  },
  {
    rule: 'I5',
    says: 'An invoice asks what its own quote promised, for the same payment.',
    text: `
      select encode(i.hash, 'hex') as what from invoice i join quote q on q.id = i.quote_id
      where q.payment_id <> i.payment_id or q.amount_msat <> i.amount_msat`,
  },
  {
    rule: 'I5',
    says: 'A quote is what its payment’s history says was promised.',
    text: `
      select 'quote ' || q.id || ' of ' || q.payment_id as what from quote q where not exists (
        select 1 from history h where h.payment_id = q.payment_id and h.what = 'quoted'
          and h.details ->> 'amountMsat' = q.amount_msat::text
          and h.details ->> 'fiatMinor' = q.fiat_minor::text
          and h.details ->> 'currency' = q.currency)`,
  },
  {
    rule: 'I6',
    says: 'States move only along the table of the story.',
    text: `
      select payment_id::text || ': ' || "from" || ' to ' || "to" as what from history
      where "to" is not null and ("from"::text, "to"::text) not in (${arrows})`,
  },
  {
    rule: 'I6',
    says: 'The last move of a payment leads to the state that it is in.',
    text: `
      select p.id::text as what from payment p left join lateral (
        select "to" from history where payment_id = p.id and "to" is not null order by id desc
          limit 1) h on true
      where coalesce(h."to"::text, 'open') <> p.state::text`,
  },
  {
    rule: 'I6',
    says: 'A lapsed payment has no invoice that anybody could pay.',
    text: `
      select p.id::text as what from payment p join invoice i on i.payment_id = p.id
      where p.state in ('lapsed', 'rejected') and i.state in ('made', 'live')`,
  },
  {
    rule: 'I7',
    says: 'The cursor of a stream never passes a settlement that is not recorded.',
    text: `
      select 'node ' || n.id as what from node n where n.stream_cursor < 0
        or (n.stream_lease_no = 0 and n.stream_cursor > 0)`,
  },
  {
    rule: 'I8',
    says: 'What came in for each settled invoice is booked once, msat for msat.',
    text: `
      select encode(i.hash, 'hex') as what from invoice i left join lateral (
        select coalesce(sum(amount_msat), 0) as booked from posting
        where journal = 'settle:' || encode(i.hash, 'hex')) b on true
      where b.booked <> case when i.state = 'settled' then i.paid_msat else 0 end`,
  },
  {
    rule: 'I8',
    says: 'Money waits for its verdict exactly while its payment is settled.',
    text: `
      select p.id::text as what from payment p join lateral (
        select coalesce(sum(case when to_account like 'awaiting:%' then amount_msat else 0 end), 0)
             - coalesce(sum(case when from_account like 'awaiting:%' then amount_msat else 0 end),
               0) as waits
        from posting where payment_id = p.id) b on true
      left join invoice i on i.id = p.settled_invoice_id
      where b.waits <> case when p.state = 'settled' then i.amount_msat else 0 end`,
  },
  {
    rule: 'I8',
    says: 'The accounts of a shop hold what its settled invoices brought.',
    // A node is one shop's, and may serve another of the same name: so all shops are one sum.
    text: `
      select 'booked ' || booked || ' of ' || came as what from (
        select coalesce(sum(amount_msat), 0) as booked from posting
        where from_account like 'node:%') b,
        (select coalesce(sum(paid_msat), 0) as came from invoice where state = 'settled') i
      where booked <> came`,
  },
  {
    rule: 'I8',
    says: 'No account of a shop is below zero.',
    text: `
      select account as what from (
        select to_account as account, amount_msat as amount from posting
        union all select from_account, -amount_msat from posting) both_sides
      -- A node gave what it received; the others the shop pays of its own.
      where account not like all ('{node:%,fees:%,topped_up:%}')
      group by account having sum(amount) < 0`,
  },
  {
    rule: 'I9',
    says: 'No settlement was recorded under a fence older than one before it.',
    text: `
      select encode(hash, 'hex') as what from (
        select hash, stream_lease_no, max(stream_lease_no) over (
          partition by node_id order by recorded_at, id rows between unbounded preceding
            and 1 preceding) as before
        from invoice where state = 'settled' and stream_lease_no is not null) fenced
      where stream_lease_no < before`,
  },
  {
    rule: 'I11',
    says: 'A secret is kept only until the node has it.',
    text: `
      select encode(hash, 'hex') as what from invoice
      where sealed_preimage is not null and state <> 'made' and not (hold and state = 'live')`,
  },
  {
    rule: 'I12',
    says: 'What is held has an end and an invoice that the node is asked of, and is told.',
    text: `
      select p.id::text as what from payment p where p.state = 'held' and (p.hold_ends_at is null
        or not exists (select 1 from invoice i where i.payment_id = p.id and i.state = 'live'
          and i.held_at is not null)
        or (p.hold_told_at is null and p.due_at is null))
      union all
      select 'request ' || id from hold_request
      where (state <> 'done') and (due_at is null or due_at > now() + interval '24 hours')
      union all
      select 'request ' || id from hold_request
      where due_at is not null and lane <> 'shop:' || shop_id || ':admin'
      union all
      select 'request ' || r.id from hold_request r join payment p on p.id = r.payment_id
      where p.shop_id <> r.shop_id or p.origin = 'payment_session' and p.kind <> 'authorization'
        and r.outcome in ('captured', 'voided')`,
  },
  {
    rule: 'I12',
    says: 'Whatever is not at rest is due within a day.',
    text: `
      select 'payment ' || id as what from payment
      where state = 'settled' and (due_at is null or due_at > now() + interval '24 hours')
      union all
      select 'invoice ' || id from invoice
      where state in ('made', 'live') and (due_at is null or due_at > now() + interval '24 hours')
        -- Of a node that is gone nobody can be asked; its payments ask a person.
        and not (due_at is null and exists (
          select 1 from node n where n.id = invoice.node_id and n.retired_at is not null
            and n.sealed_credential is null))
      union all
      select 'payment ' || p.id from payment p where p.state = 'closing'
        and not exists (select 1 from invoice i where i.payment_id = p.id and i.state in ('made',
          'live'))
      union all
      select 'refund ' || id from refund
      where (state in ('claimed', 'paid', 'withdrawn')
          and (due_at is null or due_at > now() + interval '24 hours'))
        or (state = 'claimable' and due_at is null)
        or (state = 'asked' and due_at is null and reason <> 'approval_wanted')
      union all
      select 'share task ' || id from share_task where due_at > now() + interval '24 hours'
      union all
      select 'reward task ' || id from reward_task where due_at > now() + interval '24 hours'
      union all
      select 'share receiver ' || r.id from share_receiver r
      join share_batch b on b.receiver_id = r.id and b.state = 'given'
      where r.due_at is null or r.due_at > now() + interval '24 hours'
      union all
      select 'shop ' || s.id from shop s join registration r on r.id = s.registration_id
      where s.uninstalled_at is null and s.due_at is null and r.kind = 'merchant'
      union all
      select 'payment ' || p.id from payment p join shop s on s.id = p.shop_id
      where p.state = 'lapsed' and p.verdict_wanted is not null and s.uninstalled_at is null
        and (p.due_at is null or p.due_at > now() + interval '24 hours')
      union all
      select 'payment ' || p.id from payment p join shop s on s.id = p.shop_id
      where p.state = 'open' and p.verdict_wanted = 'pending' and s.uninstalled_at is null
        and (p.due_at is null or p.due_at > now() + interval '48 hours')`,
  },
  {
    rule: 'I12',
    says: 'Whatever is due is found: its lane is that of its own node or shop.',
    text: `
      select 'payment ' || id as what from payment
      where due_at is not null and lane <> 'shop:' || shop_id || ':admin'
      union all
      select 'invoice ' || id from invoice
      where due_at is not null and lane <> 'node:' || node_id
      union all
      select 'sighting ' || id from sighting
      where due_at is not null and lane <> 'shop:' || shop_id || ':admin'
      union all
      select 'refund ' || id from refund
      where due_at is not null and lane <> 'shop:' || shop_id || ':admin'
      union all
      select 'shop ' || id from shop
      where due_at is not null and lane <> 'shop:' || id || ':admin'
      union all
      select 'alert ' || id from alert
      where due_at is not null and lane <> 'shop:' || shop_id || ':alert'
      union all
      select 'share task ' || id from share_task
      where due_at is not null and lane <> 'shop:' || shop_id || ':share'
      union all
      select 'reward task ' || id from reward_task
      where due_at is not null and lane <> 'shop:' || shop_id || ':share'
      union all
      select 'share receiver ' || id from share_receiver
      where due_at is not null and lane <> 'shop:' || shop_id || ':share'
      union all
      -- A lease is seconds long: one that goes on for an hour would hide its row from everybody.
      select 'lease of payment ' || id from payment
      where due_at is not null and lease_until > now() + interval '1 hour'
      union all
      select 'lease of invoice ' || id from invoice
      where due_at is not null and lease_until > now() + interval '1 hour'
      union all
      select 'lane ' || name from lane where paused_until > now() + interval '24 hours'`,
  },
  {
    rule: 'I13',
    says: 'Of the sessions of one purchase one is told as paid: the one that took their group.',
    text: `
      select p.id::text as what from payment p
      left join session_group g on g.shop_id = p.shop_id and g.group_key = p.group_key
      where p.origin = 'payment_session' and p.group_key is not null and p.told_minor is not null
        and (g.payment_id is null or g.payment_id <> p.id)`,
  },
  {
    rule: 'I13',
    says: 'Every session has the one payment that its answer leads to, in the same shop.',
    text: `
      select r.id as what from session_request r left join payment p on p.id = r.payment_id
      where r.payment_id is null or p.id is null or p.shop_id <> r.shop_id
        or (r.kind = 'payment' and (p.origin_id <> r.gid or case
          -- The answer of a forgotten buyer is gone with the link that it told.
          when p.unlinked_at is null then position(p.link in r.answer) = 0
          else r.answer <> '' end))
      union all
      select p.id::text from payment p where p.origin = 'payment_session' and not exists (
        select 1 from session_request r where r.payment_id = p.id and r.kind = 'payment')`,
  },
  {
    rule: 'I13',
    says: 'A test session has no invoice on a mainnet node.',
    text: `
      select p.id::text as what from payment p join invoice i on i.payment_id = p.id
      join node n on n.id = i.node_id
      where p.origin = 'payment_session' and p.test and n.network = 'mainnet'`,
  },
  {
    rule: 'I13',
    says: 'What is no test has no invoice on another network while its shop has a mainnet node.',
    // A node works from its latest connection until it is retired, without a hole. Whoever made an
    // invoice may have read the nodes some moments before.
    text: `
      select encode(i.hash, 'hex') as what from invoice i join payment p on p.id = i.payment_id
      join node n on n.id = i.node_id
      where not p.test and n.network <> 'mainnet' and exists (
        select 1 from node m where m.shop_id = p.shop_id and m.network = 'mainnet'
          and m.connected_at < i.made_at - interval '1 minute'
          and (m.retired_at is null or m.retired_at > i.made_at))`,
  },
  {
    rule: 'I13',
    says: 'The figures of the dashboard are what all payments together add.',
    text: `
      select 'tally of shop ' || shop_id || ' in ' || currency as what from (
        select shop_id, currency, opened, viewed, viewed_paid, paid, fiat_minor, amount_msat
        from tally
        union all
        select t.shop_id, t.currency, -t.opened, -t.viewed, -t.viewed_paid, -t.paid, -t.fiat_minor,
          -t.amount_msat
        from payment p cross join lateral tally_of(p.shop_id, p.test, p.currency, p.opened_at,
          p.viewed_at, p.settled_invoice_id, p.settled_at) t) both_sides
      group by shop_id, currency
      having (sum(opened), sum(viewed), sum(viewed_paid), sum(paid), sum(fiat_minor),
        sum(amount_msat)) <> (0, 0, 0, 0, 0, 0)
      union all
      select 'waits of shop ' || shop_id || ' in step ' || step from (
        select shop_id, step, told from wait_tally
        union all
        select t.shop_id, t.step, -1 from payment p cross join lateral wait_tally_of(p.shop_id,
          p.test, p.told_at, p.settled_invoice_id, p.settled_at) t) both_sides
      group by shop_id, step having sum(told) <> 0`,
  },
  {
    rule: 'I14',
    says: 'A refund is of a payment of its own shop, and all of one are within what it captured.',
    text: `
      select r.id::text as what from refund r join payment p on p.id = r.payment_id
      where r.shop_id <> p.shop_id
      union all
      select p.id::text from refund r join payment p on p.id = r.payment_id
        left join invoice i on i.id = p.settled_invoice_id left join quote q on q.id = i.quote_id
      where r.state not in ('withdrawn', 'done') or r.reason in ('paid_out', 'given_back_otherwise')
      group by p.id, p.told_minor, q.fiat_minor
      having sum(r.amount_minor) > coalesce(p.told_minor, 0)
        or sum(r.amount_minor) > coalesce(q.fiat_minor, 0)`,
  },
  {
    rule: 'I14',
    says: 'What a refund owes its buyer stands in the books from its price to its end.',
    text: `
      select r.id::text as what from refund r cross join lateral (
        select coalesce(sum(case when to_account like 'refunding:%' then amount_msat
            when from_account like 'refunding:%' then -amount_msat else 0 end), 0) as owed
        from posting where journal in ('refund:' || r.id::text,
          'refund:' || r.id::text || ':withdrawn', 'refund:' || r.id::text || ':paid')) b
      where r.origin <> 'reward'
        and b.owed <> case when r.state in ('asked', 'claimable', 'claimed')
        then coalesce(r.amount_msat, 0) else 0 end`,
  },
  {
    rule: 'I14',
    says: 'A refund is paid once, to the claim that its buyer gave, with the proof.',
    text: `
      select subject as what from payout where state = 'paid' group by subject having count(*) > 1
      union all
      select r.id::text from refund r
      where (r.state = 'paid' or (r.state = 'done' and r.reason = 'paid_out')) and 1 <> (
        select count(*) from refund_claim c join payout o on o.claim_id = c.id
        where c.refund_id = r.id and c.state = 'paid' and o.state = 'paid' and o.hash = c.hash
          and sha256(o.preimage) = c.hash and o.amount_msat = r.amount_msat)
      union all
      -- What the signer has paid is taken over, or about to be; and never withdrawn.
      select r.id::text from payout o join refund_claim c on c.id = o.claim_id
        join refund r on r.id = c.refund_id
      where o.state = 'paid' and r.state <> 'claimed'
        and not (r.state in ('paid', 'done') and r.reason = 'paid_out')`,
  },
  {
    rule: 'I14',
    says: 'A refund has a claim that is to be paid exactly while it is claimed.',
    text: `
      select r.id::text as what from refund r
      where (r.state = 'claimed') <> exists (
        select 1 from refund_claim c where c.refund_id = r.id and c.state = 'given')`,
  },
  {
    rule: 'I14',
    says: 'The last move of a refund in its payment’s history leads to the state that it is in.',
    text: `
      select r.id::text as what from refund r left join lateral (
        select details ->> 'to' as state from history
        where payment_id = r.payment_id and what = 'refund' and details ->> 'to' is not null
          and details ->> 'refund' = r.id::text
        order by id desc limit 1) h on true
      where h.state is distinct from r.state::text`,
  },
  {
    rule: 'I14',
    says: 'What Shopify asks to refund of a session is a refund, and no other is of a session.',
    text: `
      select r.id::text as what from refund r where r.origin = 'refund_session' and not exists (
        select 1 from session_request q
        where q.shop_id = r.shop_id and q.kind = 'refund' and q.gid = r.origin_id
          and q.payment_id = r.payment_id)
      union all
      select q.id from session_request q
      where q.kind = 'refund' and q.state = 'opened' and not exists (
        select 1 from refund r where r.shop_id = q.shop_id and r.origin = 'refund_session'
          and r.origin_id = q.gid)`,
  },
  ...paidOutRules,
  ...shareRules,
  ...rewardRules,
];

const ruleWithinMs = 900_000;
/** For one rule, and only for the transaction in which it is asked. */
const patience = {
  name: 'audit_patience',
  text: `select set_config('statement_timeout', '${String(ruleWithinMs)}', true)`,
};

/** Asks every rule of the whole database. Empty: all hold. */
export async function audit(db: Database): Promise<Violation[]> {
  const violations: Violation[] = [];
  for (const [index, { rule, says, text }] of rules.entries()) {
    const statement = {
      name: `audit_${String(index)}`,
      text: `select what from (${text}) broken limit 100`,
    };
    // Each rule looks at all there is, which in the books of years takes longer than a page may.
    const broken = await transaction(db, async (on) => {
      await rows(on, patience, []);
      return rows<{ what: string }>(on, statement, [], ruleWithinMs + answerWithinMs);
    });
    violations.push(...broken.map(({ what }) => ({ rule, says, what })));
  }
  return violations;
}
