-- Written by hand: the figures of the dashboard, added up while they happen.
--
-- What a payment adds to them is a pure function of its row and of its settled invoice, which never
-- change once they are there: `tally_of`. A trigger subtracts what the row added before and adds
-- what it adds afterwards, so the sums are right whoever changes a row, in whichever statement. The
-- operator's audit asks whether the sums are what all payments together add.

-- AlterTable
ALTER TABLE "shop" ADD COLUMN "facts_asked_at" TIMESTAMPTZ(3);

-- CreateTable
CREATE TABLE "tally" (
    "shop_id" INTEGER NOT NULL,
    "slot" TIMESTAMPTZ(3) NOT NULL,
    "currency" TEXT NOT NULL,
    "part" SMALLINT NOT NULL,
    "opened" BIGINT NOT NULL DEFAULT 0,
    "viewed" BIGINT NOT NULL DEFAULT 0,
    "viewed_paid" BIGINT NOT NULL DEFAULT 0,
    "paid" BIGINT NOT NULL DEFAULT 0,
    "fiat_minor" BIGINT NOT NULL DEFAULT 0,
    "amount_msat" BIGINT NOT NULL DEFAULT 0,

    CONSTRAINT "tally_pkey" PRIMARY KEY ("shop_id","slot","currency","part")
);

-- CreateTable
CREATE TABLE "wait_tally" (
    "shop_id" INTEGER NOT NULL,
    "slot" TIMESTAMPTZ(3) NOT NULL,
    "step" SMALLINT NOT NULL,
    "told" BIGINT NOT NULL DEFAULT 0,

    CONSTRAINT "wait_tally_pkey" PRIMARY KEY ("shop_id","slot","step")
);

-- AddForeignKey
ALTER TABLE "tally" ADD CONSTRAINT "tally_shop_id_fkey" FOREIGN KEY ("shop_id") REFERENCES "shop"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- AddForeignKey
ALTER TABLE "wait_tally" ADD CONSTRAINT "wait_tally_shop_id_fkey" FOREIGN KEY ("shop_id") REFERENCES "shop"("id") ON DELETE RESTRICT ON UPDATE CASCADE;

-- A quarter of an hour: days begin at a whole quarter in every time zone of the world, so a shop may
-- have any zone, and another one later.
create function tally_slot(at timestamptz) returns timestamptz language sql immutable parallel safe
  return date_bin(interval '15 minutes', at, timestamptz '2000-01-01 00:00:00+00');

-- What one payment adds to the counts and sums. Tests are no sales. Money counts in the currency in
-- which it was promised: sums of two currencies are never mixed.
create function tally_of(
  payment_shop_id int, test boolean, currency text, opened_at timestamptz, viewed_at timestamptz,
  settled_invoice bigint, settled_at timestamptz
) returns table (
  shop_id int, slot timestamptz, currency text, opened bigint, viewed bigint, viewed_paid bigint,
  paid bigint, fiat_minor bigint, amount_msat bigint
) language sql stable parallel safe rows 3 as $$
  select $1, tally_slot($4), $3, 1, 0, 0, 0, 0, 0 where not $2
  union all
  select $1, tally_slot($5), $3, 0, 1, ($6 is not null)::int, 0, 0, 0
  where not $2 and $5 is not null
  union all
  select $1, tally_slot($7), q.currency, 0, 0, 0, 1, q.fiat_minor, i.amount_msat
  from invoice i join quote q on q.id = i.quote_id
  where not $2 and i.id = $6 and $7 is not null
$$;

-- How long money waited until Shopify had the order as paid, as a step: step n ends at 1.1^n ms, so
-- a figure that is read from it is at most a tenth above the true one. What was heard live is
-- counted from when we heard of it, because a node tells the time in whole seconds.
create function wait_tally_of(
  payment_shop_id int, test boolean, told_at timestamptz, settled_invoice bigint,
  settled_at timestamptz
) returns table (shop_id int, slot timestamptz, step smallint)
language sql stable parallel safe rows 1 as $$
  select $1, tally_slot($3), least(250, greatest(0, ceil(ln(greatest(1, extract(epoch from
    $3 - case when i.via = 'live' then i.recorded_at else $5 end) * 1000)) / ln(1.1))))::smallint
  from invoice i where not $2 and $3 is not null and i.id = $4
$$;

-- What the changed rows of one statement add, less what they added before. Several rows of a shop
-- and quarter stand side by side, so that many who open payments at once do not wait for each other;
-- they are added when they are read. Rows are locked in the order of their keys, and after all
-- others of the statement: batches wait for each other and do not deadlock.
create function tally_changed() returns trigger language plpgsql as $$
declare
  mine smallint := pg_backend_pid() % 4;
begin
  if not exists (
    select 1 from before_rows b join after_rows a on a.id = b.id
    where (a.shop_id, a.test, a.currency, a.opened_at, a.viewed_at, a.settled_invoice_id,
        a.settled_at, a.told_at)
      is distinct from (b.shop_id, b.test, b.currency, b.opened_at, b.viewed_at,
        b.settled_invoice_id, b.settled_at, b.told_at))
  then
    return null;
  end if;
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
  having (sum(c.opened * sign), sum(c.viewed * sign), sum(c.viewed_paid * sign), sum(c.paid * sign),
    sum(c.fiat_minor * sign), sum(c.amount_msat * sign)) <> (0, 0, 0, 0, 0, 0)
  order by 1, 2, 3
  on conflict (shop_id, slot, currency, part) do update set
    opened = t.opened + excluded.opened, viewed = t.viewed + excluded.viewed,
    viewed_paid = t.viewed_paid + excluded.viewed_paid, paid = t.paid + excluded.paid,
    fiat_minor = t.fiat_minor + excluded.fiat_minor,
    amount_msat = t.amount_msat + excluded.amount_msat;
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
  return null;
end;
$$;
create trigger payment_tally_changed after update on payment
  referencing old table as before_rows new table as after_rows
  for each statement execute function tally_changed();

-- A row that is made has nothing to subtract, and in the program never has money yet.
create function tally_made() returns trigger language plpgsql as $$
declare
  mine smallint := pg_backend_pid() % 4;
begin
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
  return null;
end;
$$;
create trigger payment_tally_made after insert on payment
  referencing new table as after_rows
  for each statement execute function tally_made();

-- Everything once more, from all payments. Nobody may change one meanwhile.
create function recount_tallies() returns void language plpgsql as $$
begin
  lock table payment in share row exclusive mode;
  delete from tally;
  delete from wait_tally;
  insert into tally (shop_id, slot, currency, part, opened, viewed, viewed_paid, paid, fiat_minor,
    amount_msat)
  select c.shop_id, c.slot, c.currency, 0, sum(c.opened), sum(c.viewed), sum(c.viewed_paid),
    sum(c.paid), sum(c.fiat_minor), sum(c.amount_msat)
  from payment p cross join lateral tally_of(p.shop_id, p.test, p.currency, p.opened_at,
    p.viewed_at, p.settled_invoice_id, p.settled_at) c
  group by 1, 2, 3;
  insert into wait_tally (shop_id, slot, step, told)
  select c.shop_id, c.slot, c.step, count(*)
  from payment p cross join lateral wait_tally_of(p.shop_id, p.test, p.told_at,
    p.settled_invoice_id, p.settled_at) c
  group by 1, 2, 3;
end;
$$;
select recount_tallies();
