-- An invoice that the paying node made just before it was asked to pay, which nobody is to pay: a
-- node that does not know it was restored from an older copy, and says nothing of what it paid.
alter table payout add column mark bytea;
