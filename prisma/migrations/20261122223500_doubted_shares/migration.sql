-- Of which payment of a batch the signer could not prove that its money came, and until when a share
-- of it is left out, so that it keeps no other from its receiver.
alter table payout_wait add column payment_id uuid;
alter table share add column doubted_at timestamptz(3);
