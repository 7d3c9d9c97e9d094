-- Written by hand. The signer hears at once that there is something to pay. A hint only: it looks by
-- itself every few seconds. Claims are rare, so that their commits may pass one at a time.
create function refund_claim_said() returns trigger language plpgsql as $$
begin
  perform pg_notify('refund_claims', '');
  return null;
end;
$$;
create trigger refund_claim_said after insert on refund_claim
  for each row execute function refund_claim_said();
