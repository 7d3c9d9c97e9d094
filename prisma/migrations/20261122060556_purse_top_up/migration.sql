-- Written by hand. The same value is more sats where bitcoin has fallen since the payment: so much
-- more than was received may be paid back, in millionths.
alter table purse add column top_up_ppm integer not null default 250000;
alter table purse alter column top_up_ppm drop default;
alter table purse add constraint purse_top_up check (top_up_ppm between 0 and 1000000);
