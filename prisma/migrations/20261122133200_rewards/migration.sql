-- Written by hand.
--
-- Sats back for the buyer, by rule: a part of what Shopify accepted of a payment is set aside, and
-- claimed after a while as a refund is. A reward is a refund of no fiat money: it counts nowhere
-- against what was captured. Whatever the program does, the database refuses a second one of a
-- payment, one of more than a fifth of it, and one that grows beyond what was booked.

create table reward_terms (
  shop_id int primary key references shop (id) on delete restrict on update cascade,
  rewards_on boolean not null default false,
  part_bp int not null default 100,
  least_msat bigint not null default 0,
  most_msat bigint not null default 10000000,
  wait_days int not null default 14,
  claim_days int not null default 90,
  constraint reward_terms_bounds check (
    part_bp between 10 and 2000 and least_msat >= 0 and least_msat % 1000 = 0
    and most_msat >= 1000 and most_msat % 1000 = 0
    and wait_days between 0 and 365 and claim_days between 1 and 365)
);

-- A payment of which a reward is to be booked, due until that was done, with the terms of the
-- moment in which Shopify accepted it. Its id is the payment's.
create table reward_task (
  id uuid primary key references payment (id) on delete restrict on update cascade,
  shop_id int not null references shop (id) on delete restrict on update cascade,
  part_bp int not null,
  least_msat bigint not null,
  most_msat bigint not null,
  wait_days int not null,
  claim_days int not null,
  lane text not null,
  due_at timestamptz(3),
  attempts int not null default 0,
  lease_no int not null default 0,
  lease_until timestamptz(3)
);
create index reward_task_due on reward_task (lane, due_at, id) where due_at is not null;

create function reward_task_make() returns trigger language plpgsql as $$
begin
  insert into reward_task (id, shop_id, part_bp, least_msat, most_msat, wait_days, claim_days,
    lane, due_at)
  select new.id, new.shop_id, t.part_bp, t.least_msat, t.most_msat, t.wait_days, t.claim_days,
    'shop:' || new.shop_id || ':share', now()
  from reward_terms t join shop o on o.id = t.shop_id join shop s on s.domain = o.domain
  where t.rewards_on and s.id = new.shop_id
  order by o.id = s.id desc, o.id limit 1
  on conflict do nothing;
  if found then
    perform nudge(array['shop:' || new.shop_id || ':share']);
  end if;
  return null;
end;
$$;
create trigger reward_task_make after update on payment for each row
  when (old.state = 'settled' and new.state = 'resolved' and not new.test)
  execute function reward_task_make();

alter table refund drop constraint refund_words;
alter table refund add constraint refund_words check (
  origin in ('order_refund', 'refund_session', 'admin', 'attention', 'reward')
  and pricing in ('fiat_today', 'sats_paid', 'lower')
  and source in ('resolved', 'overpaid', 'stranded'));
-- No fiat money is given back with it, and its sats are certain from the beginning.
alter table refund add constraint refund_reward check (
  origin <> 'reward' or (amount_minor = 0 and amount_msat is not null and source = 'resolved'
    and not test and not approval_wanted));

-- What was booked of which payment, and how a refund takes of it.
create table reward (
  refund_id uuid primary key references refund (id) on delete restrict on update cascade,
  payment_id uuid not null references payment (id) on delete restrict on update cascade,
  base_msat bigint not null,
  captured_minor bigint not null,
  refunded_minor bigint not null,
  revision int not null default 0,
  claimable_at timestamptz(3) not null,
  claim_days int not null,
  constraint reward_bounds check (
    base_msat > 0 and base_msat % 1000 = 0 and captured_minor > 0 and refunded_minor >= 0
    and claim_days between 1 and 365)
);
create unique index reward_payment_id_key on reward (payment_id);

create function reward_cap() returns trigger language plpgsql as $$
declare
  accepted bigint;
begin
  perform 1 from payment p where p.id = new.payment_id for no key update;
  perform 1 from refund r where r.id = new.refund_id and r.payment_id = new.payment_id
    and r.origin = 'reward' and r.amount_msat = new.base_msat;
  if not found then
    raise exception 'a reward is a refund of its own payment' using errcode = 'ZP005';
  end if;
  select coalesce(sum(b.amount_msat), 0) into accepted
  from posting b join payment p on p.id = b.payment_id
  where b.payment_id = new.payment_id and b.journal = 'verdict:' || new.payment_id::text
    and b.to_account = 'resolved:' || p.shop_id::text;
  if new.base_msat > accepted / 5 then
    raise exception 'a reward of % is more than a fifth of the % that came', new.base_msat,
      accepted using errcode = 'ZP005';
  end if;
  return new;
end;
$$;
create trigger reward_cap before insert on reward for each row execute function reward_cap();

create function reward_stays() returns trigger language plpgsql as $$
begin
  if (new.refund_id, new.payment_id, new.base_msat, new.captured_minor, new.refunded_minor,
      new.claimable_at, new.claim_days)
    is distinct from (old.refund_id, old.payment_id, old.base_msat, old.captured_minor,
      old.refunded_minor, old.claimable_at, old.claim_days)
  then
    raise exception 'a reward stays what was booked' using errcode = 'ZP004';
  end if;
  return new;
