-- A payment may ask the same again once it was answered: what was too much is kept, and then its
-- buyer pays once more. Each question is told, and none twice.
create or replace function payment_alert() returns trigger language plpgsql as $$
begin
  -- Of these each refund is told by itself, whatever its payment asks.
  if new.attention in ('refund_undone', 'refund_untold') then
    return null;
  end if;
  perform make_alert(told_shop(new.shop_id), new.attention,
    new.id::text || coalesce((
      select ':' || count(*) from refund r
      where r.payment_id = new.id and r.origin = 'attention' having count(*) > 0), '')
    || coalesce((
      select ':after:' || count(*) from history h
      where h.payment_id = new.id and h.details ? 'attention' having count(*) > 0), ''),
    jsonb_build_object('orderName', new.order_name, 'paymentId', new.id::text));
  return null;
end;
$$;
