-- Written by hand. Every open request gets its turn, however many before it have to wait; and a
-- payment whose buyer was forgotten says so, so that a million of them are done in portions.
alter table privacy_request add column tried_at timestamptz(3);
alter table payment add column unlinked_at timestamptz(3);
