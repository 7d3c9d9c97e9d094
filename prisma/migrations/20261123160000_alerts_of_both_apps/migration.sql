-- What a payment of one app asks is told where the shop has said that it is told: by the merchant's
-- own app first, as its settings hold for both.
create function told_shop(of_shop int) returns int language sql stable as $$
  select coalesce((
    select o.id from shop own join shop o on o.domain = own.domain
      join registration app on app.id = o.registration_id join settings s on s.shop_id = o.id
    where own.id = of_shop and o.uninstalled_at is null
      and coalesce(s.alert_email, s.alert_url) is not null
    order by app.kind, o.id limit 1), of_shop);
$$;

create or replace function payment_alert() returns trigger language plpgsql as $$
begin
  -- Of these each refund is told by itself, whatever its payment asks.
  if new.attention in ('refund_undone', 'refund_untold') then
    return null;
  end if;
  perform make_alert(told_shop(new.shop_id), new.attention,
    new.id::text || coalesce((
      select ':' || count(*) from refund r
      where r.payment_id = new.id and r.origin = 'attention' having count(*) > 0), ''),
    jsonb_build_object('orderName', new.order_name, 'paymentId', new.id::text));
  return null;
end;
$$;
