-- What of a node can be paid is looked for often, and read in the order in which it was made. What
-- is over needs no place in this index, and a settlement no entry in it.
create index invoice_payable on invoice (node_id, id) where state in ('made', 'live');
drop index invoice_node_id_state_idx;
