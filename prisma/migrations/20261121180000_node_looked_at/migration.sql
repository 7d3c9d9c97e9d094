-- Written by hand. When a node was last asked what it can receive: whoever asks writes it first, so
-- that of many pools one asks.
alter table node add column looked_at timestamptz(3);
