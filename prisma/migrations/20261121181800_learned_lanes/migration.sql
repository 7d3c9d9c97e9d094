-- Written by hand. What the pools learn of a lane, so that a restart begins warm: its width and what
-- its operations take. Losing it costs time only. And which pools are alive, so that settle streams
-- are spread over them.
create table lane_state (
  lane text primary key,
  version int not null,
  gradient double precision not null,
  loss double precision not null,
  bases jsonb not null,
  costs jsonb not null,
  identity text not null,
  taken_at timestamptz(3) not null default now()
);

create table listening (
  holder text primary key,
  alive_until timestamptz(3) not null
);
