-- Written by hand. What a pool says of the nodes whose streams it follows, and what a signer says of
-- itself: it listens at no port, so the doors show it. For the eyes of people; nobody acts on it.
alter table pool_report add column nodes jsonb not null default '{}';

create table signer_report (
  signer text primary key,
  signs boolean not null,
  started_at timestamptz(3) not null default now(),
  said_at timestamptz(3) not null default now()
);
