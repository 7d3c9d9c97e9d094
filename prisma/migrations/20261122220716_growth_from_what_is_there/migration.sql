-- Written by hand.
--
-- A share and a reward grow when a refund is withdrawn. What another refund has taken by then,
-- because the price moved, is not there to grow from: the shop adds it of its own, as for a refund.

-- What the shop has added of its own to what `whose` names in its journals.
create function topped_up_for(of_payment uuid, of_shop int, whose text)
returns bigint language sql as $$
  select coalesce(sum(case when from_account = 'topped_up:' || of_shop then amount_msat
    else -amount_msat end), 0)::bigint
  from posting
  where payment_id = of_payment and starts_with(journal, whose || ':')
    and 'topped_up:' || of_shop in (from_account, to_account)
$$;

-- Books that more of a payment is set aside, or less: more comes from what the payment has left,
-- and what is missing the shop adds; less goes first to where the shop had added. Whoever calls
-- this has the lock of the payment.
create function set_aside(
  of_payment uuid, of_shop int, account text, whose text, step text, change_msat bigint)
returns void language plpgsql as $$
declare
  aside text := account || ':' || of_shop;
  resolved text := 'resolved:' || of_shop;
  added text := 'topped_up:' || of_shop;
  there bigint;
  part bigint;
begin
  if change_msat > 0 then
    select coalesce(sum(case when to_account = resolved then amount_msat else -amount_msat end), 0)
      into there
    from posting where payment_id = of_payment and resolved in (from_account, to_account);
    part := least(change_msat, greatest(0, there));
  else
    part := -change_msat - least(-change_msat, topped_up_for(of_payment, of_shop, whose));
  end if;
  insert into posting (payment_id, journal, from_account, to_account, amount_msat)
  select of_payment, whose || ':' || step, case when change_msat > 0 then other else aside end,
    case when change_msat > 0 then aside else other end, amount
  from (values (resolved, part), (added, abs(change_msat) - part)) as p (other, amount)
  where amount > 0;
end;
$$;

-- As before, but for where it comes from and goes to.
create or replace function share_adjust(of_payment uuid) returns void language plpgsql as $$
declare
  each record;
  refunded bigint;
begin
  if not exists (select 1 from share where payment_id = of_payment and state = 'owed') then
    return;
  end if;
  select coalesce(sum(r.amount_minor), 0) into refunded from refund r
  where r.payment_id = of_payment and (r.state not in ('withdrawn', 'done')
    or r.reason in ('paid_out', 'given_back_otherwise'));
  for each in
    update share s set revision = s.revision + 1, amount_msat = t.should_be
    from (
      select o.id, o.amount_msat as was, div(o.base_msat::numeric * least(o.captured_minor,
          greatest(0, o.captured_minor - (refunded - o.refunded_minor))),
        o.captured_minor::numeric * 1000)::bigint * 1000 as should_be
      from share o where o.payment_id = of_payment and o.state = 'owed' order by o.id) t
    where s.id = t.id and t.was <> t.should_be
    returning s.id, s.shop_id, s.revision, t.was, t.should_be
  loop
    insert into history (payment_id, what, because, details)
    values (of_payment, 'share', case when each.should_be < each.was then 'refunded'
      else 'refund_withdrawn' end, jsonb_build_object('share', each.id::text, 'amountMsat',
      each.should_be::text));
    perform set_aside(of_payment, each.shop_id, 'sharing', 'share:' || each.id,
      each.revision::text, each.should_be - each.was);
  end loop;
end;
$$;

-- As before, but for where it comes from and goes to.
create or replace function reward_adjust(of_payment uuid) returns void language plpgsql as $$
declare
  w record;
  refunded bigint;
  should_be bigint;
begin
  select r.id, r.shop_id, r.lane, r.amount_msat, t.base_msat, t.captured_minor,
    t.refunded_minor, t.revision + 1 as revision, t.order_cancelled_at is not null as cancelled,
    case when t.order_cancelled_at is null then 'order_refunded' else 'order_cancelled' end
      as because into w
  from reward t join refund r on r.id = t.refund_id
  where t.payment_id = of_payment and r.state in ('asked', 'claimable') for no key update of r;
  if not found then return; end if;
  select coalesce(sum(r.amount_minor), 0) into refunded from refund r
  where r.payment_id = of_payment and (r.state not in ('withdrawn', 'done')
    or r.reason in ('paid_out', 'given_back_otherwise'));
  should_be := div(w.base_msat::numeric * least(w.captured_minor,
      greatest(0, w.captured_minor - (refunded - w.refunded_minor))),
    w.captured_minor::numeric * 1000)::bigint * 1000;
  if w.cancelled then should_be := 0; end if;
  if should_be = w.amount_msat then return; end if;
  if should_be = 0 then
    update refund set state = 'withdrawn', reason = w.because, due_at = now(),
      attempts = 0, lease_until = null where id = w.id;
    insert into history (payment_id, what, because, details)
    values (of_payment, 'refund', w.because, jsonb_build_object('refund', w.id::text,
      'to', 'withdrawn'));
    perform set_aside(of_payment, w.shop_id, 'rewarding', 'refund:' || w.id, 'withdrawn',
      -w.amount_msat);
    perform nudge(array[w.lane]);
    return;
  end if;
  update refund set amount_msat = should_be where id = w.id;
  update reward set revision = w.revision where refund_id = w.id;
  insert into history (payment_id, what, because, details)
  values (of_payment, 'refund', case when should_be < w.amount_msat then 'reward_shrinks'
    else 'reward_grows' end, jsonb_build_object('refund', w.id::text, 'amountMsat',
    should_be::text));
  perform set_aside(of_payment, w.shop_id, 'rewarding', 'refund:' || w.id, w.revision::text,
    should_be - w.amount_msat);
end;
$$;
