-- As before, but a step that has the refund at this moment, and saw it before, gives nothing back.
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
      attempts = 0, lease_until = null, lease_no = lease_no + 1 where id = w.id;
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

-- Whose step gave back what it had seen before stayed as it was, and Shopify never heard of its end.
update refund set due_at = now(), attempts = 0, lease_until = null, lease_no = lease_no + 1
where state in ('paid', 'withdrawn') and (due_at is null or due_at > now() + interval '1 day');
