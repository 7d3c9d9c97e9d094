-- Written by hand.
--
-- A part of each settled payment that a shop sets aside by rule for others. Whatever the program
-- does, the database refuses shares of more than Shopify has accepted of a payment, an amount that
-- grows beyond what was booked, two batches of a receiver at a time, and a batch that is called
-- paid without the proof. A shop without rules never meets any of it.

-- What a shop wants. ------------------------------------------------------------------------------
create table share_terms (
  shop_id int primary key references shop (id) on delete restrict on update cascade,
  shares_on boolean not null default false,
  paused_at timestamptz(3),
  least_msat bigint not null default 10000000,
  constraint share_terms_least check (least_msat >= 1000 and least_msat % 1000 = 0)
);

create table share_receiver (
  id bigserial primary key,
  shop_id int not null references shop (id) on delete restrict on update cascade,
  name text not null,
  address text not null,
  word text,
  word_since timestamptz(3),
  lane text not null,
  due_at timestamptz(3),
  attempts int not null default 0,
  lease_no int not null default 0,
  lease_until timestamptz(3)
);
create unique index share_receiver_shop_id_address_key on share_receiver (shop_id, address);
create index share_receiver_due on share_receiver (lane, due_at, id) where due_at is not null;

create table share_rule (
  id bigserial primary key,
  shop_id int not null references shop (id) on delete restrict on update cascade,
  receiver_id bigint not null references share_receiver (id) on delete restrict on update cascade,
  vendor text,
  part_bp int,
  fixed_msat bigint,
  made_at timestamptz(3) not null default current_timestamp,
  made_by text,
  ended_at timestamptz(3),
  ended_by text,
  constraint share_rule_amount check (
    (part_bp is null) <> (fixed_msat is null) and coalesce(part_bp, 1) between 1 and 10000
    and coalesce(fixed_msat, 1000) > 0 and coalesce(fixed_msat, 1000) % 1000 = 0)
);
create index share_rule_shop_id_idx on share_rule (shop_id);
create index share_rule_receiver_id_idx on share_rule (receiver_id);

-- What was booked. --------------------------------------------------------------------------------

-- A payment of which shares are to be booked, due until that was done. Its id is the payment's.
create table share_task (
  id uuid primary key references payment (id) on delete restrict on update cascade,
  shop_id int not null references shop (id) on delete restrict on update cascade,
  lane text not null,
  due_at timestamptz(3),
  attempts int not null default 0,
  lease_no int not null default 0,
  lease_until timestamptz(3)
);
create index share_task_due on share_task (lane, due_at, id) where due_at is not null;

-- A receiver is asked for one invoice over many shares. The number is one of a claim: what the
-- signer pays has one of its own, whichever kind it is.
create table share_batch (
  id uuid primary key default gen_random_uuid(),
  claim_id bigint not null,
  shop_id int not null references shop (id) on delete restrict on update cascade,
  receiver_id bigint not null references share_receiver (id) on delete restrict on update cascade,
  request text not null,
  hash bytea not null,
  amount_msat bigint not null,
  expires_at timestamptz(3) not null,
  state text not null default 'given',
  because text,
  given_at timestamptz(3) not null default current_timestamp,
  ended_at timestamptz(3),
  constraint share_batch_words check (
    state in ('given', 'paid', 'failed') and amount_msat > 0 and amount_msat % 1000 = 0
    and length(hash) = 32 and (state = 'given') = (ended_at is null))
);
create unique index share_batch_claim_id_key on share_batch (claim_id);
create unique index share_batch_hash_key on share_batch (hash);
create unique index share_batch_one_given on share_batch (receiver_id) where state = 'given';
create index share_batch_shop_id_given_at_idx on share_batch (shop_id, given_at desc);
-- What waits for the signer.
create index share_batch_given on share_batch (claim_id) where state = 'given';

