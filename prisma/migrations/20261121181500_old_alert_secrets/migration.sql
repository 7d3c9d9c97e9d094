-- Written by hand. For a day after a merchant made another secret for the web address of alerts,
-- the one before signs beside it: whoever checks signatures has time to take the other one.
create table old_alert_secret (
    "id" serial primary key,
    "shop_id" integer not null,
    "sealed" bytea not null,
    "ends_at" timestamptz(3) not null
);
alter table old_alert_secret add constraint "old_alert_secret_shop_id_fkey"
  foreign key ("shop_id") references "shop" ("id") on delete restrict on update cascade;
create index "old_alert_secret_shop_id_idx" on old_alert_secret ("shop_id");
