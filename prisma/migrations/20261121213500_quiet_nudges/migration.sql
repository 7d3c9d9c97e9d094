-- Wakes lanes by then: one waiting job each, always in the same order, and none is lost. Nobody is
-- notified from here: PostgreSQL lets transactions that notify commit one at a time, each with its
-- write to the disk, and this is a part of every transaction that moves money. Whoever nudged says
-- so afterwards, in a transaction that writes nothing (web/db/announce.ts); a job that nobody heard
-- of is found when the engine looks by itself, within a second.
-- Gives how many jobs were made or brought forward: none where one waits in time.
create or replace function nudge(lanes text[], at timestamptz default now()) returns int
language plpgsql as $$
declare
  missing text[] := array(select distinct 'lane:' || l as k from unnest(lanes) l order by k);
  there text[];
  made int := 0;
begin
  for attempt in 1..5 loop
    -- What waits and comes in time is enough. No worker can take a job whose key is locked: its
    -- turn begins after this commit, and sees what is written here. Those who nudge the same lane
    -- do not wait for each other.
    select array_agg(w.key) into there from (
      select key from graphile_worker._private_jobs
      where key = any (missing) and is_available and run_at <= at
      order by key for key share) w;
    missing := array(select k from unnest(missing) k where k <> all (coalesce(there, '{}')));
    exit when cardinality(missing) = 0;
    insert into graphile_worker._private_tasks (identifier)
    select 'lane'
    where not exists (select 1 from graphile_worker._private_tasks where identifier = 'lane')
    on conflict do nothing;
    -- A turn that has begun may have looked before these rows were there: it keeps its job, and the
    -- key goes to the next. As graphile_worker.add_jobs does it.
    update graphile_worker._private_jobs set key = null, attempts = max_attempts, updated_at = now()
    where key = any (missing) and is_available is not true;
    with put as (
      insert into graphile_worker._private_jobs as j (task_id, payload, run_at, key)
      select t.id, json_build_object('lane', substr(k, 6)), at, k
      from unnest(missing) k, graphile_worker._private_tasks t where t.identifier = 'lane'
      order by k
      on conflict (key) do update set run_at = least(j.run_at, excluded.run_at),
        revision = j.revision + 1, attempts = 0, last_error = null, updated_at = now()
      where j.locked_at is null
      returning key)
    select array_agg(key) into there from put;
    made := made + coalesce(cardinality(there), 0);
    missing := array(select k from unnest(missing) k where k <> all (coalesce(there, '{}')));
    exit when cardinality(missing) = 0;
  end loop;
  if cardinality(missing) > 0 then
    raise exception 'lanes % were not nudged', missing using errcode = 'ZP002';
  end if;
  return made;
end;
$$;
