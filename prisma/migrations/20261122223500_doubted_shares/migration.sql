-- Of which payments of a batch the signer could not prove that their money came, and when a share of
-- one was doubted last, so that it keeps no other from its receiver.
alter table payout_wait add column payment_ids uuid[] default array[]::uuid[];
alter table share add column doubted_at timestamptz(3);
