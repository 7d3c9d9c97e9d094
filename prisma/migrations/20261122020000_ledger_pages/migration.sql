-- The ledger of a shop is read by account, page by page in the order of time: every posting goes to
-- an account whose name ends with its shop.
create index posting_to_account_at_id_idx on posting (to_account, at, id);
