-- Written by hand.

-- One comparison of what Shopify, we and the nodes have. ------------------------------------------
create table reconciliation (
  id bigserial primary key,
  shop_id int not null references shop (id) on delete restrict on update cascade,
  because text not null,
  since timestamptz(3) not null,
  state text not null default 'running',
  started_at timestamptz(3) not null default current_timestamp,
  ended_at timestamptz(3),
  reads_orders boolean not null,
  orders int not null default 0,
  payments int not null default 0,
  invoices int not null default 0,
  healed int not null default 0,
  unmatched int
);
create unique index reconciliation_one_running on reconciliation (shop_id) where ended_at is null;
create index reconciliation_shop_id_id_idx on reconciliation (shop_id, id desc);
create index reconciliation_ended_at_idx on reconciliation (ended_at);

-- What is to be asked of one outside: the shop's Shopify, or one of its nodes. ---------------------
create table reconcile_part (
  id bigserial primary key,
  reconciliation_id bigint not null references reconciliation (id) on delete cascade
    on update cascade,
  node_id int references node (id) on delete restrict on update cascade,
  place jsonb not null default '{}',
  worked_at timestamptz(3) not null default current_timestamp,
  done_at timestamptz(3),
  outcome text,
  lane text not null,
  due_at timestamptz(3),
  attempts int not null default 0,
  lease_no int not null default 0,
  lease_until timestamptz(3)
);
create index reconcile_part_reconciliation_id_idx on reconcile_part (reconciliation_id);
create index reconcile_part_due on reconcile_part (lane, due_at, id) where due_at is not null;

-- What was met in a run, so that it is counted once, and what was not met can be found. ------------
create table reconcile_seen (
  reconciliation_id bigint not null references reconciliation (id) on delete cascade
    on update cascade,
  key text not null,
  primary key (reconciliation_id, key)
);

-- What did not fit. --------------------------------------------------------------------------------
create table reconcile_break (
  id bigserial primary key,
  shop_id int not null references shop (id) on delete restrict on update cascade,
  what text not null,
  key text not null,
  node_id int references node (id) on delete restrict on update cascade,
  payment_id uuid,
  heal text not null,
  about jsonb not null default '{}',
  first_seen_at timestamptz(3) not null default current_timestamp,
  last_seen_at timestamptz(3) not null default current_timestamp,
  confirmed_at timestamptz(3),
  healed_at timestamptz(3),
  accepted_at timestamptz(3),
  accepted_by text
);
create unique index reconcile_break_shop_id_what_key_key on reconcile_break (shop_id, what, key);
create index reconcile_break_open on reconcile_break (shop_id, id) where healed_at is null;
create index reconcile_break_healed_at_idx on reconcile_break (healed_at);

-- A break that is certain is told once; one that healed and came back is another one. -------------
create function reconcile_break_alert() returns trigger language plpgsql as $$
begin
  perform make_alert(new.shop_id, 'reconcile_break',
    new.id || ':' || extract(epoch from new.first_seen_at)::bigint,
    new.about || jsonb_build_object('break', new.what));
  return null;
end;
$$;
create trigger reconcile_break_alert after update of confirmed_at on reconcile_break for each row
  when (new.confirmed_at is not null and old.confirmed_at is null)
  execute function reconcile_break_alert();

-- The next night of a shop, and the money of a period without reading all payments. ---------------
alter table shop add column reconcile_at timestamptz(3);
alter table shop add column reconcile_because text;
create index shop_reconcile_at on shop (reconcile_at) where uninstalled_at is null;
create index payment_shop_id_settled_at_id_idx on payment (shop_id, settled_at, id);

-- An outage that was longer than ten minutes is followed by a comparison. --------------------------
alter table lane add column paused_since timestamptz(3);
create function lane_outage() returns trigger language plpgsql as $$
declare
  was timestamptz := case when tg_op = 'UPDATE' then old.paused_since end;
begin
  if new.paused_until is not null then
    new.paused_since := coalesce(was, now());
  else
    new.paused_since := null;
    if was < now() - interval '10 minutes' then
      update shop set reconcile_at = least(reconcile_at, now()), reconcile_because = 'outage'
      where uninstalled_at is null and id = case
        when new.name ~ '^shop:\d{1,9}:admin$' then split_part(new.name, ':', 2)::int
        when new.name ~ '^node:\d{1,9}$'
          then (select shop_id from node where id = split_part(new.name, ':', 2)::int) end;
    end if;
  end if;
  return new;
end;
$$;
create trigger lane_outage before insert or update on lane
  for each row execute function lane_outage();
