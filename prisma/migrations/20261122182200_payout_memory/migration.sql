-- What is remembered of a payout, whatever it waits for: which node said that it has it, and that a
-- node has lost its records of what it paid. The word for which it waits changes with each look.
alter table payout add column recorded_by text;
alter table payout add column forgot_at timestamptz(3);
update payout set recorded_by = sent_to where state = 'sent' and because = 'in_flight';
update payout set forgot_at = now() where state = 'sent' and because = 'node_forgot';
