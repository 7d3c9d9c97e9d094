-- Written by hand. While a node's stream tells what is settled, its invoices need not be asked for
-- one by one: since when the stream is open, when a lookup last looked whether it is silent, and
-- when the node was back after it had been away.
alter table node add column stream_opened_at timestamptz(3);
alter table node add column stream_sampled_at timestamptz(3);
alter table node add column back_at timestamptz(3);
