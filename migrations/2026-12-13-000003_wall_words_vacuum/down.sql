ALTER TABLE wall_words RESET (autovacuum_vacuum_threshold, autovacuum_vacuum_scale_factor);
