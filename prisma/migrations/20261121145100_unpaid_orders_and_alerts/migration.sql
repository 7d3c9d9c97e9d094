-- Written by hand.

-- Unpaid orders: when the shop's policy last looked at one and left it as it is. -----------------
alter table payment add column unpaid_looked_at timestamptz(3);
create index payment_unpaid on payment (shop_id, opened_at)
  where state = 'open' and origin = 'order' and verdict_wanted is null;

-- Alerts: why the last try did not get through. --------------------------------------------------
alter table alert add column trouble text;

-- One alert for each way out that the merchant has set up, once for each thing. It only writes rows:
-- the pool's sweep finds them, so that whoever moves money waits for no lane of alerts.
create function make_alert(of_shop int, word text, thing text, facts jsonb) returns void
language sql as $$
  insert into alert (shop_id, what, key, channel, about, lane, due_at)
  select of_shop, word, thing, way.channel, facts, 'shop:' || of_shop || ':alert', now()
  from settings s
    cross join lateral (values ('email', s.alert_email), ('url', s.alert_url)) way (channel, target)
  where s.shop_id = of_shop and way.target is not null
  on conflict (shop_id, what, key, channel) do nothing;
$$;

-- A payment that begins to need a person is told of in the statement that says so, whichever it is.
create function payment_alert() returns trigger language plpgsql as $$
begin
  perform make_alert(new.shop_id, new.attention, new.id::text,
    jsonb_build_object('orderName', new.order_name, 'paymentId', new.id::text));
  return null;
end;
$$;
create trigger payment_alert after update of attention on payment for each row
  when (new.attention is not null and new.attention is distinct from old.attention)
  execute function payment_alert();
