-- Written by hand. What each pool last said of itself, for the eyes of people: its pages and figures
-- come from the doors, which are other processes. Nobody acts on it, and losing it loses nothing.
create table pool_report (
  pool text primary key,
  version text not null,
  started_at timestamptz(3) not null default now(),
  said_at timestamptz(3) not null default now(),
  brake double precision not null,
  behind jsonb not null,
  buckets jsonb not null,
  counters jsonb not null
);
