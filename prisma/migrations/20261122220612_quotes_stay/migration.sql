-- What was promised is what a refund is capped by and what a receipt and the tax office are told:
-- it is written once. When the promise ends is no part of that.
create trigger quote_append_only before delete or update of
  id, payment_id, fiat_minor, currency, amount_msat, price_e8, evidence, made_at on quote
  for each row execute function forbid_change();
