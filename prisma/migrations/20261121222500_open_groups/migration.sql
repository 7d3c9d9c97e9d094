-- The other tabs of a purchase that can still be paid: asked for with every session that settles.
create index payment_open_group on payment (shop_id, group_key)
  where state = 'open' and group_key is not null;
