-- As the entries whose words they are: what was taken off is not to stay in dead rows.
ALTER TABLE wall_words SET (autovacuum_vacuum_threshold = 0, autovacuum_vacuum_scale_factor = 0);
