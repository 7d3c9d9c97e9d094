-- Written by hand.

-- A node that was restored from its seed may break with all that we know of it at once. Of each run
-- the first twenty breaks are told of one by one, and of the others how many there are.
alter table reconciliation add column told int not null default 0;

create or replace function reconcile_break_alert() returns trigger language plpgsql as $$
declare
  nth int;
begin
  update reconciliation set told = told + 1
  where shop_id = new.shop_id and ended_at is null returning told into nth;
  if nth > 20 then
    return null;
  end if;
  perform make_alert(new.shop_id, 'reconcile_break',
    new.id || ':' || extract(epoch from new.first_seen_at)::bigint,
    new.about || jsonb_build_object('break', new.what));
  return null;
end;
$$;

-- However the run ends, what it has not told of is told at its end.
create function reconcile_breaks_alert() returns trigger language plpgsql as $$
begin
  perform make_alert(new.shop_id, 'reconcile_breaks', new.id::text,
    jsonb_build_object('count', (new.told - 20)::text));
  return null;
end;
$$;
create trigger reconcile_breaks_alert after update of ended_at on reconciliation for each row
  when (new.ended_at is not null and old.ended_at is null and new.told > 20)
  execute function reconcile_breaks_alert();
