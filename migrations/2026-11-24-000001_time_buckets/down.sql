ALTER TABLE country_totals RESET (fillfactor);
ALTER TABLE campaign_totals RESET (fillfactor);
ALTER TABLE campaigns DROP COLUMN publish_every_ms;
ALTER TABLE campaign_totals DROP COLUMN unsettled_from;
DROP TABLE country_hours;
DROP TABLE time_buckets;
DROP TABLE fold_progress;
DROP INDEX count_deltas_by_xact;
ALTER TABLE count_deltas DROP COLUMN minute, DROP COLUMN appended_at, DROP COLUMN xact;
