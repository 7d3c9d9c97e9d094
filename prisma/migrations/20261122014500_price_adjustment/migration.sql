-- Written by hand. A shop's own discount (below zero) or markup on the sats that are asked, in
-- hundredths of a percent. No adjustment is null and never zero: one spelling for one meaning.
alter table settings add column price_adjustment_bp integer;
alter table settings add constraint settings_price_adjustment_range
  check (price_adjustment_bp between -2000 and 2000 and price_adjustment_bp <> 0);
