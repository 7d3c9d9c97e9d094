-- Written by hand. The ceiling of a day counts what is set aside or on its way, and what was paid in
-- the last 24 hours: by when it was paid. A payment may be on its way for days.
create index payout_shop_id_state_ended_at_idx on payout (shop_id, state, ended_at);
drop index payout_shop_id_reserved_at_idx;

-- As before, but for what of a day is counted.
create or replace function payout_reserve(
  asked_claim bigint, asked_request text, asked_hash bytea, asked_amount bigint,
  asked_expires timestamptz, asked_fee_limit bigint, original_msat bigint,
  sealed_ceilings bigint[], lease_ms integer)
returns table (word text, payout_id bigint) language plpgsql as $$
declare
  p purse%rowtype;
  r record;
  made bigint;
  kept bigint;
  served integer[];
begin
  select f.id, f.shop_id, f.payment_id, f.origin, f.state::text as state, f.amount_msat,
      f.approval_wanted, f.approved_at into r
    from refund_claim c join refund f on f.id = c.refund_id where c.id = asked_claim;
  if not found then return query select 'claim_gone', null::bigint; return; end if;
  select * into p from purse where shop_id = purse_of(r.shop_id) for update;
  if not found then return query select 'no_purse', null::bigint; return; end if;
  -- Who withdraws the refund or gives up the claim waits for us, or we for him.
  perform 1 from refund f where f.id = r.id for share;
  perform 1 from refund_claim c where c.id = asked_claim for share;
  perform 1 from refund_claim c join refund f on f.id = c.refund_id
    where c.id = asked_claim and c.state::text = 'given' and f.state::text = 'claimed'
      and c.hash = asked_hash and c.amount_msat = asked_amount and f.amount_msat = asked_amount
      and (not f.approval_wanted or f.approved_at is not null);
  if not found then return query select 'claim_moved', null::bigint; return; end if;
  if p.paused_at is not null then return query select 'paused', null::bigint; return; end if;
  if array[p.per_payment_msat, p.per_order_msat, p.per_day_msat, p.fee_base_msat, p.fee_ppm]
    <> sealed_ceilings
  then return query select 'purse_changed', null::bigint; return; end if;
  if exists (select 1 from payout o where o.claim_id = asked_claim or o.hash = asked_hash
      or (o.subject = 'refund:' || r.id::text and o.state in ('reserved', 'sent', 'paid')))
  then return query select 'under_way', null::bigint; return; end if;
  if asked_expires <= now() + interval '60 s'
  then return query select 'request_expired', null::bigint; return; end if;
  if asked_amount > p.per_payment_msat
  then return query select 'above_per_payment', null::bigint; return; end if;
  -- A refund and a reward of one payment take nothing of what the other may be: what was received
  -- goes back as refunds, and at most a fifth of it beside them as its reward.
  select coalesce(sum(o.amount_msat), 0) into kept from payout o
    join refund_claim c on c.id = o.claim_id join refund f on f.id = c.refund_id
    where o.payment_id = r.payment_id and o.state in ('reserved', 'sent', 'paid')
      and (f.origin = 'reward') = (r.origin = 'reward');
  if r.origin = 'reward' then original_msat := original_msat / 5; end if;
  if original_msat is not null and kept + asked_amount > original_msat
  then return query select 'above_received', null::bigint; return; end if;
  select coalesce(sum(o.amount_msat), 0) into kept
    from payment mine join payment other
        on other.shop_id = mine.shop_id and other.origin_id = mine.origin_id
      join payout o on o.payment_id = other.id
    where mine.id = r.payment_id and o.state in ('reserved', 'sent', 'paid');
  if kept + asked_amount > p.per_order_msat
  then return query select 'above_per_order', null::bigint; return; end if;
  served := array(select o.id from shop s join shop o on o.domain = s.domain
    where s.id = r.shop_id and purse_of(o.id) = p.shop_id);
  select coalesce(sum(o.amount_msat + coalesce(o.fee_msat, o.fee_limit_msat)), 0) into kept
    from payout o where o.shop_id = any(served) and (o.state in ('reserved', 'sent')
      or (o.state = 'paid' and o.ended_at > now() - interval '24 h'));
  if kept + asked_amount + asked_fee_limit > p.per_day_msat
  then return query select 'above_per_day', null::bigint; return; end if;
  insert into payout (claim_id, subject, shop_id, payment_id, request, hash, amount_msat,
      fee_limit_msat, expires_at, because, due_at)
    values (asked_claim, 'refund:' || r.id::text, r.shop_id, r.payment_id, asked_request,
      asked_hash, asked_amount, asked_fee_limit, asked_expires,
      case when original_msat is null then 'reserved_unseen' else 'reserved' end,
      now() + lease_ms * interval '1 ms')
    returning payout.id into made;
  delete from payout_wait w where w.claim_id = asked_claim;
  return query select 'reserved', made;
