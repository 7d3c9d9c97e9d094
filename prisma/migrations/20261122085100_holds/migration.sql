-- Written by hand.
--
-- Money that a node holds for its buyer until the merchant charges it, and what Shopify asks of it:
-- to capture it or to void it. Whatever the program does, the database refuses a hold without an
-- end, a capture of what is not held, and an answer that changes.

alter table shop add column holds_on boolean not null default false;
alter table node add column can_hold boolean not null default false;
alter table payment add column hold_ends_at timestamptz(3);
alter table payment add column hold_told_at timestamptz(3);
alter table invoice add column hold boolean not null default false;
alter table invoice add column held_at timestamptz(3);
alter table invoice add column held_until_height int;
alter table invoice add column capture_wanted_at timestamptz(3);

alter table payment add constraint payment_held_ends check (
  state <> 'held' or hold_ends_at is not null);
alter table invoice add constraint invoice_held check (
  (held_at is null) = (held_until_height is null) and (held_at is null or hold)
  and (capture_wanted_at is null or held_at is not null));

create table hold_request (
  id bigserial primary key,
  shop_id int not null references shop (id) on delete restrict on update cascade,
  payment_id uuid not null references payment (id) on delete restrict on update cascade,
  kind text not null,
  origin_id text not null,
  amount_minor bigint,
  currency text,
  state text not null default 'asked',
  outcome text,
  told_at timestamptz(3),
  opened_at timestamptz(3) not null default current_timestamp,
  lane text not null,
  due_at timestamptz(3),
  attempts int not null default 0,
  lease_no int not null default 0,
  lease_until timestamptz(3),
  constraint hold_request_words check (
    kind in ('capture', 'void') and state in ('asked', 'capturing', 'answered', 'done')
    and (kind = 'capture' or state <> 'capturing')
    and (state in ('answered', 'done')) = (outcome is not null))
);
create unique index hold_request_shop_id_kind_origin_id_key
  on hold_request (shop_id, kind, origin_id);
create index hold_request_payment_id_idx on hold_request (payment_id);
create index hold_request_due on hold_request (lane, due_at, id) where due_at is not null;
-- Of all that ask for the money of a payment one gets it.
create unique index hold_request_one_capture on hold_request (payment_id)
  where kind = 'capture' and (state = 'capturing' or outcome = 'captured');

create function hold_request_arrow() returns trigger language plpgsql as $$
begin
  if (new.id, new.shop_id, new.payment_id, new.kind, new.origin_id, new.amount_minor, new.currency)
    is distinct from (old.id, old.shop_id, old.payment_id, old.kind, old.origin_id,
      old.amount_minor, old.currency)
    or (old.outcome is not null and new.outcome is distinct from old.outcome)
  then
    raise exception 'a request stays what it was, and so does its answer' using errcode = 'ZP004';
  end if;
  if old.state <> new.state and (old.state, new.state) not in (
    ('asked', 'capturing'), ('asked', 'answered'), ('capturing', 'answered'),
    ('capturing', 'done'), ('answered', 'done'))
  then
    raise exception 'a request does not go from % to %', old.state, new.state
      using errcode = 'ZP003';
  end if;
  return new;
end;
$$;
create trigger hold_request_arrow before update on hold_request
  for each row execute function hold_request_arrow();
create trigger hold_request_never_deleted before delete on hold_request
  for each row execute function forbid_change();

create or replace function payment_arrow() returns trigger language plpgsql as $$
begin
  if old.state is distinct from new.state and (old.state::text, new.state::text) not in (
    ('open', 'settled'), ('open', 'closing'), ('closing', 'settled'), ('closing', 'lapsed'),
    ('settled', 'resolved'), ('settled', 'stranded'), ('stranded', 'resolved'),
    ('lapsed', 'rejected'), ('lapsed', 'settled'),
    ('open', 'held'), ('held', 'settled'), ('held', 'closing'), ('held', 'lapsed'))
  then
    raise exception 'a payment does not go from % to %', old.state, new.state using errcode = 'ZP003';
  end if;
  return new;
end;
$$;
