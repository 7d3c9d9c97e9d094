-- Written by hand: a range of amounts counts in units of each currency, so it is looked for in each
-- currency by itself; an amount that nobody owes is found to be absent without reading the table.
create index payment_shop_id_currency_owed_minor_idx on payment (shop_id, currency, owed_minor);
