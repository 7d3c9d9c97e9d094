-- Written by hand. The name that the merchant's method had when the payment was opened: an order of
-- before a renaming is still of that method.
alter table payment add column method_name text;
