-- Written by hand: what the merchant's list of payments reads. It is paged by (opened_at, id), both
-- downwards, so every index that gives a page ends with the two in that order.

-- A page of all, of a state, of an amount ---------------------------------------------------------
drop index payment_shop_id_opened_at_id_idx;
create index payment_shop_id_opened_at_id_idx on payment (shop_id, opened_at desc, id desc);
drop index payment_shop_id_state_idx;
create index payment_shop_id_state_opened_at_id_idx
  on payment (shop_id, state, opened_at desc, id desc);
drop index payment_shop_id_owed_minor_idx;
create index payment_shop_id_owed_minor_opened_at_id_idx
  on payment (shop_id, owed_minor, opened_at desc, id desc);

-- A page of the few that need a person, and of the few that are tests -----------------------------
drop index payment_attention;
create index payment_attention on payment (shop_id, opened_at desc, id desc)
  where attention is not null;
create index payment_test on payment (shop_id, opened_at desc, id desc) where test;

-- An amount in sats, and since when a node has made no invoice any more ---------------------------
create index invoice_node_id_amount_msat_idx on invoice (node_id, amount_msat);
create index invoice_node_id_made_at_idx on invoice (node_id, made_at desc);

-- Views with a name -------------------------------------------------------------------------------
create table saved_view (
  id serial not null,
  shop_id integer not null,
  name text not null,
  filter jsonb not null,
  made_at timestamptz(3) not null default current_timestamp,
  constraint saved_view_pkey primary key (id),
  constraint saved_view_shop_id_fkey foreign key (shop_id) references shop (id)
    on delete restrict on update cascade,
  constraint saved_view_name check (char_length(name) between 1 and 40),
  constraint saved_view_filter check (octet_length(filter::text) <= 4096)
);
create unique index saved_view_shop_id_name_key on saved_view (shop_id, name);