end;
$$;

-- As before, but for what of a day is counted.
create or replace function payout_reserve_share(
  asked_claim bigint, asked_request text, asked_hash bytea, asked_amount bigint,
  asked_expires timestamptz, asked_fee_limit bigint, seen boolean, sealed_ceilings bigint[],
  lease_ms integer)
returns table (word text, payout_id bigint) language plpgsql as $$
declare
  p purse%rowtype;
  b share_batch%rowtype;
  made bigint;
  kept bigint;
  served integer[];
begin
  select * into b from share_batch where claim_id = asked_claim;
  if not found then return query select 'claim_gone', null::bigint; return; end if;
  select * into p from purse where shop_id = purse_of(b.shop_id) for update;
  if not found then return query select 'no_purse', null::bigint; return; end if;
  -- Who gives up the batch waits for us, or we for him.
  perform 1 from share_batch where id = b.id for share;
  perform 1 from share_batch where id = b.id and state = 'given' and hash = asked_hash
    and request = asked_request and amount_msat = asked_amount;
  if not found then return query select 'claim_moved', null::bigint; return; end if;
  select coalesce(sum(s.amount_msat), 0) into kept from share s
    where s.batch_id = b.id and s.state = 'batched';
  if kept <> asked_amount then return query select 'claim_moved', null::bigint; return; end if;
  if p.paused_at is not null then return query select 'paused', null::bigint; return; end if;
  if array[p.per_payment_msat, p.per_order_msat, p.per_day_msat, p.fee_base_msat, p.fee_ppm]
    <> sealed_ceilings
  then return query select 'purse_changed', null::bigint; return; end if;
  if exists (select 1 from payout o where o.claim_id = asked_claim or o.hash = asked_hash
      or (o.subject = 'share:' || b.id::text and o.state in ('reserved', 'sent', 'paid')))
  then return query select 'under_way', null::bigint; return; end if;
  if asked_expires <= now() + interval '60 s'
  then return query select 'request_expired', null::bigint; return; end if;
  if asked_amount > p.per_payment_msat
  then return query select 'above_per_payment', null::bigint; return; end if;
  served := array(select o.id from shop s join shop o on o.domain = s.domain
    where s.id = b.shop_id and purse_of(o.id) = p.shop_id);
  select coalesce(sum(o.amount_msat + coalesce(o.fee_msat, o.fee_limit_msat)), 0) into kept
    from payout o where o.shop_id = any(served) and (o.state in ('reserved', 'sent')
      or (o.state = 'paid' and o.ended_at > now() - interval '24 h'));
  if kept + asked_amount + asked_fee_limit > p.per_day_msat
  then return query select 'above_per_day', null::bigint; return; end if;
  insert into payout (claim_id, subject, shop_id, payment_id, request, hash, amount_msat,
      fee_limit_msat, expires_at, because, due_at)
    values (asked_claim, 'share:' || b.id::text, b.shop_id, null, asked_request, asked_hash,
      asked_amount, asked_fee_limit, asked_expires,
      case when seen then 'reserved' else 'reserved_unseen' end,
      now() + lease_ms * interval '1 ms')
    returning payout.id into made;
  delete from payout_wait w where w.claim_id = asked_claim;
  return query select 'reserved', made;
end;
$$;
