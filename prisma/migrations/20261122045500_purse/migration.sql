-- Written by hand. The signer's tables: what it may spend, and what it has spent. It alone writes
-- them; everybody else reads. No foreign keys lead out of them: a row here is never taken away
-- because one elsewhere was.
create table purse (
  shop_id integer primary key,
  sealed_credential bytea not null,
  address text not null,
  identity text not null,
  network text not null,
  root_key_id text not null,
  credential_ends_at timestamptz(3),
  looks_at_original boolean not null,
  per_payment_msat bigint not null,
  per_order_msat bigint not null,
  per_day_msat bigint not null,
  fee_base_msat bigint not null,
  fee_ppm integer not null,
  connected_at timestamptz(3) not null default now(),
  paused_at timestamptz(3),
  trouble text,
  trouble_at timestamptz(3)
);
alter table purse add constraint purse_ceilings_not_below_zero check (
  per_payment_msat >= 0 and per_order_msat >= 0 and per_day_msat >= 0
  and fee_base_msat >= 0 and fee_ppm between 0 and 100000);

create table payout (
  id bigserial primary key,
  claim_id bigint not null,
  subject text not null,
  shop_id integer not null,
  payment_id uuid not null,
  request text not null,
  hash bytea not null,
  amount_msat bigint not null,
  fee_limit_msat bigint not null,
  expires_at timestamptz(3) not null,
  state text not null default 'reserved',
  because text not null,
  fee_msat bigint,
  preimage bytea,
  attempts integer not null default 0,
  reserved_at timestamptz(3) not null default now(),
  sent_at timestamptz(3),
  asked_at timestamptz(3),
  ended_at timestamptz(3),
  due_at timestamptz(3)
);
create unique index payout_claim_id_key on payout (claim_id);
create unique index payout_hash_key on payout (hash);
-- Never two payments for one refund: whatever the program does, only one of them may be alive.
create unique index payout_one_alive on payout (subject)
  where state in ('reserved', 'sent', 'paid');
create index payout_due on payout (due_at, id) where due_at is not null;
create index payout_shop_id_reserved_at_idx on payout (shop_id, reserved_at desc);
create index payout_payment_id_idx on payout (payment_id);
alter table payout add constraint payout_state_known
  check (state in ('reserved', 'sent', 'paid', 'failed'));
alter table payout add constraint payout_amount_positive
  check (amount_msat > 0 and fee_limit_msat >= 0);
-- Paid means the preimage, and at rest means an end.
alter table payout add constraint payout_paid_has_proof check (
  state <> 'paid' or (preimage is not null and sha256(preimage) = hash and fee_msat is not null));
alter table payout add constraint payout_ends_at_rest check (
  (state in ('paid', 'failed')) = (ended_at is not null)
  and (ended_at is null or due_at is null));

-- Why a claim has no payout yet: a ceiling, a pause, a node that is away. Gone once it has one.
create table payout_wait (
  claim_id bigint primary key,
  shop_id integer not null,
  word text not null,
  since timestamptz(3) not null default now(),
  due_at timestamptz(3) not null
);

create function payout_arrow() returns trigger language plpgsql as $$
begin
  if tg_op = 'DELETE' then
    raise exception 'a payout stays' using errcode = 'ZP001';
  end if;
  if (new.claim_id, new.subject, new.shop_id, new.payment_id, new.request, new.hash,
      new.amount_msat, new.fee_limit_msat, new.expires_at, new.reserved_at)
    is distinct from (old.claim_id, old.subject, old.shop_id, old.payment_id, old.request,
      old.hash, old.amount_msat, old.fee_limit_msat, old.expires_at, old.reserved_at)
  then
    raise exception 'what a payout pays does not change' using errcode = 'ZP004';
  end if;
  if old.state in ('paid', 'failed') or (old.state <> new.state and (old.state, new.state) not in (
    ('reserved', 'sent'), ('reserved', 'failed'), ('sent', 'reserved'), ('sent', 'paid'),
    ('sent', 'failed')))
  then
    raise exception 'a payout does not go from % to %', old.state, new.state using errcode = 'ZP003';
  end if;
  return new;
end;
$$;
create trigger payout_arrow before update or delete on payout
  for each row execute function payout_arrow();

-- Reserves against the ceilings, or says why not. The row of the purse is locked first; each
-- statement of a function sees what was committed before it began, so that sums that were waited
-- for are seen. The ceilings come with the call, from what the signer has sealed: a row that says
-- anything else was changed by somebody else.
create function payout_reserve(
  asked_claim bigint, asked_request text, asked_hash bytea, asked_amount bigint,
  asked_expires timestamptz, asked_fee_limit bigint, original_msat bigint,
  sealed_ceilings bigint[], lease_ms integer)
returns table (word text, payout_id bigint) language plpgsql as $$
declare
  p purse%rowtype;
  r record;
  made bigint;
  kept bigint;
begin
  select f.id, f.shop_id, f.payment_id, f.state::text as state, f.amount_msat,
      f.approval_wanted, f.approved_at into r
    from refund_claim c join refund f on f.id = c.refund_id where c.id = asked_claim;
  if not found then return query select 'claim_gone', null::bigint; return; end if;
  select * into p from purse where shop_id = r.shop_id for update;
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
  select coalesce(sum(o.amount_msat), 0) into kept from payout o
    where o.payment_id = r.payment_id and o.state in ('reserved', 'sent', 'paid');
  if original_msat is not null and kept + asked_amount > original_msat
  then return query select 'above_received', null::bigint; return; end if;
  select coalesce(sum(o.amount_msat), 0) into kept
    from payment mine join payment other
        on other.shop_id = mine.shop_id and other.origin_id = mine.origin_id
      join payout o on o.payment_id = other.id
    where mine.id = r.payment_id and o.state in ('reserved', 'sent', 'paid');
  if kept + asked_amount > p.per_order_msat
  then return query select 'above_per_order', null::bigint; return; end if;
  select coalesce(sum(o.amount_msat + coalesce(o.fee_msat, o.fee_limit_msat)), 0) into kept
    from payout o where o.shop_id = r.shop_id and o.state in ('reserved', 'sent', 'paid')
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
