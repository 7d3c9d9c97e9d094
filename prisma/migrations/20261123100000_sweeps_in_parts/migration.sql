-- A sweep that has more pages than one may read goes on behind them: begun anew each time, it would
-- never come to what changed last.
alter table shop add column sweep_after text;
alter table shop add column sweep_began_at timestamptz(3);

-- What was given back once and came back, since nobody claimed it, is told of anew.
create or replace function payment_alert() returns trigger language plpgsql as $$
begin
  perform make_alert(new.shop_id, new.attention,
    new.id::text || coalesce((
      select ':' || count(*) from refund r
      where r.payment_id = new.id and r.origin = 'attention' having count(*) > 0), ''),
    jsonb_build_object('orderName', new.order_name, 'paymentId', new.id::text));
  return null;
end;
$$;
