-- Written by hand: what a node received, in the order in which it came, for the books of a shop.
create index invoice_settled on invoice (node_id, settled_at, id) where state = 'settled';
