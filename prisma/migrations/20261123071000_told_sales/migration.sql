-- By which sale Shopify has a payment. One sale is of one payment, so that of two payments of an
-- order none takes the other's for its own whose answer was lost.
alter table payment add column told_sale text;
create unique index payment_told_sale on payment (shop_id, told_sale) where told_sale is not null;