create table share (
  id bigserial primary key,
  payment_id uuid not null references payment (id) on delete restrict on update cascade,
  shop_id int not null references shop (id) on delete restrict on update cascade,
  rule_id bigint not null references share_rule (id) on delete restrict on update cascade,
  receiver_id bigint not null references share_receiver (id) on delete restrict on update cascade,
  base_msat bigint not null,
  amount_msat bigint not null,
  captured_minor bigint not null,
  refunded_minor bigint not null,
  revision int not null default 0,
  state text not null default 'owed',
  batch_id uuid references share_batch (id) on delete restrict on update cascade,
  made_at timestamptz(3) not null default current_timestamp,
  constraint share_words check (
    state in ('owed', 'batched', 'paid') and (state = 'owed') = (batch_id is null)
    and base_msat > 0 and base_msat % 1000 = 0
    and amount_msat between 0 and base_msat and amount_msat % 1000 = 0
    and (state = 'owed' or amount_msat > 0)
    and captured_minor > 0 and refunded_minor >= 0)
);
create unique index share_payment_id_rule_id_key on share (payment_id, rule_id);
create index share_batch_id_idx on share (batch_id);
create index share_shop_id_made_at_id_idx on share (shop_id, made_at, id);
create index share_owed on share (receiver_id, shop_id, id) where state = 'owed';

-- All shares of a payment are within what Shopify has accepted of it.
create function share_cap() returns trigger language plpgsql as $$
declare
  accepted bigint;
  shared bigint;
begin
  perform 1 from payment p where p.id = new.payment_id and p.shop_id = new.shop_id
    for no key update;
  if not found then
    raise exception 'a share is of a payment of its own shop' using errcode = 'ZP005';
  end if;
  select coalesce(sum(amount_msat), 0) into accepted from posting
  where payment_id = new.payment_id and journal = 'verdict:' || new.payment_id::text
    and to_account = 'resolved:' || new.shop_id::text;
  select coalesce(sum(base_msat), 0) into shared from share where payment_id = new.payment_id;
  if shared + new.base_msat > accepted then
    raise exception 'shares of % and % are more than the % that came', shared, new.base_msat,
      accepted using errcode = 'ZP005';
  end if;
  return new;
end;
$$;
create trigger share_cap before insert on share for each row execute function share_cap();

create function share_arrow() returns trigger language plpgsql as $$
begin
  if (new.id, new.payment_id, new.shop_id, new.rule_id, new.receiver_id, new.base_msat,
      new.captured_minor, new.refunded_minor)
    is distinct from (old.id, old.payment_id, old.shop_id, old.rule_id, old.receiver_id,
      old.base_msat, old.captured_minor, old.refunded_minor)
    or (new.amount_msat <> old.amount_msat and (old.state <> 'owed' or new.state <> 'owed'))
  then
    raise exception 'a share stays what was booked' using errcode = 'ZP004';
  end if;
  if old.state <> new.state and (old.state, new.state) not in (
    ('owed', 'batched'), ('batched', 'owed'), ('batched', 'paid'))
  then
    raise exception 'a share does not go from % to %', old.state, new.state
      using errcode = 'ZP003';
  end if;
  return new;
end;
$$;
create trigger share_arrow before update on share for each row execute function share_arrow();
create trigger share_never_deleted before delete on share
  for each row execute function forbid_change();

create function share_batch_arrow() returns trigger language plpgsql as $$
begin
  if (new.id, new.claim_id, new.shop_id, new.receiver_id, new.request, new.hash, new.amount_msat,
      new.expires_at)
    is distinct from (old.id, old.claim_id, old.shop_id, old.receiver_id, old.request, old.hash,
      old.amount_msat, old.expires_at)
  then
    raise exception 'a batch stays what was given' using errcode = 'ZP004';
  end if;
  if old.state <> new.state and old.state <> 'given' then
    raise exception 'a batch does not go from % to %', old.state, new.state
      using errcode = 'ZP003';
  end if;
  if new.state = 'paid' and not exists (
    select 1 from payout o where o.claim_id = new.claim_id and o.state = 'paid'
      and o.hash = new.hash and o.amount_msat = new.amount_msat and sha256(o.preimage) = new.hash)
  then
    raise exception 'a batch is paid with the proof alone' using errcode = 'ZP005';
  end if;
  return new;
