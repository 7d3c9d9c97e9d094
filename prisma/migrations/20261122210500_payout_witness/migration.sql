-- What the paying node had recorded last when it was asked to pay: a node that does not know it
-- either was restored from an older copy, and says nothing of what it paid since.
alter table payout add column sent_after bytea;
