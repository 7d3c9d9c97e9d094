-- Written by hand.
--
-- Sats that a shop owes a buyer back, and the BOLT11s that buyers gave for them. Whatever the
-- program does, the database refuses more than was captured, an arrow that is not in the story, an
-- amount that changes, and two claims that are to be paid at a time.

-- How a shop gives refunds. ------------------------------------------------------------------------
alter table settings add column refunds_on boolean not null default false;
alter table settings add column refund_pricing text not null default 'fiat_today';
alter table settings add column refund_claim_days int not null default 30;
alter table settings add column refund_approval_msat bigint;
alter table settings add constraint settings_refunds check (
  refund_pricing in ('fiat_today', 'sats_paid', 'lower') and refund_claim_days between 1 and 365
  and coalesce(refund_approval_msat, 0) >= 0);

create type refund_state as enum ('asked', 'claimable', 'claimed', 'paid', 'withdrawn', 'done');

create table refund (
  id uuid primary key,
  link text not null,
  shop_id int not null references shop (id) on delete restrict on update cascade,
  payment_id uuid not null references payment (id) on delete restrict on update cascade,
  origin text not null,
  origin_id text not null,
  currency text not null,
  amount_minor bigint not null,
  amount_msat bigint,
  pricing text not null,
  evidence jsonb not null default '{}',
  source text not null,
  state refund_state not null default 'asked',
  reason text not null,
  opened_by text,
  note text,
  approval_wanted boolean not null default false,
  approved_by text,
  approved_at timestamptz(3),
  claim_ends_at timestamptz(3),
  told_at timestamptz(3),
  test boolean not null default false,
  opened_at timestamptz(3) not null default current_timestamp,
  lane text not null,
  due_at timestamptz(3),
  attempts int not null default 0,
  lease_no int not null default 0,
  lease_until timestamptz(3),
  constraint refund_words check (
    origin in ('order_refund', 'refund_session', 'admin', 'attention')
    and pricing in ('fiat_today', 'sats_paid', 'lower')
    and source in ('resolved', 'overpaid', 'stranded')),
  constraint refund_amounts check (
    amount_minor >= 0 and amount_msat > 0 and amount_msat % 1000 = 0),
  constraint refund_priced check (
    state not in ('claimable', 'claimed', 'paid')
    or (amount_msat is not null and claim_ends_at is not null)),
  constraint refund_approved check (
    state not in ('claimable', 'claimed', 'paid') or not approval_wanted
    or (approved_by is not null and approved_at is not null))
);
create unique index refund_link_key on refund (link);
-- However often and from how many sides it is asked for, it is one.
create unique index refund_shop_id_origin_origin_id_key on refund (shop_id, origin, origin_id);
create index refund_payment_id_idx on refund (payment_id);
create index refund_shop_id_opened_at_id_idx on refund (shop_id, opened_at desc, id desc);
create index refund_shop_id_state_opened_at_id_idx
  on refund (shop_id, state, opened_at desc, id desc);
create index refund_due on refund (lane, due_at, id) where due_at is not null;

create table refund_claim (
  id bigserial primary key,
  refund_id uuid not null references refund (id) on delete restrict on update cascade,
  request text not null,
  hash bytea not null,
  amount_msat bigint not null,
  expires_at timestamptz(3) not null,
  given_at timestamptz(3) not null default current_timestamp,
  state text not null default 'given',
  because text,
  ended_at timestamptz(3),
  kind text not null,
  sealed_address bytea,
  constraint refund_claim_words check (
    state in ('given', 'paid', 'failed') and kind in ('invoice', 'address', 'lnurlw')
    and amount_msat > 0 and length(hash) = 32 and (state = 'given') = (ended_at is null))
);
create unique index refund_claim_hash_key on refund_claim (hash);
create index refund_claim_refund_id_idx on refund_claim (refund_id);
create unique index refund_claim_one_given on refund_claim (refund_id) where state = 'given';
-- What waits for the signer.
create index refund_claim_given on refund_claim (id) where state = 'given';

-- A refund is of a payment of its own shop, and all of them together give back no more than Shopify
-- has recorded of what was paid. The lock lets those of one payment come one after the other; the
-- sum is read by the next statement, and so sees whoever came before.
create function refund_cap() returns trigger language plpgsql as $$
declare
  captured bigint;
  asked bigint;
begin
  -- What was marked beyond the money that came is not captured; what was not told is not either.
  select case when p.state = 'resolved' and p.told_minor is not null
    then least(p.told_minor, q.fiat_minor) end into captured
  from payment p left join invoice i on i.id = p.settled_invoice_id
    left join quote q on q.id = i.quote_id
  where p.id = new.payment_id and p.shop_id = new.shop_id for no key update of p;
  if not found then
    raise exception 'a refund is of a payment of its own shop' using errcode = 'ZP005';
  end if;
  if new.state in ('withdrawn', 'done') or new.amount_minor = 0 then
    return new;
  end if;
  select coalesce(sum(amount_minor), 0) into asked from refund r
  where r.payment_id = new.payment_id and (r.state not in ('withdrawn', 'done')
    or r.reason in ('paid_out', 'given_back_otherwise'));
  if new.amount_minor + asked > coalesce(captured, 0) then
    raise exception 'refunds of % and % are more than the % that was captured', asked,
      new.amount_minor, coalesce(captured, 0) using errcode = 'ZP005';
  end if;
  return new;
end;
$$;
create trigger refund_cap before insert on refund for each row execute function refund_cap();

-- The arrows of core/refund.ts once more, and what never changes.
create function refund_arrow() returns trigger language plpgsql as $$
begin
  if (new.id, new.shop_id, new.payment_id, new.origin, new.origin_id, new.currency,
      new.amount_minor, new.source)
    is distinct from (old.id, old.shop_id, old.payment_id, old.origin, old.origin_id, old.currency,
      old.amount_minor, old.source)
    or (old.amount_msat is not null and new.amount_msat is distinct from old.amount_msat)
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
create trigger refund_arrow before update on refund
  for each row execute function refund_arrow();

create function refund_claim_arrow() returns trigger language plpgsql as $$
begin
  if (new.id, new.refund_id, new.request, new.hash, new.amount_msat, new.expires_at)
    is distinct from (old.id, old.refund_id, old.request, old.hash, old.amount_msat,
      old.expires_at)
  then
    raise exception 'a claim stays what was given' using errcode = 'ZP004';
  end if;
  if old.state <> new.state and old.state <> 'given' then
    raise exception 'a claim does not go from % to %', old.state, new.state
      using errcode = 'ZP003';
  end if;
  return new;
end;
$$;
create trigger refund_claim_arrow before update on refund_claim
  for each row execute function refund_claim_arrow();
create trigger refund_claim_never_deleted before delete on refund_claim
  for each row execute function forbid_change();
create trigger refund_never_deleted before delete on refund
  for each row execute function forbid_change();