end;
$$;
create trigger share_batch_arrow before update on share_batch
  for each row execute function share_batch_arrow();
create trigger share_batch_never_deleted before delete on share_batch
  for each row execute function forbid_change();
-- As with a claim: the signer hears at once.
create trigger share_batch_said after insert on share_batch
  for each row execute function refund_claim_said();

-- When shares come about. -------------------------------------------------------------------------

-- Shopify has accepted a payment: its shares are due where its shop, in any of its apps, has
-- switched them on. In the statement that moves the payment, which costs other shops one look into
-- a table that is empty.
create function share_task_make() returns trigger language plpgsql as $$
begin
  if not exists (
    select 1 from share_terms t join shop o on o.id = t.shop_id
      join shop s on s.domain = o.domain
    where t.shares_on and s.id = new.shop_id)
  then
    return null;
  end if;
  insert into share_task (id, shop_id, lane, due_at)
  values (new.id, new.shop_id, 'shop:' || new.shop_id || ':share', now())
  on conflict do nothing;
  perform nudge(array['shop:' || new.shop_id || ':share']);
  return null;
end;
$$;
create trigger share_task_make after update on payment for each row
  when (old.state = 'settled' and new.state = 'resolved' and not new.test)
  execute function share_task_make();

-- What of a payment is given back its receivers give back in proportion, of what is not on its way
-- to them: each share is as much of its base as is left of what was captured when it was booked,
-- rounded down to whole satoshis. A refund that is withdrawn gives the same back to them. Whoever
-- calls this has the lock of the payment.
create function share_adjust(of_payment uuid) returns void language plpgsql as $$
declare
  each record;
  refunded bigint;
begin
  if not exists (select 1 from share where payment_id = of_payment and state = 'owed') then
    return;
  end if;
  select coalesce(sum(r.amount_minor), 0) into refunded from refund r
  where r.payment_id = of_payment and (r.state not in ('withdrawn', 'done')
    or r.reason in ('paid_out', 'given_back_otherwise'));
  for each in
    update share s set revision = s.revision + 1, amount_msat = t.should_be
    from (
      select o.id, o.amount_msat as was, div(o.base_msat::numeric * least(o.captured_minor,
          greatest(0, o.captured_minor - (refunded - o.refunded_minor))),
        o.captured_minor::numeric * 1000)::bigint * 1000 as should_be
      from share o where o.payment_id = of_payment and o.state = 'owed' order by o.id) t
    where s.id = t.id and t.was <> t.should_be
    returning s.id, s.shop_id, s.revision, t.was, t.should_be
  loop
    insert into history (payment_id, what, because, details)
    values (of_payment, 'share', case when each.should_be < each.was then 'refunded'
      else 'refund_withdrawn' end, jsonb_build_object('share', each.id::text, 'amountMsat',
      each.should_be::text));
    insert into posting (payment_id, journal, from_account, to_account, amount_msat)
    select of_payment, 'share:' || each.id || ':' || each.revision,
      case when each.should_be < each.was then 'sharing:' else 'resolved:' end || each.shop_id,
      case when each.should_be < each.was then 'resolved:' else 'sharing:' end || each.shop_id,
      abs(each.should_be - each.was);
  end loop;
end;
$$;

create function share_follows_refund() returns trigger language plpgsql as $$
begin
  perform share_adjust(new.payment_id);
  return null;
end;
$$;
create trigger share_follows_refund after insert on refund for each row
  when (new.amount_minor > 0) execute function share_follows_refund();
create trigger share_follows_withdrawal after update on refund for each row
  when (new.amount_minor > 0 and old.state <> new.state and new.state = 'withdrawn')
  execute function share_follows_refund();

-- What the signer does of it. ---------------------------------------------------------------------

-- A batch is of many payments.
alter table payout alter column payment_id drop not null;

-- As `payout_reserve`, for a batch: there is no one order, and the program has asked the node about
-- each payment before.
create function payout_reserve_share(
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
    from payout o where o.shop_id = any(served) and o.state in ('reserved', 'sent', 'paid')
      and (o.reserved_at > now() - interval '24 h' or o.state in ('reserved', 'sent'));
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
