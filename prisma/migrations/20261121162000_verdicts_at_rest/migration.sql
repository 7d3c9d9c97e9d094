-- Written by hand.

-- A verdict that is wanted and that nobody works on, such as one of a shop that was away: few, and
-- the sweep finds them without reading the payments.
create index payment_verdict_at_rest on payment (id)
  where verdict_wanted is not null and due_at is null and state in ('open', 'lapsed');

-- The group of a purchase is taken with its money, also where the money was there before.
insert into session_group (shop_id, group_key, payment_id)
select distinct on (shop_id, group_key) shop_id, group_key, id from payment
where group_key is not null and state = 'settled'
order by shop_id, group_key, settled_at, id
on conflict (shop_id, group_key) do nothing;
