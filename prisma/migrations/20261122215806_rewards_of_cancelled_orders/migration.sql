-- Written by hand. The order of a reward was cancelled: nothing of it is left for its buyer. What he
-- has claimed by then may be on its way and is his; where it could not be paid, it is over.
alter table reward add column order_cancelled_at timestamptz(3);

-- As before, but for a reward whose order was cancelled.
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
    insert into posting (payment_id, journal, from_account, to_account, amount_msat)
    values (of_payment, 'refund:' || w.id || ':withdrawn', 'rewarding:' || w.shop_id,
      'resolved:' || w.shop_id, w.amount_msat);
    perform nudge(array[w.lane]);
    return;
  end if;
  update refund set amount_msat = should_be where id = w.id;
  update reward set revision = w.revision where refund_id = w.id;
  insert into history (payment_id, what, because, details)
  values (of_payment, 'refund', case when should_be < w.amount_msat then 'reward_shrinks'
    else 'reward_grows' end, jsonb_build_object('refund', w.id::text, 'amountMsat',
    should_be::text));
  insert into posting (payment_id, journal, from_account, to_account, amount_msat)
  select of_payment, 'refund:' || w.id || ':' || w.revision,
    case when should_be < w.amount_msat then 'rewarding:' else 'resolved:' end || w.shop_id,
    case when should_be < w.amount_msat then 'resolved:' else 'rewarding:' end || w.shop_id,
    abs(should_be - w.amount_msat);
end;
$$;
