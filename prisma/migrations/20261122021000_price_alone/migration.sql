-- Written by hand. What happens without a quorum of price sources: null is no price; else one source
-- may speak alone for so many minutes after the last quorum, so near to its price.
alter table settings add column alone_minutes integer;
alter table settings add column alone_drift_bp integer;
alter table settings add constraint settings_alone_minutes_range
  check (alone_minutes between 1 and 60);
alter table settings add constraint settings_alone_drift_range
  check (alone_drift_bp between 10 and 1000);
