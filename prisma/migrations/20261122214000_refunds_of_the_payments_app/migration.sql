-- A shop that has the payments app alone has no settings: its merchant switches refunds on there.
-- Where any app of the shop has settings, they say it.
alter table shop add column refunds_on boolean not null default false;
