-- Written by hand: the figures of the dashboard cost those statements nothing that do not change
-- them, and those that do what they change only. What is counted, and when, is as before.

-- Most of what happens to a payment - a claim, a lease, a word to Shopify - adds nothing. A row that
-- adds something else than before says so, and only then what follows the statement looks at its
-- rows. It is said in the transaction, and forgotten with it.
create function tally_wanted() returns trigger language plpgsql as $$
begin
  perform set_config('zaptill.tally', 'wanted', true);
  return new;
end;
$$;
create trigger payment_tally_wanted before update on payment for each row
  when ((old.id, old.shop_id, old.test, old.currency, old.opened_at, old.viewed_at,
      old.settled_invoice_id, old.settled_at, old.told_at)
    is distinct from (new.id, new.shop_id, new.test, new.currency, new.opened_at, new.viewed_at,
      new.settled_invoice_id, new.settled_at, new.told_at))
  execute function tally_wanted();

-- What the changed rows of one statement add, less what they added before. Several rows of a shop
-- and quarter stand side by side, so that many who open payments at once do not wait for each other;
-- they are added when they are read. Rows are locked in the order of their keys, and after all
-- others of the statement: batches wait for each other and do not deadlock.
create or replace function tally_changed() returns trigger language plpgsql as $$
declare
  mine smallint := pg_backend_pid() % 4;
  counts boolean;
  waits boolean;
begin
  perform set_config('zaptill.tally', '', true);
  select
    bool_or((a.shop_id, a.test, a.currency, a.opened_at, a.viewed_at, a.settled_invoice_id,
        a.settled_at)
      is distinct from (b.shop_id, b.test, b.currency, b.opened_at, b.viewed_at,
        b.settled_invoice_id, b.settled_at)),
    -- What was told to nobody, before and after, has no wait.
    bool_or(coalesce(a.told_at, b.told_at) is not null
      and (a.shop_id, a.test, a.told_at, a.settled_invoice_id, a.settled_at)
        is distinct from (b.shop_id, b.test, b.told_at, b.settled_invoice_id, b.settled_at))
  into counts, waits
  from before_rows b join after_rows a on a.id = b.id;
  if counts then
    insert into tally as t (shop_id, slot, currency, part, opened, viewed, viewed_paid, paid,
      fiat_minor, amount_msat)
    select c.shop_id, c.slot, c.currency, mine, sum(c.opened * sign), sum(c.viewed * sign),
      sum(c.viewed_paid * sign), sum(c.paid * sign), sum(c.fiat_minor * sign),
      sum(c.amount_msat * sign)
    from (
      select 1 as sign, a.* from after_rows p cross join lateral tally_of(p.shop_id, p.test,
        p.currency, p.opened_at, p.viewed_at, p.settled_invoice_id, p.settled_at) a
      union all
      select -1, a.* from before_rows p cross join lateral tally_of(p.shop_id, p.test,
        p.currency, p.opened_at, p.viewed_at, p.settled_invoice_id, p.settled_at) a) c
    group by 1, 2, 3
    having (sum(c.opened * sign), sum(c.viewed * sign), sum(c.viewed_paid * sign),
      sum(c.paid * sign), sum(c.fiat_minor * sign), sum(c.amount_msat * sign))
      <> (0, 0, 0, 0, 0, 0)
    order by 1, 2, 3
    on conflict (shop_id, slot, currency, part) do update set
      opened = t.opened + excluded.opened, viewed = t.viewed + excluded.viewed,
      viewed_paid = t.viewed_paid + excluded.viewed_paid, paid = t.paid + excluded.paid,
      fiat_minor = t.fiat_minor + excluded.fiat_minor,
      amount_msat = t.amount_msat + excluded.amount_msat;
  end if;
  if waits then
    insert into wait_tally as t (shop_id, slot, step, told)
    select c.shop_id, c.slot, c.step, sum(sign)
    from (
      select 1 as sign, a.* from after_rows p cross join lateral wait_tally_of(p.shop_id, p.test,
        p.told_at, p.settled_invoice_id, p.settled_at) a
      union all
      select -1, a.* from before_rows p cross join lateral wait_tally_of(p.shop_id, p.test,
        p.told_at, p.settled_invoice_id, p.settled_at) a) c
    group by 1, 2, 3 having sum(sign) <> 0 order by 1, 2, 3
    on conflict (shop_id, slot, step) do update set told = t.told + excluded.told;
  end if;
  return null;
end;
$$;
drop trigger payment_tally_changed on payment;
create trigger payment_tally_changed after update on payment
  referencing old table as before_rows new table as after_rows
  for each statement when (current_setting('zaptill.tally', true) = 'wanted')
  execute function tally_changed();

-- A row that is made has nothing to subtract, and in the program it was only opened.
create or replace function tally_made() returns trigger language plpgsql as $$
declare
  mine smallint := pg_backend_pid() % 4;
begin
  if exists (
    select 1 from after_rows where viewed_at is not null or settled_invoice_id is not null)
  then
    insert into tally as t (shop_id, slot, currency, part, opened, viewed, viewed_paid, paid,
      fiat_minor, amount_msat)
    select c.shop_id, c.slot, c.currency, mine, sum(c.opened), sum(c.viewed), sum(c.viewed_paid),
      sum(c.paid), sum(c.fiat_minor), sum(c.amount_msat)
    from after_rows p cross join lateral tally_of(p.shop_id, p.test, p.currency, p.opened_at,
      p.viewed_at, p.settled_invoice_id, p.settled_at) c
    group by 1, 2, 3 order by 1, 2, 3
    on conflict (shop_id, slot, currency, part) do update set
      opened = t.opened + excluded.opened, viewed = t.viewed + excluded.viewed,
      viewed_paid = t.viewed_paid + excluded.viewed_paid, paid = t.paid + excluded.paid,
      fiat_minor = t.fiat_minor + excluded.fiat_minor,
      amount_msat = t.amount_msat + excluded.amount_msat;
  else
    insert into tally as t (shop_id, slot, currency, part, opened)
    select p.shop_id, tally_slot(p.opened_at), p.currency, mine, count(*)
    from after_rows p where not p.test
    group by 1, 2, 3 order by 1, 2, 3
    on conflict (shop_id, slot, currency, part) do update set
      opened = t.opened + excluded.opened;
  end if;
  return null;
end;
$$;