end;
$$;
create trigger reward_stays before update on reward for each row execute function reward_stays();
create trigger reward_never_deleted before delete on reward
  for each row execute function forbid_change();

-- As before, but for the sats of a reward that nobody has claimed: never above what was booked.
create or replace function refund_arrow() returns trigger language plpgsql as $$
begin
  if (new.id, new.shop_id, new.payment_id, new.origin, new.origin_id, new.currency,
      new.amount_minor, new.source)
    is distinct from (old.id, old.shop_id, old.payment_id, old.origin, old.origin_id, old.currency,
      old.amount_minor, old.source)
    or (old.amount_msat is not null and new.amount_msat is distinct from old.amount_msat
      and not (old.origin = 'reward' and old.state in ('asked', 'claimable')
        and new.state = old.state and new.amount_msat <= (
          select base_msat from reward where refund_id = old.id)))
  then
    raise exception 'a refund stays what it was asked for' using errcode = 'ZP004';
  end if;
  if old.state is distinct from new.state and (old.state::text, new.state::text) not in (
    ('asked', 'claimable'), ('asked', 'withdrawn'), ('claimable', 'claimed'),
    ('claimable', 'withdrawn'), ('claimed', 'paid'), ('claimed', 'claimable'), ('paid', 'done'),
    ('withdrawn', 'done'))
  then
    raise exception 'a refund does not go from % to %', old.state, new.state
      using errcode = 'ZP003';
  end if;
  return new;
end;
$$;

-- What of a payment is given back takes as much of its reward, while nobody has claimed it: it is
-- as much of what was booked as is left of what was captured then, rounded down to whole satoshis.
-- A refund that is withdrawn gives the same back; a reward of which nothing was left is over.
-- Whoever calls this has the lock of the payment.
create function reward_adjust(of_payment uuid) returns void language plpgsql as $$
declare
  w record;
  refunded bigint;
  should_be bigint;
begin
  select r.id, r.shop_id, r.lane, r.amount_msat, t.base_msat, t.captured_minor,
    t.refunded_minor, t.revision + 1 as revision into w
  from reward t join refund r on r.id = t.refund_id
  where t.payment_id = of_payment and r.state in ('asked', 'claimable') for no key update of r;
  if not found then return; end if;
  select coalesce(sum(r.amount_minor), 0) into refunded from refund r
  where r.payment_id = of_payment and (r.state not in ('withdrawn', 'done')
    or r.reason in ('paid_out', 'given_back_otherwise'));
  should_be := div(w.base_msat::numeric * least(w.captured_minor,
      greatest(0, w.captured_minor - (refunded - w.refunded_minor))),
    w.captured_minor::numeric * 1000)::bigint * 1000;
  if should_be = w.amount_msat then return; end if;
  if should_be = 0 then
    update refund set state = 'withdrawn', reason = 'order_refunded', due_at = now(),
      attempts = 0, lease_until = null where id = w.id;
    insert into history (payment_id, what, because, details)
    values (of_payment, 'refund', 'order_refunded', jsonb_build_object('refund', w.id::text,
      'to', 'withdrawn'));
    insert into posting (payment_id, journal, from_account, to_account, amount_msat)
    values (of_payment, 'refund:' || w.id || ':withdrawn', 'rewarding:' || w.shop_id,
      'resolved:' || w.shop_id, w.amount_msat);
    perform nudge(array[w.lane]);
    return;
  end if;
  update refund set amount_msat = should_be where id = w.id;
  update reward set revision = w.revision where refund_id = w.id;
  insert into history (payment_id, what, because, details)
  values (of_payment, 'refund', case when should_be < w.amount_msat then 'reward_shrinks'
    else 'reward_grows' end, jsonb_build_object('refund', w.id::text, 'amountMsat',
    should_be::text));
  insert into posting (payment_id, journal, from_account, to_account, amount_msat)
  select of_payment, 'refund:' || w.id || ':' || w.revision,
    case when should_be < w.amount_msat then 'rewarding:' else 'resolved:' end || w.shop_id,
    case when should_be < w.amount_msat then 'resolved:' else 'rewarding:' end || w.shop_id,
    abs(should_be - w.amount_msat);
end;
$$;

create function reward_follows_refund() returns trigger language plpgsql as $$
begin
  perform reward_adjust(new.payment_id);
  return null;
end;
$$;
create trigger reward_follows_refund after insert on refund for each row
  when (new.amount_minor > 0) execute function reward_follows_refund();
create trigger reward_follows_withdrawal after update on refund for each row
  when (new.amount_minor > 0 and old.state <> new.state and new.state = 'withdrawn')
  execute function reward_follows_refund();
-- What was claimed and could not be paid follows what happened meanwhile.
create trigger reward_follows_failed_claim after update on refund for each row
  when (new.origin = 'reward' and old.state = 'claimed' and new.state = 'claimable')
  execute function reward_follows_refund();

-- As before, but for what of a payment may go back.
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
    from payout o where o.shop_id = any(served) and o.state in ('reserved', 'sent', 'paid')
      and (o.reserved_at > now() - interval '24 h' or o.state in ('reserved', 'sent'));
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
