-- Written by hand: what the Prisma schema cannot say of the last migration.

-- Words -----------------------------------------------------------------------------------------
alter table registration add constraint registration_kind check (kind in ('merchant', 'payments'));
alter table payment add constraint payment_origin check (origin in ('order', 'payment_session'));
alter table payment add constraint payment_kind check (kind in ('sale', 'authorization'));
alter table payment add constraint payment_verdict_wanted check (
  verdict_wanted is null or verdict_wanted in ('reject', 'pending', 'cancel_order'));
alter table session_request add constraint session_request_kind check (
  kind in ('payment', 'refund', 'capture', 'void'));
alter table alert add constraint alert_channel check (channel in ('email', 'url'));

-- Amounts and times -----------------------------------------------------------------------------
alter table session_request add constraint session_request_amount check (amount_minor > 0);
alter table settings add constraint settings_amounts check (
  smallest_msat > 0 and largest_msat > 0 and smallest_msat <= largest_msat);
alter table settings add constraint settings_times check (
  quote_seconds between 1 and 86400 and unpaid_hours between 1 and 2160);

-- A shop may have several working nodes, but each of them once. ----------------------------------
drop index node_one_working;
create unique index node_working_once on node (shop_id, identity, network) where retired_at is null;

-- The claim and the sweep read only rows that have something to do. ------------------------------
create index alert_due on alert (lane, due_at, id) where due_at is not null;

-- One arrow more: Shopify was told that a payment will never come. -------------------------------
create or replace function payment_arrow() returns trigger language plpgsql as $$
begin
  if old.state is distinct from new.state and (old.state::text, new.state::text) not in (
    ('open', 'settled'), ('open', 'closing'), ('closing', 'settled'), ('closing', 'lapsed'),
    ('settled', 'resolved'), ('settled', 'stranded'), ('stranded', 'resolved'),
    ('lapsed', 'rejected'))
  then
    raise exception 'a payment does not go from % to %', old.state, new.state using errcode = 'ZP003';
  end if;
  return new;
end;
$$;
