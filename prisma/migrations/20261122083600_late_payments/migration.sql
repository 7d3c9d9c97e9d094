-- Written by hand: money that came late may be taken for its order, by the merchant's policy or by a
-- person's word. One arrow more.

-- AlterTable
ALTER TABLE "settings" ADD COLUMN "late_drift_bp" INTEGER,
ADD COLUMN "refunds_wrong" BOOLEAN NOT NULL DEFAULT false;

alter table settings add constraint settings_late check (late_drift_bp between 10 and 5000);

create or replace function payment_arrow() returns trigger language plpgsql as $$
begin
  if old.state is distinct from new.state and (old.state::text, new.state::text) not in (
    ('open', 'settled'), ('open', 'closing'), ('closing', 'settled'), ('closing', 'lapsed'),
    ('settled', 'resolved'), ('settled', 'stranded'), ('stranded', 'resolved'),
    ('lapsed', 'rejected'), ('lapsed', 'settled'))
  then
    raise exception 'a payment does not go from % to %', old.state, new.state using errcode = 'ZP003';
  end if;
  return new;
end;
$$;
