-- Written by hand: what the Prisma schema cannot say. Whatever the program does, the database
-- refuses money without proof, two payable invoices, an arrow that is not in the story, and a
-- changed past.

-- Amounts -------------------------------------------------------------------------------------
alter table payment add constraint payment_sequence_positive check (sequence > 0);
alter table quote add constraint quote_fiat_positive check (fiat_minor > 0);
alter table quote add constraint quote_msat_positive check (amount_msat > 0);
alter table invoice add constraint invoice_msat_positive check (amount_msat > 0);
alter table posting add constraint posting_msat_positive check (amount_msat > 0);
alter table posting add constraint posting_moves check (from_account <> to_account);
alter table history add constraint history_move_has_both check (("from" is null) = ("to" is null));

-- Proof: settled means a preimage that hashes to the payment hash, and enough money. -----------
alter table invoice add constraint invoice_settled_has_proof check (
  state <> 'settled'
  or (preimage is not null and sha256(preimage) = hash and paid_msat >= amount_msat
      and recorded_at is not null and sealed_preimage is null));
alter table invoice add constraint invoice_live_has_request check (state <> 'live' or request is not null);
alter table payment add constraint payment_settled_has_invoice check (
  state not in ('settled', 'resolved', 'stranded') or settled_invoice_id is not null);

-- One payable invoice per payment, one working node per shop. ----------------------------------
create unique index invoice_one_payable on invoice (payment_id) where state in ('made', 'live');
create unique index node_one_working on node (shop_id) where retired_at is null;

-- The claim and the sweep read only rows that have something to do. ----------------------------
create index payment_due on payment (lane, due_at, id) where due_at is not null;
create index invoice_due on invoice (lane, due_at, id) where due_at is not null;
create index sighting_due on sighting (lane, due_at, id) where due_at is not null;
create index shop_due on shop (lane, due_at, id) where due_at is not null;
create index invoice_behind_stream on invoice (node_id, recorded_at)
  where state = 'settled' and via = 'lookup';
create index payment_attention on payment (shop_id, opened_at desc) where attention is not null;

-- The arrows of core/payment.ts and core/invoice.ts, once more, where no code can miss them. ----
create function payment_arrow() returns trigger language plpgsql as $$
begin
  if old.state is distinct from new.state and (old.state::text, new.state::text) not in (
    ('open', 'settled'), ('open', 'closing'), ('closing', 'settled'), ('closing', 'lapsed'),
    ('settled', 'resolved'), ('settled', 'stranded'), ('stranded', 'resolved'))
  then
    raise exception 'a payment does not go from % to %', old.state, new.state using errcode = 'ZP003';
  end if;
  return new;
end;
$$;
create trigger payment_arrow before update of state on payment
  for each row execute function payment_arrow();

-- A canceled invoice may still turn out settled: a node that was restored from a backup forgot the
-- cancellation. Money that came is never denied.
create function invoice_arrow() returns trigger language plpgsql as $$
begin
  if new.hash <> old.hash or new.payment_id <> old.payment_id or new.node_id <> old.node_id then
    raise exception 'an invoice belongs to one payment and one node for ever' using errcode = 'ZP004';
  end if;
  if old.state is distinct from new.state and (old.state::text, new.state::text) not in (
    ('made', 'live'), ('made', 'settled'), ('made', 'canceled'), ('live', 'settled'),
    ('live', 'canceled'), ('canceled', 'settled'))
  then
    raise exception 'an invoice does not go from % to %', old.state, new.state using errcode = 'ZP003';
  end if;
  return new;
end;
$$;
create trigger invoice_arrow before update on invoice
  for each row execute function invoice_arrow();

create function forbid_change() returns trigger language plpgsql as $$
begin
  raise exception '% is append-only; write a correcting row', tg_table_name using errcode = 'ZP001';
end;
$$;
create trigger posting_append_only before update or delete on posting
  for each row execute function forbid_change();
create trigger history_append_only before update or delete on history
  for each row execute function forbid_change();

-- Wakes lanes: one job each, all in one call, always in the same order, and none is lost. graphile's
-- add_jobs leaves out a job that a worker claims between its two statements, so what it returned is
-- compared with what was asked. (A claimed job's key is taken away by the next call, which then adds
-- a fresh job.)
create function nudge(lanes text[], at timestamptz default now()) returns int language plpgsql as $$
declare
  missing text[] := array(select distinct l from unnest(lanes) l order by l);
  asked int := cardinality(missing);
  taken text[];
begin
  for attempt in 1..5 loop
    exit when cardinality(missing) = 0;
    select array_agg(j.key) into taken from graphile_worker.add_jobs(array(
      select ('lane', json_build_object('lane', l), null, at, null, 'lane:' || l, null, null)
        ::graphile_worker.job_spec
      from unnest(missing) l)) j;
    missing := array(
      select l from unnest(missing) l where 'lane:' || l <> all (coalesce(taken, '{}')));
  end loop;
  if cardinality(missing) > 0 then
    raise exception 'lanes % were not nudged', missing using errcode = 'ZP002';
  end if;
  return asked;
end;
$$;
